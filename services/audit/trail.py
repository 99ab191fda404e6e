"""The trail of actions: the intent before, the result after, and a refusal. No intent on record, no action."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.access import ActionName, Principal
from services.audit.record import TARGETS, Draft
from services.audit.writer import Writer, WriterState
from services.errors import ServiceError, Unavailable
from services.ids import new_id
from services.telemetry.context import current_trace_id, trace_of

log = logging.getLogger(__name__)
GRACE_S: Final = 1.0  # an upload under way is given so much more before the intent counts as not recorded
ANSWER: Final = "ans_"
SESSIONS_KEPT: Final = 10_000
NOT_STARTED: Final = "not started"


@dataclass(frozen=True, slots=True)
class TrailState:
    """*off*: why nothing is recorded; empty when something is. *writer*: None when nothing
    is. *open*: actions under way."""

    off: str
    writer: WriterState | None
    open: int = 0


class AuditTrail:
    """Threads share it. *writer*: None when the trail is off, for the reason *off*."""

    def __init__(
        self, writer: Writer | None, now: Callable[[], datetime], *, off: str = "", deadline_s: float = 10.0
    ) -> None:
        self._writer, self._now, self._off, self._deadline_s = writer, now, off, deadline_s
        self._open: dict[str, Draft] = {}
        self._signed_in: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Send what the process before this one left, in the background."""
        if self._writer is not None:
            self._writer.start()

    def begin(self, who: Principal, name: ActionName, target: str, before: str = "") -> str:
        """Return the id that intent and result share, once the table has the intent. One request for all who ask at once.

        Raises Unavailable: it is not on record within the deadline, so nothing may happen.
        """
        draft = self._draft("intent", who, name, target, before=before)
        if self._writer is None:
            return draft.pair
        try:
            waiting = self._writer.put(draft, awaited=True)
        except ServiceError as exc:  # not taken at all
            raise _refusal(name, target, exc) from exc
        try:
            waiting.result(self._deadline_s + GRACE_S)
        except (ServiceError, TimeoutError, CancelledError) as exc:
            self._put(replace(draft, kind="result", at=self._now(), outcome=NOT_STARTED, error=_kind(exc)))
            raise _refusal(name, target, exc) from exc
        with self._lock:
            self._open[draft.pair] = draft
        return draft.pair

    def end(self, record: str, outcome: str, before: str = "", after: str = "") -> None:
        """Put the result on record. Returns at once; what cannot be sent now is kept and sent later."""
        with self._lock:
            draft = self._open.pop(record, None)
        if draft is None:
            return
        done = outcome == "done"
        result = replace(
            draft,
            kind="result",
            at=self._now(),
            before=before or draft.before,
            after=after,
            outcome="done" if done else "failed",
        )
        self._put(result if done else replace(result, error=outcome))

    def refused(self, who: Principal, name: ActionName, target: str) -> None:
        """Put on record that *who* was not allowed to. Returns at once."""
        draft = self._draft("refused", who, name, target)
        self._put(replace(draft, outcome="refused", error="AccessDenied"), must=False)

    def note(
        self,
        who: Principal,
        event: str,
        target: str = "",
        outcome: str = "done",
        error: str = "",
        *,
        after: str = "",
    ) -> None:
        """Put on record what is no action: a sign-in, a sign-out, a start. Returns at once. *after*: digest()."""
        draft = self._draft("event", who, event, target)
        self._put(replace(draft, outcome=outcome, error=error, after=after), must=False)

    def signed_in(self, who: Principal) -> None:
        """Put on record that *who* signed in: once for all tabs of a sign-in, in each process. Returns at once."""
        with self._lock:
            if who.session in self._signed_in:
                return
            self._signed_in[who.session] = None
            while len(self._signed_in) > SESSIONS_KEPT:
                self._signed_in.popitem(last=False)
        self.note(who, "sign in")

    def state(self) -> TrailState:
        """Return how the trail stands at this moment. Sends nothing."""
        with self._lock:
            under_way = len(self._open)
        return TrailState(self._off, self._writer.state() if self._writer else None, under_way)

    def close(self) -> None:
        """Send what waits; what cannot be sent stays on disk. Actions still under way end without a result."""
        if self._writer is not None:
            self._writer.close()

    def _put(self, draft: Draft, *, must: bool = True) -> None:
        if self._writer is None:
            return
        try:
            self._writer.put(draft, must=must)  # nobody waits for it: the writer logs what fails
        except ServiceError as exc:
            told = {
                "action": draft.action,
                "target": draft.target,
                "pair": draft.pair,
                "outcome": draft.outcome,
            }
            log.error("audit.not_recorded", extra={"kind": draft.kind, **told, "reason": exc.message})

    def _draft(self, kind: str, who: Principal, action: str, target: str, *, before: str = "") -> Draft:
        return Draft(
            kind=kind,  # type: ignore[arg-type]  # one of the literals, as written above
            pair=new_id("act"),
            at=self._now(),
            action=action,
            target=target,
            target_type=next((sort for name, sort in TARGETS.items() if name == action), ""),
            actor=who.id,
            actor_name=who.name,
            tenant=who.tenant,
            roles=",".join(sorted(who.roles)),
            session=who.session,
            address=who.address,
            before=before,
            trace_id=current_trace_id() or (trace_of(target).trace_id if target.startswith(ANSWER) else ""),
        )


def _kind(error: BaseException) -> str:
    return type(error).__name__


def _refusal(name: str, target: str, cause: BaseException) -> Unavailable:
    reason = cause.message if isinstance(cause, ServiceError) else "it took too long."
    return Unavailable(
        f"Could not {name} {target}".rstrip() + f": it could not be put on record first. {reason}",
        operation=name,
        resource=target,
        sent=False,
        code="NotOnRecord",
        hint="Nothing was changed: no action happens that the audit trail does not hold. Try again in a moment.",
    )
