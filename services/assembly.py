"""Settings and addresses to services: who works with whom, decided in one place. Sends nothing."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from socket import gethostname
from typing import Any

from services.access import Access, Who, nobody_in_particular
from services.actions import Actions
from services.agents.backend import AgentBackend
from services.agents.catalogue import CATALOGUE
from services.agents.classic import ClassicBackend
from services.agents.marks import LIVES, lives_s
from services.agents.team import TeamService
from services.answers.ports import Context, Sight
from services.answers.service import AnswerService
from services.audit.compose import audit
from services.audit.reading import Auditor
from services.audit.trail import AuditTrail
from services.clients import (
    Clients,
    Endpoints,
    metrics_audience,
)
from services.diagnosis.service import DiagnosisService, open_runs_of
from services.doctor.catalogue import WRITE_CHECK
from services.doctor.probe import Prober
from services.doctor.service import Doctor
from services.doctor.subject import Subject, looks_of, places_of
from services.faults.desk import FaultDesk, Steering
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
from services.resilience.dependencies import (
    AUDIT,
    FOUNDRY,
    INGESTION,
    LOGS,
    METRICS,
    QUEUES,
    TOKEN,
    Dependencies,
)
from services.resilience.signing import BoundedCredential
from services.settings import Settings
from services.standing import Standings
from services.telemetry.connection import check_found
from services.telemetry.discovery import discover
from services.telemetry.guarded import guarded
from services.telemetry.outbox import Send
from services.telemetry.quiet import be_quiet
from services.telemetry.service import Telemetry, TelemetryOptions
from services.transport import build_transport

ROOT = Path(__file__).resolve().parents[1]
LOGS_FRESH_S = 4.0  # less than the 5 s of the fastest refresh, or every other one would find nothing new


@dataclass(frozen=True, slots=True)
class Services:
    """What pages and commands work with. Threads share all of it. *logs*: None when no workspace is set; *metrics*: None
    when no resource is named whose metrics could be shown; *faults*: None where nothing may be made to fail on purpose."""

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
    access: Access
    actions: Actions
    trail: AuditTrail
    auditor: Auditor
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
    dependencies: Dependencies
    faults: FaultDesk | None
    standings: Standings


def now() -> datetime:
    """Return the time now, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def signing(settings: Settings, endpoints: Endpoints, dependencies: Dependencies) -> Endpoints:
    """Return *endpoints* with a credential that keeps to a deadline and has a breaker, whatever signs in. Sends nothing."""
    calls = dependencies.caller(TOKEN, replace(Limits.of(settings), call_retries=0))  # its SDK repeats
    return replace(
        endpoints, credential=BoundedCredential(endpoints.credential, calls, settings.token_deadline_s)
    )


def assemble(
    settings: Settings,
    endpoints: Endpoints,
    clients: Clients,
    dependencies: Dependencies,
    now: Callable[[], datetime] = now,
    *,
    tell: bool = False,
    steering: Steering | None = None,
    who: Who = nobody_in_particular,
) -> Services:
    """Return the services on *clients*, ready and cold. Their *dependencies* are to be closed after them.

    *tell*: whether there is to be telemetry, if the settings want it. *steering*: of Local Azure; None in Azure.
    *who*: acts where nothing else says so.
    """
    limits = Limits.of(settings)
    foundry, storage = dependencies.caller(FOUNDRY), dependencies.caller(QUEUES)
    # It repeats nothing by itself, so that its budget holds, and a pause it is asked for is no answer's.
    inventory = dependencies.caller(FOUNDRY, replace(limits, call_retries=0))
    backend = ClassicBackend(clients.agents, foundry, stream_silence_s=settings.stream_silence_s)
    queues = QueueService(clients.queues, storage, now)
    team = TeamService(backend, settings, CATALOGUE)
    telemetry = Telemetry(
        _telemetry_options(settings, endpoints, clients, foundry, dependencies, tell=tell), queues
    )
    access = Access(who)
    trail, auditor = audit(settings, endpoints, clients, telemetry, dependencies, now)
    actions = Actions(telemetry.acted, access, trail)
    watching = dependencies.caller(FOUNDRY, replace(limits, call_retries=0))
    peeking = dependencies.caller(QUEUES, replace(limits, call_retries=0))
    sight = Sight(ClassicBackend(clients.agents, watching), QueueService(clients.queues, peeking, now))
    answers = AnswerService(answer_context(settings, backend, team, queues, telemetry, actions, sight), now)
    # A query costs the workspace more than any other call costs its service: it is repeated once at most.
    workspace = dependencies.caller(LOGS, replace(limits, call_retries=min(1, limits.call_retries)))
    platform = dependencies.caller(METRICS)
    logs = (
        LogsService(
            lambda: clients.logs,
            endpoints.logs_workspace,
            workspace,
            now,
            fresh_s=LOGS_FRESH_S,
            deadline_s=settings.logs_deadline_s,
        )
        if endpoints.logs_workspace
        else None
    )
    traces, metrics = TraceService(answers, logs, now), _metrics(settings, endpoints, clients, platform, now)
    doctor = Doctor(
        Subject(
            **reach(endpoints, clients),
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
            looks=looks_of(limits),
        )
    )
    poison_store = PoisonStore(clients.queues, storage)
    explainer = Explainer(queues, backend, answers, logs, CATALOGUE, now)
    poison = PoisonDesk(poison_store, queues, explainer, actions, now)
    housekeeping = _housekeeping(settings, clients, team, queues, storage, actions, dependencies, now)
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
    return Services(
        settings=settings,
        catalogue=CATALOGUE,
        backend=backend,
        team=team,
        queues=queues,
        health=HealthService(
            backend, queues, settings, CATALOGUE, now, telemetry=telemetry.health if tell else None
        ),
        answers=answers,
        telemetry=telemetry,
        logs=logs,
        traces=traces,
        metrics=metrics,
        prices=load_prices(settings.prices),
        lookup=LookupService(answers, backend, queues, logs, now),
        access=access,
        actions=actions,
        trail=trail,
        auditor=auditor,
        doctor=doctor,
        prober=Prober(answers, traces, backend, actions, CATALOGUE, lambda: doctor.look(WRITE_CHECK)),
        diagnosis=DiagnosisService(
            backend,
            queues,
            answers,
            logs,
            CATALOGUE,
            now,
            fallback_s=settings.tool_wait_s,
            open_runs=open_runs_of(answers.open_answers, threads.open_runs),
        ),
        poison=poison,
        poison_moves=PoisonMoves(poison_store, poison, queues, actions),
        housekeeping=housekeeping,
        sweeper=Sweeper(housekeeping, now, every_s=settings.sweep_every_s, on=settings.sweep == "on"),
        threads=threads,
        thread=ThreadService(backend, threads, actions, marks, now),
        agents=agents,
        agent_actions=AgentActions(backend, team, agents, actions),
        dependencies=dependencies,
        faults=FaultDesk(steering, actions) if steering is not None else None,
        standings=_standings(
            dependencies,
            logs,
            metrics,
            now,
            tell=tell and settings.telemetry == "on",
            recorded=not trail.state().off,
        ),
    )


def _standings(
    dependencies: Dependencies,
    logs: LogsService | None,
    metrics: MetricsService | None,
    now: Callable[[], datetime],
    *,
    tell: bool,
    recorded: bool,
) -> Standings:
    """Return how the dependencies in use stand. Foundry and the queues are asked by every check of health; the others, once
    they fail, by what is given here."""
    tries: dict[str, Callable[[], object]] = {}
    if logs is not None:
        tries[LOGS] = logs.try_it
    if metrics is not None:
        tries[METRICS] = metrics.try_it
    written = [*((INGESTION,) if tell else ()), *((AUDIT,) if recorded else ())]
    return Standings(dependencies, now, (FOUNDRY, QUEUES, *tries, *written, TOKEN), tries)


def _housekeeping(
    settings: Settings,
    clients: Clients,
    team: TeamService,
    queues: QueueService,
    storage: Resilience,
    actions: Actions,
    dependencies: Dependencies,
    now: Callable[[], datetime],
) -> HousekeepingService:
    """Return the clean-up. Its calls are paced, and its repeats and pauses are its own, for questions come first."""
    rate = RateLimit(settings.cleanup_per_s)
    cleaning = dependencies.caller(FOUNDRY, gate=rate.wait)
    backend = ClassicBackend(clients.agents, cleaning)
    return HousekeepingService(
        Looker(backend, queues, settings, CATALOGUE, team.definition, now),
        Deleter(backend, queues, actions, rate),
        lambda: Lease(clients.queues, storage, settings.environment),
        actions,
        now,
    )


def reach(endpoints: Endpoints, clients: Clients) -> dict[str, Any]:
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


def _metrics(
    settings: Settings,
    endpoints: Endpoints,
    clients: Clients,
    platform: Resilience,
    now: Callable[[], datetime],
) -> MetricsService | None:
    resources = resources_of(endpoints.storage_resource, endpoints.foundry_resource)
    if not resources or not endpoints.metrics_endpoint:
        return None
    return MetricsService(
        lambda: clients.metrics,
        endpoints.metrics_endpoint,
        resources,
        platform,
        now,
        deadline_s=settings.metrics_deadline_s,
    )


def _telemetry_options(
    settings: Settings,
    endpoints: Endpoints,
    clients: Clients,
    foundry: Resilience,
    dependencies: Dependencies,
    *,
    tell: bool,
) -> TelemetryOptions:
    limits = replace(Limits.of(settings), call_retries=0, call_deadline_s=settings.ingestion_deadline_s)
    ingestion = dependencies.caller(INGESTION, limits)
    off = "" if tell and settings.telemetry == "on" else "RELAYDECK_TELEMETRY is off."

    def connection_string() -> str:
        given = settings.insights.get_secret_value()
        return given or check_found(discover(clients.agents.send_request, foundry), settings.trusted_endings)

    def connect(found: str) -> Send:
        be_quiet()  # before the exporter is imported: it reads its switches then
        from services.telemetry.azure_monitor import AzureMonitor

        transport = build_transport(
            ca_file=endpoints.ca_file,
            connect_timeout_s=settings.connect_timeout_s,
            read_timeout_s=settings.ingestion_deadline_s,
            use_environment=settings.mode == "azure",
        )
        exporter = AzureMonitor(
            found, transport, sampled_share=settings.sampled_share, instance=gethostname()
        )
        return guarded(exporter.send, ingestion)

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
    actions: Actions | None = None,
    sight: Sight | None = None,
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
        actions=actions or Actions(lambda *_: None),
        thread_marks={LIVES: lives_s(settings.answer_deadline_s, settings.call_deadline_s)},
        sight=sight,
    )
