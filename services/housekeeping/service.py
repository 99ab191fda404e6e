"""HousekeepingService: look, export, delete, each in the background and one at a time; all viewers watch the same."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.actions import Actions
from services.errors import Conflict, ServiceError, Unavailable
from services.housekeeping.deleting import AT_ONCE, Deleter, Progress
from services.housekeeping.findings import KINDS, Finding, Found, Kind, Result, count_words
from services.housekeeping.lease import Lease
from services.housekeeping.looking import Looker, StoppedError
from services.housekeeping.saving import Export, save

log = logging.getLogger(__name__)
Phase = Literal["idle", "looking", "deleting", "exporting"]
FRESH = timedelta(minutes=2)  # what was found longer ago is looked at again before anything is deleted
CLOSE_WAIT_S = 5.0
Document = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Status:
    """What goes on. *done* of *total* while deleting or exporting. *problem*: why the last piece of work ended early.

    *found*, *result*, *export*: what the last look, deletion and export came to; None before the first. *problem* is None
    when the last piece of work came to its end.
    """

    phase: Phase = "idle"
    words: str = ""
    done: int = 0
    total: int = 0
    stopping: bool = False
    found: Found | None = None
    result: Result | None = None
    export: Export | None = None
    problem: ServiceError | None = None

    @property
    def is_busy(self) -> bool:
        """Return whether a look, a deletion or an export is under way."""
        return self.phase != "idle"


class HousekeepingService:
    """Thread-safe; one per process."""

    def __init__(
        self,
        looker: Looker,
        deleter: Deleter,
        lease: Callable[[], Lease],
        actions: Actions,
        now: Callable[[], datetime],
    ) -> None:
        self._looker, self._deleter, self._lease_of = looker, deleter, lease
        self._actions, self._now = actions, now
        self._lock = threading.Lock()
        self._status = Status()
        self._progress = Progress()
        self._stopped = threading.Event()
        self._worker: threading.Thread | None = None

    # In the background, for pages ----------------------------------------------------------------------

    def status(self) -> Status:
        """Return what goes on and what was found last. Sends nothing."""
        with self._lock:
            status = self._status
        if status.phase == "deleting":
            rows = self._progress.rows()
            return replace(status, done=len(rows), total=self._progress.total)
        return status

    def start_look(self) -> None:
        """Look at everything in the background. Raises Conflict while something goes on."""
        self._begin("looking", lambda: self._keep(found=self.look(), result=None, export=None))

    def start_delete(self, ids: frozenset[str], widened: frozenset[str] = frozenset()) -> None:
        """Delete, in the background, those of the findings shown that have these ids and are still findings.

        *widened*: ids of what is not ours, or queues, named one by one by an administrator. Raises Conflict, AccessDenied.
        """
        self._actions.require(
            "clean up widened" if widened else "clean up", f"{len(ids):,} of what was found"
        )
        self._begin("deleting", lambda: self._delete_shown(ids, widened))

    def start_export(self, ids: frozenset[str]) -> None:
        """Read what would be deleted, conversations and definitions, into one document. Raises Conflict."""
        found = self.status().found
        wanted = found.of(ids) if found else ()

        def export() -> None:
            made = save(
                self._looker.backend, wanted, self._now(), self._stopped, lambda done: self._keep(done=done)
            )
            self._keep(export=made)

        self._begin("exporting", export, total=len(wanted))

    def stop(self) -> None:
        """Have the work under way end after the requests that are out. Raises AccessDenied."""

        def end() -> None:
            self._stopped.set()
            self._keep(stopping=True)

        self._actions.perform("stop clean-up", self.status().phase, end)

    def close(self) -> None:
        """End what is under way; requests that are out run to their end, for at most 5 s."""
        self._stopped.set()
        self._deleter.close()
        worker = self._worker
        if worker is not None:
            worker.join(CLOSE_WAIT_S)

    # At once, for the terminal and the sweeper ------------------------------------------------------------

    def look(
        self,
        kinds: frozenset[Kind] = frozenset(KINDS),
        say: Callable[[str], None] | None = None,
        stopped: threading.Event | None = None,
        **how: int,
    ) -> Found:
        """Return what one look finds. See Looker.look(). Raises Unavailable when it was stopped."""
        try:
            return self._looker.look(
                kinds, stopped or self._stopped, say or (lambda words: self._keep(words=words)), **how
            )
        except StoppedError as exc:
            raise Unavailable("The look was stopped.", operation="look for leftovers", sent=False) from exc

    def export(self, findings: tuple[Finding, ...]) -> Export:
        """Return what *findings* are, contents included: one request or more for each."""
        return save(self._looker.backend, findings, self._now(), self._stopped)

    def delete(
        self,
        findings: tuple[Finding, ...],
        widened: frozenset[str] = frozenset(),
        *,
        progress: Progress | None = None,
        stopped: Callable[[], bool] | None = None,
        at_once: int = AT_ONCE,
    ) -> Result:
        """Return what became of *findings*. Holds the lease meanwhile; stops when it is lost.

        Raises Conflict when another process cleans up, AccessDenied when who acts may not (what is not ours takes an
        administrator) or the lease is not to be had, and the other ServiceErrors; then nothing was deleted.
        """
        progress, asked = progress or Progress(), stopped or self._stopped.is_set
        began_s = time.monotonic()
        if not findings:
            return Result((), 0.0, self._now())
        target = count_words(findings)

        def clean() -> str:
            lease = self._lease_of()
            lease.acquire()
            try:
                self._deleter.delete(findings, progress, lambda: asked() or lease.lost(), widened, at_once)
                return "Another Relaydeck took over." if lease.lost() else "Stopped." if asked() else ""
            finally:
                lease.release()

        beyond = any(one.id in widened and not one.deletable for one in findings)
        why = self._actions.perform("clean up widened" if beyond else "clean up", target, clean)
        rows = progress.rows()
        result = Result(rows, time.monotonic() - began_s, self._now(), why)
        log.info("cleanup.ended", extra={"found": target, "undone": len(result.undone)})
        return result

    # Inside ---------------------------------------------------------------------------------------------

    def _delete_shown(self, ids: frozenset[str], widened: frozenset[str]) -> None:
        found = self.status().found
        if found is None:
            return
        if found.at + FRESH < self._now():
            self._keep(words="Looking again, as the list is some minutes old")
            found = self.look()
        chosen = found.of(ids)
        self._keep(found=found, result=None, total=len(chosen), words=f"Deleting {count_words(chosen)}")
        result = self.delete(chosen, widened, progress=self._progress)
        gone = {row.finding.id for row in result.rows if row.outcome in ("deleted", "gone")}
        left = tuple(one for one in found.findings if one.id not in gone)
        self._keep(found=replace(found, findings=left), result=result)

    def _begin(self, phase: Phase, work: Callable[[], None], total: int = 0) -> None:
        with self._lock:
            if self._status.is_busy:
                raise Conflict(
                    "A clean-up is under way already.",
                    operation="clean up",
                    hint="Wait until it is done, or stop it.",
                )
            self._stopped.clear()
            self._progress = Progress()
            self._status = replace(
                self._status, phase=phase, words="", done=0, total=total, stopping=False, problem=None
            )
            self._worker = threading.Thread(
                target=self._actions.carried(self._work), args=[work], name=f"cleanup-{phase}", daemon=True
            )
        self._worker.start()

    def _work(self, work: Callable[[], None]) -> None:
        problem: ServiceError | None = None
        try:
            work()
        except ServiceError as error:
            wanted = self._stopped.is_set() and isinstance(error, Unavailable)
            problem = None if wanted else error
        except Exception:
            log.exception("cleanup.broken")
            problem = Unavailable(
                "Something in Relaydeck itself went wrong; its log holds the details.", operation="clean up"
            )
        self._keep(phase="idle", words="", stopping=False, problem=problem)

    def _keep(self, **changed: object) -> None:
        with self._lock:
            self._status = replace(self._status, **changed)  # type: ignore[arg-type]  # fields of Status
