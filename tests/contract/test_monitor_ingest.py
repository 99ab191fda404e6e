"""Telemetry in: what exporters send is in the tables a moment later, and what is wrong is told item by item."""

import json
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from emulator.faults import Fault
from emulator.server import Emulator, EmulatorSettings
from tests.contract.monitor_support import Json, dependency, envelope, message, rows, track


def test_every_kind_of_item_lands_in_its_table(emulator: Emulator) -> None:
    """Six kinds, six tables; the columns carry Log Analytics' names and types."""
    items = [
        envelope(
            "RequestData",
            {
                "id": "r1",
                "name": "GET /",
                "duration": "1.00:00:01.500",
                "success": False,
                "responseCode": "500",
                "url": "https://x/",
                "properties": {"gen_ai.agent.id": "asst_1"},
            },
        ),
        dependency("call", target="queue", data="POST", resultCode="201"),
        message("said", severityLevel="Warning"),
        envelope("EventData", {"name": "relaydeck.requeued", "measurements": {"moved": 3.0}}),
        envelope(
            "MetricData", {"metrics": [{"name": "depth", "value": 12.5, "count": 5, "min": 1, "max": 4}]}
        ),
        envelope(
            "ExceptionData",
            {
                "exceptions": [
                    {"typeName": "ValueError", "message": "no", "parsedStack": [{"method": "f", "level": 0}]},
                    {"typeName": "KeyError", "message": "'k'"},
                ],
                "severityLevel": 3,
            },
        ),
    ]

    answer = track(emulator, items)

    assert (answer.status, answer.document) == (200, {"itemsReceived": 6, "itemsAccepted": 6, "errors": []})
    assert rows(
        emulator,
        'AppRequests | project Id, Name, DurationMs, Success, ResultCode, Url, tostring(Properties["gen_ai.agent.id"]),'
        " PerformanceBucket, OperationId, AppRoleName, ItemCount, Type",
    ) == [
        [
            "r1",
            "GET /",
            86_401_500.0,
            False,
            "500",
            "https://x/",
            "asst_1",
            ">=5min",
            "a" * 32,
            "tests",
            1,
            "AppRequests",
        ]
    ]
    assert rows(
        emulator, "AppDependencies | project Name, DependencyType, Target, Data, ResultCode, DurationMs"
    ) == [["call", "InProc", "queue", "POST", "201", 1250.0]]
    assert rows(emulator, "AppTraces | project Message, SeverityLevel") == [["said", 2]]
    assert rows(emulator, "AppEvents | project Name, toreal(Measurements.moved)") == [
        ["relaydeck.requeued", 3.0]
    ]
    assert rows(emulator, "AppMetrics | project Name, Sum, Min, Max, ItemCount") == [
        ["depth", 12.5, 1.0, 4.0, 5]
    ]
    assert rows(
        emulator,
        "AppExceptions | project ExceptionType, OuterMessage, InnermostType, Method, ProblemId, SeverityLevel",
    ) == [["ValueError", "no", "KeyError", "f", "ValueError at f", 3]]


@pytest.mark.parametrize("path", ["/v2.1/track", "/v2/track", "//v2.1/track"])
def test_each_address_that_exporters_use_is_known(emulator: Emulator, path: str) -> None:
    """A connection string ends in a slash, so the exporter sends two."""
    assert track(emulator, [message()], path=path).status == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(lambda items: json.dumps(items).encode(), id="array"),
        pytest.param(lambda items: "\n".join(map(json.dumps, items)).encode(), id="lines"),
        pytest.param(lambda items: "\r\n".join(map(json.dumps, items)).encode() + b"\n\n", id="crlf"),
    ],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_items_come_as_an_array_or_as_lines_packed_or_not(
    emulator: Emulator, body: Json, packed: bool
) -> None:
    """Each Application Insights SDK writes one of these."""
    assert (
        track(emulator, body([message("one"), message("two")]), packed=packed).document["itemsAccepted"] == 2
    )
    assert sorted(rows(emulator, "AppTraces | project Message")) == [["one"], ["two"]]


def broken(kind: str = "RequestData") -> Json:
    return envelope(kind, {"name": "half"})


def test_a_bad_item_is_refused_and_the_others_are_kept(emulator: Emulator) -> None:
    """206 names the index, so that the exporter drops or repeats only that one."""
    answer = track(emulator, [message("one"), broken(), message("two")])

    assert answer.status == 206
    assert (answer.document["itemsReceived"], answer.document["itemsAccepted"]) == (3, 2)
    (problem,) = answer.document["errors"]
    assert (problem["index"], problem["statusCode"]) == (1, 400)
    assert "Field 'id' on type 'RequestData' is required but missing or empty" in problem["message"]
    assert sorted(rows(emulator, "AppTraces | project Message")) == [["one"], ["two"]]


@pytest.mark.parametrize(
    ("item", "words"),
    [
        pytest.param(7, "106: Field 'Envelope'", id="no-object"),
        pytest.param({}, "Field 'baseType'", id="empty"),
        pytest.param(
            envelope("PageViewData", {"name": "x"}), "no items of type 'PageViewData'", id="unknown-kind"
        ),
        pytest.param(message() | {"time": ""}, "Field 'time' on type 'Envelope' is required", id="no-time"),
        pytest.param(message() | {"time": "yesterday"}, "106: Field 'time'", id="bad-time"),
        pytest.param(message() | {"iKey": ""}, "Field 'iKey'", id="no-key"),
        pytest.param(message() | {"tags": [1]}, "Field 'tags'", id="bad-tags"),
        pytest.param(message(properties=[1]), "Field 'properties'", id="bad-properties"),
        pytest.param(dependency(duration="soon"), "Field 'duration'", id="bad-duration"),
        pytest.param(envelope("MetricData", {"metrics": [{"name": "x"}]}), "Field 'value'", id="no-value"),
        pytest.param(envelope("ExceptionData", {"exceptions": []}), "Field 'exceptions'", id="no-exception"),
    ],
)
def test_what_cannot_be_kept_is_said_in_words(emulator: Emulator, item: Json, words: str) -> None:
    """400, and no row: half an item in a table would be believed."""
    answer = track(emulator, [item])

    assert (answer.status, answer.document["itemsAccepted"]) == (400, 0)
    assert words in answer.document["errors"][0]["message"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        pytest.param(b"", 400, "empty", id="nothing"),
        pytest.param(b"<html>", 400, "not JSON", id="html"),
        pytest.param(b"[{", 400, "not JSON", id="half"),
        pytest.param(b"\x1f\x8b123", 400, "not valid gzip", id="bad-gzip"),
    ],
)
def test_a_body_that_is_no_telemetry_is_refused(
    emulator: Emulator, body: bytes, status: int, words: str
) -> None:
    """The message says what is wrong with it."""
    answer = track(emulator, body)

    assert answer.status == status
    assert words in answer.document["errors"][0]["message"]


def test_a_body_that_unpacks_to_gigabytes_is_refused(emulator: Emulator) -> None:
    """It is unpacked up to the limit and no further."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = b"".join([packer.compress(b" " * (1 << 20)) for _ in range(200)]) + packer.flush()

    assert track(emulator, bomb, headers={"Content-Encoding": "gzip"}).status == 413


def test_ten_megabytes_in_one_request_are_kept(emulator: Emulator) -> None:
    """All of it, and the answer still comes."""
    items = [dependency(f"call {n}", properties={"text": "x" * 900}) for n in range(8_000)]
    assert len(json.dumps(items)) > 10_000_000

    assert track(emulator, items, packed=True).document["itemsAccepted"] == 8_000
    assert rows(emulator, "AppDependencies | count") == [[8_000]]


@pytest.mark.parametrize("minutes", [-90, -5, 5, 90])
def test_a_skewed_clock_keeps_its_own_time(emulator: Emulator, minutes: int) -> None:
    """The time is the sender's, as in Azure; when it arrived stands beside it."""
    now = emulator.clock.now()
    assert track(emulator, [message("x", now + timedelta(minutes=minutes))]).status == 200

    ((skew,),) = rows(emulator, "AppTraces | project datetime_diff('minute', TimeGenerated, _TimeReceived)")
    assert skew == pytest.approx(minutes, abs=1)


@pytest.mark.parametrize(("days", "words"), [(-3, "older than the allowed min date"), (2, "newer than")])
def test_a_time_that_cannot_be_right_is_refused(emulator: Emulator, days: int, words: str) -> None:
    """As Azure does: it would draw a point where nothing happened."""
    answer = track(emulator, [message("x", emulator.clock.now() + timedelta(days=days))])

    assert answer.status == 400
    assert words in answer.document["errors"][0]["message"]


def test_missing_ids_are_empty_and_never_invented(emulator: Emulator) -> None:
    """A span without ids is still evidence of its time and duration."""
    item = dependency()
    del item["tags"], item["data"]["baseData"]["id"]

    assert track(emulator, [item]).status == 200
    assert rows(emulator, "AppDependencies | project Id, OperationId, ParentId, AppRoleName") == [
        ["", "", "", ""]
    ]
    assert rows(emulator, "AppDependencies | where isempty(OperationId) | count") == [[1]]


def test_a_repeated_item_is_kept_twice_as_azure_does(emulator: Emulator) -> None:
    """Whoever counts must count distinct ids; hiding it locally would hide the mistake."""
    item = dependency("again")
    track(emulator, [item])
    track(emulator, [item])

    assert rows(emulator, "AppDependencies | summarize count(), dcount(Id)") == [[2, 1]]


def test_a_sampled_item_stands_for_many(emulator: Emulator) -> None:
    """sum(ItemCount), not count(): the sampler told us how many it left out."""
    track(emulator, [dependency() | {"sampleRate": 25}])

    assert rows(emulator, "AppDependencies | summarize sum(ItemCount)") == [[4]]


@pytest.mark.parametrize("status", [402, 429, 500])
def test_a_scripted_failure_is_met_once(emulator: Emulator, status: int) -> None:
    """In the ingestion endpoint's own words, with the pause it asks for, and without a row."""
    emulator.fail(Fault("monitor.track", status=status, headers={"Retry-After": "7"}))
    refused = track(emulator, [message()])

    assert (refused.status, refused.headers["retry-after"]) == (status, "7")
    assert refused.document["errors"][0]["statusCode"] == status
    assert rows(emulator, "AppTraces | count") == [[0]]
    assert track(emulator, [message()]).status == 200


def test_a_lost_answer_leaves_the_items_stored(emulator: Emulator) -> None:
    """So an exporter that repeats makes duplicates, here as in Azure."""
    emulator.fail(Fault("monitor.track", status=500, when="after"))

    assert track(emulator, [message()]).status == 500
    assert rows(emulator, "AppTraces | count") == [[1]]


def test_a_reset_forgets_all_telemetry(emulator: Emulator) -> None:
    """Tests and demonstrations start from nothing."""
    track(emulator, [message()])
    emulator.reset()

    assert rows(emulator, "AppTraces | count") == [[0]]


# The real exporter ------------------------------------------------------------------------------------


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The exporter calls its endpoint and nothing else."""
    for name in ("STATSBEAT_DISABLED_ALL", "CONTROLPLANE_DISABLED", "SDKSTATS_DISABLED"):
        monkeypatch.setenv(f"APPLICATIONINSIGHTS_{name}", "true")
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "otel")
    yield


@pytest.fixture
def on_time(state: Path) -> Iterator[Emulator]:
    """A Local Azure whose clock no other test has moved: real exporters stamp their items by the machine's."""
    with Emulator(EmulatorSettings(state=state)) as emulator:
        yield emulator


def test_spans_of_the_real_exporter_can_be_queried(on_time: Emulator, quiet: None) -> None:
    """azure-monitor-opentelemetry's own exporter, unmodified, over plain http."""
    from azure.monitor.opentelemetry.exporter import AzureMonitorTraceExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.trace import SpanKind

    resource = Resource.create({"service.name": "relaydeck", "service.instance.id": "one"})
    provider = TracerProvider(resource=resource)
    exporter = AzureMonitorTraceExporter(
        connection_string=on_time.insights_connection_string,
        tracer_provider=provider,
        disable_offline_storage=True,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with (
        tracer.start_as_current_span("answer", kind=SpanKind.SERVER),
        tracer.start_as_current_span("run", kind=SpanKind.CLIENT) as run,
    ):
        run.set_attribute("gen_ai.agent.id", "asst_1")
        run.record_exception(ValueError("no"))
    provider.shutdown()

    assert rows(
        on_time,
        "AppRequests | join kind=inner (AppDependencies | project OperationId, ParentId, Run = Name,"
        ' Agent = tostring(Properties["gen_ai.agent.id"])) on $left.Id == $right.ParentId'
        " | project Name, Run, Agent, AppRoleName, AppRoleInstance",
    ) == [["answer", "run", "asst_1", "relaydeck", "one"]]
    assert rows(on_time, "AppExceptions | project ExceptionType, OuterMessage") == [["ValueError", "no"]]


def test_logs_and_events_of_the_real_exporter_can_be_queried(on_time: Emulator, quiet: None) -> None:
    """A custom event is a log record with a name of its own."""
    import logging

    from azure.monitor.opentelemetry.exporter import AzureMonitorLogExporter
    from opentelemetry.instrumentation.logging.handler import LoggingHandler
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider()
    exporter = AzureMonitorLogExporter(
        connection_string=on_time.insights_connection_string, disable_offline_storage=True
    )
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = logging.getLogger("relaydeck.tests.telemetry")
    logger.propagate = False
    handler = LoggingHandler(logger_provider=provider)
    logger.addHandler(handler)
    try:
        logger.warning("queues.requeued", extra={"moved": 3})
        logger.warning("x", extra={"microsoft.custom_event.name": "relaydeck.requeued"})
    finally:
        logger.removeHandler(handler)
    provider.shutdown()

    assert rows(on_time, "AppTraces | project Message, SeverityLevel, tostring(Properties.moved)") == [
        ["queues.requeued", 2, "3"]
    ]
    assert rows(on_time, "AppEvents | project Name") == [["relaydeck.requeued"]]


def test_metrics_of_the_real_exporter_can_be_queried(on_time: Emulator, quiet: None) -> None:
    """The sampler's gauges come this way."""
    from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = AzureMonitorMetricExporter(
        connection_string=on_time.insights_connection_string, disable_offline_storage=True
    )
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)])
    provider.get_meter("tests").create_gauge("relaydeck.queue.depth").set(12, {"queue": "orders"})
    provider.shutdown()

    assert rows(
        on_time,
        "AppMetrics | where Name == 'relaydeck.queue.depth' | project Sum, tostring(Properties.queue), ItemCount",
    ) == [[12.0, "orders", 1]]


def test_time_is_kept_to_the_microsecond(on_time: Emulator) -> None:
    """Hops a few milliseconds apart must not change places."""
    at = datetime.now(UTC).replace(microsecond=123_457)
    track(on_time, [message("x", at)])

    assert rows(on_time, "AppTraces | project TimeGenerated") == [[at]]
