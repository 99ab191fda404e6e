"""Sweeper: deletes by itself what is provably ours, expired and nobody's. One worker per process, one sweep at a time."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.access import SWEEPER, acting_as
from services.errors import AccessDenied, Conflict, ServiceError
from services.housekeeping.findings import Kind, Row, count_words, outcome_words
from services.housekeeping.service import HousekeepingService

log = logging.getLogger(__name__)
KINDS: frozenset[Kind] = frozenset({"crashed-answer", "old-team", "unlinked-agent", "old-thread"})
AT_ONCE = 2  # nobody waits for it, and the questions of people come first
TEAMS_EVERY = timedelta(
    hours=6
)  # whether an older team is in use costs a request for each thread of the project
STOP_WAIT_S = 3.0
MOST = 1000  # in one sweep; the next one goes on
Outcome = Literal["swept", "nothing", "elsewhere", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """The last sweep. `elsewhere`: another process of this environment holds the lease. *rows*: what became of each."""

    at: datetime
    outcome: Outcome
    words: str
    rows: tuple[Row, ...] = ()


class Sweeper:
    """*every_s*: from one sweep to the next; the first comes as long after start()."""

    def __init__(
        self, service: HousekeepingService, now: Callable[[], datetime], *, every_s: float, on: bool = True
    ) -> None:
        self._service, self._now = service, now
        self.every_s, self.on = every_s, on
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: Sweep | None = None
        self._teams_looked_at: datetime | None = None

    def last(self) -> Sweep | None:
        """Return the last sweep of this process; None before the first."""
        return self._last

    def start(self) -> None:
        """Begin, unless it is off. Sends nothing yet."""
        if self.on and self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End a sweep under way after the requests that are out, for at most 3 s."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(STOP_WAIT_S)

    def sweep(self) -> Sweep:
        """Look, delete what may be deleted, and return what came of it. Never raises."""
        with acting_as(SWEEPER):
            self._last = sweep = self._sweep()
        level = logging.WARNING if sweep.outcome in ("refused", "failed") else logging.INFO
        log.log(level, "sweep.ended", extra={"outcome": sweep.outcome, "words": sweep.words})
        return sweep

    def _run(self) -> None:
        while not self._stopped.wait(self.every_s):
            self.sweep()

    def _sweep(self) -> Sweep:
        try:
            found = self._service.look(self._kinds(), lambda _: None, self._stopped, at_once=AT_ONCE)
            wanted = tuple(one for one in found.findings if one.sweepable and one.deletable)[:MOST]
            missed = "".join(
                f" Could not read the {part}: {error.message}" for part, error in found.problems.items()
            )
            if not wanted:
                return self._ended("failed" if missed else "nothing", missed.strip() or "Nothing to sweep.")
            result = self._service.delete(wanted, stopped=self._stopped.is_set, at_once=AT_ONCE)
        except Conflict as error:
            return self._ended("elsewhere", error.message)
        except AccessDenied as error:
            return self._ended("refused", f"{error.message} {error.hint}")
        except ServiceError as error:
            return self._ended("failed", error.message)
        except Exception:
            log.exception("sweep.broken")
            return self._ended(
                "failed", "Something in Relaydeck itself went wrong; its log holds the details."
            )
        words = f"Swept {count_words(wanted)}: {outcome_words(result.rows)}.{missed}"
        refused = any(row.outcome == "refused" for row in result.rows)
        outcome: Outcome = "refused" if refused else "failed" if result.undone or missed else "swept"
        return self._ended(outcome, words, result.rows)

    def _kinds(self) -> frozenset[Kind]:
        now, last = self._now(), self._teams_looked_at
        if last is not None and now - last < TEAMS_EVERY:
            return KINDS - {"old-team"}
        self._teams_looked_at = now
        return KINDS

    def _ended(self, outcome: Outcome, words: str, rows: tuple[Row, ...] = ()) -> Sweep:
        return Sweep(self._now(), outcome, words, rows)
