"""One function call on its way: out of the agent, in the queue, with the function, back. Knows no network."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal, Protocol

from services.agents.backend import Call
from services.answers.events import AnswerEvent, StepBegan, StepEnded, StepFilled
from services.answers.parts import HopTimes, Interval, middle
from services.models import Certainty, StepState
from services.telemetry.context import CARRIED

CORRELATION_ID = "CorrelationId"
PEEK_MOST = 32  # learn.microsoft.com/rest/api/storageservices/peek-messages
MISSES_MEAN_TAKEN = 2  # the step may be told a moment before its message is put
LONGEST_BLUR_S = 1.0  # beyond this, two looks are too far apart to claim a duration between them
LONGEST_GUESS_S = (
    0.25  # up to this, a call whose wait nobody saw is halved: wrong by an eighth of a second at most
)
_SKEW = timedelta(seconds=5)  # this machine's clock against the storage account's
_Phase = Literal["looking", "waiting", "running", "ended", "lost"]
Record = Callable[..., None]


class Peeked(Protocol):
    """What is read of a message in a queue."""

    @property
    def id(self) -> str:
        """Return the message's id in its queue."""

    @property
    def inserted_at(self) -> datetime | None:
        """Return when it was put there, UTC in whole seconds; None: not told."""

    @property
    def body(self) -> Mapping[str, object] | None:
        """Return its JSON object; None when it holds none."""


def match(message: Peeked, call: Call, run_id: str, since: datetime) -> Certainty | None:
    """Return how surely *message* is the one that *call* of run *run_id* sent; None: it is another's.

    exact: its CorrelationId names the call or the run. strong: the same arguments, put after *since*.
    guess: unreadable, but put after *since*.
    """
    recent = message.inserted_at is None or message.inserted_at >= since - _SKEW
    body = message.body
    if body is None:
        return "guess" if recent else None
    if body.get(CORRELATION_ID) in (call.id, run_id):
        return "exact"
    nested = body.get("function_args")
    told = nested if isinstance(nested, dict) else body
    sent = {name: value for name, value in told.items() if name not in {CORRELATION_ID, *CARRIED}}
    return "strong" if recent and sent == _as_object(call.arguments) else None


def _as_object(arguments: str) -> object:
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return None


@dataclass(eq=False)
class Hop:
    """Follows one call from the looks that others take. All times: seconds since the question.

    Each instant is put in the middle of the two looks between which it fell (parts.middle).
    """

    call: Call
    run_id: str
    parent: str | None
    record: Record
    began_s: float
    phase: _Phase = "looking"
    certainty: Certainty = "guess"
    message_id: str = ""
    peekable: bool = True
    _peeked: bool = False
    _misses: int = 0
    _first_miss_s: float = 0.0
    _last_seen_s: float = 0.0
    _last_gone_s: float = 0.0
    _phase_s: float = 0.0
    _delivery: int = 1
    _blurred: bool = False
    _waits: list[Interval] = field(default_factory=list)
    _runs: list[Interval] = field(default_factory=list)
    _unsplit: list[Interval] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._phase_s = self.began_s
        self.record(self._step("wait"))

    def _key(self, kind: Literal["wait", "function"]) -> str:
        suffix = f":{self._delivery}" if self._delivery > 1 else ""
        return f"{kind}:{self.call.id}{suffix}"

    def _step(self, kind: Literal["wait", "function"]) -> AnswerEvent:
        return StepBegan(
            self._phase_s, self._key(kind), self.parent, kind, self.call.name, self.call.arguments
        )

    # What a look into the queue showed -------------------------------------------------------------

    def seen(self, certainty: Certainty, message_id: str, sent_s: float, replied_s: float) -> bool:
        """Take note that the message lies in the queue; return whether that is news."""
        news = self.phase != "waiting"
        self._peeked = True
        if self.phase == "looking":
            self.certainty = certainty
        elif self.phase == "running":
            self._come_back(replied_s)
        self.message_id = message_id
        self.phase, self._last_seen_s = "waiting", sent_s
        return news

    def missing(self, sent_s: float, replied_s: float) -> bool:
        """Take note that the message does not lie in the queue; return whether that is news."""
        self._peeked = True
        self._last_gone_s = sent_s
        if self.phase == "waiting":
            self._take_up(middle(self._last_seen_s, replied_s))
            return True
        if self.phase == "looking":
            self._misses += 1
            self._first_miss_s = self._first_miss_s or replied_s
            if self._misses >= MISSES_MEAN_TAKEN:
                self._take_up(middle(self._phase_s, self._first_miss_s))
                return True
        return False

    def _take_up(self, at_s: float) -> None:
        self._waits.append(Interval(self._phase_s, at_s))
        self.record(
            StepEnded(
                at_s, self._key("wait"), certainty=self.certainty, took_s=max(0.0, at_s - self._phase_s)
            )
        )
        self.phase, self._phase_s = "running", at_s
        self.record(self._step("function"))

    def _come_back(self, replied_s: float) -> None:
        """The function gave the message back: that delivery failed and the wait starts over."""
        at_s = middle(self._last_gone_s, replied_s)
        self._runs.append(Interval(self._phase_s, at_s))
        self.record(StepEnded(at_s, self._key("function"), "failed", self.certainty))
        self._delivery += 1
        self._phase_s = at_s
        self.record(self._step("wait"))

    # What a look at the run showed -------------------------------------------------------------------

    def answered(self, call: Call, earliest_s: float, latest_s: float, *, failed: bool) -> None:
        """Take note that the reply was read, at some time between the two."""
        if self.is_over:
            return
        self.call = call
        low_s = max(earliest_s, self._phase_s, self._last_seen_s if self.phase == "waiting" else 0.0)
        blurred = latest_s - low_s > LONGEST_BLUR_S
        at_s = self._pick_up_missed(low_s, latest_s) if self.phase != "running" else middle(low_s, latest_s)
        took_s = max(0.0, at_s - self._phase_s)
        split = self.phase == "running"
        (self._runs if split else self._unsplit).append(Interval(self._phase_s, at_s))
        self._blurred = blurred
        state: StepState = "failed" if failed else "done"
        key = self._key("function")
        self.record(
            StepFilled(at_s, key, call.arguments, call.output),
            StepEnded(at_s, key, state, self.certainty, took_s, timed=split and not blurred),
        )
        self.phase = "ended"

    @property
    def is_over(self) -> bool:
        return self.phase in ("ended", "lost")

    def lose(self) -> None:
        """Take note that the run was stopped before a reply came: how long the call would have taken nobody knows."""
        if not self.is_over:
            self.phase = "lost"

    def _pick_up_missed(self, low_s: float, latest_s: float) -> float:
        """Return when the reply was read; the pick-up before it was not seen either.

        Instants that fell between the same two looks are spread evenly over them.
        """
        third_s = max(0.0, latest_s - low_s) / 3
        if self.phase == "looking" and self._peeked:
            self._take_up(middle(self._phase_s, min(self._first_miss_s, max(latest_s, self._phase_s))))
            return middle(max(low_s, self._phase_s), latest_s)
        if self.phase == "waiting" or latest_s - self._phase_s <= LONGEST_GUESS_S:
            self._take_up(low_s + third_s)
            return low_s + 2 * third_s
        at_s = middle(low_s, latest_s)
        self.record(StepEnded(at_s, self._key("wait"), timed=False), self._step("function"))
        return at_s

    def times(self) -> HopTimes:
        """Return what is known so far. A call still out is not known."""
        return HopTimes(
            tuple(self._waits),
            tuple(self._runs),
            tuple(self._unsplit),
            self.certainty,
            known=self.phase == "ended" and not self._blurred,
        )
