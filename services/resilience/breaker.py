"""A circuit breaker: when most of the latest calls failed, the service is left alone, then tried by one call."""

import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import Literal

from services.errors import ServiceError
from services.resilience.clock import Pace
from services.resilience.ledger import Ledger

log = logging.getLogger(__name__)
BreakerState = Literal["closed", "open", "half_open"]


@dataclass(frozen=True, slots=True)
class Admission:
    """Leave to make one call. *generation*: of the breaker's state, so that a late report cannot mislead it."""

    generation: int


@dataclass(frozen=True, slots=True)
class BreakerView:
    """A breaker as it stood when it was asked. *dependency*: its name, in words.

    *next_try_s*: seconds until one call is let through, 0 when the next one is; None while all calls are.
    *failures* of *calls*: of those that count in the window; a call that says nothing of the service is none of them.
    *in_state_s*: for how many seconds it has been closed, or has not been: a probe that fails begins no new outage.
    """

    dependency: str
    state: BreakerState
    next_try_s: float | None
    failures: int
    calls: int
    in_state_s: float


class CircuitBreaker:
    """Threads share it; nothing waits for its lock longer than a few comparisons take.

    It opens when at least *min_calls* of the latest *calls*, none older than *window_s*, are known and *failure_share* of
    them failed. Then one call at a time is let through, every *open_s* (give or take the share *spread*, so that several
    processes do not all try again at the same moment), until one succeeds. A probe that is not back by then has had its
    turn: a reply that hangs must not keep the service shut for as long as it pleases.
    """

    def __init__(
        self,
        name: str,
        pace: Pace,
        *,
        failure_share: float,
        min_calls: int,
        window_s: float,
        open_s: float,
        calls: int = 20,
        spread: float = 0.2,
    ) -> None:
        self._name, self._pace = name, pace
        self.ledger = Ledger(pace)
        self._failure_share, self._min_calls = failure_share, min_calls
        self._window_s, self._open_s, self._spread = window_s, open_s, spread
        self._lock = threading.Lock()
        self._latest: deque[tuple[float, bool]] = deque(maxlen=calls)
        self._state: BreakerState = "closed"
        self._opens_until_s = 0.0
        self._since_s = pace.now_s()
        self._generation = 0

    @property
    def state(self) -> BreakerState:
        """Return how it stands: `closed` lets calls through, `open` refuses them, `half_open` tries one."""
        return self._state

    def view(self) -> BreakerView:
        """Return how it stands now. Changes nothing, sends nothing."""
        with self._lock:
            now_s = self._pace.now_s()
            counted = [failed for at_s, failed in self._latest if at_s >= now_s - self._window_s]
            waits = self._state != "closed"
            return BreakerView(
                self._name,
                self._state,
                max(self._opens_until_s - now_s, 0.0) if waits else None,
                sum(counted),
                len(counted),
                max(now_s - self._since_s, 0.0),
            )

    def admit(self) -> Admission | float:
        """Return leave to call; else the seconds until it is worth asking again.

        Each Admission must be handed back to report(), whatever came of the call.
        """
        with self._lock:
            if self._state == "closed":
                return Admission(self._generation)
            left_s = self._opens_until_s - self._pace.now_s()
            if left_s > 0:
                return max(left_s, 0.1)
            self._pause()  # until the next probe, whatever becomes of this one
            self._move("half_open")
            return Admission(self._generation)

    def report(self, admission: Admission, failed: bool | None, met: ServiceError | None = None) -> None:
        """Count the call. *failed* None: it told nothing about the service (a refusal, a call cut short). *met*: the error
        that it ended with, for the ledger."""
        self.ledger.note(failed, met)
        with self._lock:
            if admission.generation != self._generation:
                return
            if self._state == "half_open":
                self._end_probe(failed)
            elif failed is not None:
                now_s = self._pace.now_s()
                self._latest.append((now_s, failed))
                if failed and self._is_failing(now_s):
                    self._open()

    def _end_probe(self, failed: bool | None) -> None:
        if failed:
            self._move("open")
        elif failed is None:
            self._opens_until_s = self._pace.now_s()
            self._move("open")  # undecided: the next call is the probe
        else:
            self._latest.clear()
            self._move("closed")

    def _is_failing(self, now_s: float) -> bool:
        while self._latest and self._latest[0][0] < now_s - self._window_s:
            self._latest.popleft()
        failures = sum(failed for _, failed in self._latest)
        return len(self._latest) >= self._min_calls and failures >= self._failure_share * len(self._latest)

    def _open(self) -> None:
        self._pause()
        self._move("open")

    def _pause(self) -> None:
        """Let no call through for the usual while from now on."""
        spread_s = self._open_s * self._spread
        pause_s = self._pace.between(self._open_s - spread_s, self._open_s + spread_s)
        self._opens_until_s = self._pace.now_s() + pause_s

    def _move(self, state: BreakerState) -> None:
        if state != self._state:
            log.warning("breaker.moved", extra={"service": self._name, "state": state})
            if "closed" in (state, self._state):
                self._since_s = self._pace.now_s()
        self._state = state
        self._generation += 1
