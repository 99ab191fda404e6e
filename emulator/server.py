"""Local Azure as one object: start it, ask it for its addresses, steer it, stop it."""

import asyncio
import base64
import logging
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from emulator.certificates import Certificates, ensure_certificates
from emulator.clock import Clock
from emulator.control import Control, Pace
from emulator.database import limit_room, set_aside
from emulator.faults import Fault, FaultScript, Met
from emulator.foundry.projects import INSTRUMENTATION_KEY, RESOURCE
from emulator.foundry.service import FoundryService
from emulator.foundry.troubled import TroubledModel
from emulator.front import TRANSPORT_KEY, FrontDoor, Seen
from emulator.ids import Ids
from emulator.model import Model, ModelSettings, build_model
from emulator.monitor.schemas import WORKSPACE_ID
from emulator.monitor.service import PREFIXES, RETENTION_DAYS, MonitorService, Place
from emulator.queues.patient import PatientQueues
from emulator.queues.project import ProjectQueues
from emulator.queues.service import Account, QueuesService
from emulator.tokens import Tokens, load_secret
from emulator.wire import Service

log = logging.getLogger(__name__)
HOST = "127.0.0.1"
ACCOUNT_NAME = "devstoreaccount1"
PROJECT = "local"
STORAGE_ID = (
    f"/subscriptions/local/resourceGroups/local/providers/Microsoft.Storage/storageAccounts/{ACCOUNT_NAME}"
)
PROJECT_ID = f"{RESOURCE}/projects/{PROJECT}"
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 30
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class EmulatorSettings:
    """*state*: the folder that holds everything. Ports: 0 takes a free one. *retention_days*: of telemetry."""

    state: Path
    port: int = 0
    http_port: int = 0
    model_deployment: str = "local-rules"
    model: ModelSettings = field(default_factory=ModelSettings)
    pace: Pace = field(default_factory=Pace)
    retention_days: float = RETENTION_DAYS


class Emulator:
    """Local Azure in a thread of this process. Use as a context manager, or start() and stop().

    *model*: answers in place of the one that the settings name.
    """

    def __init__(
        self, settings: EmulatorSettings, clock: Clock | None = None, model: Model | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock or Clock()
        self._model = model
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._stopping: asyncio.Event | None = None
        self._failure: BaseException | None = None

    # Life -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Return once both listeners answer. Raises OSError (port taken, folder not writable) or what start-up met."""
        state = self.settings.state
        state.mkdir(parents=True, exist_ok=True)
        self.certificates: Certificates = ensure_certificates(state / "tls", self.clock)
        self.token = load_secret(state / "token")
        self._sockets = [listen(self.settings.port), listen(self.settings.http_port)]
        self.port, self.http_port = (listener.getsockname()[1] for listener in self._sockets)
        self._thread = threading.Thread(target=self._run, name="local-azure", daemon=True)
        self._thread.start()
        if not self._ready.wait(START_TIMEOUT_S) and self._failure is None:
            raise TimeoutError(f"Local Azure did not start within {START_TIMEOUT_S} s.")
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Return once every stored change is on disk and both ports are free. Safe to call again. Raises TimeoutError."""
        if not (self._loop and self._stopping and self._thread):
            return
        with suppress(RuntimeError):  # the loop is closed already, a moment before its thread ends
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():
            raise TimeoutError(f"Local Azure did not stop within {STOP_TIMEOUT_S} s.")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Addresses ------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def http_url(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    @property
    def project_endpoint(self) -> str:
        return f"{self.url}/api/projects/{PROJECT}"

    @property
    def storage_endpoint(self) -> str:
        return f"{self.url}/{ACCOUNT_NAME}"

    @property
    def account_key(self) -> str:
        """Return the storage account's key: derived from the local token, so it is as secret and as lasting."""
        return base64.b64encode(self.token.encode().ljust(64, b"=")).decode()

    @property
    def connection_string(self) -> str:
        return (
            f"DefaultEndpointsProtocol=https;AccountName={ACCOUNT_NAME};AccountKey={self.account_key};"
            f"QueueEndpoint={self.storage_endpoint};"
        )

    @property
    def workspace_id(self) -> str:
        """Return the id of the Log Analytics workspace that LogsQueryClient asks for."""
        return WORKSPACE_ID

    @property
    def insights_connection_string(self) -> str:
        """Return where an Application Insights exporter sends to; the plain listener, because exporters check no CA of ours."""
        address = f"{self.http_url}/"
        return f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={address};LiveEndpoint={address}"

    @property
    def ca_file(self) -> Path:
        return self.certificates.ca

    def environment(self) -> dict[str, str]:
        """Return the variables that a stock Azure script reads. Set them for a child process only."""
        bundle = str(self.certificates.bundle)
        return {
            "PROJECT_ENDPOINT": self.project_endpoint,
            "PROJECT_ENDPOINT_ENT": self.project_endpoint,
            "MODEL_DEPLOYMENT_NAME": self.settings.model_deployment,
            "STORAGE_SERVICE_ENDPOINT": self.storage_endpoint,
            "AZURE_STORAGE_CONNECTION_STRING": self.connection_string,
            "IDENTITY_ENDPOINT": f"{self.http_url}/msi/token",
            "IDENTITY_HEADER": self.token,
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "REQUESTS_CA_BUNDLE": bundle,
            "SSL_CERT_FILE": bundle,
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    # Steering, safe to call from any thread -------------------------------------------------------

    def call(self, function: Callable[[], Result]) -> Result:
        """Return what *function* returns when run on the emulator's own thread."""
        if self._loop is None:
            raise RuntimeError("Local Azure is not running.")

        async def run() -> Result:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(STOP_TIMEOUT_S)

    def advance(self, seconds: float) -> None:
        self.call(lambda: self.clock.advance(seconds))

    def fail(self, fault: Fault, seed: int | None = None) -> None:
        """Script *fault*. *seed*: chance is drawn from it from now on."""
        if seed is not None:
            self.call(lambda: self.faults.reseed(seed))
        self.call(lambda: self.faults.add(fault))

    def skew(self, seconds: float) -> None:
        """Let the services believe that it is *seconds* later than it is, or earlier; who issues tokens is right."""
        self.call(lambda: setattr(self.clock, "skew_s", seconds))

    def fill_disk(self, full: bool = True) -> None:
        """Let what agents and queues are kept in grow no more, or grow again."""
        self.call(lambda: self._fill_disk(full))

    def clear_faults(self, scenario: str | None = None) -> None:
        """Let nothing fail any more, or nothing of *scenario*; what was met stays counted."""
        self.call(lambda: self.faults.clear(scenario))

    def faults_met(self) -> list[Met]:
        """Return what requests have met since the last reset, by operation and kind."""
        return self.call(self.faults.met)

    def unspent_faults(self) -> list[dict[str, object]]:
        """Return what was promised and not met; weather (`times` None) is never among it."""
        return self.call(self.faults.pending)

    def requests(self) -> list[Seen]:
        """Return the latest requests, oldest first."""
        return self.call(lambda: list(self.front.seen))

    def routes(self) -> list[tuple[str, str, str, str]]:
        """Return (service, operation, HTTP method, path template) of everything that is implemented."""
        return [(service.name, *route) for service in self._distinct for route in service.routes()]

    def reset(self, seed: int | None = None) -> None:
        """Forget all agents, threads, runs, queues, telemetry, faults and requests; ids start over from *seed*."""
        self.call(lambda: self._reset(seed))

    # Inside the thread ----------------------------------------------------------------------------

    def _reset(self, seed: int | None = None) -> None:
        self._fill_disk(False)  # or nothing could be forgotten
        for service in self._distinct:
            service.reset()
        self.faults.forget()
        self.faults.reseed(seed or 0)
        self.front.seen.clear()
        self.front.counts.clear()
        self.ids.reseed(seed)

    def _compose(self) -> None:
        state, clock = self.settings.state, self.clock
        self.ids, self.faults, self.pace = Ids(), FaultScript(clock), self.settings.pace
        self.tokens = Tokens(self.token, clock)
        self._answering: Model = self._model or build_model(self.settings.model, self.pace, clock)
        self.queues = QueuesService(
            state / "queues.sqlite", Account(ACCOUNT_NAME, self.account_key), self.tokens, clock, self.ids
        )
        self.foundry = FoundryService(
            state / "foundry.sqlite",
            tokens=self.tokens,
            clock=clock,
            ids=self.ids,
            queues=PatientQueues(ProjectQueues(self.queues, self.faults, self.ids)),
            storage_endpoint=self.storage_endpoint,
            model=TroubledModel(self._answering, self.faults),
            deployment=self.settings.model_deployment,
            ingestion_endpoint=self.http_url,
        )
        self.monitor = MonitorService(
            state,
            Place(self.url, STORAGE_ID, PROJECT_ID),
            tokens=self.tokens,
            clock=clock,
            ids=self.ids,
            queues=self.queues,
            retention_days=self.settings.retention_days,
        )
        self.foundry.watch(self.monitor.agents.see)
        control = Control(clock, self.ids, self.faults, self.tokens, self.pace, self._reset)
        services: Mapping[str, Service] = {
            "api": self.foundry,
            ACCOUNT_NAME: self.queues,
            "msi": self.tokens,
            "_emulator": control,
            **dict.fromkeys(PREFIXES, self.monitor),
        }
        self._distinct: list[Service] = list(dict.fromkeys(services.values()))
        self.front = FrontDoor(services, self.faults, clock)
        self.front.observers.append(self.monitor.traffic.see)
        control.front, control.health, control.fill_disk = self.front, self._health, self._fill_disk

    def _fill_disk(self, full: bool) -> None:
        for connection in (self.foundry.database, self.queues.store.database):
            limit_room(connection, full=full)

    def _health(self) -> dict[str, object]:
        names = ("foundry.sqlite", "queues.sqlite", self.monitor.path.name)
        files = [self.settings.state / name for name in names]
        return {
            "telemetry": self.monitor.failure or "ok",
            "model": self.settings.model_deployment,
            "set_aside": [name for f in files for name in set_aside(f)],
        }

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(self._serve())
        except BaseException as exc:
            self._failure = exc
            log.exception("emulator.stopped")
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        self._compose()
        for service in self._distinct:
            await service.start()
        tls = {"ssl_certfile": str(self.certificates.leaf), "ssl_keyfile": str(self.certificates.leaf_key)}
        servers = [_server(self.front, tls), _server(self.front, {})]
        tasks = [
            asyncio.ensure_future(server.serve([listener]))
            for server, listener in zip(servers, self._sockets, strict=True)
        ]
        while not all(server.started for server in servers):
            if done := [task for task in tasks if task.done()]:
                await done[0]
                raise RuntimeError("A listener of Local Azure ended while starting.")
            await asyncio.sleep(0.005)
        self._ready.set()
        self.monitor.open()  # only now: loading DuckDB takes longer than all the rest of the start
        await self._stopping.wait()
        for server in servers:
            server.should_exit = True
        for service in self._distinct:
            await service.stop()
        if (close := getattr(self._answering, "close", None)) is not None:
            await close()  # a model behind HTTP keeps connections
        await asyncio.gather(*tasks)
        for server in servers:
            for connection in list(server.server_state.connections):
                connection.transport.abort()  # one whose reply ended only now closes politely: see _Protocol
        await asyncio.sleep(0)  # the loop cannot be closed before they are


class _Protocol(HttpToolsProtocol):
    """Lets a scripted fault cut the connection, keeps metadata's case and ends at once when the server does."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[TRANSPORT_KEY] = self.transport  # type: ignore[literal-required]  # a key of our own

    def on_header(self, name: bytes, value: bytes) -> None:
        # The name of a queue's metadata is data: Azure gives it back in the case it came in.
        if name[:10].lower() == b"x-ms-meta-":
            self.headers.append((name, value))
        else:
            super().on_header(name, value)

    def shutdown(self) -> None:
        # A polite close of TLS waits half a minute for the client's own, which an idle client never sends.
        if self.cycle is None or self.cycle.response_complete:
            self.transport.abort()
        else:
            super().shutdown()


def _server(front: FrontDoor, tls: dict[str, str]) -> uvicorn.Server:
    config = uvicorn.Config(
        front,
        http=_Protocol,
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,  # the front door tells the time of Local Azure, which tests move
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
        ssl_certfile=tls.get("ssl_certfile"),
        ssl_keyfile=tls.get("ssl_keyfile"),
    )
    return uvicorn.Server(config)


def listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if sys.platform != "win32":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as exc:
        listener.close()
        raise OSError(exc.errno, f"port {port} on {HOST} is taken") from exc
    listener.listen(2048)
    listener.setblocking(False)
    return listener


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
