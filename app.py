"""Starts the process: the services, then Streamlit with the frame of all pages. Draws nothing."""

import asyncio
import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

import runtime
from services.errors import ConfigurationError, ServiceError
from services.redaction import learn_named
from services.settings import AuthMode
from services.settings_source import auth_asked_for, load_usable, tell_problems
from services.signin.place import (
    EXIT_REFUSED,
    headers_are_the_platforms,
    listening_on,
    misunderstood,
    refusal,
)
from services.signin.rules import rules_of
from ui import context, feedback, gate, guard, logs, probes, shown, startup
from ui.ahead import AheadMiddleware
from ui.assets import AssetMiddleware
from ui.draft.middleware import DraftMiddleware
from ui.gate_keeper import GateMiddleware
from ui.hardening import HardeningMiddleware
from ui.origins import OriginMiddleware
from ui.signin_secrets import secrets_of, tell_streamlit
from ui.start_page import StartPageMiddleware

ROOT = Path(__file__).resolve().parent
ENV_FILE = ROOT / ".env"
LISTENS_WITHIN_S, LOOK_S = 60.0, 0.1
log = logging.getLogger(__name__)


def read_settings() -> AuthMode:
    """Say on stderr what is missing or wrong, and return how people sign in. With RELAYDECK_WITHOUT_SETTINGS=exit what is
    wrong ends the process with 1; else the page shows it, with Doctor.

    From here on log lines have the form that the settings want, and who is not signed in is shown nothing.
    """
    settings, problems = load_usable(os.environ, ENV_FILE)
    logs.configure(settings.log_format)
    gate.configure(rules_of(settings), trusts_headers=headers_are_the_platforms(os.environ))
    if problems:
        code = tell_problems(problems, sys.stderr)
        if settings.without_settings == "exit":
            os._exit(code)
    with suppress(ConfigurationError):  # told above
        refuse(misunderstood(auth_asked_for(os.environ, ENV_FILE), settings.auth))
    return settings.auth


def refuse(why: str) -> None:
    """End the process, if *why* says anything, before anybody is served."""
    if why:
        tell_problems((why,), sys.stderr)
        os._exit(EXIT_REFUSED)


async def watch_listening(mode: AuthMode) -> None:
    """End the process when it turns out to listen where its sign-in does not allow it to. Servers open their sockets before
    the application starts or after it: only looking tells."""
    until_s = time.monotonic() + LISTENS_WITHIN_S
    while time.monotonic() < until_s:
        refuse(refusal(mode, os.environ, listening_on()))
        await asyncio.sleep(LOOK_S)


def begin() -> None:
    """Start the services. Where that fails, Doctor takes over until it is called again."""
    try:
        runtime.start(os.environ, ENV_FILE, who=guard.who).put_on_record()
        startup.failed(None)
    except ServiceError as exc:
        failure = exc
        log.error("app.start_failed", extra={"reason": failure.message})
        startup.failed(failure, lambda: runtime.examination(os.environ, ENV_FILE, failure), begin)
    context.doctor_board.clear()


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Start the services before the first visitor, end them after the last. Answers under way go on in the service."""
    mode = read_settings()
    refuse(refusal(mode, os.environ, listening_on()))
    watching = asyncio.create_task(watch_listening(mode))
    await asyncio.to_thread(begin)
    runtime.freeze()
    try:
        async with probes.loop_watch.watching():
            yield
    finally:
        watching.cancel()
        if startup.failure() is None:
            await asyncio.to_thread(runtime.current().close)


logs.configure()
learn_named(os.environ)  # also what Streamlit and the SDKs read for themselves: cookie and client secrets
known, _ = load_usable(os.environ, ENV_FILE)  # what is wrong is told by read_settings(), once
tell_streamlit(known)
app = st.App(
    ROOT / "ui" / "shell.py",
    lifespan=lifespan,
    secrets=secrets_of(known),
    routes=[*probes.ROUTES, shown.ROUTE],
    middleware=[
        Middleware(HardeningMiddleware),
        Middleware(OriginMiddleware),
        Middleware(GateMiddleware),
        Middleware(AheadMiddleware),
        Middleware(DraftMiddleware),
        Middleware(AssetMiddleware),
        Middleware(StartPageMiddleware),
    ],
    on_script_error=feedback.on_script_error,
)
