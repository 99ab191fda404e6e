"""How each dependency stands, from what its latest calls came to. Sends nothing by itself, so that it can always be told."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.models import HealthState
from services.resilience.breaker import BreakerState, BreakerView
from services.resilience.dependencies import Dependencies
from services.resilience.ledger import Record

DOWN_AFTER_S = 10.0
REFUSED = ("AccessDenied", "ConfigurationError")  # no single call of these gets through either


@dataclass(frozen=True, slots=True)
class Standing:
    """*state*: `unknown` while nothing was asked. *since*: when it began to fail; None while it does not. *next_try_s*:
    until a call is let through; None while all are. *failures* of *calls*: of the latest. *worked_at*, *failed_at*: the
    last time of each, None: never. *failure*: the class of the last failure, and what it said in *message*.
    """

    dependency: str
    state: HealthState
    breaker: BreakerState
    next_try_s: float | None
    failures: int
    calls: int
    since: datetime | None
    worked_at: datetime | None
    failed_at: datetime | None
    failure: str
    message: str

    @property
    def is_failing(self) -> bool:
        """Return whether it fails now."""
        return self.since is not None


class Standings:
    """Threads share it. *used*: the names of the dependencies that this installation has. *tries*: what asks one of them,
    for those that nothing asks as long as nobody looks at a page of theirs."""

    def __init__(
        self,
        dependencies: Dependencies,
        now: Callable[[], datetime],
        used: tuple[str, ...],
        tries: Mapping[str, Callable[[], object]],
    ) -> None:
        self._dependencies, self._now, self._used, self._tries = dependencies, now, used, tries
        self._lock = threading.Lock()
        self._trying: set[str] = set()

    def all(self) -> tuple[Standing, ...]:
        """Return how those in use stand, always in the same order. Costs microseconds."""
        now = self._now()
        both = zip(self._dependencies.views(), self._dependencies.records(), strict=True)
        return tuple(_standing(view, record, now) for view, record in both if view.dependency in self._used)

    def of(self, dependency: str) -> Standing | None:
        """Return how it stands; None when it is not in use."""
        return next((one for one in self.all() if one.dependency == dependency), None)

    def try_failing(self) -> None:
        """Let each that fails, and that nobody may be asking, be asked in the background: else nobody learns that it is back."""
        for standing in self.all():
            name = standing.dependency
            if not standing.is_failing or name not in self._tries:
                continue
            with self._lock:
                if name in self._trying:
                    continue
                self._trying.add(name)
            threading.Thread(target=self._try, args=[name], name="dependency-try", daemon=True).start()

    def _try(self, name: str) -> None:
        try:
            self._tries[name]()
        finally:
            with self._lock:
                self._trying.discard(name)


def judge(view: BreakerView, record: Record) -> HealthState:
    """Return the state in one word. Pure."""
    if record.failing_s is None:
        return "ok" if record.worked_s is not None else "unknown"
    if view.state != "closed" or record.failure in REFUSED or record.failing_s > DOWN_AFTER_S:
        return "down"
    return "degraded"


def _standing(view: BreakerView, record: Record, now: datetime) -> Standing:
    def ago(seconds: float | None) -> datetime | None:
        return None if seconds is None else now - timedelta(seconds=seconds)

    return Standing(
        view.dependency,
        judge(view, record),
        view.state,
        view.next_try_s,
        view.failures,
        view.calls,
        ago(record.failing_s),
        ago(record.worked_s),
        ago(record.failed_s),
        record.failure,
        record.message,
    )
