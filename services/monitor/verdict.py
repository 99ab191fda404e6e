"""What a trace means, in a sentence. Pure."""

from collections.abc import Sequence

from services.answers.narration import seconds
from services.models import AnswerState
from services.monitor.live import NOT_SEPARATED
from services.monitor.shapes import Bar
from services.monitor.spans import OUTPUT_WAIT

COLD_WAIT_S = 3.0  # a warm function app polls at least this often
UNSERVED_S = 30.0  # longer than a cold start takes: the app was down, or had too much to do
WORTH_SAYING = 0.15
_WORDS: dict[AnswerState, str] = {
    "answered": "Answered in",
    "failed": "Failed after",
    "cancelled": "Stopped after",
    "expired": "Given up after",
}


def verdict(
    state: AnswerState, took_s: float | None, bars: Sequence[Bar], problem: str = "", deliveries: int = 1
) -> str:
    """Return one sentence: how it ended and why, where most of the time went, and what that hints at.

    *problem*: the title of what went wrong; empty for nothing, or when it is not known.
    """
    if state not in _WORDS:
        active = next((bar.name for bar in reversed(bars) if bar.state == "active" and bar.parent), "")
        return f"Still on its way{f': {active}' if active else ''}"
    length = f"{_WORDS[state]} {seconds(took_s)}" if took_s is not None else _WORDS[state].split()[0]
    said = [length]
    if problem:
        said.append(problem.rstrip("."))
    said += _shares(took_s, bars)
    if deliveries > 1:
        said.append(f"the message was delivered {deliveries} times")
    return "; ".join(said)


def _shares(took_s: float | None, bars: Sequence[Bar]) -> list[str]:
    calls = [bar for bar in bars if bar.kind in ("wait", "function")]
    if not calls:
        if any(bar.call for bar in bars):
            return ["a function was called, and nobody saw its message"]
        return ["no function was called"] if bars else []
    if any(NOT_SEPARATED in bar.name for bar in calls):
        return ["queue wait and function are not separated"]
    if not took_s:
        return []
    wait_s, out_s, ran_s = (
        _total_s([bar for bar in calls if bar.kind == "wait" and bar.name != OUTPUT_WAIT]),
        _total_s([bar for bar in calls if bar.name == OUTPUT_WAIT]),
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
        said = ["most of it with the agents and their model"]
    if wait_s is not None and wait_s >= COLD_WAIT_S and wait_s == value:
        said.append("cold start likely" if wait_s < UNSERVED_S else "no function took it for so long")
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
