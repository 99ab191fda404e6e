"""The front door: one ASGI application that hands each request to the service its path names."""

import asyncio
import contextlib
import logging
import sqlite3
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote

from emulator.clock import Clock
from emulator.faults import ODD, Fault, FaultScript, When
from emulator.wire import MAX_BODY_BYTES, Reply, Request, Response, Service, Stream, WireError, json_response

log = logging.getLogger(__name__)
# ASGI's own types: a message holds whatever its type says.
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]
REQUESTS_KEPT = 2000
STREAM_CHUNKS_BEFORE_CUT = 1  # a truncated stream has named its run by then, and little more
TRANSPORT_KEY = "relaydeck.transport"  # the listener puts the connection here, so that a fault can cut it


@dataclass(frozen=True, slots=True)
class Seen:
    """One request of the log. *took_ms* counts to the head of the response."""

    number: int
    at_s: float
    operation: str
    method: str
    path: str
    status: int
    took_ms: float


@dataclass(frozen=True, slots=True)
class Observation:
    """One request as an observer sees it, once its response is out. *status*: 0 when the connection was cut.

    *sent_bytes*: of the body; None when it came as a stream. *server_ms* counts to the head of the response,
    *total_ms* to its end.
    """

    request: Request
    operation: str
    status: int
    sent_bytes: int | None
    server_ms: float
    total_ms: float


class ConnectionCutError(Exception):
    """Ends the connection without a (whole) response."""


class FrontDoor:
    """Serves every request of both listeners. *services* maps the first segment of a path to its service."""

    def __init__(self, services: Mapping[str, Service], faults: FaultScript, clock: Clock) -> None:
        self._services = services
        self._faults = faults
        self._clock = clock
        self.seen: deque[Seen] = deque(maxlen=REQUESTS_KEPT)
        self.counts: Counter[str] = Counter()  # of each operation, since the start or the latest reset
        self.observers: list[Callable[[Observation], None]] = []
        self._count = 0
        self._dated: tuple[int, Header] = (0, (b"date", b""))

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = await _read_body(receive)
        request = _as_request(scope, body or b"")
        service = self._services.get(request.path.split("/", 2)[1])
        operation = service.operation(request) if service else None
        name = f"{service.name}.{operation}" if service and operation else "unknown"
        started_s = self._clock.now_s()
        steers = name.startswith("control.")  # or nobody could end what fails everything
        faults = self._faults.meet(name, request.path) if self._faults and not steers else ()
        request.oddities = {fault.kind: fault.delay_s for fault in faults if fault.kind in ODD}
        on_wire = next((fault for fault in faults if fault.layer == "wire"), None)
        try:
            if body is None:
                raise WireError(
                    413, "RequestBodyTooLarge", f"A request may hold at most {MAX_BODY_BYTES} bytes."
                )
            reply = await self._answer(service, operation, request, faults)
            for fault in faults:
                if fault.kind in request.spared:
                    self._faults.give_back(fault, name)
            took_ms = self._note(request, name, reply.status, started_s)
            await _send_reply(reply, on_wire, receive, send, self._date())
            self._tell(request, name, reply, started_s, took_ms)
        except WireError as exc:
            response = service.render_error(exc, request) if service else _plain_error(exc)
            took_ms = self._note(request, name, response.status, started_s)
            await _send_reply(response, on_wire, receive, send, self._date())
            self._tell(request, name, response, started_s, took_ms)
        except ConnectionCutError:
            took_ms = self._note(request, name, 0, started_s)
            _cut(scope)
            self._tell(request, name, None, started_s, took_ms)

    def _date(self) -> Header:
        """Return the header that tells what time Local Azure believes it is, formed once a second."""
        now_s = int(self._clock.told_s())
        if self._dated[0] != now_s:
            self._dated = (now_s, (b"date", formatdate(now_s, usegmt=True).encode()))
        return self._dated[1]

    async def _answer(
        self, service: Service | None, operation: str | None, request: Request, faults: Sequence[Fault]
    ) -> Reply:
        if service is None or operation is None:
            raise WireError(
                501, "NotImplemented", f"Local Azure does not implement {request.method} {request.path}."
            )
        if (early := await _meet(faults, "before")) is not None:
            return early
        try:
            reply = await service.answer(request, operation)
        except sqlite3.OperationalError as exc:
            log.error("state.write_failed", extra={"operation": operation, "reason": str(exc)})
            raise WireError(507, "InsufficientStorage", f"Local Azure cannot save its state: {exc}.") from exc
        except (WireError, ConnectionCutError):
            raise
        except Exception as exc:
            log.exception("request.failed", extra={"operation": operation})
            raise WireError(
                500, "InternalError", "Local Azure has a defect; its log holds the details."
            ) from exc
        late = await _meet(faults, "after")
        return reply if late is None else late

    def _tell(
        self, request: Request, operation: str, reply: Reply | None, started_s: float, server_ms: float
    ) -> None:
        """Let the observers see the request. *reply*: None when the connection was cut."""
        if not self.observers:
            return
        total_ms = (self._clock.now_s() - started_s) * 1000
        status, sent_bytes = (reply.status if reply else 0), None
        if isinstance(reply, Response):
            sent_bytes = len(reply.body)
        observation = Observation(request, operation, status, sent_bytes, server_ms, total_ms)
        for observe in self.observers:
            observe(observation)

    def _note(self, request: Request, operation: str, status: int, started_s: float) -> float:
        """Put the request into the log; return how long it took so far, in milliseconds."""
        self._count += 1
        self.counts[operation] += 1
        took_ms = (self._clock.now_s() - started_s) * 1000
        if operation.startswith("control."):  # who steers is no client
            return took_ms
        self.seen.append(
            Seen(self._count, started_s, operation, request.method, request.path, status, round(took_ms, 3))
        )
        return took_ms


async def _meet(faults: Sequence[Fault], when: When) -> Response | None:
    """Return the response that one of *faults* puts in place of the real one; None: the real one goes on."""
    for fault in faults:
        if fault.when != when:
            continue
        if fault.kind in ("hang", "slow"):
            await asyncio.sleep(fault.delay_s)  # real time: the client's own timeout is what is tested
        if fault.kind in ("reset", "hang"):
            raise ConnectionCutError
        if fault.kind == "status":
            headers = tuple((name.lower().encode(), value.encode()) for name, value in fault.headers.items())
            if fault.body:
                html = ((b"content-type", b"text/html"),)
                return Response(fault.status, fault.body.encode(), headers or html)
            raise WireError(fault.status, fault.code, "Scripted failure.", headers=headers)
    return None


async def _read_body(receive: Receive) -> bytes | None:
    """Return the request's body; None when it is larger than MAX_BODY_BYTES: then it is read and thrown away."""
    message = await receive()
    first: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return first
    pieces, size = [first], len(first)
    while message.get("more_body"):
        message = await receive()
        piece: bytes = message.get("body", b"")
        size += len(piece)
        if size <= MAX_BODY_BYTES:
            pieces.append(piece)
        else:
            pieces.clear()
    return b"".join(pieces) if size <= MAX_BODY_BYTES else None


def _as_request(scope: Message, body: bytes) -> Request:
    raw = scope.get("raw_path") or scope["path"].encode()
    raw_path = "/" + raw.decode("latin-1").partition("?")[0].lstrip("/")  # the exporter sends //v2.1/track
    return Request(
        method=scope["method"],
        path=unquote(raw_path),
        query_string=scope["query_string"].decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        scheme=scope["scheme"],
        raw_path=raw_path,
    )


async def _send_reply(reply: Reply, fault: Fault | None, receive: Receive, send: Send, date: Header) -> None:
    if isinstance(reply, Stream):
        limit = STREAM_CHUNKS_BEFORE_CUT if fault and fault.kind == "truncate" else None
        pause_s = fault.delay_s if fault and fault.kind == "drip" else 0.0
        await _send_stream(reply, receive, send, limit, date, pause_s)
        return
    headers = [date, *reply.headers, (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if fault and fault.kind == "truncate":
        await send(
            {"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True}
        )
        raise ConnectionCutError
    if fault and fault.kind == "drip":
        for position in range(len(reply.body)):
            piece = reply.body[position : position + 1]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(fault.delay_s)
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.body", "body": reply.body})


async def _send_stream(
    stream: Stream, receive: Receive, send: Send, limit: int | None, date: Header, pause_s: float = 0.0
) -> None:
    """Send chunk after chunk; stop, and close the iterator, when the client goes away. *limit*: cut after so many.

    *pause_s*: between one chunk and the next.
    """
    sent = 0
    await send({"type": "http.response.start", "status": stream.status, "headers": [date, *stream.headers]})
    gone = asyncio.ensure_future(receive())
    chunks = stream.chunks
    try:
        while True:
            chunk = asyncio.ensure_future(_next(chunks))
            await asyncio.wait({chunk, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not chunk.done():
                chunk.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await chunk
                return
            piece = chunk.result()
            if piece is None:
                break
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            sent += 1
            if pause_s:
                await asyncio.sleep(pause_s)
            if sent == limit:
                raise ConnectionCutError
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        if (close := getattr(chunks, "aclose", None)) is not None:
            await close()


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


def _cut(scope: Message) -> None:
    scope[TRANSPORT_KEY].abort()


def _plain_error(error: WireError) -> Response:
    document = {"error": {"code": error.code, "message": error.message}}
    response = json_response(document, error.status)
    return Response(response.status, response.body, (*response.headers, *error.headers))
