"""The demo history on its way into Local Azure: the same wire as real telemetry, once, and nowhere else."""

import dataclasses
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import commands.history as told_by
import runtime
from commands.serve import HISTORY_FILE
from emulator.__main__ import _describe
from emulator.connection import write_connection
from emulator.faults import Fault
from emulator.server import Emulator
from services.agents.catalogue import CATALOGUE
from services.demo.history import Setting, history
from services.errors import Unavailable
from services.resilience import Dependencies, Limits
from services.resilience.dependencies import INGESTION
from services.settings import Settings
from services.settings_source import load_settings
from services.telemetry.guarded import guarded
from tests.contract.monitor_support import envelope, rows, track
from tests.contract.test_telemetry_trace import asked
from tests.ingestion import Ingestion, open_ingestion, properties

COUNTS = 'AppRequests | summarize count(), countif(tostring(Properties["relaydeck.demo"]) == "true")'
DEMO = "relaydeck.demo"


@pytest.fixture
def settings(emulator: Emulator, tmp_path: Path) -> Settings:
    """Of a dashboard whose state folder says that *emulator* is its Local Azure."""
    write_connection(tmp_path, _describe(emulator))
    return load_settings({"RELAYDECK_STATE_DIR": str(tmp_path), "RELAYDECK_SEED": "on"})


def tell(settings: Settings, *, again: bool = False) -> told_by.Told:
    return told_by.tell(settings, again=again, rest_share=0.0)


def tracked(emulator: Emulator) -> int:
    return sum(seen.operation == "monitor.track" for seen in emulator.requests())


def test_a_fresh_folder_gets_a_day_whose_every_row_is_marked(emulator: Emulator, settings: Settings) -> None:
    """Whatever a page reads, it can tell the reader."""
    told = tell(settings)

    assert told.answers > 250
    for table in ("AppRequests", "AppDependencies", "AppEvents", "AppMetrics"):
        found = rows(
            emulator,
            f'{table} | summarize count(), countif(tostring(Properties["{DEMO}"]) == "true")',
        )
        assert found[0][0] == found[0][1] > 300, table
    roles = rows(emulator, "AppRequests | distinct AppRoleName | order by AppRoleName asc")
    assert roles == [["relaydeck"], ["relaydeck-functions"]]
    twice = rows(emulator, 'AppRequests | where Name == "answer" | summarize n = count() by Id | where n > 1')
    assert twice == []


def test_it_is_told_once_in_the_life_of_a_folder(
    emulator: Emulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither another start nor a reset brings it again; asking for it does."""
    now_s = time.time()  # all of it at one moment: a day that ends later is another
    clock = SimpleNamespace(time=lambda: now_s, monotonic=time.monotonic, sleep=time.sleep)
    monkeypatch.setattr(told_by, "time", clock)
    tell(settings)
    before = rows(emulator, COUNTS)

    assert tell(settings).answers == 0 and rows(emulator, COUNTS) == before
    assert tell(settings, again=True).answers == 0, "it is there already"
    emulator.reset()
    assert tell(settings).answers == 0 and rows(emulator, COUNTS) == [[0, 0]]
    assert tell(settings, again=True).answers > 250 and rows(emulator, COUNTS) == before


def test_a_workspace_with_answers_of_its_own_is_left_alone(emulator: Emulator, settings: Settings) -> None:
    """Made-up answers among somebody's real ones would spoil their figures."""
    base = {"id": "b" * 16, "name": "answer", "duration": "0.00:00:01", "responseCode": "answered"}
    track(emulator, [envelope("RequestData", {**base, "properties": {"relaydeck.outcome": "answered"}})])

    told = tell(settings)

    assert told.answers == 0 and "holds 1 answers already" in told.words
    assert rows(emulator, COUNTS) == [[1, 0]]
    emulator.reset()
    assert tell(settings).answers == 0, "and stays so"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seed": "off"}, "RELAYDECK_SEED is off"),
        ({"telemetry": "off"}, "RELAYDECK_TELEMETRY is off"),
        ({"mode": "azure"}, "not local mode"),
    ],
)
def test_nothing_is_sent_where_it_is_not_wanted(
    emulator: Emulator, settings: Settings, changes: dict[str, str], reason: str
) -> None:
    """Not a request, and no mark: who switches it on later gets it."""
    told = tell(settings.model_copy(update=changes))

    assert reason in told.words and told.answers == 0
    assert tracked(emulator) == 0 and not (settings.state_dir / HISTORY_FILE).exists()


def test_it_goes_to_local_azure_and_to_no_other_address(
    emulator: Emulator, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also when the dashboard itself tells a real resource, or the connection file was tampered with."""
    with open_ingestion() as elsewhere:
        monkeypatch.setenv("APPLICATIONINSIGHTS_CONNECTION_STRING", elsewhere.connection_string)
        forged = dataclasses.replace(
            _describe(emulator), insights_connection_string=elsewhere.connection_string
        )
        write_connection(settings.state_dir, forged)

        with pytest.raises(Unavailable, match="not the one of Local Azure"):
            tell(settings)

        write_connection(settings.state_dir, _describe(emulator))
        assert tell(settings).answers > 250
        assert elsewhere.requests == []


def test_a_telling_that_was_cut_off_goes_on_and_repeats_nothing(
    emulator: Emulator, settings: Settings
) -> None:
    """Whoever stops the first start after ten seconds finds the rest at the next one."""
    emulator.fail(Fault("monitor.track", status=400, times=1, skip=9))
    with pytest.raises(Unavailable):
        tell(settings)
    (half,) = rows(emulator, COUNTS)
    begun = json.loads((settings.state_dir / told_by.BEGUN_FILE).read_text())

    assert half[0] > 0 and begun["batches"] == 3 and not (settings.state_dir / HISTORY_FILE).exists()
    told = tell(settings)

    answers = rows(emulator, 'AppRequests | where Name == "answer" | summarize count(), dcount(Id)')
    assert answers[0][0] == answers[0][1] and told.answers - told_by.CHAPTERS <= answers[0][0] <= told.answers
    assert not (settings.state_dir / told_by.BEGUN_FILE).exists()
    assert tell(settings).answers == 0


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_busy_endpoint_is_asked_again(
    emulator: Emulator, settings: Settings, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One refusal must not cost the whole history."""
    monkeypatch.setattr(told_by, "TRY_AGAIN_S", 0.0)
    emulator.fail(Fault("monitor.track", status=status, times=2))

    assert tell(settings).answers > 250


def test_without_local_azure_it_says_so(tmp_path: Path) -> None:
    """And leaves no mark: the next start tries again."""
    settings = load_settings({"RELAYDECK_STATE_DIR": str(tmp_path), "RELAYDECK_SEED": "on"})

    with pytest.raises(Unavailable, match="does not run"):
        tell(settings)

    assert list(tmp_path.iterdir()) == []


def test_the_trace_of_a_made_up_run_works_from_telemetry_alone(
    emulator: Emulator, settings: Settings
) -> None:
    """Its conversation never was: that is no failure, and the page says what it shows."""
    tell(settings)
    slow = rows(
        emulator,
        'AppRequests | where Name == "answer" and DurationMs > 15000'
        ' | where tostring(Properties["relaydeck.outcome"]) == "answered"'
        ' | project run = tostring(Properties["relaydeck.run.id"]) | take 1',
    )[0][0]
    local = settings.at(
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        model=emulator.settings.model_deployment,
    )
    running = runtime.build(local, runtime.local_endpoints(_describe(emulator)), now=emulator.clock.now)
    since = len(emulator.requests())
    try:
        trace = running.services.traces.read(slow)
    finally:
        running.close()

    asked_of = {seen.operation for seen in emulator.requests()[since:]}
    assert asked_of == {"monitor.query_batch"}, "nobody is asked for a conversation that never was"
    assert trace.is_demo and trace.answer is None
    assert trace.state == "answered" and "waiting in the input queue" in trace.verdict
    assert {bar.kind for bar in trace.bars} == {"run", "model", "wait", "function"}
    notes = " ".join(trace.notes)
    assert "Demo data" in notes and "could not be read" not in notes


# The same as a real one --------------------------------------------------------------------------------

# What a real answer lacks when a busy machine let its message pass unseen.
SEEN_IN_TIME = {
    "RequestData answer": {"relaydeck.queue_wait_ms", "relaydeck.function_ms"},
    "RemoteDependencyData execute_tool ": {"relaydeck.correlation_id"},
}
Shape = dict[str, tuple[set[str], set[str], set[str]]]


@pytest.fixture
def made_up() -> Iterator[Ingestion]:
    """What arrives of the made-up day at an endpoint that keeps the envelopes."""
    from services.telemetry.azure_monitor import AzureMonitor
    from services.transport import build_transport
    from tools.telemetry import Telemetry

    setting = Setting(datetime(2026, 11, 22, 14, tzinfo=UTC), "local", "gpt-4o", CATALOGUE, "https://q/out")
    with open_ingestion() as ingestion:
        transport = build_transport(
            ca_file=None, connect_timeout_s=5, read_timeout_s=5, use_environment=False
        )
        exporter = AzureMonitor(ingestion.connection_string, transport, instance="demo")
        send = guarded(exporter.send, Dependencies(Limits()).caller(INGESTION))
        functions = Telemetry(ingestion.connection_string)
        batch = history(setting)[:150]
        for part in told_by._parts(batch):
            assert not send(part).reason
        for chapter in batch:
            for one in chapter.executions:
                functions.told(told_by.handled(one))
        assert functions.flush(20)
        yield ingestion


def test_a_made_up_answer_has_the_columns_and_properties_of_a_real_one(
    tmp_path: Path, made_up: Ingestion
) -> None:
    """Compared on the wire, envelope by envelope, with one that went through agents, queue and function."""
    with asked(tmp_path) as (answer, real):
        assert answer.state == "answered"
        for name, (tags, columns, names) in _shape(real, tool="calculate").items():
            other_tags, other_columns, other_names = _shape(made_up, tool="calculate")[name]
            assert other_tags == tags, name
            assert other_columns == columns, name
            missed = SEEN_IN_TIME.get(name, set()) - names
            assert other_names - {DEMO} == names | missed and DEMO in other_names, name


def _shape(ingestion: Ingestion, tool: str) -> Shape:
    """Return, by what an envelope tells of, the names of its tags, columns and properties, as the most telling has them."""
    found: Shape = {}
    for one in list(ingestion.envelopes):
        given = _kind(one, tool)
        if given is None:
            continue
        base = one["data"]["baseData"]
        shape = (set(one["tags"]), set(base), set(properties(one)))
        if given not in found or len(shape[2]) > len(found[given][2]):
            found[given] = shape
    return found


def _kind(one: dict[str, Any], tool: str) -> str | None:
    """Return what *one* tells of, such as `RequestData answer`; None: of another tool, or of a fault."""
    kind, base, named = one["data"]["baseType"], one["data"]["baseData"], properties(one)
    name = str(base.get("name") or (base.get("metrics") or [{}])[0].get("name"))
    if kind == "MetricData":
        return None if name.endswith("oldest_age_s") else f"{kind} {name}"
    if kind == "EventData":
        stage = named.get("relaydeck.stage")  # none: what an operator did, which no history makes up
        return f"{kind} {stage}" if stage else None
    if kind == "RemoteDependencyData":
        word = name.split()[0]
        mine = word in ("chat", "invoke_agent") or tool in name
        timed = "relaydeck.timed" not in named
        turn = named.get("relaydeck.turn", "") + ("child" if "relaydeck.parent_run.id" in named else "")
        return f"{kind} {word} {turn}" if mine and timed else None
    if name == "answer":
        return f"{kind} {name}" if named["relaydeck.tools"] == tool else None
    return f"{kind} {name}" if name == tool else None
