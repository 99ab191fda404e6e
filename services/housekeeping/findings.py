"""What housekeeping finds, plans and reports: plain and frozen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from services.errors import ServiceError

Kind = Literal[
    "crashed-answer", "old-team", "unlinked-agent", "old-thread", "loose-queue", "expiring-message"
]
Sort = Literal["agent", "thread", "queue", "message"]
Outcome = Literal["deleted", "gone", "refused", "busy", "failed", "skipped"]
KINDS: tuple[Kind, ...] = (
    "crashed-answer",
    "old-team",
    "unlinked-agent",
    "old-thread",
    "loose-queue",
    "expiring-message",
)
NEEDS: dict[Kind, frozenset[str]] = {  # the parts that must have been read for all of a kind to be known
    "crashed-answer": frozenset({"agents", "threads"}),
    "old-team": frozenset({"agents", "threads", "runs"}),
    "unlinked-agent": frozenset({"agents"}),
    "old-thread": frozenset({"threads", "conversations"}),
    "loose-queue": frozenset({"agents", "queues"}),
    "expiring-message": frozenset({"queues"}),
}
UNDONE: frozenset[Outcome] = frozenset({"refused", "busy", "failed", "skipped"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that may be nobody's. *id*: of the agent or thread, or the queue's name.

    *ours*: it carries our tag and our environment. *sweepable*: provably nobody's, and expired: the sweeper takes it by
    itself. *leads*: it is connected to other agents, so it goes before them. *count*: messages, of a queue; None
    for all else. *created_at*: None for a queue, and when not told.
    """

    kind: Kind
    sort: Sort
    id: str
    name: str
    reason: str
    created_at: datetime | None
    environment: str = ""
    ours: bool = False
    sweepable: bool = False
    leads: bool = False
    count: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def deletable(self) -> bool:
        """Whether it may be deleted without anybody naming it."""
        return self.ours and self.sort in ("agent", "thread")


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found, and how far it looked.

    *agents* and *threads*: how many there are in all; *foreign_agents* and *foreign_threads*: those without our tag, or
    of another environment, which are left alone. None: not looked at, or the look failed. *problems*: by part, what could
    not be read; what is missing here then is not known to be tidy. *complete*: False when there were more threads
    than one look reads.
    """

    at: datetime
    findings: tuple[Finding, ...]
    agents: int | None = None
    threads: int | None = None
    foreign_agents: int | None = None
    foreign_threads: int | None = None
    complete: bool = True
    problems: Mapping[str, ServiceError] = field(default_factory=dict)

    def knows_all(self, kind: Kind) -> bool:
        """Whether what is not among the findings of *kind* does not exist."""
        judged = self.complete or kind in ("unlinked-agent", "loose-queue", "expiring-message")
        return judged and not NEEDS[kind] & self.problems.keys()

    def of(self, ids: frozenset[str]) -> tuple[Finding, ...]:
        """Return the findings with these ids that something can be done with; messages are only reported."""
        return tuple(one for one in self.findings if one.id in ids and one.sort != "message")


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one finding. *why*: in words, empty when it was deleted. *waited_s*: for a busy service or thread."""

    finding: Finding
    outcome: Outcome
    why: str = ""
    waited_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Result:
    """*stopped*: why it ended before its end; empty when it did not."""

    rows: tuple[Row, ...]
    took_s: float
    ended_at: datetime
    stopped: str = ""

    @property
    def undone(self) -> tuple[Row, ...]:
        """Return what should have been deleted and was not."""
        return tuple(row for row in self.rows if row.outcome in UNDONE)


def count_words(findings: Sequence[Finding]) -> str:
    """Return `212 threads, 3 agents`; `nothing` for none."""
    parts = []
    for sort in ("thread", "agent", "queue", "message"):
        number = sum(one.sort == sort for one in findings)
        if number:
            parts.append(f"{number:,} {sort}{'' if number == 1 else 's'}")
    return ", ".join(parts) or "nothing"


def outcome_words(rows: Sequence[Row]) -> str:
    """Return `212 deleted, 1 gone already`; `nothing was done` for none."""
    words: dict[Outcome, str] = {
        "deleted": "deleted",
        "gone": "gone already",
        "refused": "refused",
        "busy": "still busy",
        "failed": "failed",
        "skipped": "not tried",
    }
    counts = {outcome: sum(row.outcome == outcome for row in rows) for outcome in words}
    return (
        ", ".join(f"{counts[one]:,} {word}" for one, word in words.items() if counts[one])
        or "nothing was done"
    )
