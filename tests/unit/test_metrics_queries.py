"""The queries of the Metrics page, on rows whose answer is known."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from services.monitor.kql import Value
from tests.log_tables import LogTables

START = datetime(2026, 11, 22, 12, tzinfo=UTC)  # a Sunday
RANGE: dict[str, Value] = {"start": START, "end": START + timedelta(hours=1)}
GRAIN: dict[str, Value] = {**RANGE, "grain": timedelta(minutes=5)}


@pytest.fixture
def tables() -> Iterator[LogTables]:
    found = LogTables()
    yield found
    found.close()


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def agent(tables: LogTables, minute: float, took_ms: float, operation: str = "op", **more: str) -> None:
    named = {"gen_ai__operation__name": "invoke_agent", "gen_ai__agent__name": "clerk", **more}
    ok = named.pop("ok", "true") == "true"
    tables.add_span(
        "AppDependencies", "invoke_agent", at(minute), took_ms, operation=operation, success=ok, **named
    )


def tool(tables: LogTables, minute: float, took_ms: float, **more: str) -> None:
    named = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "foo", **more}
    ok = named.pop("ok", "true") == "true"
    tables.add_span("AppDependencies", "execute_tool foo", at(minute), took_ms, success=ok, **named)


def execution(
    tables: LogTables, minute: float, took_ms: float, outcome: str = "answered", wait: str = ""
) -> None:
    named = {"relaydeck__invocation__id": "i", "relaydeck__outcome": outcome}
    if wait:
        named["relaydeck__queue_wait_ms"] = wait
    ok = outcome != "failed"
    tables.add_span(
        "AppRequests", "foo", at(minute), took_ms, role="relaydeck-functions", success=ok, **named
    )


def answer(
    tables: LogTables, minute: float, outcome: str = "answered", operation: str = "op", **more: str
) -> None:
    named = {"relaydeck__outcome": outcome, **more}
    tables.add_span(
        "AppRequests", "answer", at(minute), 1000, operation=operation, success=outcome == "answered", **named
    )


def tokens(read: str, written: str, model: str = "m") -> dict[str, str]:
    return {
        "gen_ai__usage__input_tokens": read,
        "gen_ai__usage__output_tokens": written,
        "gen_ai__request__model": model,
        "gen_ai__agent__name": "chief",
    }


def test_agents_tools_and_functions_are_told_apart(tables: LogTables) -> None:
    """One call of a tool is one span of the agent's and one execution of the function's: never added up."""
    agent(tables, 1, 100)
    agent(tables, 2, 300, ok="false")
    tool(tables, 3, 200)
    execution(tables, 3, 20, wait="150")
    rows = {row["part"]: row for row in tables.ask("parts_health", RANGE)}

    assert {part: (row["name"], row["calls"], row["failed"]) for part, row in rows.items()} == {
        "agent": ("clerk", 2, 1),
        "tool": ("foo", 1, 0),
        "function": ("foo", 1, 0),
    }
    assert rows["agent"]["p95_ms"] == 300
    assert (rows["function"]["p95_ms"], rows["function"]["wait_p95_ms"]) == (20, 150)
    assert rows["tool"]["wait_p95_ms"] is None


@pytest.mark.parametrize(("outcome", "failed"), [("answered", 0), ("error", 1), ("failed", 1)])
def test_a_function_that_answers_with_an_error_counts_as_failed(
    tables: LogTables, outcome: str, failed: int
) -> None:
    execution(tables, 1, 20, outcome)
    (row,) = tables.ask("parts_health", RANGE)
    assert row["failed"] == failed


def test_a_call_that_nobody_saw_end_has_no_duration(tables: LogTables) -> None:
    """It counts as a call; its length would be that of the answer, which says nothing."""
    tool(tables, 1, 99_999, relaydeck__timed="false")
    (row,) = tables.ask("parts_health", RANGE)
    (point,) = tables.ask("parts_over_time", GRAIN)

    assert (row["calls"], row["p95_ms"]) == (1, None)
    assert (point["calls"], point["p95_ms"]) == (1, None)


def test_what_a_stopped_answer_began_is_left_out(tables: LogTables) -> None:
    """Somebody pressed Stop: that is no failure of an agent."""
    answer(tables, 1, "cancelled", operation="stopped")
    agent(tables, 1, 100, operation="stopped", ok="false")
    agent(tables, 7, 100)

    assert [row["failed"] for row in tables.ask("parts_health", RANGE)] == [0]
    assert [(row["bucket"].minute, row["calls"]) for row in tables.ask("parts_over_time", GRAIN)] == [(5, 1)]


def test_reasons_are_counted_with_their_newest_run(tables: LogTables) -> None:
    for minute in (1, 2):
        answer(tables, minute, "failed", relaydeck__problem="Silent", relaydeck__run__id=f"run_{minute}")
    answer(tables, 3, "expired")
    answer(tables, 4, "cancelled")
    execution(tables, 5, 20, "error")
    rows = tables.ask("failure_reasons", RANGE)

    assert {(row["source"], row["reason"], row["failures"]) for row in rows} == {
        ("answer", "Silent", 2),
        ("answer", "expired, no reason told", 1),
        ("function", "foo answered with an error", 1),
    }
    assert rows[0]["run_id"] == "run_2"


def test_tokens_are_summed_over_answers_that_tell_them(tables: LogTables) -> None:
    """An answer that failed before its usage was known must not look as if it had cost nothing."""
    answer(tables, 1, **tokens("10", "2"))
    answer(tables, 2, **tokens("30", "4"))
    answer(tables, 3, "failed", gen_ai__request__model="m", gen_ai__agent__name="chief")
    answer(tables, 9, **tokens("5", "1", "other"))
    first, second = tables.ask("token_use", GRAIN)

    assert (first["model"], first["agent"], first["answers"], first["counted"]) == ("m", "chief", 3, 2)
    assert (first["input_tokens"], first["output_tokens"]) == (40, 6)
    assert (second["model"], second["input_tokens"]) == ("other", 5)


def test_hours_are_those_of_the_reader(tables: LogTables) -> None:
    """13:00 in UTC on a Sunday is 22:00 in Tokyo, and noon is 00:00 of Monday at UTC+12."""
    answer(tables, 10)
    answer(tables, 20)
    far: dict[str, Value] = {**RANGE, "shift": timedelta(hours=12)}
    west: dict[str, Value] = {**RANGE, "shift": timedelta(hours=-3, minutes=-30)}

    assert [(row["weekday"], row["hour"], row["answers"]) for row in tables.ask("week_hours", far)] == [
        (1, 0, 2)
    ]
    assert [(row["weekday"], row["hour"]) for row in tables.ask("week_hours", west)] == [(0, 8)]
