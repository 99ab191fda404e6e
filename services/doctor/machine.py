"""This machine: the packages that are installed, and how long what they speak to will last."""

import re
from collections.abc import Mapping
from datetime import UTC, date
from importlib import metadata

from services.doctor.findings import Said
from services.doctor.subject import Subject
from services.doctor.words import listed

RETIRES = date(2027, 3, 31)
WARNS_DAYS = 90
FLOORS: Mapping[str, str] = {
    "streamlit": "1.67",
    "azure-ai-agents": "1.1.0",
    "azure-ai-projects": "2.10",
    "azure-identity": "1.27",
    "azure-storage-queue": "12.18",
    "azure-monitor-opentelemetry": "1.8.11",
    "azure-monitor-query": "2.0",
    "azure-monitor-querymetrics": "1.0",
}


def packages(_: Subject, floors: Mapping[str, str] = FLOORS) -> Said:
    """Compare what is installed with what Relaydeck was written for. A test holds *floors* to requirements.in."""
    old, missing = [], []
    for name, floor in floors.items():
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
            continue
        if numbers(version) < numbers(floor):
            old.append(f"{name} {version} (needs {floor})")
    if old or missing:
        told = [f"Too old: {listed(old)}."] if old else []
        told += [f"Not installed: {listed(missing)}."] if missing else []
        step = "Delete .venv and start run.py, which sets itself up again; or install what is locked."
        return Said("failed", " ".join(told), step, "pip install --require-hashes -r requirements.txt")
    agents = metadata.version("azure-ai-agents")
    return Said("ok", f"All {len(floors)} packages are new enough (azure-ai-agents {agents}).")


def retirement(subject: Subject) -> Said:
    left = (RETIRES - subject.now().astimezone(UTC).date()).days
    told = f"Classic agents, which Relaydeck uses, are retired on {RETIRES}"
    step = "Plan the move to the new Foundry agents; update Relaydeck once its changelog names them."
    if left < 0:
        return Said("failed", f"{told}: {-left} days ago.", step)
    if left <= WARNS_DAYS:
        return Said("warning", f"{told}: {left} days are left.", step)
    return Said("ok", f"{told}: {left} days are left.")


def numbers(version: str) -> tuple[int, ...]:
    """Return `1.8.11` as (1, 8, 11); what is not a number ends it. Trailing zeros mean nothing."""
    found = []
    for part in version.split("."):
        digits = re.match(r"\d+", part)
        if digits is None:
            break
        found.append(int(digits[0]))
        if digits[0] != part:
            break
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)
