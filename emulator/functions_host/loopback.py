"""HTTP to this machine for the Storage SDK, at a third of the work: no proxies, no cookies, no redirects, no streams.

A host polls each queue ten times a second, so what one empty answer costs is what an idle host costs.
"""

import http.client
import json
import select
import ssl
import threading
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest, HttpResponse
from azure.core.utils import CaseInsensitiveDict


class LoopbackTransport(HttpTransport[HttpRequest, HttpResponse]):
    """Keeps one connection per thread and host. *ca_file* None trusts what the system trusts."""

    def __init__(self, ca_file: str | None, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._local = threading.local()
        self._all: list[http.client.HTTPConnection] = []

    def open(self) -> None: ...

    def close(self) -> None:
        for connection in self._all:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        self.close()

    def send(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """Return the whole response. Raises ServiceRequestError before anything was sent, else ServiceResponseError."""
        parts = urlsplit(request.url)
        connection = self._connection(parts.scheme, parts.netloc)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        try:
            connection.request(request.method, target, request.content, dict(request.headers))
            reply = connection.getresponse()
            body = reply.read()
        except (OSError, http.client.HTTPException) as exc:
            connection.close()
            raise ServiceResponseError(str(exc) or type(exc).__name__, error=exc) from exc
        return Response(request, reply, body)

    def _connection(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        """Return this thread's connection to *netloc*, open and not closed by the other side."""
        kept: dict[str, http.client.HTTPConnection] = self._local.__dict__.setdefault("kept", {})
        key = f"{scheme}://{netloc}"
        connection = kept.get(key)
        if connection is None:
            connection = kept[key] = (
                http.client.HTTPSConnection(netloc, timeout=self._timeout_s, context=self._tls)
                if scheme == "https"
                else http.client.HTTPConnection(netloc, timeout=self._timeout_s)
            )
            self._all.append(connection)
        sock = connection.sock
        if sock is not None and not select.select([sock], [], [], 0)[0]:
            return connection
        connection.close()
        try:
            connection.connect()
        except OSError as exc:
            connection.close()
            raise ServiceRequestError(f"{netloc} does not answer: {exc}", error=exc) from exc
        return connection


class Response(HttpResponse):
    """A response that was read to its end before anyone saw it."""

    def __init__(self, request: HttpRequest, reply: http.client.HTTPResponse, body: bytes) -> None:
        self._request, self._body = request, body
        self._status, self._reason = reply.status, reply.reason
        self._headers: CaseInsensitiveDict = CaseInsensitiveDict(reply.getheaders())

    @property
    def request(self) -> HttpRequest:
        return self._request

    @property
    def status_code(self) -> int:
        return self._status

    @property
    def headers(self) -> MutableMapping[str, str]:
        return self._headers

    @property
    def reason(self) -> str:
        return self._reason

    @property
    def content_type(self) -> str | None:
        return self._headers.get("Content-Type")

    @property
    def is_closed(self) -> bool:
        return True

    @property
    def is_stream_consumed(self) -> bool:
        return True

    @property
    def encoding(self) -> str | None:
        return "utf-8"

    @encoding.setter
    def encoding(self, value: str | None) -> None: ...

    @property
    def url(self) -> str:
        return self._request.url

    @property
    def content(self) -> bytes:
        return self._body

    def text(self, encoding: str | None = None) -> str:
        return self._body.decode(encoding or "utf-8-sig")

    def json(self) -> Any:
        return json.loads(self._body)

    def raise_for_status(self) -> None:
        if self._status >= 400:
            raise HttpResponseError(response=self)

    def read(self) -> bytes:
        return self._body

    def iter_raw(self, **kwargs: Any) -> Iterator[bytes]:
        yield self._body

    def iter_bytes(self, **kwargs: Any) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None: ...
