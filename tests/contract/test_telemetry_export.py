"""Through Microsoft's exporter, over HTTP: what arrives, and what becomes of it when nobody takes it."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from services.answers.events import AnswerEvent, Asked, Began, Closed, RunFound, StageBegan, StageEnded
from services.answers.fold import fold
from services.errors import NotFound
from services.models import Answer, QueueDepth
from services.resilience import Dependencies, Limits
from services.resilience.dependencies import INGESTION
from services.telemetry.connection import check_connection_string
from services.telemetry.context import trace_of
from services.telemetry.guarded import guarded
from services.telemetry.outbox import Outbox, Send
from services.telemetry.quiet import be_quiet
from services.telemetry.service import Telemetry, TelemetryOptions
from services.transport import build_transport
from tests.ingestion import Ingestion, open_ingestion, properties

ASKED_AT = datetime(2026, 11, 22, 12, 0, 0, 250_000, UTC)
EVENTS: tuple[AnswerEvent, ...] = (
    Asked(0.0, "ans_1", "Hello?", "thread_1", ASKED_AT),
    Began(0.1),
    StageBegan(0.1, "creation"),
    StageEnded(0.2, "creation"),
    RunFound(0.3, "run_1", "asst_1", "orchestrator"),
    Closed(1.5, "expired"),
)


class Depths:
    def list_depths(self, prefix: str = "") -> list[QueueDepth]:
        return [
            QueueDepth(f"{prefix}foo-input", 3, 12.5, "flowing"),
            QueueDepth(f"{prefix}foo-output", 0, None, "empty"),
        ]


def connect(connection_string: str) -> Send:
    be_quiet()
    from services.telemetry.azure_monitor import AzureMonitor

    transport = build_transport(ca_file=None, connect_timeout_s=2, read_timeout_s=0.5, use_environment=False)
    exporter = AzureMonitor(connection_string, transport, instance="here")
    return guarded(exporter.send, Dependencies(Limits()).caller(INGESTION))


def telemetry_to(connection_string: str) -> Telemetry:
    options = TelemetryOptions(
        "prod", "gpt-4o", lambda: check_connection_string(connection_string), connect, sample_s=0.2
    )
    return Telemetry(options, Depths(), Outbox(linger_s=0.01, first_retry_s=0.02))


@pytest.fixture
def ingestion() -> Iterator[Ingestion]:
    with open_ingestion() as opened:
        yield opened


@pytest.fixture
def telemetry(ingestion: Ingestion) -> Iterator[Telemetry]:
    made = telemetry_to(ingestion.connection_string)
    made.start()
    assert made.wait_ready(60)
    yield made
    made.close(0.5)


def tell(telemetry: Telemetry) -> Answer:
    answer = fold(EVENTS)
    telemetry.answered(answer, EVENTS, "expired")
    return answer


def test_an_answer_arrives_as_a_request_with_its_dependencies(
    telemetry: Telemetry, ingestion: Ingestion
) -> None:
    """The columns that queries read: ids, role, start, length, outcome."""
    tell(telemetry)
    assert telemetry.flush(20)

    (request,) = ingestion.of("RequestData", "answer")
    (run,) = ingestion.of("RemoteDependencyData", "invoke_agent orchestrator")
    data, tags, trace = request["data"]["baseData"], request["tags"], trace_of("ans_1")
    assert (tags["ai.operation.id"], data["id"]) == (trace.trace_id, trace.span_id)
    assert tags["ai.cloud.role"] == "relaydeck" and tags["ai.cloud.roleInstance"] == "here"
    assert (data["responseCode"], data["success"], data["duration"]) == ("expired", False, "0.00:00:01.500")
    assert request["time"].startswith("2026-11-22T12:00:00.25") and request.get("sampleRate", 100) == 100
    assert run["tags"]["ai.operation.parentId"] == trace.span_id
    assert properties(run)["relaydeck.run.status"] == "expired"
    assert set(ingestion.requests) == {"/v2.1/track"} or set(ingestion.requests) == {"//v2.1/track"}


def test_events_and_measurements_arrive_with_their_role_and_trace(
    telemetry: Telemetry, ingestion: Ingestion
) -> None:
    """The exporter itself leaves both out of custom events."""
    tell(telemetry)
    telemetry.acted("cancel answer", "ans_1", "cancelled")
    ingestion.until(lambda: len(ingestion.of("MetricData")) >= 4)
    assert telemetry.flush(20)

    (stage,) = ingestion.of("EventData", "lifecycle.stage")
    (action,) = ingestion.of("EventData", "operator.action")
    measured = {
        (point["name"], properties(one).get("queue", "")): point["value"]
        for one in ingestion.of("MetricData")
        for point in one["data"]["baseData"]["metrics"]
    }
    assert stage["tags"]["ai.operation.id"] == trace_of("ans_1").trace_id
    assert stage["tags"]["ai.cloud.role"] == action["tags"]["ai.cloud.role"] == "relaydeck"
    assert properties(action)["outcome"] == "cancelled"
    assert measured == {
        ("relaydeck.telemetry.dropped", ""): 0,
        ("relaydeck.queue.depth", "azure-function-foo-input"): 3,
        ("relaydeck.queue.depth", "azure-function-foo-output"): 0,
        ("relaydeck.queue.oldest_age_s", "azure-function-foo-input"): 12.5,
    }


def test_what_the_endpoint_could_not_take_is_sent_when_it_can(
    telemetry: Telemetry, ingestion: Ingestion
) -> None:
    """An hour of 500 must not cost the hour."""
    ingestion.manner = "fail"
    tell(telemetry)
    ingestion.until(lambda: len(ingestion.requests) >= 3)
    assert not ingestion.of("RequestData") and "500" in telemetry.health().counts.reason

    ingestion.manner = "accept"

    ingestion.until(lambda: bool(ingestion.of("RequestData")))
    assert telemetry.health().counts.failed == 0


@pytest.mark.parametrize("manner", ["refuse", "half"])
def test_what_the_endpoint_refuses_is_counted_and_shown(
    telemetry: Telemetry, ingestion: Ingestion, manner: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And the refused records, which the exporter would write into the log at ERROR, are not."""
    ingestion.manner = manner  # type: ignore[assignment]  # both are manners
    with caplog.at_level(logging.DEBUG):
        tell(telemetry)
        assert telemetry.flush(20)

    state, words = telemetry.health().verdict()
    assert state == "degraded" and "lost" in words
    assert telemetry.health().counts.failed >= 1 and "thread_1" not in caplog.text


@pytest.mark.parametrize("manner", ["hang", "drip"])
def test_an_endpoint_that_does_not_answer_delays_neither_answers_nor_the_end(
    telemetry: Telemetry, ingestion: Ingestion, manner: str
) -> None:
    """What is told is told at once; the process ends in the time it was given, and says what it lost."""
    ingestion.manner = manner  # type: ignore[assignment]  # both are manners
    ingestion.until(lambda: len(ingestion.requests) >= 1)

    started_s = time.monotonic()
    for _ in range(100):
        tell(telemetry)
    told_s = time.monotonic() - started_s
    telemetry.close(0.3)

    assert told_s < 10 and time.monotonic() - started_s < 30
    assert telemetry.health().counts.dropped > 0


def test_without_a_resource_telemetry_is_off_in_words() -> None:
    """Nothing else may change: answers are given as ever."""

    def missing() -> str:
        raise NotFound("No Application Insights resource is connected to the Foundry project.", operation="x")

    telemetry = Telemetry(TelemetryOptions("prod", "m", missing, connect), Depths())
    tell(telemetry)

    telemetry.start()

    assert telemetry.wait_ready(20)
    assert telemetry.health().verdict() == (
        "unknown",
        "Off. No Application Insights resource is connected to the Foundry project.",
    )
    tell(telemetry)
    assert telemetry.health().counts.waiting == 0


def test_starting_relaydeck_does_not_import_the_exporter() -> None:
    """It takes more than a second, which nobody should wait for."""
    code = "import sys, runtime; print([n for n in sys.modules if n.startswith(('opentelemetry', 'azure.monitor'))])"

    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert told.stdout.strip() == "[]"
