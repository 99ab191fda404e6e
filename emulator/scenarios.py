"""Scenarios: weather under a name, switched on and off as one. They live in memory: a restart of Local Azure ends them."""

from dataclasses import asdict

from emulator.clock import Clock
from emulator.faults import Fault, FaultScript

LONGEST_S = 3600.0


class Scenarios:
    """What each does is told by whoever switches it on: Local Azure knows faults, and no story about them."""

    def __init__(self, faults: FaultScript, clock: Clock) -> None:
        self._faults, self._clock = faults, clock

    def start(self, document: dict[str, object]) -> None:
        """Switch *document* on: `name`, `faults` and `lasts_s`. One that is on begins anew, its count from nothing.

        Raises ValueError or TypeError: nothing has changed.
        """
        name, faults, lasts_s = document.get("name"), document.get("faults"), document.get("lasts_s")
        if not isinstance(name, str) or not name or not isinstance(faults, list) or not faults:
            raise ValueError("a scenario has a name and faults")
        if isinstance(lasts_s, bool) or not isinstance(lasts_s, int | float) or not 0 < lasts_s <= LONGEST_S:
            raise ValueError(f"lasts_s lies above 0 and is at most {LONGEST_S:.0f}")
        made = [
            Fault(**{**one, "times": None, "scenario": name, "lasts_s": float(lasts_s)}) for one in faults
        ]
        self._faults.forget(name)
        for fault in made:
            self._faults.add(fault)

    def end(self, name: str | None = None) -> None:
        """End *name*, or every one. What was scripted without a name stays, and what was met stays counted."""
        for one in {str(fault["scenario"]) for fault in self._faults.weather()} - {""}:
            if name in (None, one):
                self._faults.clear(one)

    def tell(self) -> dict[str, object]:
        """Return what is on, each with its faults and how long it still lasts, and what was met, also by what is over."""
        now_s = self._clock.now_s()
        found: dict[str, dict[str, object]] = {}
        for fault in self._faults.weather():
            name, ends_s = str(fault["scenario"]), fault["ends_s"]
            if not name:
                continue
            left_s = ends_s - now_s if isinstance(ends_s, float) else None
            one = found.setdefault(name, {"name": name, "left_s": left_s, "faults": []})
            kept = one["faults"]
            assert isinstance(kept, list)
            kept.append(fault)
        met = [asdict(one) for one in self._faults.met() if one.scenario]
        return {"scenarios": list(found.values()), "met": met, "now_s": now_s}
