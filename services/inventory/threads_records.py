"""What the index keeps of a thread and of its runs: little enough for tens of thousands of them."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from services.agents.backend import TERMINAL, Page, Run, RunStep, Thread, ThreadMessage
from services.answers.record import OPID, TITLE, is_ours

QUESTION_CHARACTERS: Final = 160
STATES_WORST_FIRST: Final = (
    "failed",
    "expired",
    "incomplete",
    "cancelled",
    "cancelling",
    "requires_action",
    "in_progress",
    "queued",
    "completed",
)
_RANKS: Final = {state: rank for rank, state in enumerate(STATES_WORST_FIRST)}
UNKNOWN_RANK: Final = 2.5  # a state that is not known here may be bad


@dataclass(frozen=True, slots=True)
class ChildLink:
    """The thread and the run of a connected agent. *run_id*: empty when not told. *agent*: the name it was called by."""

    thread_id: str
    run_id: str
    agent: str


@dataclass(frozen=True, slots=True)
class RunInfo:
    """*ended_at*: None while it is open, or not told. *tokens*: None when the run does not tell.

    *children*: None while its steps have not been read.
    """

    id: str
    agent_id: str
    state: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    expires_at: datetime | None
    tokens: int | None
    delegates: bool
    children: tuple[ChildLink, ...] | None

    @property
    def is_open(self) -> bool:
        """Return whether it had not ended when it was read."""
        return self.state not in TERMINAL


@dataclass(frozen=True, slots=True)
class ThreadInfo:
    """*question*: the first one, shortened; empty: it holds none; None: not read yet. *turns*: how often something was
    asked, None: not read yet. *runs*: newest first, the latest 100, None: not read yet. *more*: there are more runs, or
    more messages, than are counted. *tokens*: of the runs that tell; None when none does. *worst*: the worst state of its
    runs, empty without any. *active_s*: when something last happened in it, in seconds since 1970. *problem*: why it could not be read when it was tried last.
    """

    id: str
    created_at: datetime
    ours: bool
    question: str | None = None
    turns: int | None = None
    runs: tuple[RunInfo, ...] | None = None
    more: bool = False
    tokens: int | None = None
    worst: str = ""
    active_s: float = 0.0
    open_runs: int = 0
    read_at: datetime | None = None
    problem: str = ""

    @property
    def is_open(self) -> bool:
        """Return whether one of its runs had not ended when it was read."""
        return self.open_runs > 0

    @property
    def active_at(self) -> datetime:
        """When something last happened in it, as far as is known."""
        return datetime.fromtimestamp(self.active_s, UTC)

    @property
    def agent_ids(self) -> tuple[str, ...]:
        """The agents that its runs belong to, the latest first."""
        return tuple(dict.fromkeys(run.agent_id for run in self.runs or () if run.agent_id))

    @property
    def children(self) -> tuple[ChildLink, ...]:
        """The threads of connected agents that its runs have begun, as far as their steps were read."""
        return tuple(link for run in self.runs or () for link in run.children or ())


def rank(state: str) -> float:
    """Return how bad a run's state is; 0 is the worst."""
    return _RANKS.get(state, UNKNOWN_RANK) if state else float(len(_RANKS))


def worst_of(states: Iterable[str]) -> str:
    return min(states, key=rank, default="")


def from_listing(thread: Thread, marks: Mapping[str, str]) -> ThreadInfo:
    """Return what a list of threads tells of one."""
    title = thread.metadata.get(TITLE, "")
    return ThreadInfo(
        thread.id,
        thread.created_at,
        is_ours(thread.metadata, marks),
        shortened(title) if title else None,
        active_s=thread.created_at.timestamp(),
    )


def with_runs(known: ThreadInfo, page: Page[Run], now: datetime) -> tuple[ThreadInfo, bool]:
    """Return *known* with its runs, and whether its messages must be read to know first question and turns."""
    links = {run.id: run.children for run in known.runs or ()}
    runs = tuple(_run(run, links.get(run.id)) for run in page.found)
    counts = [run.tokens for run in runs if run.tokens is not None]
    opids = [run.metadata.get(OPID, "") for run in page.found]
    told = bool(runs) and all(opids) and not page.after  # each of our runs brings one question
    ends = [moment for run in runs for moment in (run.ended_at, run.started_at, run.created_at) if moment]
    newest = runs[0].id if runs else ""
    is_new = known.runs is None or newest != (known.runs[0].id if known.runs else "")
    found = replace(
        known,
        runs=runs,
        turns=len(set(opids)) if told else known.turns,
        more=bool(page.after),
        tokens=sum(counts) if counts else None,
        worst=worst_of(run.state for run in runs),
        active_s=max([known.active_s, *(end.timestamp() for end in ends)]),
        open_runs=sum(run.is_open for run in runs),
        read_at=now,
        problem="",
    )
    unread = found.question is None or found.turns is None
    return found, unread or (not told and (is_new or not runs))


def with_messages(known: ThreadInfo, page: Page[ThreadMessage]) -> ThreadInfo:
    """Return *known* with its first question and its turns. *page*: the first messages."""
    asked = [message for message in page.found if message.role == "user"]
    first = shortened(asked[0].text) if asked else ""
    last_s = max((message.created_at.timestamp() for message in page.found), default=0.0)
    return replace(
        known,
        question=known.question or first,
        turns=len(asked),
        more=known.more or bool(page.after),
        active_s=max(last_s, known.active_s),
    )


def with_steps(known: ThreadInfo, run_id: str, steps: Sequence[RunStep]) -> ThreadInfo:
    """Return *known*; its run *run_id* has the threads that its connected agents worked in."""
    links = tuple(
        ChildLink(call.child_thread_id, call.child_run_id, sys.intern(call.name[:80]))
        for step in steps
        for call in step.calls
        if call.kind == "connected_agent" and call.child_thread_id
    )
    runs = tuple(replace(run, children=links) if run.id == run_id else run for run in known.runs or ())
    return replace(known, runs=runs)


def unread_steps(thread: ThreadInfo) -> list[RunInfo]:
    """Return the ended runs that may have begun child threads and whose steps have not been read."""
    return [run for run in thread.runs or () if run.delegates and not run.is_open and run.children is None]


def shortened(text: str) -> str:
    flat = " ".join(text[: QUESTION_CHARACTERS * 4].split())
    return flat if len(flat) <= QUESTION_CHARACTERS else flat[: QUESTION_CHARACTERS - 1].rstrip() + "…"


def _run(run: Run, children: tuple[ChildLink, ...] | None) -> RunInfo:
    return RunInfo(
        run.id,
        sys.intern(run.agent_id),
        sys.intern(run.state),
        run.created_at,
        run.started_at,
        run.ended_at,
        run.expires_at,
        run.usage.prompt + run.usage.completion if run.usage else None,
        run.delegates,
        children,
    )
