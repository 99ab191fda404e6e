"""Traces from their parts: spans of telemetry, the answer as the agent service tells it, executions of functions. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import cast, get_args

from services.errors import ServiceError
from services.models import Answer, AnswerState
from services.monitor import live, outsiders, passages, spans
from services.monitor.collapse import collapsed
from services.monitor.outsiders import Link
from services.monitor.results import Result
from services.monitor.shapes import Bar, Trace, in_order
from services.monitor.spans import Span
from services.monitor.verdict import verdict
from services.monitor.waits import with_waits

MOST_ROWS = 2_000  # what trace_spans.kql takes
NO_WORKSPACE = (
    "No Log Analytics workspace is set: this comes from the agent service and the queues alone, and where nobody "
    "watched the queues, queue + function are not separated."
)
NOT_YET = "Telemetry does not hold this run (yet): it arrives minutes after an answer is final."
FOREIGN = (
    "Relaydeck did not follow this run. Its steps have whole seconds; executions of functions were joined from "
    "telemetry, each as surely as it says."
)
_STATES = {"completed": "answered", "incomplete": "failed"}


def of_answer(
    answer: Answer,
    telemetry: Result | None,
    *,
    has_workspace: bool,
    links: Mapping[str, Link] | None = None,
    notes: tuple[str, ...] = (),
) -> Trace:
    """Return the trace of *answer* without spans of its own. *links*: executions that its calls have caused."""
    bars = live.bars_of(answer)
    sources: tuple[str, ...] = ("Agent service", "Storage queues")
    if links and answer.asked_at is not None:
        bars = outsiders.separated(bars, links, answer.asked_at)
        sources, notes = ("Agent service", "Log Analytics"), (FOREIGN, *notes)
    elif not has_workspace:
        notes = (NO_WORKSPACE, *notes)
    elif telemetry is not None and telemetry.is_known and not answer.is_open:
        notes = (NOT_YET, *notes)
    known = {call: one.span for call, one in (links or {}).items()}
    ways = passages.of_answer(answer, bars, known)
    shown, more = collapsed(in_order(bars))
    return Trace(
        answer.run_id,
        answer.thread_id,
        answer.state,
        answer.asked_at,
        answer.took_s,
        in_order(shown),
        ways,
        verdict(
            answer.state,
            answer.took_s,
            bars,
            _problem(answer),
            max((way.dequeue_count or 1 for way in ways), default=1),
        ),
        sources,
        (*notes, *more),
        answer,
        tuple(row for row in (telemetry.rows if telemetry else ())),
        telemetry,
    )


def of_spans(
    run_id: str,
    thread_id: str,
    found: Sequence[Span],
    others: Sequence[Span],
    answer: Answer | None,
    result: Result | None,
    failure: ServiceError | None = None,
    unread: tuple[str, ...] = (),
) -> Trace:
    """Return the trace that *found* tells. *others*: executions of functions around the calls that have none."""
    own = trace_of(found)
    root = _root(found)
    by_id = {span.id: span for span in (*own, *others)}
    bars, notes = spans.bars_of(own, others, root.at)
    bars = in_order(_filled(with_waits(bars, by_id, root.at), own, answer))
    state = _state(root, answer)
    took_s = root.took_s if root.took_s is not None else answer.took_s if answer else None
    ways = passages.of_spans(bars, by_id, answer, state)
    shown, more = collapsed(bars)
    deliveries = max((way.dequeue_count or 1 for way in ways), default=1)
    return Trace(
        run_id,
        thread_id,
        state,
        root.at,
        took_s,
        in_order(shown),
        ways,
        verdict(state, took_s, bars, _problem(answer, root), deliveries),
        ("Log Analytics",) + (("Agent service",) if answer else ()),
        (*notes, *more, *unread, *_notes(found, root, result, failure)),
        answer,
        result.rows if result else (),
        result,
        failure,
    )


def trace_of(found: Sequence[Span]) -> tuple[Span, ...]:
    """Return the spans of the trace that has the answer, where a run appears in several."""
    root = _root(found)
    return tuple(span for span in found if span.operation == root.operation)


def calls_without_function(own: Sequence[Span]) -> tuple[Span, ...]:
    """Return the function calls that no execution in the same trace can be the one of."""
    executed = [span for span in own if span.kind == "function"]
    parents = {span.parent for span in executed}
    calls = [span for span in own if span.is_call and span.id not in parents]
    if not executed:
        return tuple(calls)
    homes = set(spans.homes_of(own).values())
    return tuple(call for call in calls if call.id not in homes)


def _root(found: Sequence[Span]) -> Span:
    return next((span for span in found if span.name == "answer"), found[0])


def _notes(
    found: Sequence[Span], root: Span, result: Result | None, failure: ServiceError | None
) -> tuple[str, ...]:
    told = []
    if failure is not None:
        told.append(f"The conversation could not be read: {failure.message}")
    if len({span.operation for span in found}) > 1:
        told.append("This run appears in several traces; the one with its answer is shown.")
    if result is not None and len(result.rows) >= MOST_ROWS:
        told.append(f"Only the first {MOST_ROWS:,} spans were read; later ones are missing here.")
    if not any(span.name == "answer" for span in found):
        told.append(
            "Relaydeck did not ask this: there is no span of an answer, so times count from the first span."
        )
    if root.is_demo:
        told.append("Demo data: this answer was generated and never asked.")
    return tuple(told)


def _problem(answer: Answer | None, root: Span | None = None) -> str:
    """Return the title of what went wrong, as the service says or else as telemetry does; empty for nothing."""
    if answer is not None and answer.problem is not None:
        return answer.problem.title
    return root.properties.get("relaydeck.problem", "") if root is not None else ""


def _state(root: Span, answer: Answer | None) -> AnswerState:
    if answer is not None:
        return answer.state
    said = root.properties.get("relaydeck.outcome") or root.properties.get("relaydeck.run.status", "")
    said = _STATES.get(said, said)
    if said in get_args(AnswerState):
        return cast("AnswerState", said)
    return "failed" if root.failed else "answered"


def _filled(bars: tuple[Bar, ...], own: tuple[Span, ...], answer: Answer | None) -> tuple[Bar, ...]:
    """Return *bars* with arguments and output, which telemetry leaves out, from the steps of the run."""
    if answer is None:
        return bars
    calls = {span.id: span.properties.get("gen_ai.tool.call.id", "") for span in own}
    steps = {
        step.key.partition(":")[2]: step for step in answer.steps if step.kind in ("function", "delegate")
    }
    return tuple(
        replace(bar, arguments=bar.arguments or step.arguments, output=bar.output or step.output)
        if (step := steps.get(calls.get(bar.key, ""))) is not None
        else bar
        for bar in bars
    )
