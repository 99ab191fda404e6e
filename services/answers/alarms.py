"""One thread that calls back at set times: deadlines of all answers, without a timer thread for each."""

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)


class Alarms:
    """Callbacks run on the alarm thread: they must be quick and may not raise."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._live: set[int] = set()
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def after(self, wait_s: float, ring: Callable[[], None]) -> int:
        """Return the number of an alarm that calls *ring* once, in *wait_s*."""
        with self._changed:
            number = next(self._numbers)
            heapq.heappush(self._due, (time.monotonic() + wait_s, number, ring))
            self._live.add(number)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="answer-alarms", daemon=True)
                self._thread.start()
            if self._due[0][1] == number:
                self._changed.notify()
            return number

    def stop(self, number: int) -> None:
        """Let alarm *number* never ring; one that rang or is ringing is fine."""
        with self._changed:
            self._live.discard(number)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _serve(self) -> None:
        while True:
            ring = self._next()
            if ring is None:
                return
            try:
                ring()
            except Exception:
                log.exception("alarm.failed")

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._closed:
                while self._due and self._due[0][1] not in self._live:
                    heapq.heappop(self._due)
                if not self._due:
                    self._changed.wait()
                    continue
                wait_s = self._due[0][0] - time.monotonic()
                if wait_s <= 0:
                    _, number, ring = heapq.heappop(self._due)
                    self._live.discard(number)
                    return ring
                self._changed.wait(wait_s)
            return None
