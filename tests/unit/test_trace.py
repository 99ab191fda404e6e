"""Traces put together from telemetry rows and from answers, with what each link is worth."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.models import Answer, AnswerState, Step, TimeParts
from services.monitor import live, spans
from services.monitor.collapse import collapsed
from services.monitor.hops import hops
from services.monitor.results import Row
from services.monitor.shapes import Bar, Hop, depth_of, in_order
from services.monitor.spans import spans_of
from services.monitor.stitch import of_spans
from services.monitor.verdict import verdict

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
Properties = dict[str, str]
CALL: Properties = {
    "gen_ai.operation.name": "execute_tool",
    "gen_ai.tool.name": "foo",
    "gen_ai.tool.call.id": "c1",
}


def row(
    name: str,
    at_s: float,
    took_s: float,
    properties: Properties | None = None,
    *,
    span: str | None = None,
    parent: str = "",
    operation: str = "op",
) -> Row:
    return {
        "TimeGenerated": START + timedelta(seconds=at_s),
        "Source": "AppDependencies",
        "Name": name,
        "DurationMs": took_s * 1000,
        "Success": True,
        "ResultCode": "0",
        "OperationId": operation,
        "Id": name if span is None else span,
        "ParentId": parent,
        "AppRoleName": "relaydeck",
        "Properties": properties or {},
    }


def execution(at_s: float, took_s: float = 0.7, *, span: str = "f", parent: str = "", **more: str) -> Row:
    named = {key.replace("__", "."): value for key, value in more.items()}
    return row("foo", at_s, took_s, {"relaydeck.invocation.id": "i1", **named}, span=span, parent=parent)


def story() -> list[Row]:
    """The example of a slow answer: seven seconds of fourteen in the input queue."""
    return [
        row("answer", 0, 14.2, {"relaydeck.run.id": "run_1", "relaydeck.outcome": "answered"}, span="a"),
        row("invoke_agent main", 0, 14.2, {"gen_ai.operation.name": "invoke_agent"}, span="m", parent="a"),
        row("chat gpt", 0.1, 1.7, {"gen_ai.operation.name": "chat", "relaydeck.turn": "plan"}, parent="m"),
        row("execute_tool foo", 2, 9, CALL, span="t", parent="m"),
        row("queue_wait in", 2.1, 7, {"relaydeck.hop": "queue_wait_in"}, span="w", parent="t"),
        execution(9.1, parent="t"),
        row("reply_wait out", 9.8, 1, {"relaydeck.hop": "queue_wait_out"}, span="r", parent="t"),
    ]


def stitched(rows: list[Row], others: tuple[Row, ...] = ()) -> tuple[tuple[Bar, ...], tuple[str, ...]]:
    return spans.bars_of(spans_of(rows), spans_of(others), START)


def lights(state: AnswerState, bars: tuple[Bar, ...]) -> tuple[Hop, ...]:
    """Return the hops of the last call."""
    calls = [bar.call for bar in bars if bar.call]
    return hops(state, [bar for bar in bars if bar.call and bar.call == calls[-1]], bars) if calls else ()


def test_a_whole_trace_is_told_in_one_sentence() -> None:
    """The sentence is what most people read of the page."""
    bars, notes = stitched(story())
    bars = in_order(bars)

    said = verdict("answered", 14.2, bars)
    assert said.startswith("Answered in 14")
    assert said.endswith("; 49 % waiting in the input queue; cold start likely")
    assert notes == ()
    assert [bar.kind for bar in bars] == ["run", "run", "model", "run", "wait", "function", "wait"]
    assert [depth_of(bar, bars) for bar in bars] == [0, 1, 2, 2, 3, 3, 3]
    assert [hop.state for hop in lights("answered", bars)] == ["done"] * 6


def without_function() -> list[Row]:
    rows = [one for one in story() if "relaydeck.invocation.id" not in (one["Properties"] or {})]  # type: ignore[operator]  # a bag
    rows[3] = row("execute_tool foo", 2, 9, {**CALL, "relaydeck.argument_hash": "h1"}, span="t", parent="m")
    return rows


@pytest.mark.parametrize(
    ("candidates", "certainty"),
    [
        ((execution(9, relaydeck__correlation_id="c1"),), "exact"),
        ((execution(9, relaydeck__argument_hash="h1"),), "strong"),
        ((execution(9),), "guess"),
        ((execution(9, span="f1", relaydeck__argument_hash="h1"), execution(9.2, span="f2")), "strong"),
        (
            (
                execution(9, span="f1", relaydeck__argument_hash="h1"),
                execution(9.2, span="f2", relaydeck__argument_hash="h1"),
            ),
            "guess",
        ),
        ((execution(9, relaydeck__argument_hash="other"),), None),
        ((execution(9, span="f1"), execution(9.2, span="f2")), None),
        ((execution(900, relaydeck__argument_hash="h1"),), None),
    ],
    ids=[
        "correlation",
        "hash",
        "time",
        "hash-of-two",
        "two-alike",
        "other-arguments",
        "two-unknown",
        "too-late",
    ],
)
def test_an_execution_that_lost_its_trace_is_linked_as_surely_as_it_can_be(
    candidates: tuple[Row, ...], certainty: str | None
) -> None:
    """A wrong link is worse than none: what several executions could be is left open."""
    bars, _ = stitched(without_function(), candidates)
    found = [bar for bar in bars if bar.kind == "function"]

    assert [bar.certainty for bar in found] == ([certainty] if certainty else [])
    assert all(bar.parent == "t" and bar.evidence for bar in found)


def test_an_execution_with_its_context_is_never_linked_again() -> None:
    bars, _ = stitched(story(), (execution(9, span="other", relaydeck__correlation_id="c1"),))
    assert [bar.key for bar in bars if bar.kind == "function"] == ["f"]


def test_rows_that_came_twice_are_one_and_those_without_ids_are_kept() -> None:
    rows = [*story(), *story(), row("chat x", 3, 1, {"gen_ai.operation.name": "chat"}, span="")]
    bars, _ = stitched(rows)

    assert len(bars) == len(story()) + 1
    assert in_order(bars)[-1].parent in ("", None)


def test_a_clock_that_is_minutes_off_is_corrected_and_said() -> None:
    rows = [one for one in story() if one["Id"] != "f"]
    bars, notes = stitched([*rows, execution(-180, parent="t")])
    (function,) = [bar for bar in bars if bar.kind == "function"]

    assert 2 <= function.started_s <= 11
    assert "clock differs by about 182.0 s" in notes[0]
    assert "Moved by" in function.evidence


def test_a_family_in_a_circle_is_still_drawn() -> None:
    """Ids in telemetry are anybody's; a loop must not hang the page."""
    bars = (Bar("a", "b", "run", "a", 0, 1), Bar("b", "a", "run", "b", 0, 1), Bar("c", "c", "run", "c", 0, 1))
    assert {bar.key for bar in in_order(bars)} == {"a", "b", "c"}
    assert all(depth_of(bar, bars) < 3 for bar in bars)


def test_ten_thousand_spans_are_collapsed_and_said() -> None:
    chat = {"gen_ai.operation.name": "chat"}
    bars, notes = stitched([row("chat", n, 1, chat, span=f"s{n}") for n in range(10_000)])
    assert notes == ()
    shown, notes = collapsed(in_order(bars))
    assert len(shown) == 1
    assert "10,000 spans, collapsed" in notes[0]


def answer(*steps: Step, parts: TimeParts | None = None, state: str = "answered") -> Answer:
    return Answer("ans_1", "q", state, steps=steps, parts=parts, took_s=10.0, run_id="run_1")  # type: ignore[arg-type]  # a state by name


FUNCTION = Step("function:c1", None, "function", "foo", "done", 2.0, 7.0)
Make = Callable[[], Answer]


def test_a_call_whose_wait_nobody_saw_is_one_uncertain_bar() -> None:
    bars = live.bars_of(answer(FUNCTION))

    assert bars[-1].certainty == "guess"
    assert "not separated" in bars[-1].name
    assert "not separated" in verdict("answered", 10, bars)
    assert lights("answered", bars)[1].state == "unknown"


def test_a_call_is_parted_by_what_was_measured() -> None:
    bars = live.bars_of(answer(FUNCTION, parts=TimeParts(3.0, 5.0, 2.0, "strong")))

    assert [(bar.kind, bar.took_s, bar.certainty) for bar in bars[1:]] == [
        ("wait", 5.0, "strong"),
        ("function", 2.0, "strong"),
    ]
    assert "50 % waiting in the input queue" in verdict("answered", 10, bars)


def test_times_that_nobody_measured_are_never_called_exact() -> None:
    """A short call can fall between two looks: that it happened is known, when is not."""
    wait = Step("wait:c1", None, "wait", "foo", "done", 1.2)
    ran = Step("function:c1", None, "function", "foo", "done", 1.2, certainty="exact")
    bars = live.bars_of(answer(wait, ran))

    assert [bar.certainty for bar in bars[1:]] == ["guess", "guess"]
    assert lights("answered", bars)[1].state == "unknown"
    assert "not separated" in verdict("answered", 10, bars)


def test_two_calls_are_not_parted_by_their_sum() -> None:
    second = Step("function:c2", None, "function", "foo", "done", 4.0, 1.0)
    bars = live.bars_of(answer(FUNCTION, second, parts=TimeParts(3.0, 5.0, 2.0, "exact")))
    assert [bar.certainty for bar in bars[1:]] == ["guess", "guess"]


def test_a_message_that_waits_now_shows_as_waiting() -> None:
    wait = Step("wait:c1", None, "wait", "foo", "active", 1.0, certainty="exact")
    bars = live.bars_of(answer(wait, state="working"))

    assert [hop.state for hop in lights("working", bars)] == ["done", "active", *["ahead"] * 4]
    assert verdict("working", None, bars) == "Still on its way: input queue: wait"


def test_a_run_that_expired_says_which_hop_was_not_seen() -> None:
    """The documented pain: the message went out and nobody knows what became of it."""
    wait = Step("wait:c1", None, "wait", "foo", "cancelled", 1.0, certainty="exact")
    bars = live.bars_of(answer(wait, state="expired"))

    assert [hop.state for hop in lights("expired", bars)] == ["done", *["unknown"] * 5]


def test_an_answer_without_a_function_has_no_hops() -> None:
    bars = live.bars_of(answer(Step("plan:1", None, "plan", "", "done", 0.1, 1.0)))
    assert lights("answered", bars) == ()
    assert verdict("answered", 1.5, bars).endswith("no function was called")


def test_a_verdict_says_why_it_failed() -> None:
    """Also when the service has long forgotten the run, and only telemetry knows."""
    named = {"relaydeck.outcome": "failed", "relaydeck.problem": "The model is at its limit."}
    trace = of_spans("run_1", "", spans_of([row("answer", 0, 0.7, named)]), (), None, None)

    assert trace.verdict.startswith("Failed after 0.7 s; The model is at its limit")
