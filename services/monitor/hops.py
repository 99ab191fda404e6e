"""The six hops of one function call, each with what proves it. Pure."""

from collections.abc import Sequence

from services.answers.narration import seconds
from services.models import AnswerState
from services.monitor.live import NOT_SEPARATED
from services.monitor.shapes import Bar, Hop, HopName, HopState, Passage, weaker
from services.monitor.spans import OUTPUT_WAIT

_UNSEEN: dict[HopState, str] = {"ahead": "Not yet.", "unknown": "It was not seen before the run ended."}
_LATER: tuple[HopName, ...] = ("Executed", "Output written", "Output read", "Run advanced")


def hops(
    state: AnswerState, own: Sequence[Bar], bars: Sequence[Bar], passage: Passage | None = None
) -> tuple[Hop, ...]:
    """Return the six hops of the call whose bars are *own*; none when nothing of it is known. *bars*: all of the run.

    With several deliveries of its message, those of the last one.
    """
    wait, ran, call = _last(own, "wait", output=False), _last(own, "function"), _last(own, "run")
    entered = wait or ran or call
    if entered is None:
        return ()
    open_run = state in ("queued", "working")
    inserted_at = passage.inserted_at if passage is not None else None
    enqueued = Hop("Enqueued", "done", _enqueued(entered, passage), entered.certainty, inserted_at)
    if ran is None:
        return (enqueued, *_not_taken(entered, wait, open_run=open_run, is_answered=_has_ended(call)))
    sure = weaker(entered.certainty, ran.certainty) if entered is wait else ran.certainty
    if NOT_SEPARATED in ran.name:
        taken = Hop("Picked up", "unknown", "Nobody saw it: wait and function are not told apart.")
    else:
        taken = Hop("Picked up", "done", _picked_up(ran, passage), sure)
    return (enqueued, taken, _executed(ran, passage), *_afterwards(ran, own, state, bars))


def _enqueued(entered: Bar, passage: Passage | None) -> str:
    told = [f"{_at(entered.started_s)}."]
    if passage is not None and passage.message_id:
        told.append(f"Message {passage.message_id}.")
    return " ".join(told if len(told) > 1 else [*told, entered.evidence])


def _picked_up(ran: Bar, passage: Passage | None) -> str:
    if passage is None or passage.dequeue_count is None:
        return f"{_at(ran.started_s)}. {ran.evidence}"
    times = "first delivery" if passage.dequeue_count == 1 else f"delivery {passage.dequeue_count}"
    return f"{_at(ran.started_s)}, {times}. {ran.evidence}"


def _not_taken(entered: Bar, wait: Bar | None, *, open_run: bool, is_answered: bool) -> tuple[Hop, ...]:
    if open_run and entered.state == "active":
        taken = Hop("Picked up", "active", "The message waits in the input queue.")
    elif wait is not None and wait.took_s is not None and wait.state == "done":
        taken = Hop(
            "Picked up", "done", f"{_at(wait.started_s + wait.took_s)}. {wait.evidence}", wait.certainty
        )
    else:
        taken = _not_seen("Picked up", open_run)
    rest = [_not_seen(name, open_run) for name in _LATER]
    if is_answered and entered.took_s is not None and entered.state == "done":
        told = "The call came back, so it ran; its own telemetry was not found."
        rest[0] = Hop("Executed", "unknown", told)
    return (taken, *rest)


def _has_ended(call: Bar | None) -> bool:
    return call is not None and call.took_s is not None and call.state == "done"


def _executed(ran: Bar, passage: Passage | None) -> Hop:
    match ran.state:
        case "active":
            return Hop("Executed", "active", "The function has the message.", ran.certainty)
        case "cancelled":
            return Hop("Executed", "unknown", "The run was stopped before a reply came.")
    told = [f"Took {seconds(ran.took_s)}." if ran.took_s is not None else ran.evidence]
    if passage is not None and passage.outcome:
        told.append(f"Outcome: {passage.outcome}.")
    if passage is not None and passage.invocations:
        told.append(f"Invocation {passage.invocations[-1]}.")
    return Hop("Executed", "failed" if ran.state == "failed" else "done", " ".join(told), ran.certainty)


def _afterwards(ran: Bar, own: Sequence[Bar], state: AnswerState, bars: Sequence[Bar]) -> tuple[Hop, ...]:
    open_run = state in ("queued", "working")
    if ran.state != "done":
        return tuple(_not_seen(name, open_run) for name in _LATER[1:])
    reply = _last(own, "wait", output=True)
    end = "Time not known." if ran.took_s is None else f"{_at(ran.started_s + ran.took_s)}."
    read, sure = end, ran.certainty
    if reply is not None and reply.took_s is not None:
        read = f"{_at(reply.started_s + reply.took_s)}, {seconds(reply.took_s)} after it was written."
        sure = weaker(ran.certainty, reply.certainty)
    after = next((bar for bar in bars if bar.kind == "model" and bar.started_s >= ran.started_s), None)
    went_on = Hop("Run advanced", "done", "The run went on with what came back.", "exact")
    if after is not None and after.started_s > ran.started_s:
        went_on = Hop("Run advanced", "done", f"The model went on {_at(after.started_s)}.", after.certainty)
    return (
        Hop("Output written", "done", end if reply else f"{end} Seen when it was read.", ran.certainty),
        Hop("Output read", "done", read, sure),
        went_on if state == "answered" or after is not None else _not_seen("Run advanced", open_run),
    )


def _not_seen(name: HopName, open_run: bool) -> Hop:
    state: HopState = "ahead" if open_run else "unknown"
    return Hop(name, state, _UNSEEN[state])


def _last(own: Sequence[Bar], kind: str, *, output: bool | None = None) -> Bar | None:
    found = [
        bar for bar in own if bar.kind == kind and (output is None or (bar.name == OUTPUT_WAIT) is output)
    ]
    return max(found, key=lambda bar: bar.started_s, default=None)


def _at(moment_s: float) -> str:
    return f"{seconds(max(0.0, moment_s))} after the question"
