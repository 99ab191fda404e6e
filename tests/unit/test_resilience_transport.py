"""The transport: connections are shared and reused, proxies and private authorities work as with plain requests."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from services.agents.classic import ClassicBackend
from services.clients import Clients
from services.errors import ConfigurationError
from services.resilience import Limits, Resilience
from services.transport import build_transport
from tests.scripted_server import Reply, ScriptedServer, as_json
from tests.unit.conftest import Connect

THREAD = {"id": "thread_1", "created_at": 1, "metadata": {}}


def backend(clients: Clients) -> ClassicBackend:
    return ClassicBackend(clients.agents, Resilience("the Agent Service", Limits(call_retries=0)))


class Proxy:
    """An HTTP proxy that knows CONNECT and notes where it was asked to connect to."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            target = head.split(b" ", 2)[1].decode()
            self.asked.append(target)
            host, port = target.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_pipe, args=[server, client], daemon=True)
                back.start()
                _pipe(client, server)
                back.join()


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """A proxy that the environment names, as it does in many companies."""
    running = Proxy()
    monkeypatch.setenv("HTTPS_PROXY", running.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    yield running
    running.close()


def test_calls_share_their_connections(script: ScriptedServer, connect: Connect) -> None:
    """Eight threads need eight connections at most, and one thread needs one, however many calls it makes."""
    script.play(as_json(THREAD))
    built = backend(connect())

    for _ in range(5):
        built.get_thread("thread_1")
    assert script.connections == 1
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(built.get_thread, ["thread_1"] * 80))

    assert len(found) == 80 and script.connections <= 8


def test_a_request_says_who_asks_and_where_it_ends(script: ScriptedServer, connect: Connect) -> None:
    """What the SDK prepared arrives as it is: token, length, content type, and an offer to compress."""
    script.play(as_json(THREAD))

    backend(connect()).create_thread({"opid": "op_1", "title": "ü" * 9000})

    (asked,) = script.asked
    assert asked.document == {"metadata": {"opid": "op_1", "title": "ü" * 9000}}
    assert asked.headers["authorization"] == "Bearer token" and "gzip" in asked.headers["accept-encoding"]
    assert asked.headers["content-type"] == "application/json"
    assert "azsdk-python-ai-agents" in asked.headers["user-agent"]


def test_an_empty_post_has_a_length(script: ScriptedServer, connect: Connect) -> None:
    """Cancel has no body; some gateways answer 411 when nothing says so."""
    script.play(as_json({"id": "run_1", "thread_id": "thread_1", "status": "cancelling", "created_at": 1}))

    backend(connect()).cancel_run("thread_1", "run_1")

    assert script.asked[0].headers["content-length"] == "0"


def test_azure_mode_goes_through_the_proxy(script: ScriptedServer, connect: Connect, proxy: Proxy) -> None:
    """Our connection classes must serve that path too."""
    script.play(as_json(THREAD))

    assert backend(connect(mode="azure")).get_thread("thread_1").id == "thread_1"
    assert proxy.asked == [script.url.removeprefix("https://")]


def test_local_mode_ignores_the_proxy(script: ScriptedServer, connect: Connect, proxy: Proxy) -> None:
    """Local Azure is on this machine: a company's proxy cannot reach it."""
    script.play(as_json(THREAD))

    assert backend(connect()).get_thread("thread_1").id == "thread_1"
    assert proxy.asked == []


def test_an_authority_of_the_environment_is_trusted_in_azure_mode(
    script: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Companies that open TLS hand out their authority by REQUESTS_CA_BUNDLE."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", script.ca_file)
    script.play(Reply(body=b"hello"))
    settings = {"ca_file": None, "connect_timeout_s": 2, "read_timeout_s": 2}

    with build_transport(**settings, use_environment=True) as transport:  # type: ignore[arg-type]  # by name
        assert transport.session.request("GET", script.url, timeout=2, verify=True).text == "hello"


def test_an_unknown_authority_is_a_matter_of_configuration(
    script: ScriptedServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never answered by switching verification off."""
    script.ca_file, kept = "", script.ca_file
    try:
        with pytest.raises(ConfigurationError, match="certificate is not trusted"):
            backend(connect()).get_thread("thread_1")
    finally:
        script.ca_file = kept


def test_a_missing_authority_file_is_named(script: ScriptedServer, connect: Connect) -> None:
    """Somebody emptied the state folder under a running dashboard."""
    script.ca_file, kept = "/nowhere/ca.pem", script.ca_file
    try:
        with pytest.raises(ConfigurationError, match=r"/nowhere/ca\.pem"):
            backend(connect()).get_thread("thread_1")
    finally:
        script.ca_file = kept
