"""Roles, found out by trying: each thing that Relaydeck reads is read once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from services.doctor.findings import Said
from services.doctor.identity import LOGIN, identity_of
from services.doctor.subject import PROJECT, STORAGE, Subject
from services.doctor.words import GRANT_STEP, NOBODY, foundry_scope, grant, not_reachable, storage_scope
from services.errors import AccessDenied, NotFound, ServiceError
from services.monitor.metrics import MetricAsk
from services.monitor.platform import usual_grain
from services.monitor.results import Ask

FOUNDRY_USER, QUEUE_READER = "Foundry User", "Storage Queue Data Reader"
QUEUE_CONTRIBUTOR, LOGS_READER = "Storage Queue Data Contributor", "Log Analytics Reader"
MONITORING_READER = "Monitoring Reader"
LOOK_BACK = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Try:
    """*what*: as in "may …". *role*: what allows it; *scope*: on what, as the command to grant it names it."""

    what: str
    role: str
    scope: str


def list_agents(subject: Subject) -> Said:
    if subject.backend is None:
        return not_reachable(PROJECT, subject, "PROJECT_ENDPOINT_ENT")
    backend = subject.backend
    tried = Try("list agents", FOUNDRY_USER, foundry_scope(subject))
    return attempt(subject, tried, lambda: bool(backend.list_agents(1)) or True)


def list_threads(subject: Subject) -> Said:
    if subject.backend is None:
        return not_reachable(PROJECT, subject, "PROJECT_ENDPOINT_ENT")
    backend = subject.backend
    tried = Try("list threads", FOUNDRY_USER, foundry_scope(subject))
    return attempt(subject, tried, lambda: bool(backend.list_threads(1)) or True)


def list_queues(subject: Subject) -> Said:
    if subject.queues is None:
        return not_reachable(STORAGE, subject, "STORAGE_SERVICE_ENDPOINT")
    queues = subject.queues
    tried = Try("list queues", QUEUE_READER, storage_scope(subject))
    return attempt(subject, tried, lambda: bool(queues.list_names("azure-function-")) or True)


def peek(subject: Subject) -> Said:
    if subject.queues is None:
        return not_reachable(STORAGE, subject, "STORAGE_SERVICE_ENDPOINT")
    queues, tried = subject.queues, Try("peek at messages", QUEUE_READER, storage_scope(subject))

    def look() -> bool:
        for tool in subject.catalogue:
            try:
                queues.peek(tool.input_queue, 1)
            except NotFound:
                continue
            return True
        return False

    return attempt(subject, tried, look, instead="There is no queue of a function tool to peek at.")


def query_logs(subject: Subject) -> Said:
    if subject.logs is None:
        return Said(
            "unknown",
            "No Log Analytics workspace is set.",
            "Set RELAYDECK_LOGS_WORKSPACE to the workspace's id (its Overview in the portal).",
        )
    logs, now = subject.logs, subject.now()
    scope = f"<resource id of the workspace {subject.settings.logs_workspace}>"
    tried = Try("query Log Analytics", LOGS_READER, scope)

    def look() -> bool:
        (result,) = logs.ask(Ask("newest_records", {"start": now - LOOK_BACK, "end": now}))
        if result.problem is not None:
            raise result.problem
        return True

    return attempt(subject, tried, look)


def read_metrics(subject: Subject) -> Said:
    if subject.metrics is None:
        return Said(
            "unknown",
            "No resource is named whose metrics could be read.",
            "Set RELAYDECK_METRICS_ENDPOINT with RELAYDECK_STORAGE_RESOURCE_ID or RELAYDECK_FOUNDRY_RESOURCE_ID.",
        )
    metrics, now = subject.metrics, subject.now()
    resource = metrics.resources[0]
    metric = next(iter(resource.metrics.values()))
    start = now - timedelta(hours=1)
    asked = MetricAsk(
        resource, metric.name, metric.aggregations[0], usual_grain(metric, start, now), start, now
    )
    subscription = "/".join(resource.id.split("/")[:3])
    tried = Try("read metrics", MONITORING_READER, subscription)

    def look() -> bool:
        result = metrics.ask(asked)
        if result.problem is not None:
            raise result.problem
        return True

    return attempt(subject, tried, look)


def write_queue(subject: Subject) -> Said:
    """Put a message that nobody can see into a queue and take it out again. Only when a probe was asked for."""
    if subject.queues is None:
        return not_reachable(STORAGE, subject, "STORAGE_SERVICE_ENDPOINT")
    queues, queue = subject.queues, subject.catalogue[0].input_queue
    try:
        queues.try_to_write(queue)
    except AccessDenied:
        told = (
            f"This identity may not write to {queue}: it looks only, as is meant. Replay and purge need more."
        )
        command = grant(QUEUE_CONTRIBUTOR, storage_scope(subject), identity_of(subject))
        return Said("warning", told, "Only to repair from here, give it the role that allows it.", command)
    except ServiceError as error:
        return Said("failed", error.message, error.hint)
    return Said("ok", f"May write to {queue}: a hidden message was put in and taken out again.")


def attempt(subject: Subject, tried: Try, look: Callable[[], bool], instead: str = "") -> Said:
    """Return what trying showed. *look* returns whether it could try; *instead*: why it could not."""
    try:
        could = look()
    except AccessDenied as error:
        if error.status is None:
            return NOBODY
        if error.status == 401:
            return Said("failed", error.message, "Sign in anew, to the tenant that the project is in.", LOGIN)
        command = grant(tried.role, tried.scope, identity_of(subject))
        return Said("failed", error.message, GRANT_STEP, command)
    except ServiceError as error:
        return Said("failed", error.message, error.hint)
    return Said("ok", f"May {tried.what}.") if could else Said("unknown", instead)
