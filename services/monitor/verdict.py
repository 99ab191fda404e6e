"""What a trace means, in a sentence and in six lights. Pure."""

from collections.abc import Sequence

from services.answers.narration import seconds
from services.models import Answer, AnswerState, Certainty
from services.monitor.live import NOT_SEPARATED
from services.monitor.shapes import Bar, Hop, HopName, HopState, weaker

COLD_WAIT_S = 3.0  # a warm function app polls at least this often
WORTH_SAYING = 0.15
OUTPUT = "output queue"
_WORDS: dict[AnswerState, str] = {
    "answered": "Answered in",
    "failed": "Failed after",
    "cancelled": "Stopped after",
    "expired": "Given up after",
}


def verdict(
    state: AnswerState, took_s: float | None, bars: Sequence[Bar], answer: Answer | None, deliveries: int = 1
) -> str:
    """Return one sentence: how it ended, where most of the time went, and what that hints at."""
    if state not in _WORDS:
        active = next((bar.name for bar in reversed(bars) if bar.state == "active" and bar.parent), "")
        return f"Still on its way{f': {active}' if active else ''}"
    length = f"{_WORDS[state]} {seconds(took_s)}" if took_s is not None else _WORDS[state].split()[0]
    said = [length]
    if answer is not None and answer.problem is not None:
        said.append(answer.problem.title.rstrip("."))
    said += _shares(took_s, bars)
    if deliveries > 1:
        said.append(f"the message was delivered {deliveries} times")
    return "; ".join(said)


def _shares(took_s: float | None, bars: Sequence[Bar]) -> list[str]:
    calls = [bar for bar in bars if bar.kind in ("wait", "function")]
    if not calls:
        return ["no function was called"] if bars else []
    if any(NOT_SEPARATED in bar.name for bar in calls):
        return ["queue wait and function are not told apart"]
    if not took_s:
        return []
    wait_s, out_s, ran_s = (
        _total_s([bar for bar in calls if bar.kind == "wait" and OUTPUT not in bar.name]),
        _total_s([bar for bar in calls if OUTPUT in bar.name]),
        _total_s([bar for bar in calls if bar.kind == "function"]),
    )
    parts = [
        (wait_s, "waiting in the input queue"),
        (out_s, "waiting in the output queue"),
        (ran_s, "in the function"),
    ]
    found = [(value, words) for value, words in parts if value is not None]
    if not found:
        return []
    value, words = max(found)
    share = min(1.0, value / took_s)
    said = [f"{share:.0%} {words}".replace("%", " %")] if share >= WORTH_SAYING else []
    if not said and wait_s is not None and ran_s is not None:
        said = ["most of it in the model"]
    if wait_s is not None and wait_s >= COLD_WAIT_S and wait_s == value:
        said.append("cold start likely")
    return said


def _total_s(bars: Sequence[Bar]) -> float | None:
    """Return the time that *bars* cover together; None when one of them is not known, or there is none."""
    if not bars or any(bar.took_s is None for bar in bars):
        return None
    total_s = until_s = 0.0
    for bar in sorted(bars, key=lambda bar: bar.started_s):
        end_s = bar.started_s + (bar.took_s or 0.0)
        total_s += max(0.0, end_s - max(bar.started_s, until_s if total_s else bar.started_s))
        until_s = max(until_s, end_s)
    return total_s


def hops(state: AnswerState, bars: Sequence[Bar]) -> tuple[Hop, ...]:
    """Return the six hops of the last function call; none when no function was called."""
    wait, ran = _last(bars, "wait", output=False), _last(bars, "function")
    entered = wait or ran
    if entered is None:
        return ()
    open_run = state in ("queued", "working")
    sure = weaker(entered.certainty, ran.certainty) if ran else entered.certainty
    enqueued = Hop("Enqueued", "done", f"{_at(entered.started_s)}. {entered.evidence}", sure)
    if ran is None:
        taking: HopState = "active" if open_run and entered.state == "active" else _unseen(open_run)
        told = "The message waits in the input queue." if taking == "active" else _UNSEEN[taking]
        rest: tuple[HopName, ...] = ("Executed", "Output written", "Output read", "Run advanced")
        return (enqueued, Hop("Picked up", taking, told), *(_not_seen(name, open_run) for name in rest))
    if NOT_SEPARATED in ran.name:
        taken = Hop("Picked up", "unknown", "Nobody saw it: wait and function are not told apart.")
    else:
        taken = Hop("Picked up", "done", f"{_at(ran.started_s)}. {ran.evidence}", sure)
    return (enqueued, taken, _executed(ran, sure), *_afterwards(ran, state, bars, sure))


def _executed(ran: Bar, sure: Certainty) -> Hop:
    match ran.state:
        case "active":
            return Hop("Executed", "active", "The function has the message.", sure)
        case "failed":
            return Hop("Executed", "failed", ran.evidence, sure)
        case "cancelled":
            return Hop("Executed", "unknown", "The run was stopped before a reply came.")
    told = f"Took {seconds(ran.took_s)}." if ran.took_s is not None else ran.evidence
    return Hop("Executed", "done", told, sure)


def _afterwards(ran: Bar, state: AnswerState, bars: Sequence[Bar], sure: Certainty) -> tuple[Hop, ...]:
    open_run = state in ("queued", "working")
    if ran.state != "done":
        names: tuple[HopName, ...] = ("Output written", "Output read", "Run advanced")
        return tuple(_not_seen(name, open_run) for name in names)
    reply = _last(bars, "wait", output=True)
    end = "Time not known." if ran.took_s is None else f"{_at(ran.started_s + ran.took_s)}."
    read = end
    if reply is not None and reply.took_s is not None:
        read = f"{_at(reply.started_s + reply.took_s)}."
    advanced = state == "answered" or any(
        bar.started_s > ran.started_s for bar in bars if bar.kind == "model"
    )
    return (
        Hop("Output written", "done", end if reply else f"{end} Seen when it was read.", sure),
        Hop("Output read", "done", read, sure),
        Hop("Run advanced", "done", "The run went on with what came back.", sure)
        if advanced
        else _not_seen("Run advanced", open_run),
    )


_UNSEEN: dict[HopState, str] = {"ahead": "Not yet.", "unknown": "It was not seen before the run ended."}


def _unseen(open_run: bool) -> HopState:
    return "ahead" if open_run else "unknown"


def _not_seen(name: HopName, open_run: bool) -> Hop:
    state = _unseen(open_run)
    return Hop(name, state, _UNSEEN[state])


def _last(bars: Sequence[Bar], kind: str, *, output: bool | None = None) -> Bar | None:
    found = [bar for bar in bars if bar.kind == kind and (output is None or (OUTPUT in bar.name) is output)]
    return max(found, key=lambda bar: bar.started_s, default=None)


def _at(moment_s: float) -> str:
    return f"{seconds(max(0.0, moment_s))} after the question"
