"""Every write that a person asks for, or the sweeper does by itself, passes here: who, what, on what, how it ended."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar

from services.access import Access, ActionName, Principal
from services.audit.record import digest
from services.errors import AccessDenied, ServiceError

__all__ = ["ActionName", "Actions", "Change", "Tell", "Trail"]
log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
Tell = Callable[[str, str, str], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What was acted upon, as it was and as it became. Put on record as digests. None: not known, or gone."""

    before: object = None
    after: object = None


class Trail(Protocol):
    """Where actions are put on record, before and after."""

    def begin(self, who: Principal, name: ActionName, target: str, before: str = "") -> str:
        """Return the record's id once the intent is stored. Raises ServiceError: it is not, so nothing may happen.

        *before*: the digest of what is acted upon, as it was; empty when it is not known.
        """

    def end(self, record: str, outcome: str, before: str = "", after: str = "") -> None:
        """Store how it ended: `done`, or the kind of error. Raises nothing: what is done is done.

        *before*: if it became known on the way only. *after*: the digest of what it became.
        """

    def refused(self, who: Principal, name: ActionName, target: str) -> None:
        """Store that somebody was not allowed to. Raises nothing."""


class Actions:
    """Threads share it. *tell*: told of each action, its target and its outcome: Telemetry.acted()."""

    def __init__(self, tell: Tell, access: Access | None = None, trail: Trail | None = None) -> None:
        self._tell, self._access, self._trail = tell, access or Access(), trail

    def carried(self, work: Callable[P, T]) -> Callable[P, T]:
        """Return *work* to be done in another thread by who acts in this one."""
        return self._access.carried(work)

    def require(self, name: ActionName, target: str) -> Principal:
        """Return who acts. Raises AccessDenied, which is put on record: for work that begins now and is performed later."""
        try:
            return self._access.require(name, target)
        except AccessDenied:
            who = self._access.principal()
            if self._trail is not None:
                self._trail.refused(who, name, target)
            self._note(name, target, "refused", who.id)
            raise

    def perform(
        self,
        name: ActionName,
        target: str,
        do: Callable[[], T],
        *,
        before: object = None,
        change: Callable[[T], Change] = lambda _: Change(),
    ) -> T:
        """Return what *do* returns. Logs and tells the outcome: `done`, or the kind of error; raises what *do* raises.

        *target*: the id or the name of what is acted upon, never its content. *before*: what it was, where that is known
        already; *change*: what the result tells of it. Raises AccessDenied when who acts may not, and what the trail
        raises when the intent cannot be put on record; in both cases *do* is not called.
        """
        who = self.require(name, target)
        record = self._trail.begin(who, name, target, digest(before)) if self._trail is not None else ""
        outcome, changed = "broken", Change()
        try:
            result = do()
            outcome = "done"
            changed = change(result)
        except ServiceError as error:
            outcome = type(error).__name__
            raise
        finally:
            if self._trail is not None:
                self._trail.end(record, outcome, digest(changed.before), digest(changed.after))
            self._note(name, target, outcome, who.id)
        return result

    def _note(self, name: str, target: str, outcome: str, who: str) -> None:
        log.info("operator.acted", extra={"action": name, "target": target, "outcome": outcome, "who": who})
        self._tell(name, target, outcome)
