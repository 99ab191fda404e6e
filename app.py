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
from services.errors import ServiceError
from services.redaction import learn_named
from services.settings import load_usable, tell_problems
from ui import context, feedback, logs, startup
from ui.assets import AssetMiddleware
from ui.hardening import HardeningMiddleware
from ui.start_page import StartPageMiddleware

ROOT = Path(__file__).resolve().parent
ENV_FILE = ROOT / ".env"
log = logging.getLogger(__name__)


def read_settings() -> None:
    """Say on stderr what is missing or wrong. With RELAYDECK_WITHOUT_SETTINGS=exit that ends the process with 1; else
    the page shows it, with Doctor.

    From here on log lines have the form that the settings want.
    """
    settings, problems = load_usable(os.environ, ENV_FILE)
    logs.configure(settings.log_format)
    if problems:
        code = tell_problems(problems, sys.stderr)
        if settings.without_settings == "exit":
            os._exit(code)


def begin() -> None:
    """Start the services. Where that fails, Doctor takes over until it is called again."""
    try:
        runtime.start(os.environ, ENV_FILE)
        startup.failed(None)
    except ServiceError as exc:
        failure = exc
        log.error("app.start_failed", extra={"reason": failure.message})
        startup.failed(failure, lambda: runtime.examination(os.environ, ENV_FILE, failure), begin)
    context.doctor_board.clear()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start the services before the first visitor, end them after the last. Answers under way go on in the service."""
    read_settings()
    await asyncio.to_thread(begin)
    runtime.freeze()
    try:
        yield
    finally:
        if startup.failure() is None:
            await asyncio.to_thread(runtime.current().close)


logs.configure()
learn_named(os.environ)  # also what Streamlit and the SDKs read for themselves: cookie and client secrets
app = st.App(
    ROOT / "ui" / "shell.py",
    lifespan=lifespan,
    middleware=[
        Middleware(HardeningMiddleware),
        Middleware(AssetMiddleware),
        Middleware(StartPageMiddleware),
    ],
    on_script_error=feedback.on_script_error,
)
