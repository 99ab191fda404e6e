"""Waiting for things in tests: until a condition holds, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def wait_for(what: Callable[[], Result | None], timeout_s: float = 10.0, every_s: float = 0.02) -> Result:
    """Return the first true result of *what*. Raises AssertionError when none came within *timeout_s*."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        if found := what():
            return found
        time.sleep(every_s)
    raise AssertionError(f"waited {timeout_s} s in vain for {what}")
