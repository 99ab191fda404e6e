"""Azure Monitor of one machine: ingestion, the query API of Log Analytics, and platform metrics.

REST: learn.microsoft.com/rest/api/loganalytics, learn.microsoft.com/rest/api/monitor/metrics-batch
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from emulator.clock import Clock
from emulator.ids import Ids
from emulator.monitor import collect
from emulator.monitor.catalogue import AGENTS, QUEUES
from emulator.monitor.counting import PlatformMetrics
from emulator.monitor.errors import QueryError
from emulator.monitor.ingest import Answer, refusal, store_items
from emulator.monitor.logs import LogsApi
from emulator.monitor.metrics import answer_ask, read_ask
from emulator.monitor.store import Rows, Store, StoreError
from emulator.monitor.watching import AgentActivity, QueueLevels, Queues, QueueTraffic
from emulator.tokens import Tokens
from emulator.wire import Reply, Request, Response, WireError, json_response

log = logging.getLogger(__name__)
FILE_NAME = "monitor.duckdb"
PREFIXES = ("v1", "v2", "v2.1", "subscriptions", "dataCollectionRules")
LOGS_AUDIENCE, METRICS_AUDIENCE = "https://api.loganalytics.io", "https://metrics.monitor.azure.com"
COLLECT_AUDIENCE = "https://monitor.azure.com"
RETENTION_DAYS = 30
WARM_UP_AFTER_S = 3  # the first seconds belong to the person who has just started it
SAVE_EVERY_S = 5
SAMPLE_EVERY_S = 300
MAX_PENDING_BYTES = 128 * 1024 * 1024
TRACK, COLLECT, WORKSPACE, RESOURCE, BATCH, METRICS = (
    "track",
    "upload_logs",
    "query_workspace",
    "query_resource",
    "query_batch",
    "get_metrics",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the monitor stands. *url*: the front door's address, the audience an SDK asks for unless told otherwise."""

    url: str
    storage_id: str
    project_id: str

    def resources(self) -> dict[str, str]:
        """Return {resource id in lower case: metric namespace}."""
        queue_service = f"{self.storage_id}/queueServices/default".lower()
        return {queue_service: QUEUES, self.project_id.lower(): AGENTS}


class MonitorService:
    """Serves one workspace. Call open() once the listeners are up: until then requests wait."""

    name = "monitor"

    def __init__(
        self,
        folder: Path,
        place: Place,
        *,
        tokens: Tokens,
        clock: Clock,
        ids: Ids,
        queues: Queues,
        retention_days: float = RETENTION_DAYS,
    ) -> None:
        self.path = folder / FILE_NAME
        self._place, self._tokens, self._clock = place, tokens, clock
        self._store = Store(self.path, clock, retention_days * 86_400)
        self._counted = PlatformMetrics(self._store, clock)
        self._levels = QueueLevels(self._counted, queues)
        self._logs = LogsApi(self._store, clock, ids)
        self.traffic, self.agents = QueueTraffic(self._counted), AgentActivity(self._counted)
        self._cleared: Future[object] | None = None
        self._written = True
        self._pending_bytes = 0
        self._stopped = False
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Open the telemetry file in a thread of its own, and start counting what the queues hold."""
        self._store.open()
        work = (self._keep_saving(), self._keep_sampling(), self._warm_up())
        self._tasks = [asyncio.ensure_future(one) for one in work]

    @property
    def failure(self) -> str:
        """Return why telemetry cannot be kept; '' when it can."""
        return self._store.failure

    # The Service protocol -------------------------------------------------------------------------

    def routes(self) -> list[tuple[str, str, str]]:
        return [
            (TRACK, "POST", "/v2.1/track"),
            (TRACK, "POST", "/v2/track"),
            (COLLECT, "POST", "/dataCollectionRules/{immutable id}/streams/{stream}"),
            (WORKSPACE, "POST", "/v1/workspaces/{id}/query"),
            (WORKSPACE, "GET", "/v1/workspaces/{id}/query"),
            (RESOURCE, "POST", "/v1/{resource id}/query"),
            (RESOURCE, "GET", "/v1/{resource id}/query"),
            (BATCH, "POST", "/v1/$batch"),
            (METRICS, "POST", "/subscriptions/{subscription}/metrics:getBatch"),
        ]

    def operation(self, request: Request) -> str | None:
        match request.method, request.path.rstrip("/").split("/")[1:]:
            case "POST", ["v2.1" | "v2", "track"]:
                return TRACK
            case "POST", ["dataCollectionRules", _, "streams", _]:
                return COLLECT
            case "POST" | "GET", ["v1", "workspaces", _, "query"]:
                return WORKSPACE
            case "POST" | "GET", ["v1", "subscriptions", *_, "query"]:
                return RESOURCE
            case "POST", ["v1", "$batch"]:
                return BATCH
            case "POST", ["subscriptions", _, "metrics:getBatch"]:
                return METRICS
        return None

    async def answer(self, request: Request, operation: str) -> Reply:
        if self._stopped:
            raise WireError(503, "ServiceUnavailable", "Local Azure is stopping.")
        if operation == TRACK:
            return await self._track(request)
        if operation == COLLECT:
            return await self._collect(request)
        audience = METRICS_AUDIENCE if operation == METRICS else LOGS_AUDIENCE
        self._tokens.require(request, audience, self._place.url)
        await self._settled()
        parts = request.path.rstrip("/").split("/")[1:]
        if operation == METRICS:
            return await self._metrics(request, parts[1])
        if operation == BATCH:
            return await self._logs.answer_batch(request)
        if operation == WORKSPACE:
            return await self._logs.answer_workspace(request, parts[2])
        return await self._logs.answer_resource(request, "/".join(parts[1:-1]))

    def render_error(self, error: WireError, request: Request) -> Response:
        if request.path.endswith("/track"):
            return refusal(error)
        if request.path.startswith("/dataCollectionRules/"):
            return collect.refusal(error)
        if isinstance(error, QueryError):
            document = error.document(self._logs.correlation_id())
        else:
            document = {"code": error.code, "message": error.message}
        response = json_response({"error": document}, error.status)
        return Response(response.status, response.body, (*response.headers, *error.headers))

    async def start(self) -> None: ...

    async def stop(self) -> None:
        if self._stopped:
            return
        self._stopped = True
        for task in self._tasks:
            task.cancel()
        self._counted.save()
        await asyncio.to_thread(self._close)

    def reset(self) -> None:
        """Forget all telemetry and all that was counted."""
        self._counted.forget()
        if self._written:
            self._written = False
            self._cleared = self._store.clear()

    def _close(self) -> None:
        self._logs.stop()
        self._store.close()

    # --------------------------------------------------------------------------------------------------

    async def _track(self, request: Request) -> Response:
        at = self._clock.now().replace(tzinfo=None)
        status, document = _as_answer(await self._kept(request, lambda: store_items(request, at)))
        return json_response(document, status)

    async def _collect(self, request: Request) -> Response:
        self._tokens.require(request, COLLECT_AUDIENCE, self._place.url)
        _, rule, _, stream = request.path.rstrip("/").split("/")[1:]
        table, at = collect.table_of(rule, stream), self._clock.now().replace(tzinfo=None)
        await self._kept(request, lambda: ({table.name: collect.rows_of(request, table, at)}, None))
        return Response(204)

    async def _kept(self, request: Request, prepare: Callable[[], tuple[Rows, object]]) -> object:
        """Return what *prepare* gives beside its rows, once they are committed. Raises WireError."""
        if self._pending_bytes + len(request.body) > MAX_PENDING_BYTES:
            raise WireError(
                429, "Throttled", "Too much telemetry waits to be written.", headers=((b"retry-after", b"2"),)
            )
        self._written = True
        self._pending_bytes += len(request.body)
        try:
            return await asyncio.wrap_future(self._store.write(prepare))
        except StoreError as exc:
            # Not 507: exporters keep what a 500 refused, and send it again.
            raise WireError(500, "InternalServerError", str(exc)) from exc
        finally:
            self._pending_bytes -= len(request.body)

    async def _metrics(self, request: Request, subscription: str) -> Response:
        now = self._clock.now().replace(tzinfo=None)
        ask = read_ask(request, subscription, self._place.resources(), now)
        self._written = True
        try:
            return json_response(await asyncio.to_thread(answer_ask, ask, self._counted))
        except StoreError as exc:
            raise WireError(503, "ServiceUnavailable", str(exc)) from exc

    async def _settled(self) -> None:
        """Return once what a reset forgot is gone, so that no query sees it."""
        if self._cleared is not None:
            cleared, self._cleared = self._cleared, None
            try:
                await asyncio.wrap_future(cleared)
            except StoreError as exc:
                log.error("telemetry.reset_failed", extra={"reason": str(exc)})

    async def _warm_up(self) -> None:
        await self._clock.sleep(WARM_UP_AFTER_S)
        await self._logs.warm_up()

    async def _keep_saving(self) -> None:
        while True:
            await self._clock.sleep(SAVE_EVERY_S)
            if (saved := self._counted.save()) is None:
                continue
            self._written = True
            try:
                await asyncio.wrap_future(saved)
            except StoreError as exc:
                log.error("metrics.save_failed", extra={"reason": str(exc)})

    async def _keep_sampling(self) -> None:
        while True:
            await self._clock.sleep(SAMPLE_EVERY_S)
            self._levels.sample()


def _as_answer(answer: object) -> Answer:
    assert isinstance(answer, tuple), "store_items() gives a status and a document"
    return answer
