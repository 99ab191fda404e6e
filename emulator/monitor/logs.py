"""The query API of Log Analytics: single queries and batches.

REST: learn.microsoft.com/rest/api/loganalytics/query
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import orjson

from emulator.clock import Clock
from emulator.ids import Ids
from emulator.monitor import errors
from emulator.monitor.errors import QueryError
from emulator.monitor.results import Answerer, Question
from emulator.monitor.schemas import COMPONENT_ID, WORKSPACE_ID
from emulator.monitor.store import Store, StoreError
from emulator.monitor.timespans import Span, read_span
from emulator.wire import JSON_HEADERS, Request, Response

WAIT_S, MAX_WAIT_S = 180.0, 600.0
MAX_BATCH = 100
WORKERS = 4
_WAIT = re.compile(r"\bwait\s*=\s*(\d+(?:\.\d+)?)")
WARM_UP = (
    "AppRequests | where TimeGenerated > ago(1h) and Success == true | summarize count(), percentile(DurationMs, 95)"
    " by bin(TimeGenerated, 5m), Name | order by TimeGenerated asc",
    "let from = ago(1d); union AppRequests, AppDependencies | extend agent = tostring(Properties['gen_ai.agent.id'])"
    " | where isnotempty(agent) and Name in ('a', 'b') | project TimeGenerated, agent, DurationMs | top 10 by DurationMs",
    "AppDependencies | join kind=leftouter (AppRequests | project OperationId, Started = TimeGenerated) on OperationId"
    " | summarize arg_max(TimeGenerated, *) by OperationId | extend late = iff(DurationMs > 1000, 1, 0) | count",
)
log = logging.getLogger(__name__)
Document = Mapping[str, object]


class LogsApi:
    """Runs queries in threads of its own; the event loop only waits for them."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._clock, self._ids = clock, ids
        self._answerer = Answerer(store)
        self._pool = ThreadPoolExecutor(WORKERS, "monitor-query")

    async def warm_up(self) -> None:
        """Load the translator and let its parser meet the usual operators: the first query of each shape is slow."""
        now = self._now()
        for text in WARM_UP:
            question = Question(text, None, WAIT_S)
            try:
                await asyncio.get_running_loop().run_in_executor(
                    self._pool, self._answerer.answer, question, now
                )
            except (StoreError, QueryError) as exc:
                log.warning("queries.warm_up_failed", extra={"reason": str(exc)})

    def stop(self) -> None:
        """Return once no query runs any more. Waits: not for the event loop."""
        self._answerer.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._answerer.close()

    async def answer_workspace(self, request: Request, workspace: str) -> Response:
        """Raises QueryError 404 for any workspace but ours."""
        _check_workspace(workspace)
        return await self._answer(request)

    async def answer_resource(self, request: Request, resource: str) -> Response:
        """Raises QueryError 404 for a resource whose telemetry is not here."""
        if resource.strip("/").lower() not in (COMPONENT_ID.strip("/").lower(), _WORKSPACE_RESOURCE):
            raise errors.not_found(f"The resource '/{resource.strip('/')}' could not be found.")
        return await self._answer(request)

    async def answer_batch(self, request: Request) -> Response:
        """Return one reply for each query, in order; a failed one does not touch the others."""
        found = _document(request.body).get("requests")
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise errors.bad_argument("The batch must hold a list named requests.")
        if len(found) > MAX_BATCH:
            raise errors.bad_argument(f"A batch holds at most {MAX_BATCH} queries.")
        replies = await asyncio.gather(*(self._answer_one(one) for one in found))
        return Response(200, b'{"responses":[' + b",".join(replies) + b"]}", JSON_HEADERS)

    def correlation_id(self) -> str:
        return self._ids.guid()

    async def _answer(self, request: Request) -> Response:
        document = dict(request.query) if request.method == "GET" else _document(request.body)
        question = _question(document, request.header("prefer"), self._now())
        return Response(200, await self._run(question), JSON_HEADERS)

    async def _answer_one(self, entry: Document) -> bytes:
        name = str(entry.get("id", ""))
        headers = entry.get("headers")
        prefer = ""
        if isinstance(headers, dict):
            prefer = next((str(value) for key, value in headers.items() if str(key).lower() == "prefer"), "")
        try:
            _check_workspace(str(entry.get("workspace", "")))
            body = entry.get("body")
            if not isinstance(body, dict):
                raise errors.bad_argument("Each query of a batch has a body.")
            status, reply = 200, await self._run(_question(body, prefer, self._now()))
        except QueryError as exc:
            status, reply = exc.status, orjson.dumps({"error": exc.document(self.correlation_id())})
        return b'{"id":%s,"status":%d,"headers":{},"body":%s}' % (orjson.dumps(name), status, reply)

    async def _run(self, question: Question) -> bytes:
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._pool, self._answerer.answer, question, self._now())
        try:
            return await work
        except StoreError as exc:
            raise errors.unavailable(str(exc)) from exc

    def _now(self) -> datetime:
        return self._clock.now().replace(tzinfo=None)


_WORKSPACE_RESOURCE = (
    "subscriptions/local/resourcegroups/local/providers/microsoft.operationalinsights/workspaces/local-logs"
)


def _check_workspace(workspace: str) -> None:
    if workspace.lower() != WORKSPACE_ID:
        raise errors.not_found(
            f"The workspace '{workspace}' could not be found. Local Azure's is {WORKSPACE_ID}.",
            "WorkspaceNotFoundError",
        )


def _document(body: bytes) -> Document:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise errors.bad_argument(f"The body is not JSON: {exc}.") from exc
    if not isinstance(found, dict):
        raise errors.bad_argument("The body must be a JSON object.")
    return found


def _question(document: Document, prefer: str, now: datetime) -> Question:
    text, timespan, others = document.get("query"), document.get("timespan"), document.get("workspaces")
    if not isinstance(text, str):
        raise errors.bad_argument("The body must hold a text named query.")
    if others is not None and not isinstance(others, list):
        raise errors.bad_argument("workspaces must be a list.")
    for other in others or ():
        _check_workspace(str(other))
    found = _WAIT.search(prefer)
    wait_s = min(float(found[1]), MAX_WAIT_S) if found else WAIT_S
    if wait_s <= 0:
        raise errors.bad_argument("wait must be a positive number of seconds.")
    return Question(
        text=text,
        span=_span(timespan, now),
        wait_s=wait_s,
        statistics="include-statistics=true" in prefer,
        render="include-render=true" in prefer,
    )


def _span(timespan: object, now: datetime) -> Span | None:
    if timespan is None or timespan == "":
        return None
    if not isinstance(timespan, str):
        raise errors.bad_argument("timespan must be a text such as PT1H.")
    try:
        return read_span(timespan, now)
    except ValueError as exc:
        raise errors.bad_argument(f"timespan: {exc}.") from exc
