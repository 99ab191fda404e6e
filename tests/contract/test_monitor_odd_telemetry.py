"""Telemetry as it also comes: without ids, from clocks that are off, twice, with nonsense in it, ten megabytes at once.

Every query that ships is asked through the application's own service; none may fail, and none may make up a number.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import runtime
from emulator.__main__ import _describe
from emulator.server import Emulator
from services.monitor.catalogue import all_queries
from services.monitor.kql import Value
from services.monitor.results import Ask, Result
from services.settings_source import load_settings
from tests.contract.monitor_support import Json, envelope, track

ODD_VALUES = (
    "",
    "many",
    "NaN",
    "-1",
    "1e400",
    "0x10",
    "٣",
    "null",
    '{"a": 1}',
    "x" * 20_000,
    "\x00",
    "'; drop",
)
FIGURES = (
    "relaydeck.model_ms",
    "relaydeck.queue_wait_ms",
    "relaydeck.function_ms",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "relaydeck.dequeue_count",
)


@pytest.fixture
def running(emulator: Emulator) -> Iterator[runtime.Runtime]:
    settings = load_settings({}).at(
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        model=emulator.settings.model_deployment,
    )
    found = runtime.build(settings, runtime.local_endpoints(_describe(emulator)), now=emulator.clock.now)
    yield found
    found.close()


def now(emulator: Emulator) -> datetime:
    return emulator.clock.now().astimezone(UTC)


def request(name: str, named: dict[str, str], at: datetime | None = None, span: str = "b" * 16) -> Json:
    base = {"id": span, "name": name, "duration": "0.00:00:02", "responseCode": "answered", "success": True}
    return envelope("RequestData", {**base, "properties": named}, at)


def ask(running: runtime.Runtime, emulator: Emulator, name: str, **values: Value) -> Result:
    """Return what the query answers for the last hour, with values for whatever it wants to know."""
    usual: dict[str, dict[str, Value]] = {
        "string": {"": ""},
        "list": {"": []},
        "int": {"first_row": 0, "last_row": 49, "direction": 1, "": 0},
        "timespan": {"shift": timedelta(), "": timedelta(minutes=1)},
    }
    given: dict[str, Value] = {
        "start": now(emulator) - timedelta(hours=1),
        "end": now(emulator) + timedelta(hours=1),
    }
    for parameter, kind in all_queries()[name].parameters.items():
        if parameter not in given:
            known = usual[kind]
            given[parameter] = known.get(parameter, known[""])
    logs = running.services.logs
    assert logs is not None
    (result,) = logs.ask(Ask(name, {**given, **values}))
    return result


@pytest.mark.parametrize("name", sorted(all_queries()))
def test_no_query_trips_over_odd_telemetry(running: runtime.Runtime, emulator: Emulator, name: str) -> None:
    """Others write into the same workspace; one odd row must not take a card away."""
    items: list[Json] = []
    for value in ODD_VALUES:
        odd = {**dict.fromkeys(FIGURES, value), "relaydeck.outcome": value, "relaydeck.run.id": "run_odd"}
        odd |= {
            "relaydeck.invocation.id": value or "i",
            "messaging.destination.name": "q",
            "relaydeck.tools": value,
        }
        odd |= {"relaydeck.inserted_at": value, "relaydeck.answer.id": value, "gen_ai.agent.name": value}
        items += [request("answer", odd), request("calculate", odd)]
    bare = request("answer", {})
    del bare["tags"], bare["data"]["baseData"]["properties"]
    point = {"name": "relaydeck.queue.depth", "value": 3, "count": 1}
    items += [
        bare,
        envelope("MetricData", {"metrics": [point]}),
        envelope("EventData", {"name": "lifecycle.stage"}),
    ]
    assert track(emulator, items).status == 200

    result = ask(running, emulator, name)

    assert result.is_known, result.problem


def test_a_figure_that_is_no_number_is_unknown_and_never_zero(
    running: runtime.Runtime, emulator: Emulator
) -> None:
    named = {"relaydeck.outcome": "answered", "relaydeck.run.id": "run_1"}
    odd = dict.fromkeys(FIGURES, "many")
    track(emulator, [request("answer", {**named, **odd})])

    (parts,) = ask(running, emulator, "answers_over_time").rows
    (listed,) = ask(running, emulator, "runs").rows
    kpis = next(row for row in ask(running, emulator, "kpis").rows if row["period"] == "now")

    assert (parts["answers"], parts["measured"], parts["wait_ms"]) == (1, 0, None)
    assert listed["wait_ms"] is None and listed["input_tokens"] is None
    assert kpis["wait_p95_ms"] is None


@pytest.mark.parametrize("minutes", [-20, -3, 3, 20])
def test_a_function_whose_clock_is_off_stays_in_its_trace(
    running: runtime.Runtime, emulator: Emulator, minutes: int
) -> None:
    """The trace says so and puts the bar back into its call; it is not lost, nor drawn a quarter of an hour away."""
    at = now(emulator) - timedelta(minutes=30)
    named = {
        "relaydeck.run.id": "run_skew",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "foo",
    }
    call = {"id": "c" * 16, "name": "execute_tool foo", "duration": "0.00:00:02", "properties": named}
    calling = envelope("RemoteDependencyData", call, at)
    calling["tags"]["ai.operation.parentId"] = "b" * 16
    invoked = {"relaydeck.invocation.id": "i-1", "relaydeck.outcome": "answered"}
    executed = request("foo", invoked, at + timedelta(minutes=minutes), "f" * 16)
    executed["data"]["baseData"]["duration"] = "0.00:00:01"
    executed["tags"]["ai.operation.parentId"] = "c" * 16
    track(emulator, [request("answer", {"relaydeck.run.id": "run_skew"}, at), calling, executed])

    trace = running.services.traces.read("run_skew")

    (function,) = [bar for bar in trace.bars if bar.kind == "function"]
    assert 0 <= function.started_s <= 2 and "clock differs" in " ".join(trace.notes)


def test_what_came_twice_is_drawn_once(running: runtime.Runtime, emulator: Emulator) -> None:
    """Exporters repeat what they got no answer for."""
    asked = request("answer", {"relaydeck.run.id": "run_twice", "relaydeck.outcome": "answered"})
    for _ in range(3):
        track(emulator, [asked])

    trace = running.services.traces.read("run_twice")

    assert len(trace.bars) == 1 and trace.state == "answered"


def test_a_trace_without_any_ids_is_still_told(running: runtime.Runtime, emulator: Emulator) -> None:
    bare = request("answer", {"relaydeck.run.id": "run_bare", "relaydeck.outcome": "answered"})
    bare["tags"] = {}
    bare["data"]["baseData"]["id"] = "x"
    track(emulator, [bare])

    trace = running.services.traces.read("run_bare")

    assert trace.state == "answered" and trace.took_s == 2 and len(trace.bars) == 1


def test_ten_megabytes_of_one_trace_are_read_in_part_and_said(
    running: runtime.Runtime, emulator: Emulator
) -> None:
    """A loop in somebody's agent: the page stays usable and says what it leaves out."""
    at = now(emulator) - timedelta(minutes=5)
    items = [request("answer", {"relaydeck.run.id": "run_big", "relaydeck.outcome": "answered"}, at)]
    for number in range(5_000):
        named = {"relaydeck.run.id": "run_big", "gen_ai.operation.name": "chat", "filler": "x" * 1500}
        base = {"id": f"{number:016x}", "name": "chat m", "duration": "0.00:00:00.1", "properties": named}
        one = envelope("RemoteDependencyData", base, at + timedelta(milliseconds=number))
        one["tags"]["ai.operation.parentId"] = "b" * 16
        items.append(one)
    body = json.dumps(items).encode()
    assert len(body) > 9_000_000 and track(emulator, body).status == 200

    trace = running.services.traces.read("run_big")

    assert len(trace.bars) < 1_000
    assert "Only the first" in " ".join(trace.notes)
    assert ask(running, emulator, "kpis").state == "ok"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (timedelta(hours=1), timedelta(hours=-1)),
        (timedelta(days=3650), timedelta(days=3651)),
        (timedelta(days=-3650), timedelta(hours=1)),
    ],
    ids=["reversed", "in-the-future", "ten-years"],
)
@pytest.mark.parametrize("name", ["kpis", "runs", "queue_rates", "demo_rows", "answers_over_time"])
def test_a_range_that_cannot_be_is_answered_and_breaks_nothing(
    running: runtime.Runtime, emulator: Emulator, name: str, start: timedelta, end: timedelta
) -> None:
    """The page says what is wrong with a range; the service must bear one that slips through."""
    track(emulator, [request("answer", {"relaydeck.outcome": "answered"})])
    at = now(emulator)

    result = ask(running, emulator, name, start=at + start, end=at + end)

    assert result.is_known, result.problem
