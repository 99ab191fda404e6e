"""RateLimit: so many requests per second and no more, whoever sends them."""

import threading
import time
from collections.abc import Callable

SAVED_S, SLOWER = 0.05, 1.2
SLOWEST_SHARE = 1 / 16
RECOVERY_S = 10.0


class RateLimit:
    """Threads share it; each gets its turn in order, and no second sees more than *per_s* turns.

    A token bucket. It holds the tokens of a twentieth of a second, so that a thread that was woken late does not lower
    the rate; it is filled a fifth slower than *per_s*, so that requests that the network delays and hands over together
    do not exceed it either.
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
            every_s = SLOWER / (self.per_s * self._share)
            self._next_s = max(self._next_s, now_s - SAVED_S) + every_s

    def slow_down(self) -> None:
        """Halve the rate, once a second at most: the service is at its limit. It doubles again every 10 s."""
        with self._turn:
            now_s = self._clock()
            if now_s - self._slowed_s >= 1 or self._share == 1:
                self._share, self._slowed_s = max(SLOWEST_SHARE, self._share / 2), now_s

    def close(self) -> None:
        """End all waits: the process stops."""
        self._closed.set()
