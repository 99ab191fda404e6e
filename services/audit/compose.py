"""The audit trail from settings and clients. Sends nothing."""

import tomllib
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from socket import gethostname

from services.audit.journal import open_journal
from services.audit.keys import Keys, kept_key, split
from services.audit.reading import Auditor
from services.audit.trail import AuditTrail
from services.audit.upload import Uploader
from services.audit.writer import Head, Writer
from services.clients import Clients, Endpoints
from services.errors import ConfigurationError
from services.monitor.logs import LogsService
from services.resilience import Limits, Resilience
from services.settings import Settings
from services.telemetry.service import Telemetry

FOLDER = "audit"
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def audit(
    settings: Settings,
    endpoints: Endpoints,
    clients: Clients,
    telemetry: Telemetry,
    now: Callable[[], datetime],
) -> tuple[AuditTrail, Auditor, tuple[Resilience, ...]]:
    """Return what records actions, what reads them back, and what makes their calls, to be closed after them."""
    limits = Limits.of(settings)
    writing = Resilience("the audit trail", limits)
    reading = Resilience("Log Analytics, for the audit trail", limits)
    keys = cache(lambda: find_keys(settings))
    auditor = Auditor(
        (lambda: LogsService(lambda: clients.logs, endpoints.logs_workspace, reading, now))
        if endpoints.logs_workspace
        else None,
        keys,
        settings.environment,
        now,
        timedelta(days=settings.audit_retention_d),
    )
    if off := _why_off(settings, endpoints):
        return AuditTrail(None, now, off=off), auditor, (writing, reading)

    def head(found: Head) -> None:
        telemetry.audit_reached(found.chain, found.seq, found.hash)

    folder = settings.state_dir.resolve() / FOLDER
    writer = Writer(
        lambda: open_journal(folder),
        keys,
        Uploader(
            lambda: clients.ingestion,
            endpoints.audit_rule,
            endpoints.audit_stream,
            writing,
            settings.audit_deadline_s,
        ),
        now,
        {"environment": settings.environment, "instance": gethostname(), "version": version()},
        head,
    )
    return AuditTrail(writer, now, deadline_s=settings.audit_deadline_s), auditor, (writing, reading)


def find_keys(settings: Settings) -> Keys:
    """Return the keys of the settings; in their place the one of the state folder, made at the first call.

    Raises ConfigurationError: it cannot be kept there.
    """
    given = split(settings.audit_key.get_secret_value())
    if given:
        return Keys(given)
    folder = settings.state_dir / FOLDER
    try:
        return Keys([kept_key(folder)])
    except OSError as exc:
        problem = f"RELAYDECK_AUDIT_KEY is not set, and none can be kept in {folder}: {exc.strerror or exc}"
        raise ConfigurationError(problem, operation="find the audit key", problems=(problem,)) from exc


def _why_off(settings: Settings, endpoints: Endpoints) -> str:
    if settings.audit == "off":
        return "RELAYDECK_AUDIT is off."
    if not endpoints.audit_endpoint:
        return "No address takes audit records: RELAYDECK_AUDIT_ENDPOINT is not set."
    return ""


@cache
def version() -> str:
    """Return Relaydeck's version; empty when its project file is not there."""
    try:
        with PROJECT.open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    except (OSError, tomllib.TOMLDecodeError, KeyError):
        return ""
