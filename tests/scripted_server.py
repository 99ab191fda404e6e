"""An HTTPS server on this machine that answers exactly what a test wrote down, however broken."""

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from emulator.certificates import ensure_certificates
from emulator.clock import Clock

How = Literal[
    "whole", "reset", "reset_after_head", "truncate", "drip", "drip_head", "hang", "endless", "flood"
]
JSON_TYPE = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. *how*: `reset` before a byte, `truncate` half of the body and then close, `drip` a byte per
    *pause_s*, `drip_head` the same from the first byte on, `hang` nothing until the server stops, `endless` the *chunks*
    and then nothing, `flood` the body again and again.

    *chunks*: sent in chunked transfer coding instead of *body*.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    how: How = "whole"
    pause_s: float = 0.05
    chunks: tuple[bytes, ...] = ()


def as_json(document: object, status: int = 200, **headers: str) -> Reply:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(document).encode(), {**JSON_TYPE, **given})


def as_stream(*frames: tuple[str, object], how: How = "whole") -> Reply:
    """Return the reply of a streamed run: each frame an event name and its data, one chunk each."""
    chunks = tuple(
        f"event: {name}\ndata: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()
        for name, data in frames
    )
    return Reply(200, headers={"Content-Type": "text/event-stream"}, chunks=chunks, how=how)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came. Header names are lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, object]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


class ScriptedServer:
    """Gives its replies in order; the last one again and again. A function in place of a reply makes one."""

    def __init__(self, folder: Path, *, mute: bool = False) -> None:
        """*mute*: take connections and never say a word on them, not even that of TLS."""
        self._mute = mute
        found = ensure_certificates(folder, Clock())
        self.ca_file = str(found.ca)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(found.leaf, found.leaf_key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._replies: list[Reply | Callable[[Asked], Reply]] = []
        self.asked: list[Asked] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._listener.getsockname()[1]}"

    def play(self, *replies: Reply | Callable[[Asked], Reply]) -> None:
        """Forget what was asked and answer *replies* from now on."""
        with self._lock:
            self._replies, self.asked, self.connections = list(replies), [], 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        socket.socket.shutdown(self._listener, socket.SHUT_RDWR)  # wakes accept(), which closing would not
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=[plain], daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        if self._mute:
            with plain:
                self._stopping.wait()
            return
        with plain, suppress(OSError, ssl.SSLError):
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self._open.add(connection)
                try:
                    with connection.makefile("rb") as incoming:
                        while (asked := _read_request(incoming)) is not None:
                            if not self._answer(connection, asked):
                                break
                finally:
                    self._open.discard(connection)

    def _answer(self, connection: ssl.SSLSocket, asked: Asked) -> bool:
        """Send the next reply; return whether the connection may serve another request."""
        with self._lock:
            self.asked.append(asked)
            reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if callable(reply):
            reply = reply(asked)
        if reply.how == "reset":
            _reset(connection)
            return False
        if reply.how == "hang":
            self._stopping.wait()
            return False
        if reply.chunks:
            return self._send_chunks(connection, reply)
        if reply.how == "drip_head":
            return self._drip(connection, _head(reply, {}) * 10, reply.pause_s)
        if reply.how == "flood":
            connection.sendall(_head(reply, {}))  # without a length: it ends when the connection does
            while not self._stopping.wait(reply.pause_s):
                connection.sendall(reply.body)
            return False
        connection.sendall(_head(reply, {"Content-Length": str(len(reply.body))}))
        if reply.how == "reset_after_head":
            _reset(connection)
            return False
        if reply.how == "truncate":
            connection.sendall(reply.body[: len(reply.body) // 2])
            return False
        if reply.how == "drip":
            return self._drip(connection, reply.body, reply.pause_s)
        connection.sendall(reply.body)
        return True

    def _drip(self, connection: ssl.SSLSocket, data: bytes, pause_s: float) -> bool:
        for position in range(len(data)):
            connection.sendall(data[position : position + 1])
            if self._stopping.wait(pause_s):
                return False
        return True

    def _send_chunks(self, connection: ssl.SSLSocket, reply: Reply) -> bool:
        connection.sendall(_head(reply, {"Transfer-Encoding": "chunked"}))
        for chunk in reply.chunks:
            connection.sendall(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        if reply.how == "endless":
            self._stopping.wait()
            return False
        if reply.how == "truncate":
            return False
        connection.sendall(b"0\r\n\r\n")
        return True


def _head(reply: Reply, more: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {reply.status} Scripted"]
    lines += [f"{name}: {value}" for name, value in {**reply.headers, **more}.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _reset(connection: ssl.SSLSocket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.socket.close(connection)


def _read_request(incoming: BinaryIO) -> Asked | None:
    line = incoming.readline().decode("latin-1")
    if not line.strip():
        return None
    method, target, _ = line.split(" ", 2)
    headers: dict[str, str] = {}
    while text := incoming.readline().decode("latin-1").strip():
        name, _, value = text.partition(":")
        headers[name.lower()] = value.strip()
    body = incoming.read(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)
