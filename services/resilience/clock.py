"""Time and chance as the resilience layer sees them, so that tests move them by hand."""

import random
import threading
import time
from typing import Protocol


class Pace(Protocol):
    """Counts seconds, waits, and spreads waits."""

    def now_s(self) -> float:
        """Return seconds since some fixed moment; never goes back."""

    def sleep(self, seconds: float) -> bool:
        """Wait; return False when the wait was cut short because the process stops."""

    def between(self, low: float, high: float) -> float:
        """Return a random number of that range."""


class RealPace:
    """The wall. stop() ends every wait at once, so that a shutdown never waits for a retry."""

    def __init__(self) -> None:
        self._stopping = threading.Event()

    def now_s(self) -> float:
        """Return the seconds since some fixed moment; they never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        """Return whether the whole time was slept; False: stop() ended it."""
        return not self._stopping.wait(seconds)

    def between(self, low: float, high: float) -> float:
        """Return a number drawn from *low* to *high*."""
        return random.uniform(low, high)  # noqa: S311 - spreads load, guards nothing

    def stop(self) -> None:
        """End every sleep, also those to come."""
        self._stopping.set()
