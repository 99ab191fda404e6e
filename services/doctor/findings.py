"""What Doctor says of one thing it looked at, and of all of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.doctor.subject import Subject

FindingState = Literal["ok", "warning", "failed", "unknown"]
Group = Literal[
    "Settings and identity",
    "Addresses",
    "Roles",
    "Agents",
    "Queues and function",
    "Telemetry",
    "This machine",
]
WORST_FIRST: tuple[FindingState, ...] = ("failed", "warning", "unknown", "ok")


@dataclass(frozen=True, slots=True)
class Said:
    """The outcome of one look. *evidence*: what was seen. *next_step*: what puts it right, empty when nothing needs
    doing; *command*: what to type for that, empty when it is no matter of typing."""

    state: FindingState
    evidence: str
    next_step: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """*look* raises ServiceErrors only where the failure is another check's to judge: it then is `unknown`."""

    id: str
    group: Group
    title: str
    look: Callable[[Subject], Said]


@dataclass(frozen=True, slots=True)
class Finding:
    """*took_s*: None when the look did not end in time."""

    id: str
    group: Group
    title: str
    state: FindingState
    evidence: str
    next_step: str
    command: str
    took_s: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """One examination. *findings*: in the order of the checks. *place*: which installation, in words."""

    findings: tuple[Finding, ...]
    examined_at: datetime
    took_s: float
    place: str

    @property
    def state(self) -> FindingState:
        """Return the worst state of all findings; `unknown` is worse than ok, as it proves nothing."""
        states = {finding.state for finding in self.findings}
        return next((state for state in WORST_FIRST if state in states), "unknown")

    def count(self, state: FindingState) -> int:
        """Return how many findings are in *state*."""
        return sum(finding.state == state for finding in self.findings)
