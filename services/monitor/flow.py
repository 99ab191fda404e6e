"""How fast work flows through queues now: arrivals, completions, time to drain. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from services.answers.narration import seconds
from services.models import QueueDepth
from services.monitor.results import Row

WINDOW = timedelta(minutes=5)
DrainState = Literal["empty", "draining", "growing", "stuck", "unknown"]


@dataclass(frozen=True, slots=True)
class Rates:
    """Messages per minute over WINDOW. *at_least*: more may have arrived: messages that wait tell when they came only
    once a function takes them."""

    arrived: float
    completed: float
    failed: float = 0.0
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class Drain:
    """*in_s*: None unless it drains. *words*: for people."""

    state: DrainState
    in_s: float | None
    words: str


def rates(rows: Sequence[Row], queue: str, depth: QueueDepth | None, window: timedelta = WINDOW) -> Rates:
    """Return the rates of *queue* from rows of queue_rates over *window*, with the messages that wait now."""
    own = [row for row in rows if row["queue"] == queue]
    arrived, completed, failed = (_total(own, name) for name in ("arrived", "completed", "failed"))
    minutes = window.total_seconds() / 60
    waiting = depth.messages if depth is not None else 0
    recent = bool(depth and depth.oldest_age_s is not None and depth.oldest_age_s <= window.total_seconds())
    if waiting and recent:
        arrived += waiting
    return Rates(
        arrived / minutes, completed / minutes, failed / minutes, at_least=bool(waiting) and not recent
    )


def drain(depth: QueueDepth | None, now: Rates | None) -> Drain:
    """Return when *depth* is worked off at the rates of *now*; *now*: None when nobody can tell them."""
    if depth is None:
        return Drain("unknown", None, "not known: there is no such queue")
    if not depth.messages:
        return Drain("empty", 0.0, "nothing waits")
    if now is None:
        return Drain("unknown", None, "not known: no telemetry tells the rates")
    minutes = f"{WINDOW.total_seconds() / 60:.0f} min"
    if not now.completed:
        return Drain("stuck", None, f"never at this rate: nothing was finished in {minutes}")
    net = now.completed - now.arrived
    if net <= 0:
        return Drain("growing", None, "never at this rate: as much or more comes in than is finished")
    in_s = depth.messages / net * 60
    return Drain("draining", in_s, f"{'at least ' if now.at_least else ''}{seconds(in_s)}")


def per_minute(value: float, *, at_least: bool = False) -> str:
    """Return `1.4`, `12`, `under 0.1` or `at least 3`; no unit. At least nothing is not known."""
    if at_least and not value:
        return "not known"
    if value and value < 0.1:
        return "under 0.1"
    shown = f"{value:.0f}" if value >= 10 or not value else f"{value:.1f}"
    return f"at least {shown}" if at_least else shown


def total(parts: Iterable[Rates]) -> Rates:
    """Return the sum; a lower bound when one of them is."""
    found = list(parts)
    return Rates(
        sum(one.arrived for one in found),
        sum(one.completed for one in found),
        sum(one.failed for one in found),
        at_least=any(one.at_least for one in found),
    )


def _total(rows: Sequence[Row], name: str) -> float:
    return float(sum(value for row in rows if isinstance(value := row[name], int | float)))
