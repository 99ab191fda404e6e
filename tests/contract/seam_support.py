"""What the tests of the services share: the application's own clients and services, pointed at Local Azure."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from emulator.faults import Fault
from emulator.server import Emulator
from services.agents.catalogue import CATALOGUE
from services.agents.classic import ClassicBackend
from services.agents.team import TeamService
from services.clients import Clients, Endpoints, LocalCredential, build_clients
from services.health import HealthService
from services.models import FunctionTool
from services.queues import QueueService
from services.resilience import Limits, Resilience
from services.settings import Settings
from services.settings_source import load_settings
from tests.unit.conftest import Impatient

LIMITS = Limits(breaker_min_calls=20)


@dataclass
class Pauses:
    """Counts the seconds that would have been waited."""

    slept_s: float = 0.0

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    def clock(self) -> float:
        return self.slept_s


@dataclass
class Seam:
    """*settings*: of local mode, with the addresses of *emulator*."""

    emulator: Emulator
    settings: Settings
    clients: Clients
    backend: ClassicBackend
    queues: QueueService
    pauses: Pauses = field(default_factory=Pauses)

    def team(
        self, catalogue: tuple[FunctionTool, ...] = CATALOGUE, *, counted: bool = False, **changed: object
    ) -> TeamService:
        """Return a team service as another process would have it: it knows nothing yet.

        *counted*: for it, only the pauses it makes take time.
        """
        settings = self.settings.model_copy(update=changed)
        backend = ClassicBackend(self.clients.agents, Resilience("the Agent Service", LIMITS, Impatient()))
        clock = self.pauses.clock if counted else self.emulator.clock.now_s
        return TeamService(backend, settings, catalogue, clock=clock, sleep=self.pauses.sleep)

    def health(self, timeout_s: float = 5.0, **changed: object) -> HealthService:
        settings = self.settings.model_copy(update=changed)
        return HealthService(
            self.backend, self.queues, settings, CATALOGUE, self.emulator.clock.now, timeout_s=timeout_s
        )

    def fail(self, operation: str, **how: object) -> None:
        self.emulator.fail(Fault(operation, **how))  # type: ignore[arg-type]  # Fault checks its values

    def asked(self, since: int = 0) -> list[str]:
        """Return the operations that Local Azure served, oldest first, without the first *since*."""
        return [seen.operation for seen in self.emulator.requests()][since:]


@contextmanager
def open_seam(emulator: Emulator, token: str = "") -> Iterator[Seam]:
    settings = load_settings({}).at(
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        model=emulator.settings.model_deployment,
    )
    endpoints = Endpoints(
        settings.project_endpoint,
        settings.storage_endpoint,
        LocalCredential(token or emulator.token),
        str(emulator.ca_file),
    )
    clients = build_clients(settings, endpoints)
    backend = ClassicBackend(clients.agents, Resilience("the Agent Service", LIMITS, Impatient()))
    queues = QueueService(clients.queues, Resilience("Storage", LIMITS, Impatient()), emulator.clock.now)
    try:
        yield Seam(emulator, settings, clients, backend, queues)
    finally:
        clients.close()
