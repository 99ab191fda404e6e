"""What the latest calls to a dependency came to: since when it fails, with what, and when it last did its work."""

import threading
from dataclasses import dataclass

from services.errors import Conflict, InvalidInput, NotFound, ServiceError
from services.resilience.clock import Pace

ANSWERS = (
    NotFound,
    Conflict,
    InvalidInput,
)  # the service has said something about what was asked, and is well


@dataclass(frozen=True, slots=True)
class Record:
    """How long ago, in seconds. *worked_s*: the last call that was served, *failed_s*: the last that was not; None: none
    was. *failing_s*: since the first failure that no success has followed; None while the last call was served.
    *failure*: the class of the last failure, and *message* what it said; empty without one.
    """

    worked_s: float | None = None
    failed_s: float | None = None
    failing_s: float | None = None
    failure: str = ""
    message: str = ""


class Ledger:
    """Threads share it."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._lock = threading.Lock()
        self._worked_s: float | None = None
        self._failed_s: float | None = None
        self._failing_s: float | None = None
        self._failure = self._message = ""

    def note(self, failed: bool | None, met: ServiceError | None = None) -> None:
        """Take down one call. *met*: what it ended with, None: a success, or a failure of no known class.

        A refusal and a request to wait are failures here: whoever waits for the page has nothing either way.
        """
        now_s = self._pace.now_s()
        with self._lock:
            if isinstance(met, ANSWERS) or (met is None and failed is False):
                self._worked_s, self._failing_s = now_s, None
            elif met is not None or failed:
                self._failed_s = now_s
                self._failing_s = now_s if self._failing_s is None else self._failing_s
                self._failure = type(met).__name__ if met is not None else "Unavailable"
                self._message = met.message if met is not None else ""

    def read(self) -> Record:
        """Return what is known now. Sends nothing."""
        now_s = self._pace.now_s()
        with self._lock:
            worked, failed, failing = (
                None if at_s is None else max(0.0, now_s - at_s)
                for at_s in (self._worked_s, self._failed_s, self._failing_s)
            )
            return Record(worked, failed, failing, self._failure, self._message)
