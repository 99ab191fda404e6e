"""How the parts are, as they were looked at last, shared by all viewers."""

import threading

from services.assembly import Services
from services.models import PartHealth
from services.resilience.dependencies import FOUNDRY
from ui import dependencies, formats, patience

HEALTH_FRESH_S = 30.0
AILING_FRESH_S = 4.0  # what is not well is looked at with every redraw of the sidebar


class HealthBoard:
    """Keeps the last health of all parts and checks again in the background, one check at a time."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lock = threading.Lock()
        self._parts: tuple[PartHealth, ...] = ()
        self._checking = False
        self._ended = threading.Event()

    def latest(self) -> tuple[tuple[PartHealth, ...], bool]:
        """Return what is known, empty before the first check ends, and whether a check is on its way. No waiting."""
        with self._lock:
            if not self._is_fresh() and not self._checking:
                self._start()
            return self._parts, self._checking

    def settled(self, wait_s: float) -> tuple[tuple[PartHealth, ...], bool]:
        """Return what latest() does, once the check under way has ended or *wait_s*, or the page's patience, are over."""
        parts, checking = self.latest()
        if not checking:
            return parts, checking
        self._ended.wait(min(wait_s, patience.left_s()))
        return self.latest()

    def check_again(self) -> None:
        with self._lock:
            if not self._checking:
                self._start()

    def _is_fresh(self) -> bool:
        ages_s = [formats.since_s(part.checked_at) for part in self._parts]
        fresh_s = HEALTH_FRESH_S if dependencies.is_well(self._parts) else AILING_FRESH_S
        return bool(ages_s) and all(age_s is not None and age_s < fresh_s for age_s in ages_s)

    def _start(self) -> None:
        self._checking = True
        self._ended.clear()
        threading.Thread(target=self._check, name="health-check", daemon=True).start()

    def _check(self) -> None:
        try:
            standings = self._services.standings  # those of then: the process may be ending
            standings.try_failing()
            parts = self._services.health.check_all()
            foundry = standings.of(FOUNDRY)
            if foundry is not None and not foundry.is_failing:
                self._services.threads.resume()
            with self._lock:
                self._parts = parts
        finally:
            with self._lock:
                self._checking = False
                self._ended.set()
