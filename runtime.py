"""The composition root: settings to services, once per process. In local mode Local Azure is found or started here."""

import gc
import importlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from typing import Any

from emulator.connection import Connection, is_alive, read_connection
from emulator.supervisor import LocalAzure, LocalOptions, PartFailedError, attach_or_start
from services.actions import Actions
from services.agents.backend import AgentBackend
from services.agents.catalogue import CATALOGUE
from services.agents.classic import ClassicBackend
from services.agents.marks import LIVES, lives_s
from services.agents.team import TeamService
from services.answers.ports import Context
from services.answers.service import AnswerService
from services.clients import (
    Clients,
    Endpoints,
    LocalCredential,
    azure_endpoints,
    build_clients,
    metrics_audience,
)
from services.diagnosis.service import DiagnosisService, open_runs_of
from services.doctor.catalogue import WRITE_CHECK
from services.doctor.probe import Prober
from services.doctor.service import Doctor
from services.doctor.subject import Subject, places_of
from services.errors import ConfigurationError, ServiceError, Unavailable
from services.health import HealthService
from services.housekeeping.deleting import Deleter
from services.housekeeping.lease import Lease
from services.housekeeping.looking import Looker
from services.housekeeping.pacing import RateLimit
from services.housekeeping.service import HousekeepingService
from services.housekeeping.sweeper import Sweeper
from services.inventory.agents import AgentInventory
from services.inventory.agents_actions import AgentActions
from services.inventory.agents_drift import Wanted
from services.inventory.threads import ThreadIndex
from services.inventory.threads_service import ThreadService
from services.models import FunctionTool
from services.monitor.logs import LogsService
from services.monitor.lookup import LookupService
from services.monitor.metrics import MetricsService
from services.monitor.platform import resources_of
from services.monitor.trace import TraceService
from services.poison.desk import PoisonDesk
from services.poison.explain import Explainer
from services.poison.moves import PoisonMoves
from services.poison.store import PoisonStore
from services.prices import Prices, load_prices
from services.queues import QueueService
from services.resilience import Limits, Resilience
from services.settings import Settings, load_settings, load_usable
from services.telemetry.connection import check_found, discover
from services.telemetry.outbox import Send
from services.telemetry.quiet import be_quiet
from services.telemetry.service import Telemetry, TelemetryOptions
from services.transport import build_transport

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parent
TELEMETRY_TIMEOUT_S = 10.0
WARM_UP_WAIT_S = 15.0
DRAIN_S = 3.0
LATE = ("azure.monitor.query", "plotly.graph_objects")  # the first chart would wait for these
LOGS_FRESH_S = 4.0  # less than the 5 s of the fastest refresh, or every other one would find nothing new
NOWHERE = "https://missing.invalid"
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Services:
    """What pages and commands work with. Threads share all of it. *logs*: None when no workspace is set; *metrics*: None
    when no resource is named whose metrics could be shown."""

    settings: Settings
    catalogue: tuple[FunctionTool, ...]
    backend: AgentBackend
    team: TeamService
    queues: QueueService
    health: HealthService
    answers: AnswerService
    telemetry: Telemetry
    logs: LogsService | None
    traces: TraceService
    metrics: MetricsService | None
    prices: Prices
    lookup: LookupService
    actions: Actions
    doctor: Doctor
    prober: Prober
    diagnosis: DiagnosisService
    poison: PoisonDesk
    poison_moves: PoisonMoves
    housekeeping: HousekeepingService
    sweeper: Sweeper
    threads: ThreadIndex
    thread: ThreadService
    agents: AgentInventory
    agent_actions: AgentActions


class Runtime:
    """One running Relaydeck. *azure*: Local Azure in local mode, None in Azure mode."""

    def __init__(
        self,
        services: Services,
        clients: Clients,
        resilience: tuple[Resilience, ...],
        azure: LocalAzure | None,
    ) -> None:
        self.services = services
        self._clients, self._resilience, self._azure = clients, resilience, azure
        self._warm = threading.Event()
        self._closed = False

    def warm_up(self) -> None:
        """Do in the background what the first question would pay for: team, connections, one look at health."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def wait_warm(self, timeout_s: float = WARM_UP_WAIT_S) -> bool:
        """Return whether the warm-up has ended, well or not, within *timeout_s*."""
        return self._warm.wait(timeout_s)

    def close(self) -> None:
        """End all work. Runs that were started go on in the service. Safe to call twice."""
        global _current
        if self._closed:
            return
        self._closed = True
        self.services.sweeper.stop()
        self.services.housekeeping.close()
        self.services.threads.close()
        self.services.answers.drain(DRAIN_S)
        self.services.answers.close()
        self.services.agents.close()
        self.services.telemetry.close()
        for one in self._resilience:
            one.close()
        self._clients.close()
        if self._azure:
            self._azure.stop()
        if _current is self:
            _current = None

    def _warm_up(self) -> None:
        started_s = time.monotonic()
        try:
            if self.services.settings.team == "pooled":
                self.services.team.orchestrator()
            self.services.health.check_all()
        except ServiceError as exc:
            log.warning(
                "warmup.failed", extra={"reason": exc.message}
            )  # the first question meets it in words
        except Exception:
            log.exception("warmup.broken")
        finally:
            freeze()
            self._warm.set()
            self.services.sweeper.start()
            log.info("warmup.ended", extra={"took_s": round(time.monotonic() - started_s, 3)})
        self.services.telemetry.start()
        self.services.telemetry.wait_ready(WARM_UP_WAIT_S)
        for name in LATE:
            importlib.import_module(name)
        freeze()  # what came after the first one


_lock = threading.Lock()
_current: Runtime | None = None
_problem: ConfigurationError | None = None


def start(
    environ: Mapping[str, str],
    env_file: Path | None = None,
    *,
    warm: bool = True,
    say: Say = lambda _: None,
) -> Runtime:
    """Return the process's runtime, made at the first call. *say* is told of slow steps.

    Raises ConfigurationError (also kept for problem()) and Unavailable: Local Azure did not start.
    """
    global _current, _problem
    with _lock:
        if _current is not None:
            return _current
        try:
            _current = _compose(load_settings(environ, env_file), say)
        except ConfigurationError as exc:
            _problem = exc
            raise
        _problem = None
    if warm:
        _current.warm_up()
    return _current


def current() -> Runtime:
    """Return the runtime that start() made. Raises RuntimeError: there is none."""
    if _current is None:
        raise RuntimeError("Relaydeck has not been started: call runtime.start() first.")
    return _current


def problem() -> ConfigurationError | None:
    """Return why the latest start() failed; None when it did not, or for another reason than the settings."""
    return _problem


def freeze() -> None:
    """Take everything alive now out of the garbage collector's rounds.

    Streamlit collects after every rerun, which costs 170 ms and more with the Azure SDKs imported. Call again after
    a late import.
    """
    gc.collect()
    gc.freeze()


def _compose(settings: Settings, say: Say) -> Runtime:
    if settings.mode == "azure":
        return build(settings, azure_endpoints(settings), tell=True)
    options = LocalOptions(
        settings.state_dir.resolve(), think_s=settings.local_think_s, environment=_model_variables(settings)
    )
    try:
        azure = attach_or_start(options, say=say)
    except PartFailedError as exc:
        raise Unavailable(
            f"Local Azure did not start: {exc}",
            operation="start Local Azure",
            resource=str(options.state),
            sent=False,
            hint="Look at the log it names. An empty folder in RELAYDECK_STATE_DIR starts afresh.",
        ) from exc
    connection = azure.connection
    settings = settings.at(
        project_endpoint=connection.project_endpoint,
        storage_endpoint=connection.storage_endpoint,
        model=connection.model_deployment,
    )
    return build(settings, local_endpoints(connection), azure, tell=True)


def local_endpoints(connection: Connection) -> Endpoints:
    """Return where the services of that Local Azure are, and who asks."""
    return Endpoints(
        connection.project_endpoint,
        connection.storage_endpoint,
        LocalCredential(connection.token),
        connection.ca_file,
        logs_endpoint=connection.url,
        logs_workspace=connection.workspace_id,
        metrics_endpoint=connection.url,
        storage_resource=f"{connection.storage_id}/queueServices/default" if connection.storage_id else "",
        foundry_resource=connection.project_id,
    )


def _model_variables(settings: Settings) -> dict[str, str]:
    """Return the variables that tell Local Azure which model to use; they may come from the .env file."""
    given = {
        "RELAYDECK_LOCAL_MODEL_URL": settings.local_model_url,
        "RELAYDECK_LOCAL_MODEL": settings.local_model_name,
        "RELAYDECK_LOCAL_MODEL_KEY": settings.local_model_key.get_secret_value(),
    }
    return {name: value for name, value in given.items() if value}


def now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)


def build(
    settings: Settings,
    endpoints: Endpoints,
    azure: LocalAzure | None = None,
    now: Callable[[], datetime] = now,
    *,
    tell: bool = False,
) -> Runtime:
    """Return the services on *endpoints*, ready and cold. Sends nothing. *azure* is stopped with the runtime.

    *tell*: whether there is to be telemetry, if the settings want it.
    """
    clients, limits = build_clients(settings, endpoints), Limits.of(settings)
    foundry, storage = Resilience("the agent service", limits), Resilience("the storage account", limits)
    # It repeats nothing by itself, so that its budget holds, and a pause it is asked for is no answer's.
    inventory = Resilience("the agent service", replace(limits, call_retries=0))
    backend = ClassicBackend(clients.agents, foundry, stream_silence_s=settings.stream_silence_s)
    queues = QueueService(clients.queues, storage, now)
    team = TeamService(backend, settings, CATALOGUE)
    telemetry = Telemetry(_telemetry_options(settings, endpoints, clients, tell=tell), queues)
    answers = AnswerService(answer_context(settings, backend, team, queues, telemetry), now)
    workspace, platform = Resilience("Log Analytics", limits), Resilience("Azure Monitor metrics", limits)
    logs = (
        LogsService(lambda: clients.logs, endpoints.logs_workspace, workspace, now, fresh_s=LOGS_FRESH_S)
        if endpoints.logs_workspace
        else None
    )
    traces, metrics = TraceService(answers, logs, now), _metrics(endpoints, clients, platform, now)
    actions = Actions(telemetry.acted)
    doctor = Doctor(
        Subject(
            **_asked(endpoints, clients),
            settings=settings,
            catalogue=CATALOGUE,
            now=now,
            root=ROOT,
            backend=backend,
            team=team,
            queues=queues,
            logs=logs,
            metrics=metrics,
            telemetry=telemetry.health if tell else None,
        )
    )
    poison_store = PoisonStore(clients.queues, storage)
    explainer = Explainer(queues, backend, answers, logs, CATALOGUE, now)
    poison = PoisonDesk(poison_store, queues, explainer, actions, now)
    cleaning, housekeeping = _housekeeping(settings, clients, team, queues, storage, actions, limits, now)
    marks = {"environment": settings.environment}
    threads = ThreadIndex(
        ClassicBackend(clients.agents, inventory),
        marks,
        now,
        calls_per_min=settings.index_calls_per_min,
        hot=lambda: [answer.thread_id for answer in answers.open_answers() if answer.thread_id],
    )
    agents = AgentInventory(
        backend, queues, Wanted(team.plan, settings.environment, settings.storage_endpoint), now
    )
    services = Services(
        settings,
        CATALOGUE,
        backend,
        team,
        queues,
        HealthService(
            backend, queues, settings, CATALOGUE, now, telemetry=telemetry.health if tell else None
        ),
        answers,
        telemetry,
        logs,
        traces,
        metrics,
        load_prices(settings.prices),
        LookupService(answers, backend, queues, logs, now),
        actions,
        doctor,
        Prober(answers, traces, backend, actions, CATALOGUE, lambda: doctor.look(WRITE_CHECK)),
        DiagnosisService(
            backend,
            queues,
            answers,
            logs,
            CATALOGUE,
            now,
            fallback_s=settings.tool_wait_s,
            open_runs=open_runs_of(answers.open_answers, threads.open_runs),
        ),
        poison,
        PoisonMoves(poison_store, poison, queues, actions),
        housekeeping,
        Sweeper(housekeeping, now, every_s=settings.sweep_every_s, on=settings.sweep == "on"),
        threads,
        ThreadService(backend, threads, actions, marks, now),
        agents,
        AgentActions(backend, team, agents, actions),
    )
    return Runtime(services, clients, (foundry, storage, workspace, platform, cleaning, inventory), azure)


def _housekeeping(
    settings: Settings,
    clients: Clients,
    team: TeamService,
    queues: QueueService,
    storage: Resilience,
    actions: Actions,
    limits: Limits,
    now: Callable[[], datetime],
) -> tuple[Resilience, HousekeepingService]:
    """Return the clean-up and what makes its calls: paced, and with a breaker of its own, for questions come first."""
    rate = RateLimit(settings.cleanup_per_s)
    cleaning = Resilience("the agent service, cleaning up", limits, gate=rate.wait)
    backend = ClassicBackend(clients.agents, cleaning)
    service = HousekeepingService(
        Looker(backend, queues, settings, CATALOGUE, team.definition, now),
        Deleter(backend, queues, actions, rate),
        lambda: Lease(clients.queues, storage, settings.environment),
        actions,
        now,
    )
    return cleaning, service


def _asked(endpoints: Endpoints, clients: Clients) -> dict[str, Any]:
    """Return what Doctor needs to ask the addresses themselves."""
    return {
        "credential": endpoints.credential,
        "places": places_of(
            project=endpoints.project_endpoint,
            storage=endpoints.storage_endpoint,
            logs=endpoints.logs_endpoint if endpoints.logs_workspace else "",
            metrics=endpoints.metrics_endpoint,
            metrics_audience=metrics_audience(endpoints.metrics_endpoint),
        ),
        "transport": clients.new_transport,
        "to_project": clients.agents.send_request if endpoints.project_endpoint else None,
    }


def examination(
    environ: Mapping[str, str], env_file: Path | None = None, failure: ServiceError | None = None
) -> Doctor:
    """Return a Doctor for a Relaydeck that did not start, because of *failure*: it looks at what the usable settings
    lead to. Starts nothing, sends nothing and raises nothing; close() the Doctor after use.
    """
    settings, problems = load_usable(environ, env_file)
    subject = Subject(settings, CATALOGUE, now, ROOT, problems, failure)
    endpoints = _endpoints_in_reach(settings, problems)
    if endpoints is None:
        return Doctor(subject)
    placed = settings.at(
        project_endpoint=endpoints.project_endpoint,
        storage_endpoint=endpoints.storage_endpoint,
        model=settings.model or _local_model(settings),
    )
    # The SDKs want both addresses; what stands in for a missing one is in no part that is handed on.
    whole = replace(
        endpoints,
        project_endpoint=endpoints.project_endpoint or NOWHERE,
        storage_endpoint=endpoints.storage_endpoint or NOWHERE,
    )
    built = build(placed, whole)
    known = built.services.doctor.subject
    return Doctor(
        replace(
            known,
            **_asked(endpoints, built._clients),
            problems=problems,
            failure=failure,
            backend=known.backend if endpoints.project_endpoint else None,
            team=known.team if endpoints.project_endpoint else None,
            queues=known.queues if endpoints.storage_endpoint else None,
        ),
        close=built.close,
    )


def _endpoints_in_reach(settings: Settings, problems: tuple[str, ...]) -> Endpoints | None:
    """Return where the usable settings lead; None when that is nowhere, or when nobody knows which mode is meant."""
    if settings.mode == "azure":
        return azure_endpoints(settings)
    if any(problem.startswith("RELAYDECK_MODE") for problem in problems):
        return None
    connection = read_connection(settings.state_dir.resolve())
    return local_endpoints(connection) if connection is not None and is_alive(connection) else None


def _local_model(settings: Settings) -> str:
    connection = read_connection(settings.state_dir.resolve()) if settings.mode == "local" else None
    return connection.model_deployment if connection is not None else ""


def _metrics(
    endpoints: Endpoints, clients: Clients, platform: Resilience, now: Callable[[], datetime]
) -> MetricsService | None:
    resources = resources_of(endpoints.storage_resource, endpoints.foundry_resource)
    if not resources or not endpoints.metrics_endpoint:
        return None
    return MetricsService(lambda: clients.metrics, endpoints.metrics_endpoint, resources, platform, now)


def _telemetry_options(
    settings: Settings, endpoints: Endpoints, clients: Clients, *, tell: bool
) -> TelemetryOptions:
    off = "" if tell and settings.telemetry == "on" else "RELAYDECK_TELEMETRY is off."

    def connection_string() -> str:
        given = settings.insights.get_secret_value()
        return given or check_found(discover(clients.agents.send_request), settings.trusted_endings)

    def connect(found: str) -> Send:
        be_quiet()  # before the exporter is imported: it reads its switches then
        from services.telemetry.azure_monitor import AzureMonitor

        transport = build_transport(
            ca_file=endpoints.ca_file,
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=TELEMETRY_TIMEOUT_S,
            use_environment=settings.mode == "azure",
        )
        return AzureMonitor(
            found, transport, sampled_share=settings.sampled_share, instance=gethostname()
        ).send

    return TelemetryOptions(
        settings.environment,
        settings.model,
        connection_string,
        connect,
        off,
        settings.record_content,
        settings.sample_s,
    )


def answer_context(
    settings: Settings,
    backend: AgentBackend,
    team: TeamService,
    queues: QueueService,
    telemetry: Telemetry | None = None,
) -> Context:
    """Return what AnswerService needs, from *settings* and its neighbours."""
    return Context(
        backend,
        team,
        queues,
        CATALOGUE,
        team_mode=settings.team,
        marks={"relaydeck": settings.team, "environment": settings.environment},
        deadline_s=settings.answer_deadline_s,
        tool_wait_s=settings.tool_wait_s,
        max_running=settings.max_running,
        max_waiting=settings.max_waiting,
        trace_runs=settings.trace_context,
        observer=telemetry,
        thread_marks={LIVES: lives_s(settings.answer_deadline_s, settings.call_deadline_s)},
    )
