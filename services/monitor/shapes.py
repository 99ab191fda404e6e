"""A trace as it is shown: bars in seconds since the question, hops, a verdict, and where each came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.errors import ServiceError
from services.models import Answer, AnswerState, Certainty
from services.monitor.results import Result, Row
from services.telemetry.records import DEMO

BarKind = Literal["run", "model", "wait", "function"]
BarState = Literal["done", "active", "failed", "cancelled"]
HopState = Literal["done", "active", "failed", "unknown", "ahead"]
HopName = Literal["Enqueued", "Picked up", "Executed", "Output written", "Output read", "Run advanced"]
CERTAINTIES: tuple[Certainty, ...] = ("exact", "strong", "guess")


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of time. *parent*: key of the enclosing bar, None at the top. *took_s*: None while it lasts, and
    when nobody measured it. *certainty* and *evidence*: how surely it belongs where it is drawn, and why. *call*: what
    the bars of one function call share; empty for all others. *blur_s*: how far its ends may be off, 0.0 when measured.
    """

    key: str
    parent: str | None
    kind: BarKind
    name: str
    started_s: float
    took_s: float | None
    state: BarState = "done"
    certainty: Certainty = "exact"
    evidence: str = ""
    arguments: str = ""
    output: str = ""
    call: str = ""
    blur_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Hop:
    """One of the six instants on the way through the queues. *certainty*: None when it has not been seen.

    *inserted_at*: of the message, where this hop is its insertion and the time is known; whole seconds.
    """

    name: HopName
    state: HopState
    evidence: str
    certainty: Certainty | None = None
    inserted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """The way of one function call through its queues, as far as anybody saw it. Empty and None: not known.

    *call*: as on its bars. *inserted_at*: whole seconds, as the storage account tells. *dequeue_count*: of the last
    delivery. *invocations*: of the function, one per delivery, oldest first. *outcome*: what the function said of it.
    *certainty*: how surely message and execution belong to this call; None when neither was seen.
    """

    call: str
    tool: str
    call_id: str = ""
    input_queue: str = ""
    output_queue: str = ""
    arguments: str = ""
    output: str = ""
    correlation_id: str = ""
    message_id: str = ""
    inserted_at: datetime | None = None
    dequeue_count: int | None = None
    invocations: tuple[str, ...] = ()
    executed_at: datetime | None = None
    outcome: str = ""
    certainty: Certainty | None = None
    evidence: str = ""
    hops: tuple[Hop, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """*answer*: what the agent service tells, None when it no longer knows the run. *rows*: what telemetry tells.

    *notes*: what a reader must know to trust it. *failure*: why the agent service told nothing, None when it did. *telemetry*: how the workspace answered, None when none is set.
    *bars*: parents before children. *passages*: one per function call, in the order of the calls. *took_s*: None while open and when not known.
    """

    run_id: str
    thread_id: str
    state: AnswerState
    began_at: datetime | None
    took_s: float | None
    bars: tuple[Bar, ...]
    passages: tuple[Passage, ...]
    verdict: str
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()
    answer: Answer | None = None
    rows: tuple[Row, ...] = ()
    telemetry: Result | None = None
    failure: ServiceError | None = None

    @property
    def is_open(self) -> bool:
        """Return whether there is more to come from the agent service."""
        return self.answer is not None and self.answer.is_open

    @property
    def is_demo(self) -> bool:
        """Whether the answer was made up to have something to show: there is no conversation to open."""
        return any(
            bag.get(DEMO) == "true" for row in self.rows if isinstance(bag := row["Properties"], Mapping)
        )

    @property
    def is_awaited(self) -> bool:
        """Whether telemetry may still tell more: the run is over, its spans have not arrived."""
        return self.telemetry is not None and not self.is_open and not self.rows


def weaker(one: Certainty, other: Certainty) -> Certainty:
    """Return the less certain of the two: a chain is as sure as its weakest link."""
    return max(one, other, key=CERTAINTIES.index)


def in_order(bars: tuple[Bar, ...]) -> tuple[Bar, ...]:
    """Return *bars* as a tree is read: each parent, then its children by time. A bar whose parent is missing, or
    that is its own ancestor, stands at the top."""
    keys = {bar.key for bar in bars}
    children: dict[str | None, list[Bar]] = {}
    for bar in sorted(bars, key=lambda bar: (bar.started_s, -(bar.took_s or 0.0))):
        children.setdefault(bar.parent if bar.parent in keys else None, []).append(bar)
    found: dict[str, Bar] = {}
    waiting = list(reversed(children.get(None, [])))
    while waiting:
        bar = waiting.pop()
        if bar.key not in found:
            found[bar.key] = bar
            waiting += reversed(children.get(bar.key, []))
    lost = [bar for bar in bars if bar.key not in found]
    return (*found.values(), *lost)


def depth_of(bar: Bar, bars: tuple[Bar, ...]) -> int:
    """Return how many of *bars* lie around *bar*; 0 at the top."""
    by_key = {one.key: one for one in bars}
    depth, seen = 0, {bar.key}
    while (parent := by_key.get(bar.parent or "")) is not None and parent.key not in seen:
        seen.add(parent.key)
        depth, bar = depth + 1, parent
    return depth
