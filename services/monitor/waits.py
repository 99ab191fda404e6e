"""Queue waits that no span tells, from the spans around them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from services.monitor.shapes import Bar, weaker
from services.monitor.spans import INPUT_WAIT, INSERTED, OUTPUT_WAIT, SKEW_S, Span

SHORTEST_S = 0.001  # below a span's own resolution there is nothing to draw


def with_waits(bars: Sequence[Bar], spans: Mapping[str, Span], began_at: datetime) -> tuple[Bar, ...]:
    """Return *bars* and, for each call whose function was found, the waits before and after it that are missing.

    *spans*: by their ids. Input: from the message's insertion, in whole seconds, or from the call. Output: from the
    end of the function to the end of the call, which ends when its reply is read.
    """
    by_call: dict[str, list[Bar]] = {}
    for bar in bars:
        if bar.call:
            by_call.setdefault(bar.call, []).append(bar)
    timed = {bar.key: bar for own in by_call.values() for bar in (*_retimed(own), *_ended(own))}
    bars = [timed.get(bar.key, bar) for bar in bars]
    by_call = {name: [timed.get(bar.key, bar) for bar in own] for name, own in by_call.items()}
    added = [
        wait
        for own in by_call.values()
        for wait in (_before(own, spans, began_at), _after(own))
        if wait is not None
    ]
    return (*bars, *added)


def _retimed(own: Sequence[Bar]) -> list[Bar]:
    """Return the waits that end better when their function's own span begins than when a look found them gone."""
    waits = sorted((bar for bar in own if bar.name == INPUT_WAIT), key=lambda bar: bar.started_s)
    found = []
    for wait, ran in zip(waits, _functions(own), strict=False):
        call = _call(own)
        late = wait.started_s > ran.started_s and call is not None  # seen only when it was over
        at_s = call.started_s if late and call is not None else wait.started_s
        took_s = ran.started_s - at_s
        if ran.certainty != "exact" or took_s < 0:
            continue
        told = "From the call, or its message's first sight, to the beginning of the function's own span."
        sure = "strong" if wait.certainty == "guess" else wait.certainty
        found.append(replace(wait, started_s=at_s, took_s=took_s, certainty=sure, evidence=told))
    return found


def _ended(own: Sequence[Bar]) -> list[Bar]:
    """Return a call that nobody saw end, as long as its function is known to have kept it."""
    call, functions = _call(own), _functions(own)
    if call is None or call.took_s is not None or not functions or functions[-1].took_s is None:
        return []
    took_s = functions[-1].started_s + functions[-1].took_s - call.started_s
    if took_s < 0:
        return []
    told = "At least until its function ended; nobody saw its reply being read."
    return [replace(call, took_s=took_s, certainty=weaker(call.certainty, "strong"), evidence=told)]


def _before(own: Sequence[Bar], spans: Mapping[str, Span], began_at: datetime) -> Bar | None:
    call, functions = _call(own), _functions(own)
    if call is None or not functions or any(bar.name == INPUT_WAIT for bar in own):
        return None
    first = functions[0]
    span = spans.get(first.key)
    inserted = moment(span.properties.get(INSERTED, "")) if span is not None else None
    at_s = call.started_s
    told = "From the call to the beginning of the function; when the message was put in is not known."
    if inserted is not None:
        inserted_s = (inserted - began_at).total_seconds()
        told = f"Inserted at {inserted:%H:%M:%S} UTC, whole seconds; taken when the function began."
        if call.started_s - SKEW_S <= inserted_s <= first.started_s:
            at_s = max(at_s, inserted_s)
    took_s = first.started_s - at_s
    if took_s < SHORTEST_S:
        return None
    sure = weaker(first.certainty, "strong")
    return Bar(
        f"wait-in:{call.key}", call.key, "wait", INPUT_WAIT, at_s, took_s, "done", sure, told, call=call.call
    )


def _after(own: Sequence[Bar]) -> Bar | None:
    call, functions = _call(own), _functions(own)
    if call is None or call.took_s is None or not functions or any(bar.name == OUTPUT_WAIT for bar in own):
        return None
    last = functions[-1]
    if last.took_s is None or last.state == "failed":
        return None
    at_s = last.started_s + last.took_s
    took_s = call.started_s + call.took_s - at_s
    if took_s < SHORTEST_S:
        return None
    told = "From the end of the function to the reading of its reply."
    sure = weaker(last.certainty, "strong")
    return Bar(
        f"wait-out:{call.key}",
        call.key,
        "wait",
        OUTPUT_WAIT,
        at_s,
        took_s,
        "done",
        sure,
        told,
        call=call.call,
    )


def moment(text: str) -> datetime | None:
    """Return the time that *text* tells with its zone; None when it tells none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def _call(own: Sequence[Bar]) -> Bar | None:
    return next((bar for bar in own if bar.key == bar.call), None)


def _functions(own: Sequence[Bar]) -> list[Bar]:
    return sorted((bar for bar in own if bar.kind == "function"), key=lambda bar: bar.started_s)
