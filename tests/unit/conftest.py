"""Fixtures of the Azure seam: a scripted server, and the real SDK clients pointed at it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from services.agents.classic import ClassicBackend
from services.clients import Clients, Endpoints, LocalCredential, build_clients
from services.resilience import Limits, Resilience
from services.resilience.clock import RealPace
from services.settings import Settings
from tests.scripted_server import ScriptedServer

Connect = Callable[..., Clients]
Build = Callable[..., ClassicBackend]


class Impatient(RealPace):
    """Real time without the pauses between attempts: what is tested is the attempts."""

    def sleep(self, seconds: float) -> bool:
        return True


@pytest.fixture(scope="session")
def shared_script(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    with ScriptedServer(tmp_path_factory.mktemp("scripted")) as server:
        yield server


@pytest.fixture
def script(shared_script: ScriptedServer) -> ScriptedServer:
    """A server that gives the replies the test wrote down."""
    shared_script.play()
    return shared_script


@pytest.fixture
def connect(script: ScriptedServer) -> Iterator[Connect]:
    """connect(**settings): the application's own clients for the scripted server."""
    with ExitStack() as opened:

        def build(**settings: object) -> Clients:
            endpoints = Endpoints(
                f"{script.url}/api/projects/local",
                f"{script.url}/devstoreaccount1",
                LocalCredential("token"),
                script.ca_file,
            )
            clients = build_clients(Settings(**settings), endpoints)  # type: ignore[arg-type]  # fields by name
            opened.callback(clients.close)
            return clients

        yield build


@pytest.fixture
def backend(connect: Connect) -> Build:
    """backend(**limits): a backend with its own resilience, for the scripted server."""

    def build(
        *, read_timeout_s: float = 30, call_deadline_s: float = 30, call_retries: int = 2
    ) -> ClassicBackend:
        limits = Limits(call_deadline_s=call_deadline_s, call_retries=call_retries)
        agents = connect(read_timeout_s=read_timeout_s).agents
        return ClassicBackend(agents, Resilience("the Agent Service", limits, Impatient()))

    return build
