"""From a finished answer to its trace: the contract with every query, so each name and absence is checked."""

import dataclasses
import json
from datetime import UTC, datetime

from services.answers.events import (
    AnswerEvent,
    Asked,
    Began,
    ChildFound,
    Closed,
    PartsMeasured,
    RunFound,
    StageBegan,
    StageEnded,
    StepBegan,
    StepEnded,
    StepFilled,
    TextSet,
    ThreadFound,
    TokensCounted,
)
from services.answers.fold import fold
from services.models import TimeParts
from services.telemetry.context import trace_of
from services.telemetry.records import SpanRecord
from services.telemetry.spans import AnswerReport, argument_hash, events_of, spans_of
from tools.telemetry import argument_hash as hash_of_the_function

ASKED_AT = datetime(2026, 11, 22, 12, 0, 0, 250_000, UTC)
ZERO_NS = round(ASKED_AT.timestamp() * 1e6) * 1000
EVENTS: tuple[AnswerEvent, ...] = (
    Asked(0.0, "ans_1", "What is 6 * 7?", "", ASKED_AT),
    Began(0.1),
    StageBegan(0.1, "creation"),
    StageEnded(0.2, "creation"),
    ThreadFound(0.2, "thread_1"),
    StageBegan(0.25, "execution"),
    RunFound(0.3, "run_1", "asst_1", "orchestrator"),
    StepBegan(0.3, "plan", None, "plan", "orchestrator"),
    StepEnded(1.0, "plan"),
    StepBegan(1.0, "delegate:call_d", None, "delegate", "calculator", '{"query": "6 * 7"}'),
    ChildFound(1.1, "delegate:call_d", "thread_2", "run_2"),
    StepBegan(2.0, "wait:call_f", "delegate:call_d", "wait", "calculate", '{"expression": "6 * 7"}'),
    StepEnded(5.0, "wait:call_f", certainty="exact", took_s=3.0),
    StepBegan(5.0, "function:call_f", "delegate:call_d", "function", "calculate", '{"expression": "6 * 7"}'),
    StepFilled(6.0, "function:call_f", '{"expression": "6 * 7"}', "42"),
    StepEnded(6.0, "function:call_f", "done", "exact", 1.0),
    StepEnded(7.0, "delegate:call_d"),
    StepBegan(7.0, "write", None, "write", "orchestrator"),
    TextSet(7.5, "It is 42."),
    TokensCounted(7.6, 120, 30),
    StageEnded(8.0, "execution"),
    Closed(8.0, "answered", measuring=True),
    PartsMeasured(8.1, TimeParts(4.0, 3.0, 1.0, "exact")),
)


def report(*events: AnswerEvent, **given: object) -> AnswerReport:
    chosen = events or EVENTS
    made = AnswerReport(fold(chosen), chosen, "prod", "gpt-4o", "completed", {"call_f": "c-42"})
    return dataclasses.replace(made, **given)  # type: ignore[arg-type]  # fields of AnswerReport


def by_name(spans: tuple[SpanRecord, ...]) -> dict[str, SpanRecord]:
    return {span.name: span for span in spans}


def test_an_answer_is_one_trace_whose_spans_hang_together() -> None:
    """A span without its parent falls out of the waterfall."""
    spans = spans_of(report())
    named = by_name(spans)
    ids = {span.span_id for span in spans}

    assert [span.name for span in spans] == [
        "answer",
        "invoke_agent orchestrator",
        "chat gpt-4o",
        "invoke_agent calculator",
        "chat gpt-4o",
        "execute_tool calculate",
        "queue_wait azure-function-calculate-input",
    ]
    assert {span.trace_id for span in spans} == {trace_of("ans_1").trace_id} and len(ids) == len(spans)
    assert spans[0].parent_id is None and all(span.parent_id in ids for span in spans[1:])
    assert named["execute_tool calculate"].parent_id == named["invoke_agent calculator"].span_id
    wait = named["queue_wait azure-function-calculate-input"]
    assert wait.parent_id == named["execute_tool calculate"].span_id
    assert named["invoke_agent calculator"].parent_id == named["invoke_agent orchestrator"].span_id


def test_spans_stand_where_things_happened_on_the_wall_clock() -> None:
    """The function's own clock is laid beside them."""
    named = by_name(spans_of(report()))

    def seconds(name: str) -> tuple[float, float]:
        span = named[name]
        return round((span.start_ns - ZERO_NS) / 1e9, 3), round((span.end_ns - ZERO_NS) / 1e9, 3)

    assert seconds("answer") == (0.0, 8.0)
    assert seconds("invoke_agent orchestrator") == (0.25, 8.0)
    assert seconds("execute_tool calculate") == (2.0, 6.0)
    assert seconds("queue_wait azure-function-calculate-input") == (2.0, 5.0)


def test_the_answer_says_what_the_queries_ask() -> None:
    """Every property, and nothing else: a query reads by name."""
    answer = spans_of(report())[0]

    assert answer.kind == "server" and answer.ok
    assert dict(answer.attributes) == {
        "relaydeck.answer.id": "ans_1",
        "relaydeck.environment": "prod",
        "relaydeck.outcome": "answered",
        "relaydeck.problem": "",
        "gen_ai.conversation.id": "thread_1",
        "relaydeck.run.id": "run_1",
        "gen_ai.agent.name": "orchestrator",
        "gen_ai.agent.id": "asst_1",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": "120",
        "gen_ai.usage.output_tokens": "30",
        "relaydeck.first_token_ms": "7500",
        "relaydeck.model_ms": "4000",
        "relaydeck.queue_wait_ms": "3000",
        "relaydeck.function_ms": "1000",
        "relaydeck.certainty": "exact",
        "relaydeck.tools": "calculate",
        "relaydeck.agents": "calculator",
    }


def test_what_is_unknown_is_left_out_and_never_zero() -> None:
    """A chart that averages zeros for what nobody measured lies."""
    asked_only = (EVENTS[0], Began(0.1), Closed(2.0, "failed"))

    spans = spans_of(report(*asked_only, run_state="", correlation_ids={}))

    assert len(spans) == 1 and not spans[0].ok
    assert set(spans[0].attributes) == {
        "relaydeck.answer.id",
        "relaydeck.environment",
        "relaydeck.outcome",
        "relaydeck.problem",
        "gen_ai.request.model",
        "relaydeck.tools",
        "relaydeck.agents",
    }


def test_a_call_whose_end_nobody_saw_is_marked() -> None:
    """Its length is not known; the mark keeps it out of every average."""
    lost = (*EVENTS[:13], EVENTS[13], Closed(8.0, "expired"))

    named = by_name(spans_of(report(*lost)))

    assert named["execute_tool calculate"].attributes["relaydeck.timed"] == "false"
    assert not named["execute_tool calculate"].ok
    assert "relaydeck.timed" not in by_name(spans_of(report()))["execute_tool calculate"].attributes


def test_an_answer_of_unknown_length_is_not_told() -> None:
    """A request needs a duration; zero would be a lie."""
    assert spans_of(report(EVENTS[0], Closed(2.0, "failed", timed=False))) == ()


def test_texts_are_told_only_when_the_operator_wants_it() -> None:
    """Questions may hold anything about anybody."""
    silent, open_ = spans_of(report()), by_name(spans_of(report(record_content=True)))
    values = json.dumps([dict(span.attributes) for span in silent])

    assert "6 * 7" not in values and "It is 42." not in values
    assert "6 * 7" in open_["answer"].attributes["gen_ai.input.messages"]
    assert open_["execute_tool calculate"].attributes["gen_ai.tool.call.result"] == "42"


def test_both_sides_compute_the_same_hash_of_a_call() -> None:
    """It is what joins them when the trace context got lost on the way."""
    arguments = {"b": [1, 2.5, "ä"], "a": {"z": None, "y": True}}
    sent = json.dumps({**arguments, "traceparent": "00-x", "CorrelationId": "7"}, indent=2)

    assert argument_hash(sent) == hash_of_the_function(arguments) and len(argument_hash(sent)) == 16
    assert argument_hash('{"a": 1}') != argument_hash('{"a": 2}')
    assert argument_hash("no json") == "" and argument_hash("[1]") == ""


def test_every_ended_stage_is_an_event_of_the_trace() -> None:
    """Lifecycle charts read these; a stage that still runs has no length."""
    told = events_of(report(*EVENTS[:6], Closed(3.0, "failed")))

    assert [one.attributes["relaydeck.stage"] for one in told] == ["creation"]
    assert told[0].attributes["relaydeck.took_ms"] == "100" and told[0].trace_id == trace_of("ans_1").trace_id
    assert told[0].at_ns == ZERO_NS + 100_000_000
