"""The life of an agent by the five stages, each with what is known of it. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.inventory.agents_board import AgentBoard, AgentEntry
from services.inventory.agents_use import Use
from services.models import StageName

StageState = Literal["done", "active", "attention", "unknown"]
ANSWER_OVER = timedelta(minutes=15)  # no answer lasts longer, so the team made for it should be gone
OWNERS = {
    "pooled": "Relaydeck, for all questions",
    "per_query": "Relaydeck, for one question",
    "elsewhere": "Relaydeck, for another environment",
    "foreign": "somebody else",
}


@dataclass(frozen=True, slots=True)
class LifecycleStage:
    """*at*, *until*: when it began and ended, as far as that is known; None: not known, or not yet."""

    name: StageName
    state: StageState
    told: str
    at: datetime | None = None
    until: datetime | None = None


def stages_of(
    entry: AgentEntry, board: AgentBoard, use: Use | None, failed_checks: int | None, now: datetime
) -> tuple[LifecycleStage, ...]:
    """Return the five stages. *use*: None: not known. *failed_checks*: of the contract; None: nobody looked."""
    return (
        LifecycleStage(
            "creation", "done", f"Made by {OWNERS[entry.owner]}.", entry.created_at, entry.created_at
        ),
        _configuration(entry, board),
        _execution(use),
        _monitoring(use, failed_checks),
        _cleanup(entry, board, use, now),
    )


def _configuration(entry: AgentEntry, board: AgentBoard) -> LifecycleStage:
    tools = f"{len(entry.tools)} tool{'' if len(entry.tools) == 1 else 's'}"
    told = f"{entry.model or 'No model'}, {entry.characters:,} characters of instructions, {tools}."
    if broken := board.broken(entry):
        return LifecycleStage(
            "configuration", "attention", f"{told} Missing: {', '.join(broken[:3])}.", entry.created_at
        )
    if entry.standing == "changed":
        return LifecycleStage(
            "configuration",
            "attention",
            f"{told} Changed since: {'; '.join(entry.differences[:3])}.",
            entry.created_at,
        )
    if entry.standing == "other":
        return LifecycleStage(
            "configuration", "attention", f"{told} Of another definition.", entry.created_at
        )
    return LifecycleStage("configuration", "done", told, entry.created_at)


def _execution(use: Use | None) -> LifecycleStage:
    if use is None:
        return LifecycleStage("execution", "unknown", "How often it was called is not known.")
    if not use.calls:
        return LifecycleStage("execution", "done", "Not called in this range.")
    failed = f", {use.failed:,} failed" if use.failed else ", none failed"
    told = f"{use.calls:,} call{'' if use.calls == 1 else 's'} in this range{failed}."
    return LifecycleStage("execution", "attention" if use.failed else "active", told, use.oldest, use.newest)


def _monitoring(use: Use | None, failed_checks: int | None) -> LifecycleStage:
    checks = (
        ""
        if failed_checks is None
        else f" {failed_checks} of its checks failed."
        if failed_checks
        else " No check failed."
    )
    if use is None:
        state: StageState = "attention" if failed_checks else "unknown"
        return LifecycleStage("monitoring", state, f"No telemetry of it reaches this workspace.{checks}")
    told = f"Telemetry arrives with its answers.{checks}"
    return LifecycleStage(
        "monitoring", "attention" if failed_checks else "active", told, use.oldest, use.newest
    )


def _cleanup(entry: AgentEntry, board: AgentBoard, use: Use | None, now: datetime) -> LifecycleStage:
    if not entry.is_ours:
        return LifecycleStage("cleanup", "done", "Not ours: Relaydeck never deletes it.")
    if entry.owner == "per_query":
        over = now - entry.created_at > ANSWER_OVER
        told = (
            "Should be gone: its question is long over." if over else "Deleted when its question is answered."
        )
        return LifecycleStage(
            "cleanup", "attention" if over else "active", told, entry.created_at + ANSWER_OVER
        )
    callers = board.callers_of(entry)
    if entry.standing != "other":
        return LifecycleStage("cleanup", "done", "Kept: the next question needs it.")
    if any(caller.standing != "other" for caller in callers):
        return LifecycleStage("cleanup", "done", "Kept: an agent of the present team calls it.")
    used = (
        "nobody knows whether it is used"
        if use is None
        else "in use in this range"
        if use.calls
        else "not used in this range"
    )
    return LifecycleStage(
        "cleanup", "done" if use is None or use.calls else "attention", f"Not of the present team, {used}."
    )
