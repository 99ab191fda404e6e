"""Scripted failures: what the next request of an operation meets instead of, or after, its effect.

A failure is promised (it meets the next requests of its operation, and is unspent until it has), or it is weather: it
meets requests by chance, or all of them for a while. Weather is never unspent, since nobody can say whom it will meet.
"""

import zlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, get_args

from emulator.clock import Clock
from emulator.ids import Ids

OfTheWire = Literal["status", "reset", "truncate", "drip", "hang", "slow", "weather"]
OfTheService = Literal["late", "lose", "duplicate", "garble", "crowd", "asleep", "reorder", "lag"]
FaultKind = OfTheWire | OfTheService
KINDS: tuple[str, ...] = (*get_args(OfTheWire), *get_args(OfTheService))
When = Literal["before", "after"]
WEATHER: Final[Mapping[str, Mapping[str, Any]]] = {  # Any: values of Fault's own fields
    "reset before": {"kind": "reset", "when": "before"},
    "reset after": {"kind": "reset", "when": "after"},
    "429 before": {"kind": "status", "status": 429, "code": "TooManyRequests", "when": "before"},
    "503 before": {"kind": "status", "status": 503, "code": "ServiceUnavailable", "when": "before"},
    "503 after": {"kind": "status", "status": 503, "code": "ServiceUnavailable", "when": "after"},
    "drip": {"kind": "drip"},
    "truncate": {"kind": "truncate"},
}
MAX_CROWD = 2000
PUTS: Final = ("queues.put_message", "project.put_message")
ODD: Final[Mapping[str, tuple[str, ...]]] = {  # what the service itself does oddly, and in which operations
    "late": PUTS,
    "lose": PUTS,
    "garble": PUTS,
    "duplicate": (*PUTS, "queues.get_messages"),
    "crowd": ("project.put_message",),
    "asleep": ("queues.get_messages",),
    "reorder": ("queues.get_messages",),
    "lag": (
        *("foundry.list_agents", "foundry.list_threads", "foundry.list_messages"),
        *("foundry.list_runs", "foundry.list_run_steps"),
    ),
}
RETRY_AFTER: Final = {"Retry-After": "1"}


@dataclass(slots=True)
class Fault:
    """One scripted failure.

    *operation*: `foundry.create_run`, or a pattern (`queues.*`). *on*: a pattern of the request's path; empty: any.
    *times*: how many requests meet it, None: as many as come until it is cleared; *skip*: how many pass first.
    *chance*: of each request to meet it; those that are spared count for neither *times* nor *skip*.
    *when*: before the effect, or after it (a lost reply). *lasts_s*: ends by itself so many seconds after it was scripted;
    None: never. *scenario*: what it belongs to. *kind*, on the wire:

    `status` answers *status* with *body* (the service's own error envelope when empty) and *headers*; `reset` cuts the
    connection; `truncate` sends half of the body (the first chunk of a stream); `drip` sends it a byte per *delay_s* (a
    stream: a chunk); `hang` sends nothing for *delay_s*, then resets; `slow` waits *delay_s* and goes on as if nothing were;
    `weather` is another one of *mix* each time, drawn from the names of WEATHER, all of them when empty; its 429 carries
    *headers*, or `Retry-After: 1`.

    In the service, and in the operations of ODD alone: `late` hides a message for *delay_s*; `lose` acknowledges it and loses
    it; `garble` makes it unreadable; `duplicate` stores it twice, or hands one that is received for the first time out a
    second time; `crowd` puts *count* calls of somebody else before it; `asleep` gives receivers nothing that has waited
    less than *delay_s*; `reorder` gives them the last first; `lag` leaves out of a list what is younger than *delay_s*.
    """

    operation: str
    kind: FaultKind = "status"
    status: int = 503
    code: str = "ServiceUnavailable"
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    when: When = "before"
    times: int | None = 1
    skip: int = 0
    delay_s: float = 0.3
    count: int = 20
    chance: float = 1.0
    mix: tuple[str, ...] = ()
    on: str = ""
    lasts_s: float | None = None
    scenario: str = ""

    def __post_init__(self) -> None:
        self.mix = tuple(self.mix)
        if self.kind not in KINDS or self.when not in get_args(When):
            raise ValueError(f"kind is one of {KINDS}, when one of {get_args(When)}")
        if (
            (self.times is not None and self.times < 1)
            or self.skip < 0
            or self.delay_s < 0
            or not 100 <= self.status <= 599
        ):
            raise ValueError("times >= 1 or null, skip >= 0, delay_s >= 0 and 100 <= status <= 599")
        if not isinstance(self.count, int) or not 1 <= self.count <= MAX_CROWD:
            raise ValueError(f"count, like times, is a whole number: at least 1, and at most {MAX_CROWD}")
        if not 0 < self.chance <= 1 or (self.lasts_s is not None and self.lasts_s <= 0):
            raise ValueError(
                "chance lies above 0 and is at most 1, lasts_s above 0 or null; times may be null"
            )
        if unknown := set(self.mix) - WEATHER.keys():
            raise ValueError(f"mix knows the kinds {', '.join(WEATHER)}; not {', '.join(sorted(unknown))}")

    @property
    def layer(self) -> str:
        """Return what it stands beside: a request meets one failure of each layer, so that slow ones can fail as well."""
        return self.kind if self.kind in ODD or self.kind == "slow" else "wire"

    @property
    def label(self) -> str:
        """Return what is counted: the kind, for a status and a reset also when it strikes."""
        if self.kind in ("status", "reset"):
            return f"{self.status if self.kind == 'status' else 'reset'} {self.when}"
        return self.kind


@dataclass(frozen=True, slots=True)
class Met:
    """How often requests of *operation* met a failure. *kind*: Fault.label, never `weather`."""

    operation: str
    kind: str
    scenario: str
    count: int


@dataclass(slots=True)
class _Standing:
    fault: Fault
    ends_s: float | None


class FaultScript:
    """The failures still to come, in the order they were scripted. One seed makes their chance repeatable."""

    def __init__(self, clock: Clock | None = None, seed: int = 0) -> None:
        self._clock = clock or Clock()
        self._pending: list[_Standing] = []
        self._met: Counter[tuple[str, str, str]] = Counter()
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        """Draw from *seed* from now on. The n-th request of an operation meets the same, whatever others do meanwhile."""
        self._seed = seed
        self._chances: dict[str, Ids] = {}

    def add(self, fault: Fault) -> None:
        ends_s = None if fault.lasts_s is None else self._clock.now_s() + fault.lasts_s
        self._pending.append(_Standing(fault, ends_s))

    def meet(self, operation: str, path: str = "") -> list[Fault]:
        """Return the failures that this request of *operation* meets, counted as met: one of each layer, a slow one first."""
        self._end_over()
        met: dict[str, Fault] = {}
        for standing in list(self._pending):
            fault = standing.fault
            if fault.layer not in met and self._strikes(fault, operation, path):
                self._spend(standing)
                struck = self._one_of(fault, operation) if fault.kind == "weather" else fault
                self._met[operation, struck.label, fault.scenario] += 1
                met[fault.layer] = struck
        return sorted(met.values(), key=lambda fault: fault.kind != "slow")

    def give_back(self, fault: Fault, operation: str) -> None:
        """Count *fault* as not met by the request of *operation* that took it: it changed nothing there."""
        key = (operation, fault.label, fault.scenario)
        self._met[key] -= 1
        if not self._met[key]:
            del self._met[key]
        if fault.times is not None:
            fault.times += 1
            if all(one.fault is not fault for one in self._pending):
                self._pending.insert(0, _Standing(fault, None))

    def pending(self) -> list[dict[str, object]]:
        """Return what was promised and not met yet. Weather promises nothing, so it is not among it."""
        return [asdict(one.fault) for one in self._pending if not _is_weather(one.fault)]

    def weather(self) -> list[dict[str, object]]:
        """Return what meets whoever comes, or some of them. *ends_s*: when, on Local Azure's clock; None: never."""
        self._end_over()
        return [
            {**asdict(one.fault), "ends_s": one.ends_s} for one in self._pending if _is_weather(one.fault)
        ]

    def met(self) -> list[Met]:
        """Return what requests have met since the last forget(), also of failures that are over."""
        return [Met(*key, count) for key, count in sorted(self._met.items())]

    def clear(self, scenario: str | None = None) -> None:
        """Script nothing any more, or nothing of *scenario*. What was met stays counted."""
        self._pending = [
            one for one in self._pending if scenario is not None and one.fault.scenario != scenario
        ]

    def forget(self, scenario: str | None = None) -> None:
        """Clear, and count from nothing again."""
        self.clear(scenario)
        for key in [key for key in self._met if scenario is None or key[2] == scenario]:
            del self._met[key]

    def __bool__(self) -> bool:
        return bool(self._pending)

    def _strikes(self, fault: Fault, operation: str, path: str) -> bool:
        if operation not in ODD.get(fault.kind, (operation,)):
            return False
        if not fnmatchcase(operation, fault.operation) or not fnmatchcase(path, fault.on or "*"):
            return False
        if fault.chance < 1 and self._draw(operation) >= fault.chance:
            return False
        if fault.skip:
            fault.skip -= 1
            return False
        return True

    def _spend(self, standing: _Standing) -> None:
        if standing.fault.times is not None:
            standing.fault.times -= 1
            if not standing.fault.times:
                self._pending.remove(standing)

    def _draw(self, operation: str) -> float:
        return self._chance_of(operation).uniform(0, 1)

    def _one_of(self, fault: Fault, operation: str) -> Fault:
        names = fault.mix or tuple(WEATHER)
        changes = WEATHER[names[int(self._chance_of(operation).uniform(0, len(names))) % len(names)]]
        headers = fault.headers or RETRY_AFTER
        return replace(fault, headers=headers if changes.get("status") == 429 else {}, **changes)

    def _chance_of(self, operation: str) -> Ids:
        if operation not in self._chances:
            self._chances[operation] = Ids(zlib.crc32(f"{self._seed}:{operation}".encode()))
        return self._chances[operation]

    def _end_over(self) -> None:
        now_s = self._clock.now_s()
        self._pending = [one for one in self._pending if one.ends_s is None or one.ends_s > now_s]


def _is_weather(fault: Fault) -> bool:
    return fault.times is None
