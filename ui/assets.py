"""Serves the scripts, styles and fonts of Streamlit's front end from memory, and packed to whom a network lies between.

A page's first visit asks for about a hundred of these files. Streamlit reads each from the disk in pieces, every piece by
way of a thread, while the page's own script waits for the same processor; and it never compresses them. Their names carry a
hash of what is in them, so one reading lasts as long as the process, and as long as the browser likes. Plotly's script is
shorter than its name says (ui/plotly_script.py), and what is left out may change: of that one the browser asks each time
whether it still is the same.
"""

import asyncio
import gzip
import mimetypes
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from ui import plotly_script
from ui.asgi import AsgiApp, Message, Receive, Send

FOLDERS = ("js", "css", "media")
PACKED = (".js", ".css", ".svg", ".json")  # fonts and images are packed already
LOOPBACK = ("127.0.0.1", "::1", "localhost")
FOREVER = b"public, immutable, max-age=31536000"
ASK_AGAIN = b"public, no-cache"
LEFT_TO_STREAMLIT = {b"range", b"if-none-match", b"if-modified-since"}


class AssetMiddleware:
    """Answers GET for files that lie in Streamlit's own folders; all else goes on to Streamlit."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._places = dict(_found())
        self._plan = plotly_script.plan()
        self._short = f"/static/js/{self._plan.file}"
        self._tag = f'W/"{self._plan.digest}"'.encode()
        self._plain: dict[str, bytes] = {}
        self._gzipped: dict[str, bytes] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = ""
        if scope["type"] == "http" and scope["method"] == "GET":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
        is_short = path == self._short
        asked = dict(scope["headers"]) if path in self._places else {}
        if path not in self._places or (LEFT_TO_STREAMLIT & asked.keys() and not is_short):
            await self._app(scope, receive, send)
            return
        packed = path.endswith(PACKED) and _wants_gzip(scope)
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        headers = [
            (b"content-type", ("text/javascript" if path.endswith(".js") else kind).encode()),
            (b"cache-control", ASK_AGAIN if is_short else FOREVER),
            (b"vary", b"accept-encoding"),
            *([(b"etag", self._tag)] if is_short else []),
        ]
        if is_short and asked.get(b"if-none-match") == self._tag:
            await send({"type": "http.response.start", "status": 304, "headers": headers})
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            body = await self._body(path, packed=packed)
        except OSError:  # an upgrade took the file away under us: Streamlit says so in its own way
            await self._app(scope, receive, send)
            return
        headers += [(b"content-encoding", b"gzip")] if packed else []
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _body(self, path: str, *, packed: bool) -> bytes:
        kept = self._gzipped if packed else self._plain
        if (known := kept.get(path)) is not None:
            return known
        kept[path] = found = await asyncio.to_thread(self._read, path, packed)
        return found

    def _read(self, path: str, packed: bool) -> bytes:
        found = self._places[path].read_bytes()
        if path == self._short:
            found = self._plan.applied(found)
        return gzip.compress(found, 6, mtime=0) if packed else found


def _found() -> Iterable[tuple[str, Path]]:
    root = Path(str(files("streamlit").joinpath("static/static")))
    for folder in FOLDERS:
        for file in (root / folder).iterdir():
            yield f"/static/{folder}/{file.name}", file


def _wants_gzip(scope: Message) -> bool:
    """Return whether packing pays: on this machine itself it costs more than it saves."""
    client = scope.get("client")
    if client is None or client[0] in LOOPBACK:
        return False
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
