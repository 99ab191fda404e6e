"""Which scenarios are on, read in the background: no page waits for the control plane of Local Azure."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from services.errors import ServiceError
from services.faults.desk import FaultDesk, ScenarioState

FRESH_S = 1.0
OLD_S = 5.0  # what was read earlier is waited for anew, a little
WAITS_S = 0.5


@dataclass(frozen=True, slots=True)
class Reading:
    """*states*: as they are now, if nothing was switched since; empty when they are not known. *problem*: why not; None while
    they are still being read."""

    states: tuple[ScenarioState, ...] = ()
    problem: ServiceError | None = None

    @property
    def phase(self) -> Literal["on", "off", "failed", "unknown"]:
        """Return whether anything is on, when that is known."""
        if self.problem is not None:
            return "failed"
        if not self.states:
            return "unknown"
        return "on" if self.on else "off"

    @property
    def on(self) -> tuple[ScenarioState, ...]:
        return tuple(one for one in self.states if one.is_on)


class FaultBoard:
    """Keeps the last reading for all viewers; one request a second at most, and none while nobody looks."""

    def __init__(self, desk: FaultDesk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._read, self._read_s = Reading(), float("-inf")
        self._ended = threading.Event()
        self._ended.set()
        self._changes = 0

    def reading(self) -> Reading:
        """Return what is on; waits at most half a second, and only when the last reading is an old one."""
        with self._lock:
            age_s = time.monotonic() - self._read_s
            if age_s > FRESH_S and self._ended.is_set():
                self._ended.clear()
                threading.Thread(
                    target=self._look, args=[self._changes], name="fault-board", daemon=True
                ).start()
        if age_s > OLD_S:
            self._ended.wait(WAITS_S)
        with self._lock:
            return _aged(self._read, time.monotonic() - self._read_s)

    def put(self, states: Sequence[ScenarioState]) -> None:
        """Take *states* for the latest: what a switch has returned."""
        with self._lock:
            self._changes += 1
            self._read, self._read_s = Reading(tuple(states)), time.monotonic()

    def _look(self, changes: int) -> None:
        try:
            found = Reading(self._desk.look())
        except ServiceError as exc:
            found = Reading(problem=exc)
        finally:
            with self._lock:
                if changes == self._changes:  # else it was begun before a switch
                    self._read, self._read_s = found, time.monotonic()
                self._ended.set()


def _aged(reading: Reading, age_s: float) -> Reading:
    """Return *reading* with what has ended by itself since."""
    states = []
    for one in reading.states:
        left_s = None if one.left_s is None else one.left_s - age_s
        states.append(replace(one, left_s=left_s if left_s is not None and left_s > 0 else None))
    return Reading(tuple(states), reading.problem)
