"""Links of a trace that are not in it: waits without a span, runs of other programs, and far too many spans."""

import json
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from services.models import Answer, PeekedMessage, QueueDepth, Step
from services.monitor import flow, outsiders, stitch
from services.monitor.collapse import collapsed
from services.monitor.owners import owners
from services.monitor.results import Result, Row
from services.monitor.shapes import Bar, Trace, in_order
from services.monitor.spans import spans_of
from services.telemetry.spans import argument_hash
from tests.unit.test_trace import CALL, START, execution, row, story
from ui.charts import sequence, waterfall

ARGUMENTS = '{"city": "Paris"}'


def told(rows: list[Row], others: tuple[Row, ...] = (), answer: Answer | None = None) -> Trace:
    result = Result("trace_spans", "ok", tuple(rows), START)
    return stitch.of_spans("run_1", "thread_1", spans_of(rows), spans_of(others), answer, result)


def waits(trace: Trace) -> list[tuple[str, float, str]]:
    return [(bar.name, round(bar.took_s or -1, 1), bar.certainty) for bar in trace.bars if bar.kind == "wait"]


def unwatched() -> list[Row]:
    """A call whose queues nobody looked into; only the function itself told of it."""
    kept = [one for one in story() if one["Id"] not in ("w", "r", "f")]
    inserted = (START + timedelta(seconds=2)).isoformat()
    return [*kept, execution(9.1, parent="t", relaydeck__inserted_at=inserted)]


# Waits ------------------------------------------------------------------------------------------------


def test_a_wait_that_nobody_saw_is_told_from_the_functions_own_span() -> None:
    """The queue wait is what this page is for: one lost look must not hide it."""
    trace = told(unwatched())

    assert waits(trace) == [("input queue: wait", 7.1, "strong"), ("output queue: wait", 1.2, "strong")]
    assert "50 % waiting in the input queue" in trace.verdict


def test_a_wait_that_was_guessed_ends_where_the_function_began() -> None:
    rows = story()
    rows[4] = row(
        "queue_wait in",
        2.1,
        3,
        {"relaydeck.hop": "queue_wait_in", "relaydeck.certainty": "guess"},
        span="w",
        parent="t",
    )
    assert waits(told(rows))[0] == ("input queue: wait", 7.0, "strong")


def test_a_wait_that_was_seen_only_after_it_was_over_begins_with_its_call() -> None:
    rows = story()
    late = {"relaydeck.hop": "queue_wait_in", "relaydeck.certainty": "guess"}
    rows[4] = row("queue_wait in", 9.3, 0.1, late, span="w", parent="t")
    trace = told(rows)

    assert waits(trace)[0] == ("input queue: wait", 7.1, "strong")
    assert [bar.kind for bar in trace.bars if bar.call and bar.key != bar.call] == [
        "wait",
        "function",
        "wait",
    ]


def test_a_call_that_nobody_saw_end_lasts_as_long_as_its_function() -> None:
    rows = [one for one in story() if one["Id"] != "r"]
    rows[3] = row("execute_tool foo", 2, 12, {**CALL, "relaydeck.timed": "false"}, span="t", parent="m")
    call = next(bar for bar in told(rows).bars if bar.key == "t")

    assert (round(call.took_s or 0, 1), call.certainty) == (7.8, "strong")


def test_each_call_has_its_own_hops_with_their_evidence() -> None:
    rows = [one for one in story() if one["Id"] != "f"]
    named = {"messaging.message.id": "m-1", "relaydeck.dequeue_count": "2", "relaydeck.outcome": "answered"}
    second = row("execute_tool foo", 12, 1, {**CALL, "gen_ai.tool.call.id": "c2"}, span="t2", parent="m")
    ran = row("foo", 9.1, 0.7, {"relaydeck.invocation.id": "i9", **named}, span="f", parent="t")
    first, last = told([*rows, ran, second]).passages

    assert (first.message_id, first.dequeue_count, first.invocations) == ("m-1", 2, ("i9",))
    evidence = {hop.name: hop.evidence for hop in first.hops}
    assert "Message m-1" in evidence["Enqueued"] and "delivery 2" in evidence["Picked up"]
    assert "Outcome: answered. Invocation i9" in evidence["Executed"]
    assert [hop.state for hop in last.hops] == ["done", *["unknown"] * 5]


def test_a_message_that_was_delivered_again_keeps_all_its_executions() -> None:
    correlation = {"relaydeck.correlation_id": "k-1"}
    rows = [one for one in story() if one["Id"] != "f"]
    rows[3] = row("execute_tool foo", 2, 9, {**CALL, **correlation}, span="t", parent="m")
    tries = [
        row(
            "foo",
            at_s,
            0.2,
            {"relaydeck.invocation.id": f"i{n}", "relaydeck.dequeue_count": str(n), **correlation},
            span=f"f{n}",
            parent="a",
        )
        for n, at_s in ((1, 3.0), (2, 6.0), (3, 9.0))
    ]
    trace = told([*rows, *tries])

    assert trace.passages[0].invocations == ("i1", "i2", "i3")
    assert trace.verdict.endswith("the message was delivered 3 times")


# Bad telemetry ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("minutes", [-5, 5], ids=["behind", "ahead"])
def test_a_clock_that_is_minutes_off_moves_nothing_out_of_its_call(minutes: int) -> None:
    """A function that seems to end before it was called would make every wait nonsense."""
    rows = [one for one in unwatched() if one["Id"] != "f"]
    trace = told([*rows, execution(9.1 + 60 * minutes, parent="t")])
    (function,) = [bar for bar in trace.bars if bar.kind == "function"]

    assert 2 <= function.started_s <= 11 and function.certainty == "strong"
    assert all((bar.took_s or 0) >= 0 for bar in trace.bars)
    assert any("clock differs by about" in note for note in trace.notes)


def test_rows_without_ids_parents_or_properties_are_still_shown() -> None:
    rows = [{**one, "Id": "", "ParentId": None, "Properties": None} for one in story()]
    trace = told([*rows, {**story()[0], "TimeGenerated": None}])

    assert len(trace.bars) == 1  # nothing but the name tells what a span is, and one name does
    assert trace.state == "answered"


def test_two_thousand_spans_are_collapsed_by_agent_within_a_second() -> None:
    """Bars that nobody can tell apart help nobody, and a page that hangs helps less."""
    agent = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "busy"}
    rows = [row("invoke_agent busy", 0, 100, agent, span="agent")]
    for n in range(650):
        hashed = {**CALL, "gen_ai.tool.call.id": f"c{n}", "relaydeck.argument_hash": f"h{n}"}
        rows.append(row("execute_tool foo", n / 10, 0.1, hashed, span=f"t{n}", parent="agent"))
        rows.append(
            row("chat x", n / 10, 0.1, {"gen_ai.operation.name": "chat"}, span=f"m{n}", parent="agent")
        )
        rows.append(execution(n / 10, 0.05, span=f"f{n}", parent="agent", relaydeck__argument_hash=f"h{n}"))
    began_s = time.monotonic()
    trace = told(rows)

    assert time.monotonic() - began_s < 5
    assert {bar.name for bar in trace.bars} >= {"busy (run)", "650 model turns", "650 function executions"}
    assert len(trace.bars) <= 5
    assert len(trace.passages) == 50


def test_many_agents_of_one_name_become_one() -> None:
    bars = tuple(Bar(f"a{n}", None, "run", "same (run)", n, 1.0) for n in range(600))
    shown, notes = collapsed(in_order(bars))
    assert [bar.name for bar in shown] == ["same (run) × 600"]
    assert "600 spans" in notes[0]


# Runs of other programs -------------------------------------------------------------------------------


def foreign(*steps: Step) -> Answer:
    return Answer(
        "ans_x", "q", "answered", steps=steps, took_s=12.0, run_id="run_x", thread_id="t", asked_at=START
    )


def whole_second_call(call: str = "c1", at_s: float = 2.0) -> Step:
    return Step(f"function:{call}", None, "function", "foo", "done", at_s, 9.0, ARGUMENTS, "sunny")


@pytest.mark.parametrize(
    ("more", "certainty"),
    [
        ({"relaydeck__correlation_id": "c1"}, "exact"),
        ({"relaydeck__argument_hash": argument_hash(ARGUMENTS)}, "strong"),
        ({}, "guess"),
        ({"relaydeck__argument_hash": "of other arguments"}, None),
    ],
    ids=["correlation", "arguments", "time", "another's"],
)
def test_a_run_that_nobody_followed_is_joined_with_the_functions_telemetry(
    more: dict[str, str], certainty: str | None
) -> None:
    answer = foreign(whole_second_call())
    ran = spans_of([execution(9.1, 0.7, **more)])
    links = outsiders.links(outsiders.calls_of(answer), ran)
    trace = stitch.of_answer(answer, None, has_workspace=True, links=links)
    functions = [bar for bar in trace.bars if bar.kind == "function"]

    if certainty is None:
        assert "queue + function, not separated" in functions[0].name
        assert functions[0].blur_s == 1.0
        return
    assert [bar.certainty for bar in functions] == [certainty]
    assert [name for name, _, _ in waits(trace)] == ["input queue: wait", "output queue: wait"]
    assert "did not follow this run" in trace.notes[0]
    assert trace.passages[0].invocations == ("i1",)


def test_one_execution_never_serves_two_calls() -> None:
    answer = foreign(whole_second_call("c1"), whole_second_call("c2"))
    ran = spans_of([execution(9.1, relaydeck__argument_hash=argument_hash(ARGUMENTS))])
    assert len(outsiders.links(outsiders.calls_of(answer), ran)) == 1


def test_without_a_workspace_queue_and_function_are_said_to_be_one() -> None:
    trace = stitch.of_answer(foreign(whole_second_call()), None, has_workspace=False)
    assert "queue + function are not separated" in trace.notes[0]
    assert trace.verdict.endswith("queue wait and function are not separated")


# The chart and the diagram ----------------------------------------------------------------------------


def test_what_is_uncertain_looks_uncertain() -> None:
    bars = tuple(Bar(c, None, "wait", c, 0, 1, certainty=c, blur_s=1.0) for c in ("exact", "strong", "guess"))
    figure = waterfall.figure(bars, 1.0, "dark")
    drawn = next(one for one in figure.data if one.text is not None)

    assert list(drawn.marker.opacity) == [1.0, 0.55, 0.55]
    assert list(drawn.marker.pattern.shape) == ["", "", "/"]
    assert drawn.error_x.array is not None
    assert list(figure.data[-1].x) == [
        2.0,
        2.0,
        2.0,
    ]  # behind the bar of one second and its whisker of another
    assert [waterfall.label(bar, bars)[-1] for bar in bars] == ["t", "≈", "?"]


def test_hostile_names_cannot_write_into_the_diagram() -> None:
    """A tool may be called anything; Mermaid would take a line break, a semicolon or a word of its own for a command."""
    name = 'x"; end\nNote over P: <script>alert(1)</script> %%{init: {}}%% #quot; 🙂'
    found = sequence.name_of(name)
    plain = re.sub(r"#\d+;", "", found)

    assert "\n" not in found and not set(plain) & set('";<>%{}:#()/')
    assert re.search(r"\bend\b", found) is None
    text, _ = sequence.diagram(told(unwatched()))
    assert text.startswith("sequenceDiagram") and "T0Q->>T0F: taken after 7" in text


def test_the_diagram_of_a_guess_is_dotted() -> None:
    rows = [one for one in story() if one["Id"] not in ("f", "w", "r")]
    text, _ = sequence.diagram(told(rows, (execution(9.1),)))
    assert "T0Q-->>T0F" in text


# Rates and owners -------------------------------------------------------------------------------------


def depth(messages: int, age_s: float | None = 5.0) -> QueueDepth:
    return QueueDepth("in", messages, age_s, "flowing")


def counted(arrived: int, completed: int) -> list[Row]:
    return [{"queue": "in", "arrived": arrived, "completed": completed, "failed": 0, "bucket": START}]


@pytest.mark.parametrize(
    ("waiting", "rows", "state", "words"),
    [
        (depth(0, None), counted(5, 5), "empty", "nothing waits"),
        (depth(10), counted(0, 60), "draining", "1 min 0 s"),
        (depth(10), counted(40, 20), "growing", "never at this rate"),
        (depth(10), counted(0, 0), "stuck", "nothing was finished in 5 min"),
        (depth(10, 900.0), counted(0, 10), "draining", "at least 5 min"),
        (None, counted(0, 10), "unknown", "not known"),
    ],
    ids=["empty", "draining", "growing", "stuck", "old-backlog", "no-queue"],
)
def test_time_to_drain_is_told_or_why_it_cannot_be(
    waiting: QueueDepth | None, rows: list[Row], state: str, words: str
) -> None:
    """Infinite and unknown are different answers, and neither is a number."""
    found = flow.drain(waiting, flow.rates(rows, "in", waiting))
    assert found.state == state
    assert words in found.words


def test_without_telemetry_the_time_to_drain_is_not_known() -> None:
    assert flow.drain(depth(3), None).words == "not known: no telemetry tells the rates"
    assert flow.per_minute(0.0, at_least=True) == "not known"


def message(body: dict[str, object]) -> PeekedMessage:
    return PeekedMessage("m", datetime.now(UTC), None, 0, body, json.dumps(body))


def waiting_answer(run_id: str) -> Answer:
    step = Step("wait:c1", None, "wait", "foo", "active", 1.0, None, ARGUMENTS)
    return Answer("ans_1", "q", "working", steps=(step,), run_id=run_id, thread_id="t")


def test_a_message_belongs_to_the_only_open_call_with_its_arguments() -> None:
    sent = message({"city": "Paris", "CorrelationId": "k", "traceparent": "00-x"})
    (owner,) = owners([sent], [waiting_answer("run_1")], {}).values()
    assert (owner.run_id, owner.certainty) == ("run_1", "strong")
    assert owners([sent], [waiting_answer("run_1"), waiting_answer("run_2")], {}) == {}
    assert owners([message({"city": "Rome"})], [waiting_answer("run_1")], {}) == {}
