"""No remote call goes past the wrapper: by what services/ may name, and by what goes out while everything is asked."""

import ast
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chaos.seam import CLIENTS, open_operations
from services.resilience import DEPENDENCIES, Limits
from services.resilience.watchdog import seconds_left
from services.transport import _Session, build_transport
from tests.scripted_server import ScriptedServer, as_json

ROOT = Path(__file__).parents[2]
# What an SDK raises is turned into our errors by azure_call() alone; who calls an SDK and does not go through Resilience
# would have to name it. The stream is read after its call has returned: its reader bounds its silence, and its owner cuts it.
TURNS_ERRORS = {"services/resilience/call.py", "services/agents/stream.py"}
MAKES_TRANSPORTS = {"services/clients.py", "services/assembly.py"}


def names_in(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    imported = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    return imported | {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}


def files_that_name(name: str) -> set[str]:
    found = {file for file in (ROOT / "services").rglob("*.py") if name in names_in(file)}
    return {file.relative_to(ROOT).as_posix() for file in found}


def test_errors_of_the_sdks_are_turned_in_one_place() -> None:
    """Whoever turns them elsewhere makes a call that knows no deadline, no budget and no breaker."""
    assert files_that_name("azure_call") == TURNS_ERRORS


def test_connections_are_made_by_one_transport() -> None:
    """Another one could not be cut."""
    assert files_that_name("build_transport") == MAKES_TRANSPORTS
    assert files_that_name("RequestsTransport") <= {
        "services/transport.py",
        "services/clients.py",
        "services/doctor/subject.py",
        "services/telemetry/azure_monitor.py",
    }
    for name in ("urlopen", "HTTPSConnection", "create_connection", "AsyncClient"):
        assert files_that_name(name) <= {"services/transport.py"}, name


@pytest.fixture
def unwatched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The addresses of requests that went out outside a watched call, whatever the thread."""
    found: list[str] = []
    real = _Session.request

    def request(self: _Session, method: str, url: str, **given: object) -> object:
        if seconds_left() is None:
            found.append(f"{method} {url} on {threading.current_thread().name}")
        return real(self, method, url, **given)

    monkeypatch.setattr(_Session, "request", request)
    yield found


def test_each_client_sends_within_a_watched_call(script: ScriptedServer, unwatched: list[str]) -> None:
    """Every operation of every client, answered well, with the transport looking."""
    with open_operations(script.url, script.ca_file, Limits(call_retries=0)) as operations:
        for operation in operations:
            script.play(operation.good)
            operation.call()
            assert script.asked, operation.name
            assert unwatched == [], operation.name

    assert {operation.client for operation in operations} == set(CLIENTS)
    assert len(DEPENDENCIES) == 7


def test_a_request_past_the_wrapper_fails_the_test_that_sends_it(script: ScriptedServer) -> None:
    """The guard of all suites, tried: code of services/ that sends by itself."""
    script.play(as_json({}))
    source = "def send(session, url, ca):\n    return session.request('GET', url, timeout=2, verify=ca)\n"
    spaces: dict[str, Any] = {}
    exec(compile(source, str(ROOT / "services" / "escaping.py"), "exec"), spaces)

    with (
        build_transport(
            ca_file=script.ca_file, connect_timeout_s=2, read_timeout_s=2, use_environment=False
        ) as transport,
        pytest.raises(AssertionError, match=r"escaping\.py sent GET .* past services\.resilience"),
    ):
        spaces["send"](transport.session, script.url, script.ca_file)
    assert not script.asked
