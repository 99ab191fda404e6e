"""Every query of ours, on rows whose answer is known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.monitor.catalogue import QUERIES, all_queries, parse
from services.monitor.kql import Value
from tests.log_tables import LogTables

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
END = START + timedelta(hours=1)
RANGE: dict[str, Value] = {"start": START, "end": END}
GRAIN: dict[str, Value] = {**RANGE, "grain": timedelta(minutes=5)}
NO_FILTER: dict[str, Value] = {
    **RANGE,
    "outcomes": [],
    "agent": "",
    "tool": "",
    "min_ms": 0,
    "min_wait_ms": 0,
    "problem": "",
    "words": "",
    "first_row": 0,
    "last_row": 49,
    "sorting": "started",
    "direction": 1,
}


@pytest.fixture
def tables() -> Iterator[LogTables]:
    found = LogTables()
    yield found
    found.close()


def answer(tables: LogTables, minute: float, took_ms: float, outcome: str = "answered", **more: str) -> None:
    at = START + timedelta(minutes=minute)
    named = {
        "relaydeck__outcome": outcome,
        "relaydeck__run__id": f"run_{minute}",
        "gen_ai__conversation__id": "thread_1",
        **more,
    }
    tables.add_span(
        "AppRequests", "answer", at, took_ms, success=outcome == "answered", code=outcome, **named
    )


def measured(model: int, wait: int, function: int) -> dict[str, str]:
    return {
        "relaydeck__model_ms": str(model),
        "relaydeck__queue_wait_ms": str(wait),
        "relaydeck__function_ms": str(function),
    }


@pytest.mark.parametrize("name", sorted(all_queries()))
def test_a_query_runs_on_empty_tables_and_has_its_columns(tables: LogTables, name: str) -> None:
    """A first visit finds no row anywhere, and that is no failure."""
    query = all_queries()[name]
    values = {
        **NO_FILTER,
        "grain": timedelta(minutes=1),
        "run": "run_1",
        "tools": ["x"],
        "invocations": ["x"],
        "correlations": ["x"],
        "traces": ["x"],
        "queues": [],
        "queue": "q",
        "shift": timedelta(),
        "wanted": "run_1",
        "functions": ["Function.foo"],
        "messages": ["m1"],
        "agents": ["asst_1"],
        "leaders": [],
        "called": "foo_bot",
        "environment": "local",
        "person": "",
        "action": "",
        "target": "",
        "pair": "act_1",
        "chains": ["aud_1"],
        "from_seq": 0,
        "until_seq": 9,
    }
    rows = tables.ask(name, {key: values[key] for key in query.parameters})
    assert rows == [] or set(query.columns) <= set(rows[0])


def test_the_figures_of_now_and_before_are_told_apart(tables: LogTables) -> None:
    answer(tables, 1, 1000, gen_ai__usage__input_tokens="10")
    answer(tables, 2, 3000, "failed")
    answer(tables, -30, 500)
    answer(tables, -90, 9999)
    now, before = sorted(tables.ask("kpis", RANGE), key=lambda row: str(row["period"]), reverse=True)

    assert (now["answers"], now["succeeded"], now["failed"], now["p95_ms"]) == (2, 1, 1, 3000)
    assert now["input_tokens"] == 10
    assert (before["answers"], before["p50_ms"]) == (1, 500)


def test_figures_are_taken_only_from_answers_that_have_them(tables: LogTables) -> None:
    """An answer without a call waited for nothing; one whose tokens nobody told did not use none."""
    answer(tables, 1, 1000, **measured(900, 0, 0))
    answer(
        tables,
        2,
        4000,
        **measured(900, 3000, 100),
        gen_ai__usage__input_tokens="7",
        gen_ai__usage__output_tokens="1",
    )
    answer(tables, 3, 9000, "cancelled")
    (now,) = tables.ask("kpis", RANGE)

    assert (now["waited"], now["wait_p95_ms"], now["counted"], now["cancelled"]) == (1, 3000, 1, 1)
    assert (now["slowest_ms"], now["slowest_run"], now["slowest_thread"]) == (9000, "run_3", "thread_1")


def test_one_pass_tells_what_each_stretch_held(tables: LogTables) -> None:
    """Every series of Overview comes from it."""
    answer(tables, 1, 1000, **measured(500, 300, 200))
    answer(tables, 2, 3000, "failed")
    answer(tables, 3, 2000, "expired")
    answer(tables, 4, 2000, "cancelled", gen_ai__usage__input_tokens="7", gen_ai__usage__output_tokens="1")
    answer(tables, 11, 700)
    first, second = tables.ask("answers_over_time", GRAIN)

    assert [first[name] for name in ("answers", "answered", "failed", "expired", "cancelled")] == [
        4,
        1,
        1,
        1,
        1,
    ]
    assert (first["p50_ms"], first["p95_ms"], first["measured"], first["whole_ms"]) == (2000, 3000, 1, 1000)
    assert (first["model_ms"], first["wait_ms"], first["function_ms"], first["waited"]) == (500, 300, 200, 1)
    assert (first["counted"], first["tokens"]) == (1, 8)
    assert (second["bucket"].minute, second["measured"], second["counted"]) == (10, 0, 0)


def test_the_highest_depth_of_each_stretch_is_kept(tables: LogTables) -> None:
    for minute, depth in ((1, 3.0), (2, 9.0), (6, 1.0)):
        tables.add_metric("relaydeck.queue.depth", START + timedelta(minutes=minute), depth, queue="in")
    tables.add_metric("relaydeck.queue.depth", START, 5.0, queue="other", extremes=True)
    rows = tables.ask("queue_history", {**GRAIN, "queues": ["in"]})

    assert [(row["highest"], row["readings"]) for row in rows] == [(9.0, 2), (1.0, 1)]


def test_problems_are_grouped_with_their_newest_run(tables: LogTables) -> None:
    for minute in (1, 2, 3):
        answer(tables, minute, 100, "failed", relaydeck__problem="Silent")
    answer(tables, 4, 100)
    (row,) = tables.ask("attention", RANGE)

    assert (row["answers"], row["run_id"], row["thread_id"]) == (3, "run_3", "thread_1")


def test_the_spans_of_a_run_come_with_those_of_its_trace_and_no_other(tables: LogTables) -> None:
    """Found by the run's id alone, with the function's own span, which does not know that id."""
    tables.add_span("AppRequests", "answer", START, 900, operation="a", relaydeck__run__id="run_1")
    tables.add_span("AppDependencies", "invoke_agent o", START, 800, operation="a")
    tables.add_span("AppRequests", "foo", START, 20, operation="a", role="relaydeck-functions")
    tables.add_span("AppRequests", "answer", START, 900, operation="b", relaydeck__run__id="run_2")
    rows = tables.ask("trace_spans", {**RANGE, "run": "run_1"})

    assert sorted(str(row["Name"]) for row in rows) == ["answer", "foo", "invoke_agent o"]
    assert {row["Source"] for row in rows} == {"AppRequests", "AppDependencies"}


def test_a_query_file_must_say_what_it_is_for() -> None:
    with pytest.raises(ValueError, match="must begin"):
        parse("x", "AppRequests | count\n")
    with pytest.raises(ValueError, match="kinds that there are not"):
        parse("x", "// What.\n// Parameters: a float\n// Columns: n long\nprint n = a\n")


def test_every_query_is_documented() -> None:
    """docs/queries.md is what an operator copies from; it must not fall behind."""
    document = (QUERIES.parents[2] / "docs" / "queries.md").read_text("utf-8")
    for name, query in all_queries().items():
        assert f"| `{name}` | {query.answers} |" in document, name


def handled(
    tables: LogTables, at_s: float, *, waited_ms: int, delivery: int = 1, success: bool = True
) -> None:
    """One execution of a function, whose message had come *waited_ms* before."""
    at = START + timedelta(seconds=at_s)
    tables.add_span(
        "AppRequests",
        "foo",
        at,
        100,
        span=f"{at_s}",
        success=success,
        messaging__destination__name="in",
        relaydeck__invocation__id=f"i{at_s}",
        relaydeck__inserted_at=(at - timedelta(milliseconds=waited_ms)).isoformat(),
        relaydeck__queue_wait_ms=str(waited_ms),
        relaydeck__dequeue_count=str(delivery),
    )


def test_a_message_arrives_once_however_often_it_is_delivered(tables: LogTables) -> None:
    """Otherwise a message that fails three times would look like three arrivals, and a drained queue like a growing one."""
    handled(tables, 70, waited_ms=20_000, success=False)
    handled(tables, 80, waited_ms=30_000, delivery=2)
    handled(tables, 400, waited_ms=1_000)
    rows = tables.ask("queue_rates", GRAIN)

    assert [(row["arrived"], row["completed"], row["failed"]) for row in rows] == [(1, 1, 1), (1, 1, 0)]


def test_a_message_that_came_before_the_range_is_finished_in_it_but_did_not_arrive_in_it(
    tables: LogTables,
) -> None:
    handled(tables, 10, waited_ms=60_000)
    assert [(row["arrived"], row["completed"]) for row in tables.ask("queue_rates", GRAIN)] == [(0, 1)]


def test_waits_fall_into_eighths_of_a_decade(tables: LogTables) -> None:
    """Two populations a hundred times apart must stay apart; a wait of nothing has no logarithm."""
    for number, waited_ms in enumerate((0, 1_000, 1_100, 100_000)):
        handled(tables, number, waited_ms=waited_ms, delivery=number + 1)
    rows = tables.ask("queue_waits", RANGE)

    assert [(row["exponent"], row["messages"]) for row in rows] == [(-2.0, 1), (0.0, 2), (2.0, 1)]
    assert sum(row["repeated"] for row in rows) == 3


def test_the_lines_of_an_invocation_are_found_and_no_others(tables: LogTables) -> None:
    tables.add_line(START, "Executing", InvocationId="i1", Category="Function.foo")
    tables.add_line(START, "of another", InvocationId="i2")
    tables.add_line(START, "of nobody")
    tables.add_exception(START + timedelta(seconds=1), "ValueError", "no", InvocationId="i1")
    rows = tables.ask("function_log", {**RANGE, "invocations": ["i1"]})

    assert [row["Message"] for row in rows] == ["Executing", "ValueError: no"]
    assert rows[0]["Category"] == "Function.foo"


def test_a_message_finds_its_run_by_the_correlation_of_the_call(tables: LogTables) -> None:
    answer(tables, 1, 1000, relaydeck__run__id="run_a")
    tables.add_span("AppDependencies", "execute_tool foo", START, 5, relaydeck__correlation_id="c1")
    rows = tables.ask("message_runs", {**RANGE, "correlations": ["c1", "c2"]})

    assert [(row["correlation_id"], row["run_id"], row["thread_id"]) for row in rows] == [
        ("c1", "run_a", "thread_1")
    ]


def test_what_was_made_up_proves_nothing(tables: LogTables) -> None:
    """A first start brings a day of demo history; Doctor must not take it for a function that runs."""
    for made_up, name in (("true", "demo"), ("", "real")):
        tables.add_span(
            "AppRequests", name, START, 10, relaydeck__invocation__id="i", relaydeck__demo=made_up
        )
        tables.add_span(
            "AppDependencies",
            name,
            START,
            10,
            gen_ai__operation__name="execute_tool",
            gen_ai__tool__name=name,
            relaydeck__demo=made_up,
        )
    tables.add_span("AppRequests", "failed", START, 10, success=False, relaydeck__invocation__id="i")

    proven = {(row["part"], row["name"], row["calls"]) for row in tables.ask("proven_calls", RANGE)}
    assert proven == {("function", "real", 1), ("tool", "real", 1)}
    (newest,) = tables.ask("newest_records", RANGE)
    assert (newest["role"], newest["records"]) == ("relaydeck", 2)


def test_the_log_around_a_call_is_found_by_the_function_and_by_the_message(tables: LogTables) -> None:
    """A function may be named otherwise than its tool; the message says whose invocation it was."""
    trigger = "Trigger Details: MessageId: m1, DequeueCount: 2, InsertionTime: 2026-11-22T12:00:00.000+00:00"
    tables.add_line(START, trigger, InvocationId="i1", Category="Function.other")
    tables.add_line(START, "doing it", InvocationId="i1", Category="Function.other.User")
    tables.add_exception(START, "ValueError", "no", InvocationId="i1", Category="Function.other")
    tables.add_line(START, "of the tool", InvocationId="i2", Category="Function.foo.User")
    tables.add_line(START, "somebody's", InvocationId="i3", Category="Function.third")
    tables.add_line(START, "nobody's", Category="Function.foo")
    rows = tables.ask(
        "call_log", {**RANGE, "functions": ["Function.foo", "Function.foo.User"], "messages": ["m1"]}
    )

    assert {row["Invocation"] for row in rows} == {"i1", "i2"}
    assert sorted(row["Message"] for row in rows) == [trigger, "ValueError: no", "doing it", "of the tool"]


def test_the_time_of_each_route_is_that_of_its_answered_questions(tables: LogTables) -> None:
    """What failed may have taken any time: it says nothing of how long an answer takes."""
    for minute in range(20):
        answer(tables, minute, 1000, relaydeck__tools="foo")
    answer(tables, 21, 5000, relaydeck__tools="foo,calculate")
    answer(tables, 22, 90_000, "expired", relaydeck__tools="foo")
    answer(tables, 23, 90_000, relaydeck__tools="foo", relaydeck__demo="true")
    rows = tables.ask("route_times", RANGE)

    assert [(row["tools"], row["answers"], row["p99_ms"]) for row in rows] == [
        ("foo", 20, 1000),
        ("foo,calculate", 1, 5000),
    ]
