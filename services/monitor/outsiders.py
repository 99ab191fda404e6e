"""Runs that nobody followed: their steps, in whole seconds, joined with what the function app told. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.models import Answer, Certainty, Step
from services.monitor.live import NOT_SEPARATED, WHOLE_SECONDS_S, call_id
from services.monitor.shapes import Bar
from services.monitor.spans import HASH, Span, link
from services.monitor.waits import with_waits
from services.telemetry.spans import argument_hash


@dataclass(frozen=True, slots=True)
class Link:
    """An execution of a function that a call has caused, as surely as *certainty* says, for the reason *why*."""

    span: Span
    certainty: Certainty
    why: str


def calls_of(answer: Answer) -> tuple[Span, ...]:
    """Return the function calls of *answer* that nobody saw in the queues, as spans to be linked."""
    if answer.asked_at is None:
        return ()
    seen = {call_id(step) for step in answer.steps if step.kind == "wait" and step.took_s is not None}
    return tuple(
        _as_call(step, answer.asked_at)
        for step in answer.steps
        if step.kind == "function" and call_id(step) not in seen
    )


def links(calls: Sequence[Span], executions: Sequence[Span]) -> dict[str, Link]:
    """Return the execution of each call that has one, by the call's id; no execution belongs to two."""
    found: dict[str, Link] = {}
    free = list(executions)
    for call in calls:
        if (one := link(call, free)) is not None:
            found[call.id] = Link(*one)
            free.remove(one[0])
    return found


def separated(bars: Sequence[Bar], found: Mapping[str, Link], began_at: datetime) -> tuple[Bar, ...]:
    """Return *bars* where each linked call has its queue waits and its function apart, below the call itself."""
    done: list[Bar] = []
    for bar in bars:
        one = found.get(bar.call) if bar.kind == "function" else None
        if one is None:
            if not (bar.kind == "wait" and bar.call in found):
                done.append(bar)
            continue
        done.append(_call_bar(bar))
        done.append(_function_bar(bar, one, began_at))
    return with_waits(done, {link.span.id: link.span for link in found.values()}, began_at)


def _as_call(step: Step, asked_at: datetime) -> Span:
    properties = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": step.name,
        "gen_ai.tool.call.id": call_id(step),
        HASH: argument_hash(step.arguments) if step.arguments else "",
    }
    at = asked_at + timedelta(seconds=step.started_s)
    return Span(
        call_id(step),
        "",
        f"execute_tool {step.name}",
        at,
        step.took_s,
        step.state == "failed",
        "",
        properties,
    )


def _call_bar(bar: Bar) -> Bar:
    name = bar.name.removesuffix(f": {NOT_SEPARATED}").replace("function ", "call of ", 1)
    told = "A step of the run, in whole seconds."
    return replace(
        bar, key=bar.call, kind="run", name=name, certainty="exact", evidence=told, blur_s=WHOLE_SECONDS_S
    )


def _function_bar(bar: Bar, one: Link, began_at: datetime) -> Bar:
    span = one.span
    return Bar(
        span.id,
        bar.call,
        "function",
        f"function {span.name}",
        max(bar.started_s, (span.at - began_at).total_seconds()),
        span.took_s,
        "failed" if span.failed else "done",
        one.certainty,
        f"From the function app's telemetry. {one.why}",
        call=bar.call,
    )
