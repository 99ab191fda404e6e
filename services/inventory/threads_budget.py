"""How many requests the index may send: so many a minute, never more, however they fall."""

from collections import deque

BURST_SHARE = 0.1  # of a minute's calls that may be sent at once; the rest is spread over the minute
WINDOW_S = 60.0


class CallBudget:
    """Not thread-safe: whoever shares it holds a lock. Times are seconds of one clock that never goes back.

    In any 60 seconds at most *calls_per_min* calls are let through.
    """

    def __init__(self, calls_per_min: int) -> None:
        self.calls_per_min = calls_per_min
        self._most = max(1.0, calls_per_min * BURST_SHARE)
        self._per_s = max(calls_per_min - self._most, calls_per_min * 0.5) / WINDOW_S
        self._saved = self._most
        self._at_s: float | None = None
        self._sent: deque[float] = deque()

    def wait_s(self, now_s: float) -> float:
        """Return how long until a call may be sent; 0.0: now."""
        self._earn(now_s)
        if self._saved < 1.0:
            return max(0.001, (1.0 - self._saved) / self._per_s)
        if len(self._sent) >= self.calls_per_min:
            return max(0.001, self._sent[0] + WINDOW_S - now_s)
        return 0.0

    def spend(self, now_s: float) -> None:
        """Note one call that is about to be sent."""
        self._earn(now_s)
        self._saved -= 1.0
        self._sent.append(now_s)

    def spent(self, now_s: float) -> int:
        """Return how many calls were sent in the last minute."""
        self._earn(now_s)
        return len(self._sent)

    def _earn(self, now_s: float) -> None:
        if self._at_s is None:
            self._at_s = now_s
        self._saved = min(self._most, self._saved + (now_s - self._at_s) * self._per_s)
        self._at_s = now_s
        while self._sent and self._sent[0] <= now_s - WINDOW_S:
            self._sent.popleft()
