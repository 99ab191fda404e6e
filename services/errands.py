"""Readings that somebody waits for only so long: they go on without them, and whoever asks later finds what they brought."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from services.errors import NotYet

log = logging.getLogger(__name__)
T = TypeVar("T")
SLOW_AFTER_S = 1.5  # who asks for what has taken this long already hardly waits: it is told of as slow
GLANCE_S = 0.05


class Errand(Generic[T]):
    """One reading on a thread of its own. What it brought, or what it met, is there once *done* is set."""

    def __init__(self, what: str, fetch: Callable[[], T], clock: Callable[[], float]) -> None:
        self.what, self.done = what, threading.Event()
        self._fetch, self._clock, self._began_s = fetch, clock, clock()
        self._awaited_since_s: float | None = None
        self._brought: list[T] = []
        self._met: BaseException | None = None

    @property
    def age_s(self) -> float:
        """Return how long ago it was sent."""
        return self._clock() - self._began_s

    def go(self) -> None:
        """Fetch, keep what came or what was raised, and set `done`. Never raises."""
        try:
            self._brought.append(self._fetch())
        except BaseException as exc:  # noqa: BLE001 - raised where somebody waits for it
            self._met = exc
        finally:
            self.done.set()

    def result(self) -> T:
        """Return what it brought, once *done*. Raises what it met."""
        if self._met is not None:
            raise self._met
        return self._brought[0]

    def wait(self, wait_s: float) -> T:
        """Return what it brought. Raises what it met, and NotYet when it is not back within *wait_s*.

        How long it was under way before anybody waited for it makes nobody's wait shorter.
        """
        now_s = self._clock()
        if self._awaited_since_s is None:
            self._awaited_since_s = now_s
        is_slow = now_s - self._awaited_since_s >= SLOW_AFTER_S
        if not self.done.wait(min(wait_s, GLANCE_S) if is_slow else wait_s):
            took = f"{self.age_s:.0f} s" if self.age_s >= 1 else "a moment"
            raise NotYet(
                f"{self.what} has not come yet: asked for {took} ago.", operation="wait", errand=self
            )
        return self.result()


class Errands(Generic[T]):
    """One errand at a time for each key; who asks for what is under way joins it. Threads share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Errand[T]] = {}

    def send(self, key: Hashable, what: str, fetch: Callable[[], T]) -> Errand[T]:
        """Return the errand of *key* that is under way; one that begins now when none is. *what*: in words, for NotYet."""
        with self._lock:
            known = self._under_way.get(key)
            if known is not None and not known.done.is_set():
                return known
            errand = Errand(what, fetch, self._clock)
            self._under_way[key] = errand
        threading.Thread(target=self._run, args=[key, errand], name="errand", daemon=True).start()
        return errand

    def _run(self, key: Hashable, errand: Errand[T]) -> None:
        try:
            errand.go()
        finally:
            with self._lock:
                if self._under_way.get(key) is errand:
                    del self._under_way[key]
