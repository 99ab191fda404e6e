"""RateLimit: so many requests per second and no more, whoever sends them."""

import threading
import time
from collections.abc import Callable

SLOWEST_SHARE = 1 / 16
RECOVERY_S = 10.0


class RateLimit:
    """Threads share it; each gets its turn in order. Two turns are never closer than 1 / *per_s*.

    A bucket that holds a single token: a burst after a quiet time would be one more way over the limit of a service.
    """

    def __init__(
        self,
        per_s: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.per_s = per_s
        self._closed = threading.Event()
        self._clock, self._sleep = clock, sleep or self._closed.wait
        self._turn = threading.Lock()
        self._next_s = 0.0
        self._share, self._slowed_s = 1.0, 0.0

    def wait(self) -> None:
        """Return when the next request may go out."""
        with self._turn:  # held while waiting: who comes later waits behind
            wait_s = self._next_s - self._clock()
            if wait_s > 0:
                self._sleep(wait_s)
            now_s = self._clock()
            if self._share < 1 and now_s - self._slowed_s >= RECOVERY_S:
                self._share, self._slowed_s = min(1.0, 2 * self._share), now_s
            self._next_s = now_s + 1 / (self.per_s * self._share)

    def slow_down(self) -> None:
        """Halve the rate, once a second at most: the service is at its limit. It doubles again every 10 s."""
        with self._turn:
            now_s = self._clock()
            if now_s - self._slowed_s >= 1 or self._share == 1:
                self._share, self._slowed_s = max(SLOWEST_SHARE, self._share / 2), now_s

    def close(self) -> None:
        """End all waits: the process stops."""
        self._closed.set()
