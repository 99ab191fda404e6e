"""The place of a call in its conversation: what an ordered tool is told, and what follows from it. Pure.

A call of an ordered tool carries `conversation_turn`, copied by the agents from what their run was told:
`<conversation>:<number>:<after>`. *number* counts the runs of the conversation. *after* is the number of the last
run before it that ended without an answer to a call of such a tool; that call may still be under way. 0: none.

A State is what is known of one conversation. Each function here takes it, changes it, and says what to do.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from tools.envelope import TURN, Question, ToolError

RUN_LIVES_S = 600.0  # an agent's run waits no longer for an answer, so a call is held no longer
SEEN_FOR_S = 20.0  # a call that is held, or failed and comes again, is seen at least so often
KEPT_VALUES = 4  # answers of the latest calls
KEPT_CALLS = 50  # of the same turn: more than a run can make
KEPT_VALUE_CHARACTERS = 1000
_TURN = re.compile(r"([A-Za-z0-9_-]{1,128}):([1-9][0-9]{0,8}):(0|[1-9][0-9]{0,8})")

Verdict = Literal["run", "hold", "repeat", "late", "overdue"]


@dataclass(frozen=True, slots=True)
class Turn:
    conversation: str
    number: int
    after: int


@dataclass(frozen=True, slots=True)
class Call:
    """One delivery. *id*: the same for every copy of the call. *message*, *delivery*: of this copy."""

    turn: Turn
    id: str
    message: str
    delivery: int


@dataclass(slots=True)
class Done:
    """A call that is settled. *value*: what was answered; None when it is too long to keep."""

    number: int
    call: str
    value: str | None


@dataclass(slots=True)
class Running:
    """The call that is being worked on. Until *until_s* nobody else of the conversation begins."""

    number: int
    call: str
    message: str
    delivery: int
    until_s: float


@dataclass(slots=True)
class Held:
    """A call that was met and could not run yet. *since_s*: when first. *seen_s*: when last."""

    since_s: float
    seen_s: float


@dataclass(slots=True)
class State:
    """*settled*: no call of this number or a lower one is waited for any more. Times: seconds since 1970."""

    settled: int = 0
    ran: int = 0  # the highest number that was begun
    at_s: float = 0.0
    running: Running | None = None
    held: dict[int, Held] = field(default_factory=dict)
    done: list[Done] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Decision:
    """*value*: of a repeat, None when it was not kept. *retry_s*: of a hold. *lost*: the turn that was given up, 0: none."""

    verdict: Verdict
    value: str | None = None
    retry_s: int = 0
    lost: int = 0


def read(question: Question) -> Turn:
    """Return the turn of *question*. Raises ToolError, in words for the model, when it has none."""
    found = _TURN.fullmatch(question.turn)
    if found is None or int(found[3]) >= int(found[2]):
        problem = "is not readable" if question.turn else "is missing"
        raise ToolError(
            f"The parameter {TURN} {problem}. Call the function again with the {TURN} that you were given, unchanged."
        )
    return Turn(found[1], int(found[2]), int(found[3]))


def decide(
    state: State, call: Call, now_s: float, wait_s: float, claim_s: float, backlog: Callable[[float], bool]
) -> Decision:
    """Return what to do with *call*; "run" has claimed the conversation for *claim_s* seconds.

    *wait_s*: how long a call that never came is waited for. *backlog*: whether the input queue shows a message that was
    put into it before a time; asked only before a call is given up: it may lie in there unseen.
    """
    turn = call.turn
    if (done := next((one for one in state.done if one.call == call.id), None)) is not None:
        return Decision("repeat", done.value)
    if _is_busy(state, call, now_s):
        return _hold(state, call, now_s)
    if turn.number < state.ran:
        state.held.pop(turn.number, None)
        return Decision("late")
    if _has_elders(state, turn.number, now_s):
        return _hold(state, call, now_s)
    lost = 0
    if turn.after > state.settled:
        waiting = state.held.get(turn.number)
        if waiting is None or now_s - waiting.since_s < wait_s or backlog(now_s - SEEN_FOR_S):
            return _hold(state, call, now_s)
        lost = turn.after
        state.settled = lost
    state.running = Running(turn.number, call.id, call.message, call.delivery, now_s + claim_s)
    state.ran, state.at_s = max(state.ran, turn.number), now_s
    state.held.pop(turn.number, None)
    return Decision("run", lost=lost)


def finish(state: State, call: Call, value: str, now_s: float) -> None:
    """Note that *call* was answered with *value*: its turn is settled, and the next may begin."""
    kept = value if len(value) <= KEPT_VALUE_CHARACTERS else None
    if not any(one.call == call.id for one in state.done):
        state.done = _kept([*state.done, Done(call.turn.number, call.id, kept)], state.ran)
    state.settled = max(state.settled, call.turn.number)
    state.held.pop(call.turn.number, None)
    state.at_s = now_s
    _let_go(state, call)


def fail(state: State, call: Call, now_s: float, comes_again_s: float) -> None:
    """Note that *call* failed and is delivered again within *comes_again_s*: later turns go on waiting for it."""
    _let_go(state, call)
    held = state.held.get(call.turn.number) or Held(now_s, now_s)
    state.held[call.turn.number] = Held(held.since_s, now_s + comes_again_s)
    state.at_s = now_s


def _is_busy(state: State, call: Call, now_s: float) -> bool:
    """The same message delivered again is its own successor: whoever had it before has lost it. Asked twice about one
    delivery, because the first answer was lost, the claim is still its own."""
    running = state.running
    if running is None or now_s >= running.until_s:
        return False
    again = running.message == call.message and call.delivery >= running.delivery
    return not (again and running.call == call.id)


def _has_elders(state: State, number: int, now_s: float) -> bool:
    """Calls of lower numbers that were met and will come again go first, however long that takes."""
    return any(one < number and now_s - held.seen_s < SEEN_FOR_S for one, held in state.held.items())


def _hold(state: State, call: Call, now_s: float) -> Decision:
    number = call.turn.number
    held = state.held.setdefault(number, Held(now_s, now_s))
    if now_s - held.since_s >= RUN_LIVES_S:
        del state.held[number]
        return Decision("overdue")
    held.seen_s, state.at_s = max(held.seen_s, now_s), now_s
    waited_s = now_s - held.since_s
    return Decision("hold", retry_s=1 if waited_s < 10 else 2 if waited_s < 60 else 5)


def _kept(done: list[Done], ran: int) -> list[Done]:
    """A copy of an older turn is late anyway. One of the same turn is known by its id, though its answer may be gone."""
    older = [replace(one, value=None) for one in done[:-KEPT_VALUES] if one.number >= ran]
    return [*older, *done[-KEPT_VALUES:]][-KEPT_CALLS:]


def _let_go(state: State, call: Call) -> None:
    running = state.running
    if running is not None and (running.message, running.delivery) == (call.message, call.delivery):
        state.running = None
