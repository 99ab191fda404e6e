"""Requests that services/ sends past services.resilience: refused while tests run, so that none goes unnoticed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import requests

from services.resilience.watchdog import seconds_left

ROOT = Path(__file__).parents[1]
OURS = (str(ROOT / "services"), str(ROOT / "tests"), str(ROOT / "commands"), str(ROOT / "bench"))
BELOW = str(ROOT / "services" / "transport.py")  # what carries a request sends none of its own


@contextmanager
def refusing_escapes(session: type[requests.Session]) -> Iterator[None]:
    """Raise AssertionError where code of services/ is the nearest of ours to a request outside a watched call.

    Tests and commands may use the SDK clients as they come.
    """
    real = session.request

    def request(self: Any, method: str, url: str, **given: Any) -> Any:  # as requests declares it
        if seconds_left() is None and (sender := _sender()).startswith(OURS[0]):
            raise AssertionError(f"{sender} sent {method} {url} past services.resilience")
        return real(self, method, url, **given)

    setattr(session, "request", request)  # noqa: B010 - for the whole session, which monkeypatch does not reach
    try:
        yield
    finally:
        setattr(session, "request", real)  # noqa: B010


def _sender() -> str:
    """Return the file nearest to the request that is ours; empty when there is none."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(OURS) and file != BELOW:
            return file
        frame = frame.f_back
    return ""
