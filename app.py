"""Starts the process: the services, then Streamlit with the frame of all pages. Draws nothing."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

import runtime
from services.errors import ConfigurationError, ServiceError
from services.settings import exit_on_problem, load_settings
from ui import feedback, logs, startup
from ui.assets import AssetMiddleware
from ui.hardening import HardeningMiddleware
from ui.prefetch import PrefetchMiddleware

ROOT = Path(__file__).resolve().parent
log = logging.getLogger(__name__)


def end_without_settings() -> None:
    """Exit with 1 when a required setting is missing: there is nothing to serve. A wrong one is shown on the page.

    From here on log lines have the form that the settings want.
    """
    try:
        logs.configure(load_settings(os.environ, ROOT / ".env").log_format)
    except ConfigurationError as exc:
        if any(problem.startswith("Missing ") for problem in exc.problems):
            sys.stderr.flush()
            os._exit(exit_on_problem(exc, sys.stderr))


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start the services before the first visitor, end them after the last. Answers under way go on in the service."""
    end_without_settings()
    try:
        await asyncio.to_thread(runtime.start, os.environ, ROOT / ".env")
        startup.failed(None)
    except ServiceError as exc:
        log.error("app.start_failed", extra={"reason": exc.message})
        startup.failed(exc)
    runtime.freeze()
    try:
        yield
    finally:
        if startup.failure() is None:
            await asyncio.to_thread(runtime.current().close)


logs.configure()
app = st.App(
    ROOT / "ui" / "shell.py",
    lifespan=lifespan,
    middleware=[Middleware(HardeningMiddleware), Middleware(AssetMiddleware), Middleware(PrefetchMiddleware)],
    on_script_error=feedback.on_script_error,
)
