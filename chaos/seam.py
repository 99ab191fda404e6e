"""Every client of Relaydeck on one server that answers as told, and what each service would answer to it."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.credentials import AccessToken
from azure.identity import ClientSecretCredential

from services.agents.backend import AgentDefinition
from services.agents.classic import ClassicBackend
from services.audit.upload import Uploader
from services.clients import Endpoints, LocalCredential, build_clients
from services.errors import ServiceError, UnexpectedReply
from services.monitor.logs import LogsService
from services.monitor.metrics import MetricAsk, MetricsService
from services.monitor.platform import QUEUES as QUEUE_METRICS
from services.monitor.platform import Resource
from services.monitor.results import Ask, Result
from services.poison.store import PoisonStore
from services.queues import QueueService
from services.resilience import Dependencies, Limits
from services.resilience.clock import RealPace
from services.resilience.dependencies import AUDIT, FOUNDRY, INGESTION, LOGS, METRICS, QUEUES, TOKEN
from services.resilience.signing import BoundedCredential
from services.settings import Settings
from services.telemetry.azure_monitor import AzureMonitor
from services.telemetry.discovery import discover
from services.telemetry.guarded import guarded
from services.telemetry.quiet import be_quiet
from services.telemetry.records import MetricRecord
from services.transport import build_transport
from tests.scripted_server import Asked, Reply, as_json, as_stream

Where = tuple[str | int, ...]
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
TEXT, TIME, LIST, YES, NUMBER, OBJECT = "text", "time", "list", "yes", "number", "object"
PROJECT = "project"
CLIENTS = (FOUNDRY, PROJECT, QUEUES, LOGS, METRICS, INGESTION, AUDIT, TOKEN)
STORAGE = Resource(
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/r/providers/Microsoft.Storage"
    "/storageAccounts/a/queueServices/default",
    "Queues",
    QUEUE_METRICS,
)
AGENT = {"id": "asst_1", "object": "assistant", "created_at": 1, "name": "a", "model": "m", "metadata": {}}
THREAD = {"id": "thread_1", "object": "thread", "created_at": 1, "metadata": {}}
MESSAGE = {"id": "msg_1", "object": "thread.message", "created_at": 1, "role": "user", "content": []}
RUN = {"id": "run_1", "object": "thread.run", "created_at": 1, "thread_id": "thread_1", "status": "completed"}
STEP = {"id": "step_1", "run_id": "run_1", "status": "completed", "type": "tool_calls", "step_details": {}}
XML = {"Content-Type": "application/xml"}
WHEN = "Sun, 22 Nov 2026 11:00:00 GMT"
PEEKED = (
    f"<MessageId>7f2a</MessageId><InsertionTime>{WHEN}</InsertionTime><ExpirationTime>{WHEN}</ExpirationTime>"
    "<DequeueCount>1</DequeueCount><MessageText>e30=</MessageText>"
)
HELD = PEEKED + f"<PopReceipt>r1</PopReceipt><TimeNextVisible>{WHEN}</TimeNextVisible>"
LOGS_ASK = Ask("demo_rows", {"start": AT - timedelta(hours=1), "end": AT})


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of one client. What it returns was taken for a success; it should raise ServiceErrors only.

    *good*: what the service answers. *needs*: what a JSON reply must hold, by path and kind. *tags*: the same of XML.
    *header*: one that the reply must have. *bare*: the reply's body says nothing. *by_body*: its
    SDK goes by the body alone, so that a right one counts whatever its status. *fine*: statuses of failure that the
    call rightly takes for a success.
    """

    client: str
    name: str
    call: Callable[[], object]
    good: Callable[[Asked], Reply]
    needs: tuple[tuple[Where, str], ...] = ()
    tags: tuple[str, ...] = ()
    header: str = ""
    bare: bool = False
    by_body: bool = False
    fine: frozenset[int] = field(default_factory=frozenset)


class Hurried(RealPace):
    """Real time without pauses."""

    def sleep(self, seconds: float) -> bool:
        return True


@contextmanager
def open_operations(
    url: str, ca_file: str, limits: Limits, pace: RealPace | None = None
) -> Iterator[list[Operation]]:
    """Yield all operations, pointed at *url*. Each keeps to the call_deadline_s of *limits*, whatever its client."""
    given, deadline_s = Settings(), limits.call_deadline_s
    dependencies = Dependencies(limits, pace or Hurried())
    endpoints = Endpoints(
        f"{url}/api/projects/p",
        f"{url}/acct",
        LocalCredential("t"),
        ca_file,
        url,
        "ws",
        url,
        STORAGE.id,
        audit_endpoint=url,
    )
    clients = build_clients(given, endpoints)
    be_quiet()
    transport = build_transport(
        ca_file=ca_file,
        connect_timeout_s=given.connect_timeout_s,
        read_timeout_s=given.read_timeout_s,
        use_environment=False,
    )
    exporter = AzureMonitor(
        f"InstrumentationKey={'0' * 8}-0000-0000-0000-{'0' * 12};IngestionEndpoint={url}/", transport
    )
    foundry = dependencies.caller(FOUNDRY)
    try:
        yield [
            *_foundry(ClassicBackend(clients.agents, foundry)),
            *_project(lambda: discover(clients.agents.send_request, foundry)),
            *_queues(clients, dependencies),
            *_logs(LogsService(lambda: clients.logs, "ws", dependencies.caller(LOGS), lambda: AT, fresh_s=0, deadline_s=deadline_s)),
            *_metrics(MetricsService(lambda: clients.metrics, url, (STORAGE,), dependencies.caller(METRICS), lambda: AT, fresh_s=0, deadline_s=deadline_s)),
            *_ingestion(guarded(exporter.send, dependencies.caller(INGESTION))),
            *_audit(Uploader(lambda: clients.ingestion, "dcr-1", "Custom-Audit", dependencies.caller(AUDIT), deadline_s)),
            *_token(url, ca_file, dependencies, deadline_s),
        ]  # fmt: skip
    finally:
        dependencies.close()
        clients.close()
        transport.close()


def _foundry(backend: ClassicBackend) -> Iterator[Operation]:
    thread = (("id",), TEXT), (("created_at",), TIME)
    run = *thread, (("thread_id",), TEXT), (("status",), TEXT)
    listed = ((("data",), LIST), (("data", 0, "id"), TEXT), (("data", 0, "created_at"), TIME))
    tags = {"opid": "op_1"}

    def one(
        name: str, call: Callable[[], object], document: object, *needs: tuple[Where, str], **more: Any
    ) -> Operation:
        return Operation(FOUNDRY, name, call, lambda asked: as_json(_or_list(asked, document)), needs, **more)

    yield one("get thread", lambda: backend.get_thread("thread_1"), THREAD, *thread)
    yield one("get agent", lambda: backend.get_definition("asst_1"), AGENT, *thread)
    yield one("list agents", backend.list_agents, _list(AGENT), *listed)
    yield one("list threads", lambda: backend.list_threads(5), _list(THREAD), *listed)
    yield one("get run", lambda: backend.get_run("thread_1", "run_1"), RUN, *run)
    yield one("list messages", lambda: backend.list_messages("thread_1", 5), _list(MESSAGE), *listed)
    yield one(
        "list steps",
        lambda: backend.list_steps("thread_1", "run_1"),
        _list(STEP),
        listed[0],
        listed[1],
        (("data", 0, "status"), TEXT),
    )
    yield one("create thread", lambda: backend.create_thread(tags), THREAD, *thread)
    yield one(
        "create agent", lambda: backend.create_agent(AgentDefinition("a", "m", "i"), tags), AGENT, *thread
    )
    yield one(
        "add message",
        lambda: backend.add_message("thread_1", {"role": "user", "content": "x"}, tags),
        MESSAGE,
        *thread,
    )
    yield one(
        "cancel run", lambda: backend.cancel_run("thread_1", "run_1"), RUN, *run, fine=frozenset({400, 409})
    )
    yield one(
        "delete thread",
        lambda: backend.delete_thread("thread_1"),
        {"id": "thread_1", "deleted": True},
        (("deleted",), YES),
        fine=frozenset({404}),
    )
    yield one(
        "look up model", lambda: backend.model_of("m"), {"name": "m", "modelName": "gpt"}, (("name",), TEXT)
    )

    def ask() -> object:
        events = list(backend.start_run("thread_1", "asst_1", "Hello", tags))
        if not events:
            raise UnexpectedReply(
                "The stream said nothing.", operation="start run"
            )  # as the answer's watcher sees it
        return events

    stream = as_stream(("thread.run.completed", RUN), ("done", "[DONE]"))
    yield Operation(
        FOUNDRY, "start run", ask, lambda asked: as_json(_list()) if asked.method == "GET" else stream
    )


def _or_list(asked: Asked, document: object) -> object:
    """Return *document*, but an empty list to the look-up that follows a creation."""
    path = asked.target.partition("?")[0]
    looks = asked.method == "GET" and path.endswith(("/assistants", "/threads", "/messages"))
    return _list() if looks and "data" not in str(document)[:40] else document


def _list(*documents: object) -> dict[str, object]:
    return {"object": "list", "data": list(documents), "first_id": None, "last_id": None, "has_more": False}


def _project(call: Callable[[], object]) -> Iterator[Operation]:
    listed = {"value": [{"name": "insights", "type": "AppInsights"}]}
    key = {"name": "insights", "credentials": {"type": "ApiKey", "key": "InstrumentationKey=1"}}
    needs = (
        (("value",), LIST),
        (("value", 0, "name"), TEXT),
        (("credentials",), OBJECT),
        (("credentials", "key"), TEXT),
    )
    yield Operation(
        PROJECT,
        "find the telemetry address",
        call,
        lambda asked: as_json(listed if asked.method == "GET" else key),
        needs,
    )


def _queues(clients: Any, dependencies: Dependencies) -> Iterator[Operation]:
    queues = QueueService(clients.queues, dependencies.caller(QUEUES), lambda: AT)
    store = PoisonStore(clients.queues, dependencies.caller(QUEUES))
    names = b"<Queues><Queue><Name>orders</Name></Queue></Queues><NextMarker/>"
    listing = Reply(200, b"<EnumerationResults>" + names + b"</EnumerationResults>", XML)
    exists = frozenset({409})

    def messages(inner: str, status: int = 200) -> Reply:
        body = f"<QueueMessagesList><QueueMessage>{inner}</QueueMessage></QueueMessagesList>"
        return Reply(status, body.encode(), XML)

    def one(name: str, call: Callable[[], object], reply: Reply, *tags: str, **more: Any) -> Operation:
        return Operation(QUEUES, name, call, lambda _: reply, tags=tags, **more)

    yield one("list queues", queues.list_names, listing, "EnumerationResults", "Name")
    yield one("list queues with metadata", queues.list_configured, listing, "EnumerationResults", "Name")
    yield one(
        "count",
        lambda: queues.count("calls"),
        Reply(200, b"", {"x-ms-approximate-messages-count": "3"}),
        header="x-ms-approximate-messages-count",
        bare=True,
    )
    yield one(
        "peek",
        lambda: queues.peek("calls"),
        messages(PEEKED),
        "QueueMessagesList",
        "MessageId",
        "InsertionTime",
    )
    yield one("create queue", lambda: queues.ensure(["calls"]), Reply(201), bare=True, fine=exists)
    yield one("delete queue", lambda: queues.delete("calls"), Reply(204), bare=True, fine=frozenset({404}))
    yield one(
        "peek poison",
        lambda: store.peek("q-poison"),
        messages(PEEKED),
        "QueueMessagesList",
        "MessageId",
        "InsertionTime",
    )
    yield one(
        "take poison",
        lambda: store.take("q-poison"),
        messages(HELD),
        "QueueMessagesList",
        "MessageId",
        "InsertionTime",
        "PopReceipt",
    )
    yield one("send", lambda: store.send("calls", "e30="), messages(HELD, 201), "MessageId")


def _logs(logs: LogsService) -> Iterator[Operation]:
    columns = [{"name": name, "type": "long"} for name in ("answers", "demo_answers", "demo")]
    body = {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [[4, 2, 9]]}]}

    def good(asked: Asked) -> Reply:
        requests: Any = asked.document["requests"]
        return as_json({"responses": [{"id": one["id"], "status": 200, "body": body} for one in requests]})

    item: Where = ("responses", 0)
    table: Where = (*item, "body", "tables", 0)
    needs = (
        (("responses",), LIST),
        ((*item, "id"), TEXT),
        ((*item, "body"), OBJECT),
        ((*item, "body", "tables"), LIST),
        ((*table, "columns"), LIST),
        ((*table, "columns", 0, "name"), TEXT),
        ((*table, "rows"), LIST),
        ((*table, "rows", 0), LIST),
    )
    yield Operation(LOGS, "query the logs", lambda: told(logs.ask(LOGS_ASK)[0]), good, needs)


def _metrics(metrics: MetricsService) -> Iterator[Operation]:
    ask = MetricAsk(STORAGE, "Transactions", "Total", timedelta(minutes=1), AT - timedelta(hours=1), AT)
    point = {"timeStamp": "2026-11-22T11:00:00Z", "total": 4.0}
    metric = {
        "id": "x",
        "type": "t",
        "name": {"value": "Transactions"},
        "unit": "Count",
        "timeseries": [{"metadatavalues": [], "data": [point]}],
    }
    document = {
        "values": [
            {"interval": "PT1M", "namespace": QUEUE_METRICS, "resourceid": STORAGE.id, "value": [metric]}
        ]
    }
    found: Where = ("values", 0, "value")
    series: Where = (*found, 0, "timeseries")
    needs = (
        (("values",), LIST),
        (found, LIST),
        ((*found, 0, "name"), OBJECT),
        ((*found, 0, "name", "value"), TEXT),
        (series, LIST),
        ((*series, 0, "data"), LIST),
        ((*series, 0, "data", 0, "timeStamp"), TIME),
        ((*series, 0, "data", 0, "total"), NUMBER),
    )
    yield Operation(
        METRICS, "read the metric", lambda: told(metrics.ask(ask)), lambda _: as_json(document), needs
    )


def _ingestion(send: Any) -> Iterator[Operation]:
    def call() -> object:
        delivery = send([MetricRecord("queue.depth", 1_763_800_000_000_000_000, 3.0)])
        if delivery.retry or delivery.failed:
            raise UnexpectedReply(delivery.reason, operation="send telemetry", status=delivery.status)
        return delivery

    good = as_json({"itemsReceived": 1, "itemsAccepted": 1, "errors": []})
    needs = (("itemsReceived",), NUMBER), (("itemsAccepted",), NUMBER)
    yield Operation(INGESTION, "send telemetry", call, lambda _: good, needs)


def _audit(upload: Uploader) -> Iterator[Operation]:
    yield Operation(
        AUDIT, "record an action", lambda: upload(lambda: [{"Seq": 1}]), lambda _: Reply(204), bare=True
    )


def _token(url: str, ca_file: str, dependencies: Dependencies, deadline_s: float) -> Iterator[Operation]:
    host = url.removeprefix("https://")
    calls = dependencies.caller(TOKEN)

    def call() -> AccessToken:
        """Sign in anew, as a process does that has no token yet."""
        with ClientSecretCredential(
            "tenant",
            "client",
            "secret",
            authority=host,
            disable_instance_discovery=True,
            connection_verify=ca_file,
            retry_total=0,
        ) as credential:
            bounded = BoundedCredential(credential, calls, deadline_s)
            return bounded.get_token("https://ai.azure.com/.default")

    def good(asked: Asked) -> Reply:
        if "openid-configuration" in asked.target:
            place = f"{url}/tenant/oauth2/v2.0"
            return as_json(
                {
                    "authorization_endpoint": f"{place}/authorize",
                    "token_endpoint": f"{place}/token",
                    "issuer": f"{url}/tenant/v2.0",
                }
            )
        return as_json({"token_type": "Bearer", "expires_in": 3599, "access_token": "abc"})

    yield Operation(TOKEN, "sign in", call, good, ((("access_token",), TEXT),), by_body=True)


def told(result: Result) -> Result:
    """Return *result* if it says something. Raises the ServiceError that it tells of."""
    if result.problem is not None:
        assert isinstance(result.problem, ServiceError), "a result tells of nothing else"
        raise result.problem
    return result


def document_of(reply: Reply) -> Any:
    """Return the JSON of *reply*; None when it has none."""
    try:
        return json.loads(reply.body)
    except ValueError:
        return None
