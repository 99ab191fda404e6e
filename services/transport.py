"""The HTTP transport of every SDK client: a shared pool of connections that a deadline can cut."""

import ipaddress
import socket
import threading
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util import Retry

from services.resilience.watchdog import line_taken, seconds_left

POOL_SIZE = 64  # more than the answers and pages of one process keep busy at once
BLOCK_BYTES = 32 * 1024
SHORTEST_S = 0.001  # a socket reads a timeout of 0 as "do not wait"
JOINED_BYTES = 16 * 1024  # a TLS record
DEFAULT_HEADERS = {"Accept-Encoding": "gzip, deflate", "Accept": "*/*", "Connection": "keep-alive"}


class ConnectionLine:
    """See services.resilience.watchdog.Line. *sock*: the one that the latest request went out on.

    It is kept here, for the connection forgets it before the reply is read when the reply says no length, or that it
    is the last one.
    """

    def __init__(self, connection: HTTPConnection) -> None:
        self._connection = connection
        self.sock: socket.socket | None = None

    def cut(self) -> None:
        # Closing would not do: a thread that waits in recv() on a closed descriptor goes on waiting. And it is the
        # plain socket's shutdown(): the one of SSLSocket drops the TLS state under the reading thread.
        for sock in (self._connection.sock, self.sock):
            if sock is not None:
                with suppress(OSError):  # the other side was faster
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)

    def limit_silence(self, seconds: float) -> None:
        if (sock := self._connection.sock or self.sock) is not None:
            with suppress(OSError):
                sock.settimeout(seconds)


class _OneWrite(HTTPConnection):
    """Sends the head and a small body together: apart, each wakes the other side on its own."""

    _held: list[bytes] | None = None
    _own_line: ConnectionLine | None = None

    def _line(self) -> ConnectionLine:
        if self._own_line is None:
            self._own_line = ConnectionLine(self)
        return self._own_line

    def connect(self) -> None:
        line_taken(self._line())  # from here on: the other side may say nothing to a TLS handshake
        self._within_deadline()
        super().connect()

    def _new_conn(self) -> socket.socket:
        """Connect to one address after the other, all within what is left to the call."""
        name = self._dns_host
        failed: NewConnectionError | ConnectTimeoutError = NewConnectionError(self, "the name has no address")
        for address in self._addresses():
            self._within_deadline()
            self._dns_host = address
            try:
                return super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError) as exc:
                failed = exc
            finally:
                self._dns_host = name
        raise failed

    def _addresses(self) -> list[str]:
        try:
            return addresses_of(self._dns_host, self.port, seconds_left())
        except socket.gaierror as exc:
            raise NameResolutionError(self.host, self, exc) from exc
        except TimeoutError as exc:
            raise ConnectTimeoutError(self, f"{self.host} was not resolved in time") from exc
        except (OSError, UnicodeError) as exc:
            raise NewConnectionError(self, f"{self.host} was not resolved: {exc}") from exc

    def _within_deadline(self) -> None:
        left_s = seconds_left()
        if left_s is not None and (self.timeout is None or self.timeout > left_s):
            self.timeout = max(left_s, SHORTEST_S)

    def request(self, *args: Any, **kwargs: Any) -> None:  # urllib3's own signature, passed on unread
        line = self._line()
        line_taken(line)
        self._held = []
        try:
            super().request(*args, **kwargs)
            line.sock = self.sock
            self._flush()
        finally:
            self._held = None

    def send(self, data: Any) -> None:  # as http.client declares it
        if self._held is not None and isinstance(data, bytes) and len(data) <= JOINED_BYTES:
            self._held.append(data)
            return
        self._flush()
        super().send(data)

    def _flush(self) -> None:
        held, self._held = self._held, None
        if held:
            super().send(b"".join(held))


class _Connection(_OneWrite): ...


class _TlsConnection(_OneWrite, HTTPSConnection): ...


def addresses_of(name: str, port: int, limit_s: float | None) -> list[str]:
    """Return the addresses of *name*, within *limit_s*; None: for as long as it takes. Raises OSError, as resolving does.

    The system's resolver cannot be stopped: when it is late its thread is left behind.
    """
    with suppress(ValueError):
        ipaddress.ip_address(name.partition("%")[0])
        return [name]
    found: Future[list[str]] = Future()

    def resolve() -> None:
        try:
            rows = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            found.set_result(list(dict.fromkeys(str(row[4][0]) for row in rows)))
        except Exception as exc:  # noqa: BLE001 - told to the one who waits
            found.set_exception(exc)

    threading.Thread(target=resolve, name="resolve", daemon=True).start()
    return found.result(limit_s)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Hands every connection it uses to the watchdog, and never repeats anything by itself."""

    def __init__(self) -> None:
        never = Retry(total=False, redirect=False, raise_on_status=False)
        super().__init__(pool_connections=8, pool_maxsize=POOL_SIZE, max_retries=never)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # requests' own signature, passed on
        super().init_poolmanager(*args, blocksize=BLOCK_BYTES, **kwargs)
        _use_own_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:  # as requests declares it
        manager = super().proxy_manager_for(proxy, **kwargs)
        _use_own_pools(manager)
        return manager


class _Session(requests.Session):
    """Sends what azure-core has prepared as it is.

    The original merges settings, cookies, netrc and hooks into every request, none of which azure-core uses, and
    takes longer for it than Local Azure for its answer.
    """

    def request(self, method: str, url: str, **given: Any) -> requests.Response:  # type: ignore[override]  # as azure-core calls it
        body = given.get("data")
        if given.get("files") or not (body is None or isinstance(body, str | bytes)) or not url.isascii():
            return super().request(method, url, **given)
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = method.upper(), url
        prepared.headers = CaseInsensitiveDict(DEFAULT_HEADERS)
        prepared.headers.update(given.get("headers") or {})
        prepared.body = body.encode() if isinstance(body, str) else body
        if prepared.body is not None or method not in ("GET", "HEAD"):
            prepared.headers["Content-Length"] = str(len(prepared.body or b""))
        proxies, verify = given.get("proxies") or {}, given.get("verify", True)
        if self.trust_env:  # HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE
            merged = self.merge_environment_settings(url, proxies, None, verify, None)
            proxies, verify = merged["proxies"], merged["verify"]
        response = self.get_adapter(url).send(
            prepared,
            stream=True,
            timeout=given.get("timeout"),
            verify=verify,
            cert=given.get("cert"),
            proxies=proxies,
        )
        if not given.get("stream"):
            _ = response.content  # read here: what breaks is raised as the transport expects
        return response


def build_transport(
    *, ca_file: str | None, connect_timeout_s: float, read_timeout_s: float, use_environment: bool
) -> RequestsTransport:
    """Return a transport that trusts *ca_file* (None: the usual authorities).

    *use_environment*: whether HTTPS_PROXY and its kin apply, which costs a look at them in every request.
    """
    session = _Session()
    session.trust_env = use_environment
    adapter = _Adapter()
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return RequestsTransport(
        session=session,
        use_env_settings=use_environment,
        connection_verify=ca_file or True,
        connection_timeout=connect_timeout_s,
        read_timeout=read_timeout_s,
    )


def _use_own_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
