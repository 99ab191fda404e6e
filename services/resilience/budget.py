"""A budget of repeats: calls pay in, repeats pay out, so repeats stay a share of the load in the long run."""

import threading


class RetryBudget:
    """*share*: repeats per call. *saved*: how many repeats may be saved up, and are there to begin with."""

    def __init__(self, share: float, saved: float) -> None:
        self._share, self._most = share, saved
        self._lock = threading.Lock()
        self._saved = saved if share else 0.0

    def pay_in(self) -> None:
        """Count a first attempt."""
        with self._lock:
            self._saved = min(self._most, self._saved + self._share)

    def pay_out(self) -> bool:
        """Return whether one repeat may be made, and count it."""
        with self._lock:
            if self._saved < 1:
                return False
            self._saved -= 1
            return True
