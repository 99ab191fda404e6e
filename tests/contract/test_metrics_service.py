"""MetricsService through the real MetricsClient: against Local Azure, and against whatever else may answer."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import pytest
from azure.monitor.querymetrics import MetricsClient
from azure.storage.queue import QueueServiceClient

from emulator.monitor.catalogue import NAMESPACES
from emulator.server import PROJECT_ID, STORAGE_ID, Emulator
from services.clients import LocalCredential
from services.errors import AccessDenied, InvalidInput, NotFound, Throttled, Unavailable, UnexpectedReply
from services.monitor.metrics import MetricAsk, MetricsService, duration_word
from services.monitor.platform import AGENTS, METRICS, QUEUES, Aggregation, Resource, resources_of
from services.monitor.results import Result
from services.resilience import Limits, Resilience
from services.transport import build_transport
from tests.contract.monitor_support import metrics_client
from tests.scripted_server import Reply, ScriptedServer, as_json

NOW = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
QUEUE_SERVICE, PROJECT = resources_of(f"{STORAGE_ID}/queueServices/default", PROJECT_ID)
Build = Callable[..., MetricsService]


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def ask_of(
    metric: str = "Transactions",
    aggregation: Aggregation = "Total",
    *,
    resource: Resource = QUEUE_SERVICE,
    split: str = "",
    grain: timedelta = MINUTE,
    end: datetime = NOW,
    back: timedelta = HOUR,
) -> MetricAsk:
    return MetricAsk(resource, metric, aggregation, grain, end - back, end, split, "1h")


def sums(result: Result) -> dict[str, float]:
    found: dict[str, float] = {}
    for row in result.rows:
        value = cast("float | None", row["value"])
        found[str(row["series"])] = found.get(str(row["series"]), 0) + (value or 0)
    return found


# Local Azure ------------------------------------------------------------------------------------------------


@pytest.fixture
def local(emulator: Emulator) -> Iterator[MetricsService]:
    with metrics_client(emulator) as client:
        yield MetricsService(
            lambda: client,
            emulator.url,
            (QUEUE_SERVICE, PROJECT),
            Resilience("metrics", Limits(call_retries=0)),
            emulator.clock.now,
            fresh_s=0,
        )


def test_requests_come_back_by_what_they_asked_for(emulator: Emulator, local: MetricsService) -> None:
    """A minute without a request has no value, which is not 0."""
    account = {"account_name": "devstoreaccount1", "account_key": emulator.account_key}
    with QueueServiceClient(
        emulator.storage_endpoint, account, connection_verify=str(emulator.ca_file)
    ) as queues:
        orders = queues.create_queue("orders")
        orders.send_message("one")
        orders.send_message("two")
    result = local.ask(ask_of(split="ApiName", end=emulator.clock.now() + MINUTE))

    assert (result.state, result.source) == ("ok", "Azure Monitor metrics")
    assert sums(result) == {"PutMessage": 2, "CreateQueue": 1}
    assert any(row["value"] is None for row in result.rows)
    assert not any(row["value"] == 0 for row in result.rows)


def test_nothing_counted_is_empty_and_not_zero(emulator: Emulator, local: MetricsService) -> None:
    result = local.ask(ask_of("AgentRuns", resource=PROJECT, end=emulator.clock.now()))
    assert (result.state, result.rows) == ("empty", ())


@pytest.mark.parametrize(
    ("resource", "metric"),
    [(resource, name) for resource in (QUEUE_SERVICE, PROJECT) for name in resource.metrics],
    ids=lambda value: value if isinstance(value, str) else value.title,
)
def test_all_that_the_explorer_offers_is_answered(
    emulator: Emulator, local: MetricsService, resource: Resource, metric: str
) -> None:
    """Every aggregation and every dimension of every metric; an offer that is refused would be a trap."""
    offered = resource.metrics[metric]
    span = {"grain": offered.finest, "end": emulator.clock.now(), "back": 24 * offered.finest}
    for aggregation in offered.aggregations:
        assert local.ask(ask_of(metric, aggregation, resource=resource, **span)).is_known  # type: ignore[arg-type]  # three spans of time
    for split in offered.dimensions:
        asked = ask_of(metric, offered.aggregations[0], resource=resource, split=split, **span)  # type: ignore[arg-type]  # likewise
        assert local.ask(asked).is_known


def test_the_metrics_are_those_that_local_azure_documents() -> None:
    """Two lists, ours and the emulator's, written from the same pages: they must not drift apart."""
    for namespace in (QUEUES, AGENTS):
        ours, theirs = METRICS[namespace], NAMESPACES[namespace]
        assert ours.keys() == theirs.keys()
        for name, metric in ours.items():
            assert set(metric.dimensions) == set(theirs[name].dimensions), name
            assert metric.finest == timedelta(minutes=theirs[name].grain_min), name
            assert metric.aggregations[0] == theirs[name].usual, name


def test_a_resource_that_is_not_there_is_told_as_such(emulator: Emulator, local: MetricsService) -> None:
    gone = Resource(f"{STORAGE_ID}x/queueServices/default", "Storage queues", QUEUES)
    result = local.ask(ask_of(resource=gone, end=emulator.clock.now()))

    assert result.state == "failed"
    assert isinstance(result.problem, NotFound)


# Whatever may answer -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    with ScriptedServer(tmp_path_factory.mktemp("metrics")) as server:
        yield server


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def service(script: ScriptedServer, hands: Hands) -> Iterator[MetricsService]:
    client = client_for(script)
    yield MetricsService(
        lambda: client,
        script.url,
        (QUEUE_SERVICE,),
        Resilience("metrics", Limits(call_retries=0, retry_after_max_s=0)),
        hands,
        fresh_s=30,
    )
    client.close()


def client_for(script: ScriptedServer) -> MetricsClient:
    transport = build_transport(
        ca_file=script.ca_file, connect_timeout_s=2, read_timeout_s=2, use_environment=False
    )
    return MetricsClient(
        script.url, LocalCredential("token"), transport=transport, retry_total=0, permit_redirects=False
    )


def reply_of(
    values: list[object], *, name: str = "Transactions", when: object = "2026-11-22T11:00:00Z"
) -> dict[str, object]:
    data = [{"timeStamp": when, "total": value} for value in values]
    metric = {
        "id": "x",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "unit": "Count",
        "errorCode": "Success",
        "timeseries": [{"metadatavalues": [], "data": data}],
    }
    return {
        "values": [
            {"interval": "PT1M", "namespace": QUEUES, "resourceid": QUEUE_SERVICE.id, "value": [metric]}
        ]
    }


HTML = Reply(200, b"<html><body>Sign in</body></html>", {"Content-Type": "text/html"})
DENIED = as_json({"error": {"code": "AuthorizationFailed", "message": "No role."}}, 403)
BUSY = as_json({"error": {"code": "TooManyRequests", "message": "Slow down."}}, 429, retry_after="7")


@pytest.mark.parametrize(
    ("reply", "state", "kind", "words"),
    [
        pytest.param(DENIED, "failed", AccessDenied, "No role.", id="403"),
        pytest.param(BUSY, "throttled", Throttled, "7 s", id="429"),
        pytest.param(HTML, "failed", UnexpectedReply, "read the metric Transactions", id="html"),
        pytest.param(as_json({}), "failed", UnexpectedReply, "documents", id="empty-object"),
        pytest.param(as_json([]), "failed", UnexpectedReply, "documents", id="list"),
        pytest.param(as_json({"values": []}), "failed", UnexpectedReply, "one result", id="no-result"),
        pytest.param(as_json({"values": [{}]}), "failed", UnexpectedReply, "documents", id="hollow-result"),
        pytest.param(
            as_json(reply_of([1], name="Egress")), "failed", UnexpectedReply, "about Transactions", id="other"
        ),
        pytest.param(
            as_json(reply_of(["many"])), "failed", UnexpectedReply, "a number", id="text-for-number"
        ),
        pytest.param(
            as_json(reply_of([1], when="soon")), "failed", UnexpectedReply, "documents", id="no-time"
        ),
        pytest.param(
            as_json(reply_of([1], when=None)), "failed", UnexpectedReply, "documents", id="null-time"
        ),
        pytest.param(
            Reply(200, b"{", {"Content-Type": "application/json"}), "failed", UnexpectedReply, "", id="half"
        ),
        pytest.param(as_json({}, 503), "failed", Unavailable, "problem of its own", id="503"),
        pytest.param(Reply(how="reset"), "failed", Unavailable, "", id="reset"),
        pytest.param(Reply(how="hang"), "failed", Unavailable, "in time", id="silent"),
    ],
)
def test_a_failure_is_told_and_never_taken_for_no_data(
    script: ScriptedServer, service: MetricsService, reply: Reply, state: str, kind: type, words: str
) -> None:
    """A card can say what happened; it must not draw an empty chart."""
    script.play(reply)
    result = service.ask(ask_of())

    assert (result.state, result.rows, result.is_known) == (state, (), False)
    assert isinstance(result.problem, kind)
    assert result.problem is not None and words in result.problem.message


def test_what_was_read_stays_while_it_cannot_be_read_again(
    script: ScriptedServer, service: MetricsService, hands: Hands
) -> None:
    """With its age and the reason; the chart does not vanish because Azure asks for a pause."""
    script.play(as_json(reply_of([3])), BUSY)
    assert service.ask(ask_of()).state == "ok"
    hands.now += timedelta(seconds=31)
    result = service.ask(ask_of(end=hands.now))

    assert (result.state, sums(result), result.read_at) == ("stale", {"": 3}, NOW)
    assert isinstance(result.problem, Throttled)


def test_a_failure_is_not_kept(script: ScriptedServer, service: MetricsService) -> None:
    script.play(DENIED, as_json(reply_of([3])))
    assert service.ask(ask_of()).state == "failed"
    assert service.ask(ask_of()).state == "ok"


def test_what_was_just_read_is_shared_by_all_viewers(
    script: ScriptedServer, service: MetricsService, hands: Hands
) -> None:
    """A hundred people who look at the same metric cost one request."""
    script.play(as_json(reply_of([3])))
    for _ in range(5):
        service.ask(ask_of(end=hands.now))
        hands.now += timedelta(seconds=5)

    assert len(script.asked) == 1


def test_null_is_a_gap(script: ScriptedServer, service: MetricsService) -> None:
    script.play(as_json(reply_of([None, 2, 0])))
    assert [row["value"] for row in service.ask(ask_of()).rows] == [None, 2, 0]


@pytest.mark.parametrize(
    "ask",
    [
        ask_of(),
        ask_of(split="ResponseType", grain=5 * MINUTE, back=6 * HOUR),
        ask_of("SuccessE2ELatency", "Maximum", split="ApiName"),
        ask_of("QueueMessageCount", "Average", grain=HOUR, back=24 * HOUR),
    ],
    ids=["plain", "split", "ordered", "hourly"],
)
def test_the_call_that_is_shown_is_the_call_that_is_made(
    script: ScriptedServer, service: MetricsService, ask: MetricAsk
) -> None:
    """Word for word but for the order of parameters, and with nothing in it that signs it."""
    script.play(as_json(reply_of([1], name=ask.metric)))
    service.ask(ask)
    (asked,) = script.asked
    call = service.call_for(ask)
    shown, made = urlsplit(call.url), urlsplit(asked.target)

    assert (call.method, shown.path) == (asked.method, made.path)
    assert sorted(parse_qsl(shown.query)) == sorted(parse_qsl(made.query))
    assert call.body.encode() == asked.body
    assert "token" not in call.text.lower()


def test_the_first_interval_is_a_whole_one(script: ScriptedServer, service: MetricsService) -> None:
    """Half an interval at the start would look like a dip."""
    call = service.call_for(ask_of(grain=HOUR, back=3 * HOUR))
    assert "starttime=2026-11-22T09%3A00%3A00.000Z&endtime=2026-11-22T12%3A00%3A30.000Z" in call.url


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (ask_of("Nope"), "no metric Nope"),
        (ask_of(aggregation="Average"), "only Total"),
        (ask_of(split="ToolName"), "only by ApiName"),
        (ask_of("QueueCount", "Average", split="ApiName", grain=HOUR), "only by nothing"),
        (ask_of("QueueMessageCount", "Average"), "every PT1H"),
    ],
    ids=["metric", "aggregation", "dimension", "no-dimension", "grain"],
)
def test_what_no_metric_supports_is_refused_without_a_request(
    script: ScriptedServer, service: MetricsService, ask: MetricAsk, words: str
) -> None:
    """Whatever an address says, nothing but documented names goes into the request."""
    script.play(as_json(reply_of([1])))
    result = service.ask(ask)

    assert isinstance(result.problem, InvalidInput)
    assert result.problem is not None and words in result.problem.message
    assert script.asked == []


@pytest.mark.parametrize(
    ("grain", "word"), [(MINUTE, "PT1M"), (30 * MINUTE, "PT30M"), (HOUR, "PT1H"), (24 * HOUR, "P1D")]
)
def test_grains_are_named_as_azure_monitor_names_them(grain: timedelta, word: str) -> None:
    assert duration_word(grain) == word
