"""How many requests a background reading may send: a budget by the minute, waited for and never exceeded."""

import threading
from collections import deque

from services.resilience.clock import Pace

WINDOW_S = 60.0


class CallBudget:
    """At most *per_minute* requests in any minute. Threads share it."""

    def __init__(self, per_minute: int, pace: Pace) -> None:
        self._per_minute, self._pace = per_minute, pace
        self._lock = threading.Lock()
        self._sent: deque[float] = deque()

    def take(self) -> bool:
        """Return once one more request may be sent; False when the wait was cut short because the process stops."""
        while True:
            wait_s = self._try()
            if wait_s is None:
                return True
            if not self._pace.sleep(wait_s):
                return False

    def _try(self) -> float | None:
        """Return None and count a request, or the seconds until there is room for one."""
        with self._lock:
            now_s = self._pace.now_s()
            while self._sent and now_s - self._sent[0] >= WINDOW_S:
                self._sent.popleft()
            if len(self._sent) < self._per_minute:
                self._sent.append(now_s)
                return None
            return WINDOW_S - (now_s - self._sent[0])
