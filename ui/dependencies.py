"""How the dependencies stand, in words: beside a failure, in the sidebar and on Doctor. Nothing here sends a request."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import runtime
from services.models import HealthState, PartHealth
from services.resilience.dependencies import AUDIT, FOUNDRY, INGESTION, LOGS, METRICS, QUEUES, TOKEN
from services.standing import Standing
from ui import formats

PARTS: Mapping[str, str] = {"Agents": FOUNDRY, "Queues": QUEUES, "Telemetry": INGESTION}
JUDGED: Mapping[str, str] = {"Function app": QUEUES, "Model": FOUNDRY}  # seen through another one only
OTHERS: Mapping[str, str] = {LOGS: "Logs", METRICS: "Metrics", AUDIT: "Audit", TOKEN: "Sign-in"}
WORST: tuple[HealthState, ...] = ("ok", "unknown", "degraded", "down")
WORDS: Mapping[HealthState, str] = {
    "ok": "ok",
    "degraded": "limited",
    "down": "down",
    "unknown": "not asked yet",
}
BREAKERS = {
    "closed": "breaker closed",
    "open": "breaker open",
    "half_open": "breaker half open",
}


def all_standings() -> tuple[Standing, ...]:
    return runtime.current().services.standings.all()


def of(dependency: str) -> Standing | None:
    return runtime.current().services.standings.of(dependency)


def next_words(standing: Standing) -> str:
    """Return ` Left alone, next try in 12 s.`; empty while every call is let through."""
    if standing.next_try_s is None:
        return ""
    if standing.next_try_s < 1:
        return " Left alone; the next call tries it."
    return f" Left alone, next try in {standing.next_try_s:.0f} s."


def merged(parts: Sequence[PartHealth]) -> tuple[PartHealth, ...]:
    """Return *parts*, each no better than what it depends on stands by now: a check may be half a minute old."""
    standings = {one.dependency: one for one in all_standings()}
    return tuple(
        _judged(part, standings.get(JUDGED[part.part]))
        if part.part in JUDGED
        else _merge(part, standings.get(PARTS.get(part.part, "")))
        for part in parts
    )


def others() -> tuple[PartHealth, ...]:
    """Return the dependencies that are no part of their own: logs, metrics, the audit trail, sign-in."""
    return tuple(
        PartHealth(
            OTHERS[one.dependency], one.state, words(one), one.failed_at if one.is_failing else one.worked_at
        )
        for one in all_standings()
        if one.dependency in OTHERS
    )


def words(standing: Standing) -> str:
    """Return since when it fails, with what, and when it is tried next; else when it served last."""
    if standing.since is None:
        return (
            "Not asked yet."
            if standing.worked_at is None
            else f"Served last at {formats.clock(standing.worked_at)}."
        )
    return f"Failing since {formats.clock(standing.since)} ({standing.failure}).{next_words(standing)}"


def is_well(parts: Sequence[PartHealth]) -> bool:
    """Whether nothing fails. What was never asked, or is off, is no failure."""
    states = [part.state for part in merged(parts)]
    states += [one.state for one in all_standings() if one.dependency in OTHERS]
    return all(state in ("ok", "unknown") for state in states)


def _merge(part: PartHealth, standing: Standing | None) -> PartHealth:
    if standing is None or not standing.is_failing:
        return part
    if WORST.index(standing.state) > WORST.index(part.state):
        return PartHealth(part.part, standing.state, words(standing), standing.failed_at)
    if standing.breaker != "closed":  # what was met is on Doctor; here it counts when it is tried again
        return replace(part, detail=words(standing))
    return replace(part, detail=f"{part.detail} {words(standing)}")


def _judged(part: PartHealth, standing: Standing | None) -> PartHealth:
    """Return *part* as not known while it cannot be seen: that the way to it is broken says nothing of it."""
    if standing is None or standing.state != "down" or part.state != "down":
        return part
    return replace(part, state="unknown", detail=f"Not known while {standing.dependency} fails.")
