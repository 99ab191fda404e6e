"""Scripted failures: what the next request of an operation meets instead of, or after, its effect."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, get_args

FaultKind = Literal["status", "reset", "truncate", "drip", "hang", "slow"]
When = Literal["before", "after"]


@dataclass(slots=True)
class Fault:
    """One scripted failure.

    *operation*: `foundry.create_run`, or a pattern (`queues.*`). *kind*: `status` answers *status* with *body*
    (the service's own error envelope when empty) and *headers*; `reset` cuts the connection; `truncate` sends
    half of the body (the first chunk of a stream); `drip` sends it a byte per *delay_s*; `hang` sends nothing
    for *delay_s*, then resets; `slow` waits *delay_s* and goes on as if nothing were. *when*: before the effect, or after it (a lost reply).
    *times*: how many requests meet it; *skip*: how many pass first.
    """

    operation: str
    kind: FaultKind = "status"
    status: int = 503
    code: str = "ServiceUnavailable"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    when: When = "before"
    times: int = 1
    skip: int = 0
    delay_s: float = 0.3

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind) or self.when not in get_args(When):
            raise ValueError(f"kind is one of {get_args(FaultKind)}, when one of {get_args(When)}")
        if self.times < 1 or self.skip < 0 or self.delay_s < 0 or not 100 <= self.status <= 599:
            raise ValueError("times >= 1, skip >= 0, delay_s >= 0 and 100 <= status <= 599")


class FaultScript:
    """The failures still to come, in the order they were scripted."""

    def __init__(self) -> None:
        self._pending: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._pending.append(fault)

    def take(self, operation: str) -> Fault | None:
        """Return the failure that this request of *operation* meets; None: it is spared."""
        for fault in self._pending:
            if not fnmatchcase(operation, fault.operation):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.times -= 1
            if not fault.times:
                self._pending.remove(fault)
            return fault
        return None

    def pending(self) -> list[dict[str, object]]:
        """Return what was scripted and not met yet."""
        return [asdict(fault) for fault in self._pending]

    def clear(self) -> None:
        self._pending.clear()

    def __bool__(self) -> bool:
        return bool(self._pending)
