"""What Doctor examines: the parts of a Relaydeck, each of them possibly missing."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import RequestsTransport

from services.agents.backend import AgentBackend
from services.agents.team import TeamService
from services.errors import ServiceError
from services.models import FunctionTool
from services.monitor.logs import LogsService
from services.monitor.metrics import MetricsService
from services.queues import QueueService
from services.resilience import Limits, Resilience
from services.settings import Settings
from services.telemetry.discovery import Ask
from services.telemetry.service import TelemetryHealth


@dataclass(frozen=True, slots=True)
class Place:
    """An address that is asked. *name*: what is there. *ask*: what an unsigned look at it asks for. *audience*: what a
    token for it is for. *setting*: where it comes from."""

    name: str
    address: str
    ask: str
    audience: str
    setting: str

    @property
    def url(self) -> str:
        """Return the address that an unsigned look asks."""
        return self.address + self.ask


def looks_of(limits: Limits | None = None) -> Resilience:
    """Return what makes Doctor's own calls: each once, and whatever the breakers say, for Doctor looks itself."""
    given = limits or Limits()
    return Resilience("Doctor", replace(given, call_retries=0, breaker_min_calls=given.breaker_calls + 1))


@dataclass(frozen=True, slots=True)
class Subject:
    """*settings*: those that can be used. *problems*: one line for each that cannot. *failure*: why the services did not
    start, None when they did. A part is None when the settings do not lead to it.

    *places*: every address in use, by what is there. *transport*: as the SDK clients have it, without their sign-in.
    *to_project*: sends a request to the Foundry project, signed. *root*: the folder of run.py. *looks*: makes those calls.
    """

    settings: Settings
    catalogue: tuple[FunctionTool, ...]
    now: Callable[[], datetime]
    root: Path
    problems: tuple[str, ...] = ()
    failure: ServiceError | None = None
    credential: TokenCredential | None = field(default=None, repr=False)
    places: tuple[Place, ...] = ()
    transport: Callable[[], RequestsTransport] | None = None
    to_project: Ask | None = None
    backend: AgentBackend | None = None
    team: TeamService | None = None
    queues: QueueService | None = None
    logs: LogsService | None = None
    metrics: MetricsService | None = None
    telemetry: Callable[[], TelemetryHealth] | None = None
    looks: Resilience = field(default_factory=looks_of)

    def place(self, name: str) -> Place | None:
        """Return the address of that name; None: it is not in use."""
        return next((place for place in self.places if place.name == name), None)

    def secrets(self) -> tuple[str, ...]:
        """Return texts that no report may hold, whatever brought them there."""
        given = (self.settings.insights, self.settings.local_model_key)
        return tuple(secret.get_secret_value() for secret in given if secret.get_secret_value())


PROJECT, STORAGE, LOGS, METRICS = (
    "Foundry project",
    "Storage queues",
    "Log Analytics",
    "Azure Monitor metrics",
)


def places_of(
    *, project: str, storage: str, logs: str = "", metrics: str = "", metrics_audience: str = ""
) -> tuple[Place, ...]:
    """Return the places at these addresses; an empty one is none."""
    found = (
        Place(PROJECT, project, "/assistants?api-version=v1", "https://ai.azure.com", "PROJECT_ENDPOINT_ENT"),
        Place(STORAGE, storage, "/?comp=list", "https://storage.azure.com", "STORAGE_SERVICE_ENDPOINT"),
        Place(LOGS, logs, "/v1/workspaces", logs, "RELAYDECK_LOGS_ENDPOINT"),
        Place(METRICS, metrics, "/", metrics_audience, "RELAYDECK_METRICS_ENDPOINT"),
    )
    return tuple(place for place in found if place.address)
