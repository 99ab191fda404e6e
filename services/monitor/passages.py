"""Each function call's way through its queues: from the spans of a trace, or from the steps of a run. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from services.models import Answer, AnswerState, FunctionTool, Step
from services.monitor.hops import hops
from services.monitor.live import call_id
from services.monitor.shapes import Bar, Passage
from services.monitor.spans import CORRELATION, INVOCATION, Span
from services.monitor.waits import moment
from services.telemetry.context import CARRIED

MOST = 50
NOT_SEEN = "No execution of the function was found for this call."
_QUEUE, _MESSAGE, _DELIVERIES = (
    "messaging.destination.name",
    "messaging.message.id",
    "relaydeck.dequeue_count",
)


def of_spans(
    bars: Sequence[Bar], spans: Mapping[str, Span], answer: Answer | None, state: AnswerState
) -> tuple[Passage, ...]:
    """Return one passage for each of the first calls of *bars*. *spans*: by their ids, functions included."""
    steps = {call_id(step): step for step in answer.steps if step.kind == "function"} if answer else {}
    calls = sorted((bar for bar in bars if bar.call and bar.key == bar.call), key=lambda bar: bar.started_s)
    return tuple(_of_call(bar, bars, spans, steps, state) for bar in calls[:MOST])


def _of_call(
    call: Bar, bars: Sequence[Bar], spans: Mapping[str, Span], steps: Mapping[str, Step], state: AnswerState
) -> Passage:
    own = sorted((bar for bar in bars if bar.call == call.call), key=lambda bar: bar.started_s)
    span = spans[call.key]
    ran = [(bar, spans[bar.key]) for bar in own if bar.kind == "function" and bar.key in spans]
    waited = [spans[bar.key] for bar in own if bar.kind == "wait" and bar.key in spans]
    told = _Lookup((*(one for _, one in reversed(ran)), *waited, span))
    step = steps.get(span.properties.get("gen_ai.tool.call.id", ""))
    deliveries = told(_DELIVERIES)
    last = ran[-1] if ran else None
    found = Passage(
        call.call,
        span.tool,
        span.properties.get("gen_ai.tool.call.id", ""),
        told(_QUEUE) or input_queue(span.tool),
        output_queue(span.tool),
        call.arguments or (step.arguments if step else ""),
        call.output or (step.output if step else ""),
        told(CORRELATION),
        told(_MESSAGE),
        moment(told("relaydeck.inserted_at")),
        int(deliveries) if deliveries.isdecimal() else None,
        tuple(one.properties[INVOCATION] for _, one in ran if one.properties.get(INVOCATION)),
        last[1].at if last else None,
        last[1].properties.get("relaydeck.outcome", "") if last else "",
        last[0].certainty if last else None,
        last[0].evidence if last else NOT_SEEN,
    )
    return replace(found, hops=hops(state, own, bars, found))


class _Lookup:
    """Answers with the first value that any of the spans has for a name, else an empty text."""

    def __init__(self, spans: tuple[Span, ...]) -> None:
        self._spans = spans

    def __call__(self, name: str) -> str:
        return next((found for span in self._spans if (found := span.properties.get(name))), "")


def of_answer(
    answer: Answer, bars: Sequence[Bar], known: Mapping[str, Span] | None = None
) -> tuple[Passage, ...]:
    """Return one passage for each of the first function calls of *answer*. *known*: executions, by call."""
    first: dict[str, Step] = {}
    for step in answer.steps:
        if step.kind in ("wait", "function"):
            kept = first.get(call_id(step))
            if kept is None or (step.kind == "function" and step.output):
                first[call_id(step)] = step
    return tuple(
        _of_step(name, step, answer, bars, (known or {}).get(name))
        for name, step in list(first.items())[:MOST]
    )


def _of_step(name: str, step: Step, answer: Answer, bars: Sequence[Bar], ran: Span | None) -> Passage:
    own = [bar for bar in bars if bar.call == name]
    found = Passage(
        name,
        step.name,
        name,
        input_queue(step.name),
        output_queue(step.name),
        step.arguments,
        step.output,
        certainty=step.certainty,
        evidence=next((bar.evidence for bar in own if bar.kind == "function"), NOT_SEEN),
    )
    if ran is not None:
        told = _Lookup((ran,))
        deliveries = told(_DELIVERIES)
        found = replace(
            found,
            input_queue=told(_QUEUE) or found.input_queue,
            correlation_id=told(CORRELATION),
            message_id=told(_MESSAGE),
            inserted_at=moment(told("relaydeck.inserted_at")),
            dequeue_count=int(deliveries) if deliveries.isdecimal() else None,
            invocations=(told(INVOCATION),),
            executed_at=ran.at,
            outcome=told("relaydeck.outcome"),
            certainty=next((bar.certainty for bar in own if bar.kind == "function"), None),
        )
    return replace(found, hops=hops(answer.state, own, bars, found))


def input_queue(tool: str) -> str:
    return FunctionTool(tool, "", {}, "", "", "").input_queue if tool else ""


def output_queue(tool: str) -> str:
    return FunctionTool(tool, "", {}, "", "", "").output_queue if tool else ""


def window(passages: Sequence[Passage]) -> tuple[datetime, datetime] | None:
    """Return from when to when the functions of *passages* ran, a margin included; None when nobody knows."""
    known = [one.executed_at for one in passages if one.executed_at is not None]
    margin = timedelta(hours=1)
    return (min(known) - margin, max(known) + margin) if known else None


def same_call(body: Mapping[str, object] | None, passage: Passage) -> bool:
    """Return whether a message's *body* names this call, or carries its arguments."""
    if body is None:
        return False
    told = body.get("CorrelationId")
    if told and told in (passage.correlation_id, passage.call_id):
        return True
    if passage.correlation_id and told:
        return False
    nested = body.get("function_args")
    sent = nested if isinstance(nested, dict) else body
    plain = {name: value for name, value in sent.items() if name not in {"CorrelationId", *CARRIED}}
    try:
        wanted = json.loads(passage.arguments or "null")
    except (ValueError, RecursionError):
        return False
    return bool(plain) and plain == wanted
