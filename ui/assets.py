"""Serves the scripts, styles and fonts of Streamlit's front end from memory, and packed to whom a network lies between.

A page's first visit asks for about a hundred of these files. Streamlit reads each from the disk in pieces, every piece by
way of a thread, while the page's own script waits for the same processor; and it never compresses them: plotly's script
alone is 4.7 MB, 1.4 MB packed. Their names carry a hash of what is in them, so one reading lasts as long as the process.
"""

import asyncio
import gzip
import mimetypes
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from ui.asgi import AsgiApp, Message, Receive, Send

FOLDERS = ("js", "css", "media")
PACKED = (".js", ".css", ".svg", ".json")  # fonts and images are packed already
LOOPBACK = ("127.0.0.1", "::1", "localhost")
FOREVER = b"public, immutable, max-age=31536000"
LEFT_TO_STREAMLIT = {b"range", b"if-none-match", b"if-modified-since"}


class AssetMiddleware:
    """Answers GET for files that lie in Streamlit's own folders; all else goes on to Streamlit."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._places = dict(_found())
        self._plain: dict[str, bytes] = {}
        self._gzipped: dict[str, bytes] = {}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = ""
        if scope["type"] == "http" and scope["method"] == "GET":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path not in self._places or any(name in LEFT_TO_STREAMLIT for name, _ in scope["headers"]):
            await self._app(scope, receive, send)
            return
        packed = _is_packed(path) and _wants_gzip(scope)
        try:
            body = await self._body(path, packed=packed)
        except OSError:  # an upgrade took the file away under us: Streamlit says so in its own way
            await self._app(scope, receive, send)
            return
        kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
        headers = [
            (b"content-type", ("text/javascript" if path.endswith(".js") else kind).encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", FOREVER),
            (b"vary", b"accept-encoding"),
            *([(b"content-encoding", b"gzip")] if packed else []),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _body(self, path: str, *, packed: bool) -> bytes:
        kept = self._gzipped if packed else self._plain
        if (known := kept.get(path)) is not None:
            return known
        read = _packed if packed else Path.read_bytes
        kept[path] = found = await asyncio.to_thread(read, self._places[path])
        return found


def _found() -> Iterable[tuple[str, Path]]:
    root = Path(str(files("streamlit").joinpath("static/static")))
    for folder in FOLDERS:
        for file in (root / folder).iterdir():
            yield f"/static/{folder}/{file.name}", file


def _packed(place: Path) -> bytes:
    return gzip.compress(place.read_bytes(), 6, mtime=0)


def _is_packed(path: str) -> bool:
    return path.endswith(PACKED)


def _wants_gzip(scope: Message) -> bool:
    """Return whether packing pays: on this machine itself it costs more than it saves."""
    client = scope.get("client")
    if client is None or client[0] in LOOPBACK:
        return False
    return any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
