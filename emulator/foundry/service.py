"""The Agent Service (classic) of one Foundry project: agents, threads, messages, runs and run steps.

REST: learn.microsoft.com/rest/api/aifoundry/aiagents
"""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import orjson

from emulator.clock import Clock
from emulator.foundry.agents import AgentHandlers
from emulator.foundry.events import Segment
from emulator.foundry.projects import Project
from emulator.foundry.repeats import Repeats
from emulator.foundry.routes import PREFIX, ROUTES, UNSUPPORTED, UNSUPPORTED_NAMES, find, split
from emulator.foundry.run_handlers import RunHandlers
from emulator.foundry.runs import RunEngine
from emulator.foundry.store import Store, Watch
from emulator.foundry.threads import ThreadHandlers
from emulator.foundry.tools import Queues
from emulator.ids import Ids
from emulator.model import Model
from emulator.tokens import Tokens
from emulator.wire import Reply, Request, Response, WireError

AUDIENCE = "https://ai.azure.com"
PROJECT = "local"
Handler = Callable[[Request, list[str]], object]


class FoundryService:
    """Serves the project `local`. *deployment* names the model it lists; runs may name any other."""

    name = "foundry"

    def __init__(
        self,
        path: Path,
        *,
        tokens: Tokens,
        clock: Clock,
        ids: Ids,
        queues: Queues,
        storage_endpoint: str,
        model: Model,
        deployment: str,
        ingestion_endpoint: str = "",
    ) -> None:
        self._tokens, self._clock = tokens, clock
        self._store = Store(path, clock)
        self._engine = RunEngine(self._store, clock, ids, model, queues)
        self._repeats = Repeats()
        self._session, self._answered = ids.guid()[:23], 0
        self._stopped = False
        agents = AgentHandlers(self._store, clock, ids)
        threads = ThreadHandlers(self._store, clock, ids, self._engine)
        runs = RunHandlers(self._store, clock, ids, self._engine)
        project = Project(PROJECT, deployment, storage_endpoint, ingestion_endpoint)
        self._handlers: dict[str, Handler] = {
            **agents.table(),
            **threads.table(),
            **runs.table(),
            **project.table(),
        }

    def operation(self, request: Request) -> str | None:
        return find(request.method, split(request.path)[1:])

    async def answer(self, request: Request, operation: str) -> Reply:
        if self._stopped:
            raise WireError(503, "ServiceUnavailable", "Local Azure is stopping.")
        self._tokens.require(request, AUDIENCE)
        project, *parts = split(request.path)
        if project != PROJECT:
            raise WireError(
                404,
                "ResourceNotFound",
                f"The project '{project}' does not exist. Local Azure has one project: '{PROJECT}'.",
            )
        if operation in UNSUPPORTED_NAMES:
            raise WireError(
                501,
                "NotImplemented",
                f"Local Azure does not implement {operation}: it keeps no files and no vector stores.",
            )
        if "api-version=" not in request.query_string:
            raise WireError(
                400,
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )
        key = self._repeats.key(request)
        if key is not None and (first := self._repeats.find(key)) is not None:
            return first
        result = self._handlers[operation](request, parts)
        if isinstance(result, Segment):
            if key is not None:
                self._repeats.remember(key, result)
            return result.reply(self._request_id())
        response = Response(200, orjson.dumps(result), self._headers())
        if key is not None:
            self._repeats.remember(key, response)
        return response

    def render_error(self, error: WireError, request: Request) -> Response:
        document = {
            "error": {
                "message": error.message,
                "type": "server_error" if error.status >= 500 else "invalid_request_error",
                "param": error.detail.get("param"),
                "code": error.code,
            }
        }
        return Response(error.status, orjson.dumps(document), (*self._headers(), *error.headers))

    @property
    def database(self) -> sqlite3.Connection:
        """Return what everything is kept in."""
        return self._store.database

    def watch(self, callback: Watch) -> None:
        """Call *callback* after each stored change of an object; see store.Watch."""
        self._store.watch = callback

    async def start(self) -> None:
        self._engine.start()

    async def stop(self) -> None:
        self._stopped = True
        self._engine.stop()
        self._store.close()

    def reset(self) -> None:
        self._engine.reset()
        self._store.clear()
        self._repeats.clear()

    def routes(self) -> list[tuple[str, str, str]]:
        return [(operation, method, PREFIX + path) for operation, method, path in ROUTES]

    def unsupported_routes(self) -> list[tuple[str, str, str]]:
        """Return the known operations that are answered with 501."""
        return [(operation, method, PREFIX + path) for operation, method, path in UNSUPPORTED]

    def _headers(self) -> tuple[tuple[bytes, bytes], ...]:
        return ((b"content-type", b"application/json; charset=utf-8"), *self._request_id())

    def _request_id(self) -> tuple[tuple[bytes, bytes], ...]:
        self._answered += 1
        request_id = f"{self._session}-{self._answered:012x}".encode()
        return ((b"apim-request-id", request_id), (b"x-ms-request-id", request_id))
