"""Turns of a conversation: what the calls of ordered tools carry, so that the function app can keep their order.

A queue gives no order and a model cannot be trusted to count, but it copies what it is told. So the number is known
before the run begins: runs of a thread come one after another, and each bears its turn in its metadata.
docs/decisions/007-ordered-tools.md
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.agents.backend import TERMINAL, AgentBackend, Run
from services.errors import Conflict
from services.models import FunctionTool
from services.telemetry.context import TURN, passing_on

MARK = "relaydeck_turn"  # on the run
DESCRIPTION = (
    "The place of this call in the conversation; copy it unchanged from where the conversation gives it."
)
LOOK_AT_RUNS, LOOK_FURTHER = (
    20,
    100,
)  # the last one says it all, unless others have used the conversation since
_TURN = re.compile(r"([1-9][0-9]{0,8}):(0|[1-9][0-9]{0,8})")


@dataclass(frozen=True, slots=True)
class Turn:
    """*number*: of the run within its thread. *after*: the last run before it that ended while a call of an ordered
    tool was open, so that the call may still be carried out; 0: none."""

    thread_id: str
    number: int
    after: int = 0

    @property
    def value(self) -> str:
        """Return what a call carries."""
        return f"{self.thread_id}:{self.number}:{self.after}"

    @property
    def mark(self) -> str:
        """Return what the run bears as metadata."""
        return f"{self.number}:{self.after}"


def ordered_agents(catalogue: Sequence[FunctionTool]) -> frozenset[str]:
    """Return the connected agents that carry an ordered tool; empty: no question needs a turn."""
    return frozenset(tool.agent for tool in catalogue if tool.ordered)


def next_turn(backend: AgentBackend, thread_id: str, agents: frozenset[str], fresh: bool = False) -> Turn:
    """Return the turn of the run that is about to begin in *thread_id*.

    *agents*: of ordered_agents. *fresh*: the thread was made for this question; that sends nothing. Else one request,
    and one more when the run before did not complete. Raises Conflict while another run is at work, for it may leave a
    call open, and what list_runs and list_steps raise.
    """
    known = [] if fresh else _known(backend, thread_id)
    if not known:
        return Turn(thread_id, 1)
    last, before = known[0]
    if last.state not in TERMINAL:
        raise Conflict(
            f"Another run ({last.id}) is at work in the conversation.",
            operation="find the turn",
            resource=thread_id,
            hint="It is tried again once that run has ended.",
        )
    number = max(found.number for _, found in known) + 1
    if last.state == "completed" or not _left_open(backend, last, agents):
        return Turn(thread_id, number, before.after)
    return Turn(thread_id, number, before.number)


def instructions_for(turn: Turn) -> str:
    """Return what a run is told, so that the calls of ordered tools carry *turn*."""
    return passing_on(TURN, turn.value)


def with_turn(schema: Mapping[str, object]) -> dict[str, object]:
    """Return the JSON schema of an ordered tool's parameters with the turn in it, required."""
    properties, required = schema.get("properties"), schema.get("required")
    known = dict(properties) if isinstance(properties, Mapping) else {}
    needed = [str(name) for name in required] if isinstance(required, Sequence) else []
    declared = {"type": "string", "description": DESCRIPTION}
    return {**schema, "properties": {**known, TURN: declared}, "required": [*needed, TURN]}


def one_at_a_time(tool: FunctionTool) -> str:
    """Return what the agent of an ordered tool is told beside its instructions."""
    return (
        f" Call {tool.name} once at a time: wait for what it returns before you call it again, "
        "and keep the order in which you were asked."
    )


def _known(backend: AgentBackend, thread_id: str) -> list[tuple[Run, Turn]]:
    """Return the latest runs that bear a turn, newest first; empty when there are none among LOOK_FURTHER."""
    for limit in (LOOK_AT_RUNS, LOOK_FURTHER):
        runs = backend.list_runs(thread_id, limit)
        known = [(run, found) for run in runs if (found := _turn_of(run)) is not None]
        if known or len(runs) < limit:
            return known
    return []


def _turn_of(run: Run) -> Turn | None:
    found = _TURN.fullmatch(run.metadata.get(MARK, ""))
    return Turn(run.thread_id, int(found[1]), int(found[2])) if found else None


def _left_open(backend: AgentBackend, run: Run, agents: frozenset[str]) -> bool:
    """Return whether *run*, which did not complete, asked one of *agents* and did not hear from it."""
    calls = [call for step in backend.list_steps(run.thread_id, run.id) for call in step.calls]
    return any(call.name in agents and call.output is None for call in calls)
