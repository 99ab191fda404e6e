"""A budget of repeats: calls pay in, repeats pay out, so repeats stay a share of the load in the long run."""

import threading

STARTING_REPEATS = 10.0


class RetryBudget:
    def __init__(self, share: float) -> None:
        self._share = share
        self._lock = threading.Lock()
        self._saved = STARTING_REPEATS if share else 0.0

    def pay_in(self) -> None:
        """Count a first attempt."""
        with self._lock:
            self._saved = min(STARTING_REPEATS, self._saved + self._share)

    def pay_out(self) -> bool:
        """Return whether one repeat may be made, and count it."""
        with self._lock:
            if self._saved < 1:
                return False
            self._saved -= 1
            return True
