"""What the poison desk shows, and what becomes of what it does: plain, frozen, in the operator's words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from services.errors import ServiceError
from services.models import Certainty
from services.monitor.owners import Owner
from services.poison.contract import Contract, Verdict
from services.poison.reading import Reading

CauseKind = Literal["encoding", "form", "exception", "contract", "unknown"]
Awaited = Literal["yes", "no", "unknown"]
HowKnown = Literal["catalogue", "agent", "name", "chosen"]
ActionWord = Literal["replayed", "deleted", "purged"]
OutcomeState = Literal["done", "gone", "kept", "unsure", "left", "untried"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed execution of the function. *exception*: what was raised, empty when nobody told. *message_id*: of the
    message in the input queue: the copy in the poison queue has another. *deliveries*: None when not known."""

    ended_at: datetime
    invocation: str
    message_id: str
    deliveries: int | None
    exception: str
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why a message was given up on, the first of several being the likeliest. *words* may quote others.
    *certainty*: None when it is no more than that nothing else is known."""

    kind: CauseKind
    words: str
    certainty: Certainty | None = None


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a message belongs. *how*: how that is known; it is never guessed."""

    queue: str
    how: HowKnown


@dataclass(frozen=True, slots=True)
class PoisonMessage:
    """A message that was given up on. *awaited*: whether the run it belongs to is open. *run_state*: the service's word
    for it, empty when not known. *verdict*: None when no contract is known, or there is nothing to judge."""

    id: str
    inserted_at: datetime | None
    expires_at: datetime | None
    dequeue_count: int
    reading: Reading
    causes: tuple[Cause, ...]
    verdict: Verdict | None = None
    failure: Failure | None = None
    owner: Owner | None = None
    awaited: Awaited = "unknown"
    run_state: str = ""

    @property
    def size_bytes(self) -> int:
        """Return its size as it is stored, in bytes."""
        return len(self.reading.content.encode())

    @property
    def comes_back(self) -> bool:
        """Whether replaying it unchanged is bound to bring it back: the function cannot read it."""
        return self.causes[0].kind in ("encoding", "form")


@dataclass(frozen=True, slots=True)
class Look:
    """What lies in a poison queue. *about*: the queue's own count, approximate, with messages that are hidden.

    *whole*: whether all of it was gone through, not only the first 32. *destination*: None when a person must choose.
    *problems*: places that could not be read; what they would have told is missing.
    """

    queue: str
    messages: tuple[PoisonMessage, ...]
    about: int
    whole: bool
    read_at: datetime
    destination: Destination | None = None
    contract: Contract | None = None
    problems: tuple[ServiceError, ...] = ()
    notes: tuple[str, ...] = ()

    def find(self, message_id: str) -> PoisonMessage | None:
        """Return the message of that id; None: it is not among those that were read."""
        return next((one for one in self.messages if one.id == message_id), None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message.

    done: replayed (sent on and removed), or deleted. gone: it was not there any more. kept: nothing was done, it is where
    it was. unsure: it may have been sent, and is where it was. left: it was sent and is still there as well.
    untried: the batch had ended before it, and it is where it was.
    """

    id: str
    state: OutcomeState
    words: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """*problem*: what ended the batch before its end; None when nothing did. *more*: about how many lie there still, None when nobody counted; after
    a purge how many did."""

    action: ActionWord
    queue: str
    outcomes: tuple[Outcome, ...] = ()
    destination: str = ""
    problem: ServiceError | None = None
    more: int | None = None
    notes: tuple[str, ...] = field(default=())

    def count(self, *states: OutcomeState) -> int:
        """Return how many messages ended in one of *states*."""
        return sum(one.state in states for one in self.outcomes)

    @property
    def is_whole(self) -> bool:
        """Return whether everything was done."""
        return self.problem is None and all(one.state == "done" for one in self.outcomes)

    @property
    def words(self) -> str:
        """Return what became of all, in one or two sentences of ours."""
        if self.action == "purged":
            return f"About {_counted(self.more or 0)} purged."
        target = f" to {self.destination}" if self.destination else ""
        said = [f"{_counted(self.count('done'))} {self.action}{target}."]
        said += [f"{_counted(count)} {words}" for states, words in _REST if (count := self.count(*states))]
        if self.more:
            said.append(f"About {self.more:,} still lie there.")
        return " ".join([*said, *self.notes])


_REST: Sequence[tuple[tuple[OutcomeState, ...], str]] = (
    (("gone",), "no longer there: expired, taken care of by somebody else, or held by them now."),
    (("left",), "sent, but still in the poison queue too: removing failed."),
    (("unsure",), "perhaps sent, and kept: no answer came."),
    (("kept",), "kept in place: refused."),
    (("untried",), "not tried."),
)


def _counted(count: int) -> str:
    return f"{count:,} message" + ("" if count == 1 else "s")
