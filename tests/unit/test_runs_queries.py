"""The queries of the Runs page, on rows whose answer is known."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from services.errors import InvalidInput
from services.monitor.catalogue import all_queries
from services.monitor.kql import Value
from tests.log_tables import LogTables

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
NO_FILTER: dict[str, Value] = {
    "start": START,
    "end": START + timedelta(hours=1),
    "outcomes": [],
    "agent": "",
    "tool": "",
    "min_ms": 0,
    "min_wait_ms": 0,
    "problem": "",
    "words": "",
}
NAMES = ("runs", "runs_figures", "runs_shape", "runs_points")
HOSTILE = [
    '" or 1 == 1 //',
    "'; .drop table AppRequests",
    "\\",
    '\\" | union AppDependencies //',
    "x\n| union AppDependencies",
    "') or ('1'='1",
    "%' or 1=1 --",
    '"]) or true or outcome in (["',
    "*",
    "{{words}}",
]


@pytest.fixture
def tables() -> Iterator[LogTables]:
    found = LogTables()
    yield found
    found.close()


def answer(tables: LogTables, number: int, took_ms: float, outcome: str = "answered", **more: str) -> None:
    named = {
        "relaydeck__outcome": outcome,
        "relaydeck__run__id": f"run_{number}",
        "relaydeck__answer__id": f"answer_{number}",
        "gen_ai__conversation__id": "thread_1",
        **more,
    }
    at = START + timedelta(seconds=number)
    span = f"{number:016x}"
    tables.add_span("AppRequests", "answer", at, took_ms, success=True, code=outcome, span=span, **named)


def page(
    tables: LogTables,
    first: int = 0,
    size: int = 50,
    sorting: str = "started",
    filters: Mapping[str, Value] | None = None,
    direction: int = 1,
) -> list[str]:
    """Return the run ids of one page."""
    place: dict[str, Value] = {
        "first_row": first,
        "last_row": first + size - 1,
        "sorting": sorting,
        "direction": direction,
    }
    return [str(row["run_id"]) for row in tables.ask("runs", {**NO_FILTER, **place, **(filters or {})})]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, 3),
        ({"outcomes": ["failed"]}, 1),
        ({"outcomes": ["failed", "answered"]}, 3),
        ({"tool": "foo"}, 1),
        ({"tool": "fo"}, 0),
        ({"min_ms": 1500}, 2),
        ({"min_wait_ms": 400}, 1),
        ({"problem": "SILENT"}, 1),
        ({"agent": "clerk"}, 1),
        ({"agent": "desk"}, 3),
        ({"agent": "nobody"}, 0),
        ({"words": "RUN_2"}, 1),
        ({"words": "thread_1"}, 3),
        ({"words": "relaydeck"}, 0),
    ],
    ids=str,
)
def test_all_queries_of_the_page_let_the_same_runs_pass(
    tables: LogTables, filters: dict[str, Value], expected: int
) -> None:
    """The list, its count, the histogram and the points must tell of the same runs."""
    shared = {"gen_ai__agent__name": "desk"}
    answer(
        tables,
        1,
        1000,
        relaydeck__tools="bar,foo",
        relaydeck__agents="porter,clerk",
        relaydeck__queue_wait_ms="500",
        **shared,
    )
    answer(tables, 2, 2000, "failed", relaydeck__problem="The function is silent", **shared)
    answer(tables, 3, 3000, **shared)
    values = {**NO_FILTER, **filters}
    (figures,) = tables.ask("runs_figures", values)
    shape = tables.ask("runs_shape", {**values, "grain": timedelta(minutes=5)})

    assert len(page(tables, filters=filters)) == expected
    assert (figures["total"], figures["matching_runs"]) == (3, expected)
    assert sum(row["runs"] for row in shape) == expected
    assert len(tables.ask("runs_points", values)) == expected


@pytest.mark.parametrize("name", ["agent", "tool", "problem", "words", "outcomes"])
@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_filter_is_a_text_that_nothing_matches(tables: LogTables, name: str, text: str) -> None:
    """Whatever it tries to be in KQL or SQL: it lets nothing pass, reaches no other table and breaks nothing."""
    answer(tables, 1, 1000, relaydeck__problem="plain", relaydeck__tools="foo", relaydeck__agents="clerk")
    tables.add_span("AppDependencies", "answer", START, 1, relaydeck__run__id="run_other")
    filters: dict[str, Value] = {name: [text] if name == "outcomes" else text}
    (figures,) = tables.ask("runs_figures", {**NO_FILTER, **filters})

    assert page(tables, filters=filters) == []
    assert (figures["total"], figures["matching_runs"]) == (1, 0)


@pytest.mark.parametrize("name", ["agent", "tool", "problem", "words"])
def test_a_hostile_text_that_is_there_is_found(tables: LogTables, name: str) -> None:
    """Escaping must not change what is looked for."""
    text = 'it\'s "50 %" \\ done'
    field = {"agent": "agents", "tool": "tools"}.get(name, "problem")
    answer(tables, 1, 1000, **{f"relaydeck__{field}": text})
    answer(tables, 2, 1000)

    assert page(tables, filters={name: text}) == ["run_1"]


def test_what_no_literal_can_hold_is_refused_before_it_is_sent() -> None:
    query = all_queries()["runs_figures"]
    with pytest.raises(InvalidInput, match=r"U\+0000"):
        query.bound({**NO_FILTER, "words": "a\x00b"})
    with pytest.raises(InvalidInput, match="1500 characters"):
        query.bound({**NO_FILTER, "words": "x" * 1500})


def test_pages_follow_each_other_without_gap_or_repetition(tables: LogTables) -> None:
    """Many runs take the same time: only a whole order keeps a run from being on two pages, or on none."""
    for number in range(23):
        answer(tables, number, 1000.0 + number % 3)
    seen = [run for first in range(0, 30, 10) for run in page(tables, first, 10, "took")]

    assert len(seen) == 23
    assert set(seen) == {f"run_{number}" for number in range(23)}
    assert page(tables, 0, 2, "took") == ["run_20", "run_17"]


def test_a_page_is_sorted_over_all_runs_and_unknown_comes_last(tables: LogTables) -> None:
    for number, wait in enumerate(("300", "", "100", "200")):
        more = {"relaydeck__queue_wait_ms": wait} if wait else {}
        answer(tables, number, 1000, **more)

    assert page(tables, 0, 2, "wait") == ["run_0", "run_3"]
    assert page(tables, 2, 2, "wait") == ["run_2", "run_1"]
    assert page(tables, 0, 4, "wait", direction=-1) == ["run_2", "run_3", "run_0", "run_1"]


def test_the_same_telemetry_sent_twice_is_one_run(tables: LogTables) -> None:
    """An exporter that got no reply sends again."""
    for _ in range(2):
        answer(tables, 1, 1000)
    (figures,) = tables.ask("runs_figures", NO_FILTER)
    shape = tables.ask("runs_shape", {**NO_FILTER, "grain": timedelta(minutes=5)})

    assert page(tables) == ["run_1"]
    assert (figures["total"], figures["matching_runs"]) == (1, 1)
    assert [row["runs"] for row in shape] == [1]
    assert len(tables.ask("runs_points", NO_FILTER)) == 1


def test_runs_without_ids_are_still_listed(tables: LogTables) -> None:
    """Somebody else's telemetry may have none; it must not take the page down or hide the others."""
    for second in range(3):
        tables.add_span("AppRequests", "answer", START + timedelta(seconds=second), 5)
    assert page(tables) == ["", "", ""]


def test_what_is_not_known_stays_unknown(tables: LogTables) -> None:
    answer(tables, 1, 1000)
    values: dict[str, Value] = {
        **NO_FILTER,
        "first_row": 0,
        "last_row": 49,
        "sorting": "started",
        "direction": 1,
    }
    (row,) = tables.ask("runs", values)
    (figures,) = tables.ask("runs_figures", NO_FILTER)

    assert (row["wait_ms"], row["function_ms"], row["input_tokens"], row["demo"]) == (None, None, None, False)
    assert (figures["wait_p95_ms"], figures["tokens_p50"]) == (None, None)


def test_the_figures_are_those_of_what_matches(tables: LogTables) -> None:
    tokens = {"gen_ai__usage__input_tokens": "10", "gen_ai__usage__output_tokens": "5"}
    answer(tables, 1, 1000, relaydeck__queue_wait_ms="400", relaydeck__demo="true", **tokens)
    answer(tables, 2, 3000, "failed")
    answer(tables, 3, 9000, "expired")
    (figures,) = tables.ask("runs_figures", {**NO_FILTER, "outcomes": ["answered", "failed"]})

    assert (figures["total"], figures["matching_runs"], figures["failed"], figures["demo_runs"]) == (
        3,
        2,
        1,
        1,
    )
    assert (figures["p50_ms"], figures["p95_ms"]) == (1000, 3000)
    assert (figures["wait_p95_ms"], figures["tokens_p50"]) == (400, 15)


def test_a_wait_is_judged_by_the_answers_that_waited(tables: LogTables) -> None:
    """As on Overview: answers that called no function would hide how long the others waited."""
    for minute in range(1, 10):
        answer(tables, minute, 1000, relaydeck__queue_wait_ms="0")
    answer(tables, 10, 1000, relaydeck__queue_wait_ms="400")
    answer(tables, 11, 1000)
    (figures,) = tables.ask("runs_figures", NO_FILTER)

    assert (figures["wait_p95_ms"], figures["wait_known"], figures["matching_runs"]) == (400, 10, 11)


def test_durations_are_counted_in_ten_steps_for_each_tenfold(tables: LogTables) -> None:
    """A step is a tenth of a power of ten: 999 ms and 1,000 ms are two, 1,000 and 1,200 one."""
    for number, took_ms in enumerate((999.0, 1000.0, 1200.0, 0.0)):
        answer(tables, number, took_ms)
    rows = tables.ask("runs_shape", {**NO_FILTER, "grain": timedelta(minutes=5)})

    assert [(row["step"], row["runs"]) for row in rows] == [(0, 1), (29, 1), (30, 2)]


def test_the_filters_are_written_the_same_in_every_query() -> None:
    """One that let other runs pass would have the charts contradict the list."""
    blocks = {all_queries()[name].text.partition(";")[0] for name in NAMES}
    assert len(blocks) == 1
