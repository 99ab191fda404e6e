"""The audit trail from settings and clients. Sends nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from socket import gethostname

from pydantic import SecretStr

from services.audit.journal import open_journal
from services.audit.keys import Keys, kept_key, split
from services.audit.reading import Auditor
from services.audit.record import digest
from services.audit.trail import AuditTrail
from services.audit.upload import Uploader
from services.audit.writer import Head, Writer
from services.clients import Clients, Endpoints
from services.errors import ConfigurationError
from services.monitor.logs import LogsService
from services.resilience.dependencies import AUDIT, LOGS, Dependencies
from services.settings import Settings
from services.telemetry.service import Telemetry
from services.version import version

FOLDER = "audit"


def audit(
    settings: Settings,
    endpoints: Endpoints,
    clients: Clients,
    telemetry: Telemetry,
    dependencies: Dependencies,
    now: Callable[[], datetime],
) -> tuple[AuditTrail, Auditor]:
    """Return what records actions, and what reads them back."""
    writing, reading = dependencies.caller(AUDIT), dependencies.caller(LOGS)
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
        return AuditTrail(None, now, off=off), auditor

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
    return AuditTrail(writer, now, deadline_s=settings.audit_deadline_s), auditor


def configuration_digest(settings: Settings) -> str:
    """Return the digest of all settings: equal for equal ones. Of a secret it knows whether it is set, and no more."""
    found = settings.model_dump()
    told = {name: bool(value) if isinstance(value, SecretStr) else value for name, value in found.items()}
    return digest(told)


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
