"""Telemetry: is Application Insights linked, and does what is told come back out of Log Analytics."""

from datetime import datetime, timedelta

from services.doctor.findings import Said
from services.doctor.subject import PROJECT, Subject
from services.doctor.words import NOBODY, not_reachable
from services.errors import AccessDenied, NotFound, ServiceError
from services.monitor.results import Ask
from services.telemetry.connection import check_found, host_of
from services.telemetry.discovery import discover

LOOK_BACK = timedelta(hours=24)
LATE_S = 15 * 60  # ingestion takes minutes; the sampler tells something every 15 seconds
OWN_ROLE = "relaydeck"


def linked(subject: Subject) -> Said:
    settings = subject.settings
    if settings.telemetry == "off":
        return Said("warning", "Off: nothing is told, so no page has history.", "Set RELAYDECK_TELEMETRY=on")
    given = settings.insights.get_secret_value()
    if not given and subject.to_project is None:
        return not_reachable(PROJECT, subject, "PROJECT_ENDPOINT_ENT")
    try:
        found = given or check_found(
            discover(subject.to_project, subject.looks),  # type: ignore[arg-type]  # one of the two is there
            settings.trusted_endings,
        )
    except (NotFound, AccessDenied) as error:
        if isinstance(error, AccessDenied) and error.status is None:
            return NOBODY
        step = (
            "Connect an Application Insights resource in the Foundry portal (Tracing), or set "
            "APPLICATIONINSIGHTS_CONNECTION_STRING."
        )
        return Said("failed", error.message, step)
    except ServiceError as error:
        return Said("failed", error.message, error.hint)
    where = "set by APPLICATIONINSIGHTS_CONNECTION_STRING" if given else "connected to the project"
    told = f"{host_of(found)}, {where}."
    health = subject.telemetry() if subject.telemetry is not None else None
    if health is not None and health.host:
        state, words = health.verdict()
        if state == "degraded":
            return Said(
                "failed", f"{told} {words}", "Let this machine reach that host over https (port 443)."
            )
        told += f" {words}"
    return Said("ok", told)


def received(subject: Subject) -> Said:
    """Say how old the newest record is that Log Analytics holds of this installation's senders."""
    if subject.logs is None:
        return Said(
            "warning",
            "No Log Analytics workspace is set, so no page has history.",
            "Set RELAYDECK_LOGS_WORKSPACE to the id of the workspace behind that Application Insights resource.",
        )
    now = subject.now()
    (result,) = subject.logs.ask(Ask("newest_records", {"start": now - LOOK_BACK, "end": now}))
    if result.problem is not None:
        raise result.problem
    if not result.rows:
        return Said(
            "warning",
            "The workspace holds no record of the last 24 hours.",
            "Ask something and look again in five minutes; if it stays, the workspace is that of another resource.",
        )
    told = ", ".join(f"{row['role']} {_age(row['newest'], now)} old" for row in result.rows[:4])
    ages_s = [_age_s(row["newest"], now) for row in result.rows if row["role"] == OWN_ROLE]
    running = subject.telemetry is not None and bool(subject.telemetry().host)
    if running and min(ages_s, default=float("inf")) > LATE_S:
        step = "Compare the workspace of the Application Insights resource with RELAYDECK_LOGS_WORKSPACE."
        return Said("failed", f"Relaydeck tells something every few seconds, but the newest is {told}.", step)
    return Said("ok", f"The newest records: {told}.")


def _age_s(moment: object, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if isinstance(moment, datetime) else float("inf")


def _age(moment: object, now: datetime) -> str:
    age_s = _age_s(moment, now)
    return (
        f"{age_s:.0f} s"
        if age_s < 120
        else f"{age_s / 60:.0f} min"
        if age_s < 7_200
        else f"{age_s / 3600:.0f} h"
    )
