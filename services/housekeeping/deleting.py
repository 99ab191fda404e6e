"""The deed: deletes what a look found, many at once, never faster than allowed, and says what became of each."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from services.actions import ActionName, Actions
from services.agents.backend import AgentBackend
from services.errors import AccessDenied, Conflict, ServiceError, Throttled, Unavailable
from services.housekeeping.findings import Finding, Outcome, Row
from services.housekeeping.pacing import RateLimit
from services.queues import QueueService

log = logging.getLogger(__name__)
AT_ONCE = 48
PATIENCE_S = 60.0  # with one thing that is busy, or a service that is
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
REFUSALS_BELIEVED = (
    3  # then the others of that sort are not tried: a missing role does not come back in between
)
ACTION: dict[str, ActionName] = {"agent": "delete agent", "thread": "delete thread", "queue": "delete queue"}
ROLES = {
    "agent": "Foundry User on the Foundry project",
    "thread": "Foundry User on the Foundry project",
    "queue": "Storage Queue Data Contributor on the storage account",
}


@dataclass
class Progress:
    """Written by many workers, read by whoever watches. *total*: how many there are to do."""

    total: int = 0
    _rows: list[Row] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, row: Row) -> None:
        """Note what became of one thing."""
        with self._lock:
            self._rows.append(row)

    def rows(self) -> tuple[Row, ...]:
        """Return what became of all so far, in the order it happened."""
        with self._lock:
            return tuple(self._rows)


class Deleter:
    """Threads share it. *rate*: the one that *backend* waits for before each request."""

    def __init__(
        self,
        backend: AgentBackend,
        queues: QueueService,
        actions: Actions,
        rate: RateLimit,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._backend, self._queues, self._actions, self._rate = backend, queues, actions, rate
        self._clock, self._patience_s = clock, patience_s

    def delete(
        self,
        findings: Sequence[Finding],
        progress: Progress,
        stopped: Callable[[], bool],
        widened: frozenset[str] = frozenset(),
        at_once: int = AT_ONCE,
    ) -> None:
        """Delete *findings*; *progress* gets one row for each. One request each, repeats and waits apart.

        What is not ours, and every queue, is skipped unless its id is in *widened*. Orchestrators go first, then the
        agents that they are connected to: nothing is left pointing at nothing. *stopped*: asked before each one.
        """
        progress.total = len(findings)
        at_once = max(1, min(at_once, int(self._rate.per_s)))
        refusals: Counter[str] = Counter()
        note = self._actions.carried(self._note)
        led = [one for one in findings if one.sort == "agent" and not one.leads]
        with ThreadPoolExecutor(at_once, thread_name_prefix="cleanup") as pool:

            def begin(some: Iterable[Finding]) -> list[Future[None]]:
                return [pool.submit(note, one, progress, stopped, widened, refusals) for one in some]

            first = begin(one for one in findings if one.leads)
            others = begin(one for one in findings if not one.leads and one.sort != "agent")
            wait(first)
            wait([*others, *begin(led)])

    def close(self) -> None:
        """End all waits for a turn: the process stops."""
        self._rate.close()

    def _note(
        self,
        one: Finding,
        progress: Progress,
        stopped: Callable[[], bool],
        widened: frozenset[str],
        refusals: Counter[str],
    ) -> None:
        try:
            row = self._one(one, stopped, widened, refusals)
        except Exception:  # one of a thousand must not end the others
            log.exception("cleanup.broken", extra={"resource": one.id})
            row = Row(one, "failed", "Something in Relaydeck itself went wrong; its log holds the details.")
        progress.add(row)

    def _one(
        self, one: Finding, stopped: Callable[[], bool], widened: frozenset[str], refusals: Counter[str]
    ) -> Row:
        if one.sort not in ACTION:
            return Row(one, "skipped", "Messages are only reported.")
        if not one.deletable and one.id not in widened:
            return Row(one, "skipped", "It is not ours, and nobody named it.")
        if stopped():
            return Row(one, "skipped", "Stopped before its turn.")
        if refusals[one.sort] >= REFUSALS_BELIEVED:
            return Row(one, "refused", f"Not tried after {REFUSALS_BELIEVED} refusals. {_role(one)}")
        began_s, pause_s = self._clock(), FIRST_PAUSE_S
        while True:
            try:
                gone = not self._actions.perform(ACTION[one.sort], one.id, lambda: self._send(one))
            except AccessDenied as error:
                refusals[one.sort] += 1
                return Row(one, "refused", f"{error.message} {_role(one)}")
            except (Conflict, Throttled, Unavailable) as error:
                if isinstance(error, Throttled):
                    self._rate.slow_down()
                wait_s = max(pause_s, getattr(error, "retry_after_s", None) or 0.0)
                waited_s = self._clock() - began_s
                if waited_s + wait_s > self._patience_s or not _wait(wait_s, stopped):
                    return Row(one, _outcome(error), error.message, waited_s)
                pause_s = min(LONGEST_PAUSE_S, 2 * pause_s)
            except ServiceError as error:
                return Row(one, "failed", error.message)
            else:
                waited_s = self._clock() - began_s if pause_s > FIRST_PAUSE_S else 0.0
                return Row(
                    one, "gone" if gone else "deleted", "It was gone before." if gone else "", waited_s
                )

    def _send(self, one: Finding) -> bool:
        """Return whether it was there."""
        if one.sort == "agent":
            return self._backend.delete_agent(one.id)
        if one.sort == "thread":
            return self._backend.delete_thread(one.id)
        self._rate.wait()
        return self._queues.delete(one.id)


def _outcome(error: ServiceError) -> Outcome:
    return "failed" if isinstance(error, Unavailable) else "busy"


def _role(one: Finding) -> str:
    return f"Ask for the role {ROLES[one.sort]}."


def _wait(seconds: float, stopped: Callable[[], bool]) -> bool:
    """Return False when it was told to stop meanwhile."""
    until_s = time.monotonic() + seconds
    pause = threading.Event()
    while (left_s := until_s - time.monotonic()) > 0:
        if stopped():
            return False
        pause.wait(min(0.1, left_s))
    return not stopped()
