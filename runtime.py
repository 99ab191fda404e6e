"""The composition root: settings to services, once per process. In local mode Local Azure is found or started here."""

import gc
import importlib
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from emulator.connection import Connection, is_alive, read_connection
from emulator.steering import Steering
from emulator.supervisor import LocalAzure, LocalOptions, PartFailedError, attach_or_start
from services.access import PROCESS, Who, nobody_in_particular, this_user
from services.agents.catalogue import CATALOGUE
from services.assembly import Services, assemble, now, reach, signing
from services.audit.compose import configuration_digest
from services.clients import (
    Clients,
    Endpoints,
    LocalCredential,
    azure_endpoints,
    build_clients,
)
from services.doctor.service import Doctor
from services.doctor.subject import Subject
from services.errors import ConfigurationError, ServiceError, Unavailable
from services.resilience import Dependencies, Limits
from services.settings import Settings
from services.settings_source import load_settings, load_usable

__all__ = [
    "ROOT",
    "Runtime",
    "build",
    "current",
    "examination",
    "freeze",
    "is_running",
    "local_endpoints",
    "now",
    "problem",
    "start",
]
log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parent
TELEMETRY_TIMEOUT_S = 10.0
WARM_UP_WAIT_S = 15.0
DRAIN_S = 3.0
LATE = (  # the first chart, the first table and the first action would wait for these
    "azure.monitor.query",
    "azure.monitor.ingestion",
    "pandas",
    "plotly.graph_objects",
)
LOGS_FRESH_S = 4.0  # less than the 5 s of the fastest refresh, or every other one would find nothing new
NOWHERE = "https://missing.invalid"
Say = Callable[[str], None]


class Runtime:
    """One running Relaydeck. *azure*: Local Azure in local mode, None in Azure mode."""

    def __init__(self, services: Services, clients: Clients, azure: LocalAzure | None) -> None:
        self.services = services
        self._clients, self._azure = clients, azure
        self._warm = threading.Event()
        self._closed = self._is_recorded = False

    def warm_up(self) -> None:
        """Do in the background what the first question would pay for: team, connections, one look at health."""
        threading.Thread(target=self._warm_up, name="warm-up", daemon=True).start()

    def wait_warm(self, timeout_s: float = WARM_UP_WAIT_S) -> bool:
        """Return whether the warm-up has ended, well or not, within *timeout_s*."""
        return self._warm.wait(timeout_s)

    def put_on_record(self) -> None:
        """Have the audit trail tell that this process starts, with the digest of its settings, and later that it stops."""
        if not self._is_recorded:
            self._is_recorded = True
            self.services.trail.note(PROCESS, "start", after=configuration_digest(self.services.settings))

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
        if self._is_recorded:
            self.services.trail.note(PROCESS, "stop")
        self.services.trail.close()  # what it tells last goes out with telemetry
        self.services.telemetry.close()
        self.services.dependencies.close()
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
        self.services.trail.start()
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
    who: Who = this_user,
) -> Runtime:
    """Return the process's runtime, made at the first call. *say* is told of slow steps. *who*: acts in this process, where
    nothing else says so: for commands, whoever typed them.

    Raises ConfigurationError (also kept for problem()) and Unavailable: Local Azure did not start.
    """
    global _current, _problem
    with _lock:
        if _current is not None:
            return _current
        try:
            _current = _compose(load_settings(environ, env_file), say, who)
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


def is_running() -> bool:
    """Return whether start() has made a runtime that nobody has closed."""
    return _current is not None


def problem() -> ConfigurationError | None:
    """Return why the latest start() failed; None when it did not, or for another reason than the settings."""
    return _problem


def freeze() -> None:
    """Take everything alive now out of the garbage collector's rounds.

    A round through all of it takes 170 ms and more with the Azure SDKs imported, and nothing else runs meanwhile. Call
    again after a late import.
    """
    gc.collect()
    gc.freeze()


def _compose(settings: Settings, say: Say, who: Who) -> Runtime:
    if settings.mode == "azure":
        return build(settings, azure_endpoints(settings), tell=True, who=who)
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
    return build(settings, local_endpoints(connection), azure, tell=True, who=who)


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
        audit_endpoint=connection.url if connection.audit_rule else "",
        audit_rule=connection.audit_rule,
        audit_stream=connection.audit_stream,
    )


def _model_variables(settings: Settings) -> dict[str, str]:
    """Return the variables that tell Local Azure which model to use; they may come from the .env file."""
    given = {
        "RELAYDECK_LOCAL_MODEL_URL": settings.local_model_url,
        "RELAYDECK_LOCAL_MODEL": settings.local_model_name,
        "RELAYDECK_LOCAL_MODEL_KEY": settings.local_model_key.get_secret_value(),
    }
    return {name: value for name, value in given.items() if value}


def build(
    settings: Settings,
    endpoints: Endpoints,
    azure: LocalAzure | None = None,
    now: Callable[[], datetime] = now,
    *,
    tell: bool = False,
    who: Who = nobody_in_particular,
) -> Runtime:
    """Return the services on *endpoints*, ready and cold. Sends nothing. *azure* is stopped with the runtime.

    *tell*: whether there is to be telemetry, if the settings want it.
    """
    dependencies = Dependencies(Limits.of(settings))
    signed = signing(settings, endpoints, dependencies)
    clients = build_clients(settings, signed)
    steering = Steering(azure.connection) if azure else None
    services = assemble(settings, signed, clients, dependencies, now, tell=tell, steering=steering, who=who)
    return Runtime(services, clients, azure)


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
            **reach(replace(endpoints, credential=known.credential or endpoints.credential), built._clients),
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
