"""What every emulated service speaks in: a request, a response, an error. Knows no service."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qsl

import orjson

JSON_HEADERS = ((b"content-type", b"application/json; charset=utf-8"),)
MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(slots=True)
class Request:
    """One HTTP request, its body read. *path* starts with '/', decoded; header names are lower case.

    *oddities*: what the service is to do beside what it is asked, each kind with its seconds (emulator.faults tells them);
    it puts into *spared* those that changed nothing.
    """

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    scheme: str
    raw_path: str
    _query: dict[str, str] | None = field(default=None)
    oddities: Mapping[str, float] = field(default_factory=dict)
    spared: set[str] = field(default_factory=set)

    @property
    def query(self) -> dict[str, str]:
        """Return the query parameters, decoded; of a repeated name the last counts."""
        if self._query is None:
            self._query = dict(parse_qsl(self.query_string, keep_blank_values=True))
        return self._query

    def header(self, name: str, default: str = "") -> str:
        return self.headers.get(name, default)


@dataclass(slots=True)
class Response:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(slots=True)
class Stream:
    """A response whose body arrives over time. The iterator is closed when the client goes away."""

    chunks: AsyncIterator[bytes]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    status: int = 200


Reply = Response | Stream


def json_response(document: object, status: int = 200) -> Response:
    return Response(status, orjson.dumps(document), JSON_HEADERS)


class WireError(Exception):
    """A failure that the client is told of. Each service renders it in its own envelope."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        headers: tuple[tuple[bytes, bytes], ...] = (),
        **detail: str,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers, self.detail = headers, detail


class Service(Protocol):
    """One emulated Azure service. The front door calls it in this order: operation, answer."""

    name: str

    def operation(self, request: Request) -> str | None:
        """Return the operation's name (`create_agent`), or None when the service has no such route."""

    async def answer(self, request: Request, operation: str) -> Reply:
        """Carry *operation* out. Raises WireError."""

    def render_error(self, error: WireError, request: Request) -> Response:
        """Return *error* in the envelope this service's SDK understands."""

    async def start(self) -> None:
        """Take up the work that the stored state says is open."""

    async def stop(self) -> None:
        """Stop background work; what is stored is enough to go on."""

    def reset(self) -> None:
        """Forget everything stored."""

    def routes(self) -> list[tuple[str, str, str]]:
        """Return (operation, HTTP method, path template) for the coverage table."""
