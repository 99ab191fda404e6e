"""Platform metrics through the real MetricsClient: documented names and grains, counted from what happened."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.monitor.querymetrics import Metric, MetricAggregationType
from azure.storage.queue import QueueServiceClient

from emulator.faults import Fault
from emulator.monitor.catalogue import AGENTS, NAMESPACES, QUEUES
from emulator.server import PROJECT_ID, STORAGE_ID, Emulator, EmulatorSettings
from tests.contract.agents_support import Lab, call, calls, say
from tests.contract.monitor_support import metrics_client

QUEUE_SERVICE = f"{STORAGE_ID}/queueServices/default"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TOTAL, AVERAGE, COUNT = (
    MetricAggregationType.TOTAL,
    MetricAggregationType.AVERAGE,
    MetricAggregationType.COUNT,
)


@pytest.fixture
def queues(emulator: Emulator) -> Iterator[QueueServiceClient]:
    account = {"account_name": "devstoreaccount1", "account_key": emulator.account_key}
    with QueueServiceClient(
        emulator.storage_endpoint, account, connection_verify=str(emulator.ca_file), retry_total=0
    ) as client:
        yield client


def read(
    emulator: Emulator,
    names: Sequence[str],
    *,
    namespace: str = QUEUES,
    resource: str = QUEUE_SERVICE,
    grain: timedelta | None = MINUTE,
    back: timedelta = timedelta(minutes=30),
    **options: object,
) -> list[Metric]:
    """Return the metrics of the last *back*, and a minute more so that the present one is whole."""
    end = emulator.clock.now() + MINUTE
    with metrics_client(emulator) as client:
        (found,) = client.query_resources(
            resource_ids=[resource],
            metric_namespace=namespace,
            metric_names=names,
            timespan=(end - back, end),
            granularity=grain,
            **options,  # type: ignore[arg-type]  # the SDK's own names
        )
    return list(found.metrics)


def series(metric: Metric, field: str = "total") -> dict[str, float]:
    """Return the sum over time of each series, by its dimension values."""
    return {
        ",".join(one.metadata_values.values()): sum(getattr(point, field) or 0 for point in one.data)
        for one in metric.timeseries
    }


def test_requests_are_counted_by_what_they_asked_for(emulator: Emulator, queues: QueueServiceClient) -> None:
    """Transactions by API, as the storage account counts them."""
    orders = queues.create_queue("orders")
    for number in range(3):
        orders.send_message(str(number))
    orders.receive_message()
    (metric,) = read(emulator, ["Transactions"], filter="ApiName eq '*'", aggregations=[TOTAL])

    assert series(metric) == {"PutMessage": 3, "GetMessages": 1, "CreateQueue": 1}
    assert metric.unit == "Count"


def test_failures_are_told_apart(emulator: Emulator, queues: QueueServiceClient) -> None:
    """A 404 is the client's, a 503 the service's; only the latter lowers the availability."""
    emulator.fail(Fault("queues.create_queue", status=503))
    for name in ("nope", "orders", "orders"):
        try:
            if name == "nope":
                queues.get_queue_client(name).send_message("x")
            queues.create_queue(name)
        except HttpResponseError:
            continue
    transactions, availability = read(
        emulator,
        ["Transactions", "Availability"],
        filter="ApiName eq '*'",
        aggregations=[TOTAL, AVERAGE],
        max_results=50,
    )
    assert series(transactions)["PutMessage"] == 1
    assert series(availability, "average") == {"CreateQueue": 50.0, "PutMessage": 100.0}

    (kinds,) = read(emulator, ["Transactions"], filter="ResponseType eq '*'", aggregations=[TOTAL])
    assert series(kinds) == {"ClientOtherError": 1, "ServerBusyError": 1, "Success": 1}


def test_bytes_and_latency_are_those_of_the_requests(emulator: Emulator, queues: QueueServiceClient) -> None:
    """The end-to-end time contains the server's."""
    queues.create_queue("orders").send_message("x" * 10_000)
    ingress, egress, server, whole = read(
        emulator,
        ["Ingress", "Egress", "SuccessServerLatency", "SuccessE2ELatency"],
        filter="ApiName eq 'PutMessage'",
        aggregations=[TOTAL, AVERAGE],
    )

    assert 10_000 < series(ingress)["PutMessage"] < 11_000
    assert 100 < series(egress)["PutMessage"] < 2_000
    assert 0 < series(server, "average")["PutMessage"] <= series(whole, "average")["PutMessage"]


def test_a_minute_without_requests_holds_nothing_and_not_zero(
    emulator: Emulator, queues: QueueServiceClient
) -> None:
    """Unknown is never drawn as 0."""
    queues.create_queue("orders")
    (metric,) = read(emulator, ["Transactions"], aggregations=[TOTAL, COUNT])
    (empty,) = read(emulator, ["Transactions"], aggregations=[TOTAL], filter="ApiName eq 'PutMessage'")

    (one,) = metric.timeseries
    known = [point.total for point in one.data if point.total is not None]
    assert known == [1] and len(one.data) == 31
    assert empty.timeseries == []


def test_minutes_add_up_to_longer_grains(emulator: Emulator, queues: QueueServiceClient) -> None:
    """The same requests, by the minute and by five."""
    queues.create_queue("orders")
    emulator.advance(120)
    list(queues.list_queues())
    by_minute = read(emulator, ["Transactions"], aggregations=[TOTAL])[0].timeseries[0].data
    by_five = read(emulator, ["Transactions"], aggregations=[TOTAL], grain=5 * MINUTE)[0].timeseries[0].data

    assert sum(point.total or 0 for point in by_minute) == sum(point.total or 0 for point in by_five) == 2
    assert all(isinstance(point.timestamp, datetime) and point.timestamp.minute % 5 == 0 for point in by_five)


def test_the_depth_of_all_queues_is_hourly(emulator: Emulator, queues: QueueServiceClient) -> None:
    """Samples of one hour, averaged, and no finer grain: Azure has none either."""
    orders, _ = queues.create_queue("orders"), queues.create_queue("other")
    for _ in range(4):
        orders.send_message("12345")
    for _ in range(13):
        emulator.advance(300)
    messages, count, size = read(
        emulator,
        ["QueueMessageCount", "QueueCount", "QueueCapacity"],
        grain=HOUR,
        back=timedelta(hours=3),
        aggregations=[AVERAGE],
    )

    def averages(metric: Metric) -> list[float]:
        return [point.average for point in metric.timeseries[0].data if point.average is not None]

    assert set(averages(messages)) == {4}
    assert set(averages(count)) == {2}
    assert set(averages(size)) == {20}


def refused(emulator: Emulator, **options: object) -> HttpResponseError:
    names = options.pop("names", ["Transactions"])
    with pytest.raises(HttpResponseError) as caught:
        read(emulator, names, **options)  # type: ignore[arg-type]  # as each case wants
    return caught.value


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        pytest.param({"names": ["Nope"]}, 400, "Valid metrics: QueueCapacity", id="metric"),
        pytest.param({"names": ["QueueMessageCount"]}, 400, "supported ones are: PT1H", id="grain-too-fine"),
        pytest.param({"grain": timedelta(minutes=7)}, 400, "invalid time grain", id="no-grain"),
        pytest.param({"namespace": "Microsoft.Web/sites"}, 400, "Metric namespace", id="namespace"),
        pytest.param({"resource": f"{STORAGE_ID}/queueServices/other"}, 404, "was not found", id="resource"),
        pytest.param({"resource": PROJECT_ID}, 404, "was not found", id="resource-of-another-kind"),
        pytest.param({"filter": "Nope eq '*'"}, 400, "dimension combination: Nope", id="dimension"),
        pytest.param({"filter": "ApiName = 'x'"}, 400, "filter cannot be read", id="filter"),
        pytest.param({"filter": "ApiName eq 'x' and"}, 400, "filter cannot be read", id="half-a-filter"),
        pytest.param({"aggregations": ["Median"]}, 400, "Aggregation 'Median'", id="aggregation"),
        pytest.param({"back": timedelta(days=365)}, 400, "Widen the interval", id="too-many-points"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(
    emulator: Emulator, options: dict[str, object], status: int, words: str
) -> None:
    """In Azure Monitor's phrases where they are known, and with what would have been right."""
    error = refused(emulator, **options)

    assert error.status_code == status
    assert words in str(error)


@pytest.mark.parametrize("namespace", NAMESPACES)
def test_every_documented_metric_can_be_read(emulator: Emulator, namespace: str) -> None:
    """Before anything has happened too: then nothing is known, which is no error."""
    resource = QUEUE_SERVICE if namespace == QUEUES else PROJECT_ID
    found = read(emulator, list(NAMESPACES[namespace]), namespace=namespace, resource=resource, grain=HOUR)

    assert [metric.name for metric in found] == list(NAMESPACES[namespace])
    assert all(point.total is None for metric in found for one in metric.timeseries for point in one.data)


def test_agents_are_counted_by_what_became_of_their_runs(lab: Lab) -> None:
    """Runs by status, tokens, tools: the figures of the Foundry project, from the runs themselves."""
    lab.model.plays("Use foo.", calls(call("foo", query="why")), say("Done."))
    agent = lab.agent()
    thread = lab.client.threads.create()
    lab.client.messages.create(thread.id, role="user", content="Why?")
    run = lab.client.runs.create_and_process(thread_id=thread.id, agent_id=agent.id, polling_interval=0)

    def counted(name: str, dimension: str) -> dict[str, float]:
        options = {"namespace": AGENTS, "resource": PROJECT_ID, "aggregations": [TOTAL]}
        (metric,) = read(lab.emulator, [name], filter=f"{dimension} eq '*'", **options)  # type: ignore[arg-type]  # three options
        return series(metric)

    assert counted("AgentRuns", "RunStatus") == {"completed": 1}
    assert counted("AgentRuns", "AgentId") == {agent.id: 1}
    assert counted("AgentInputTokens", "ModelName") == {agent.model: run.usage.prompt_tokens}
    assert counted("AgentOutputTokens", "TokenType") == {"Output": run.usage.completion_tokens}
    assert counted("AgentThreads", "EventType") == {"Created": 1}
    assert counted("AgentMessages", "ThreadId") == {thread.id: 1}

    lab.client.threads.delete(thread.id)
    lab.client.delete_agent(agent.id)
    assert counted("AgentRuns", "ThreadId") == {thread.id: 1}
    assert counted("AgentThreads", "EventType") == {"Created": 1, "Deleted": 1}
    assert counted("AgentEvents", "EventType") == {"Created": 1, "Deleted": 1}


def test_what_was_counted_survives_a_restart(state: Path) -> None:
    """The metrics of yesterday are part of the history."""
    for _ in range(2):
        with Emulator(EmulatorSettings(state=state)) as emulator:
            account = {"account_name": "devstoreaccount1", "account_key": emulator.account_key}
            with QueueServiceClient(
                emulator.storage_endpoint, account, connection_verify=str(emulator.ca_file)
            ) as client:
                list(client.list_queues())
    with Emulator(EmulatorSettings(state=state)) as emulator:
        (metric,) = read(emulator, ["Transactions"], aggregations=[TOTAL])

    assert sum(point.total or 0 for point in metric.timeseries[0].data) == 2
