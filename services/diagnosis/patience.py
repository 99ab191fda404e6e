"""How long an answer may take before it is looked at: the p99 of its route from telemetry, else a setting."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from services.answers.narration import seconds
from services.diagnosis.facts import Patience
from services.errors import NotYet
from services.monitor.logs import LogsService
from services.monitor.results import Ask, Row

LOOK_BACK = timedelta(days=7)
KEPT_S = 300.0
FEWEST = 20  # of fewer answers, one in a hundred is nobody
QUERY = "route_times"


class RoutePatience:
    """Threads share it. *logs*: None when there is no workspace. *fallback_s*: what holds where telemetry tells too little."""

    def __init__(
        self,
        logs: LogsService | None,
        now: Callable[[], datetime],
        fallback_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._logs, self._now, self._fallback_s, self._clock = logs, now, fallback_s, clock
        self._lock = threading.Lock()
        self._rows: tuple[Row, ...] = ()
        self._read_s: float | None = None

    def of(self, tools: Sequence[str], wait_s: float | None = None) -> Patience:
        """Return how long a run that has called *tools* may take. Sends one request every five minutes at most, for all.

        Who asks while another one reads does not wait; nobody waits longer than *wait_s*, when one is given.
        """
        return patience_of(self._known(wait_s), tools, self._fallback_s)

    def _known(self, wait_s: float | None) -> tuple[Row, ...]:
        if self._logs is None:
            return ()
        is_due = self._read_s is None or self._clock() - self._read_s >= KEPT_S
        if is_due and self._lock.acquire(blocking=False):  # the others go on with what is known
            try:
                now = self._now()
                (result,) = self._logs.ask(Ask(QUERY, {"start": now - LOOK_BACK, "end": now}), wait_s=wait_s)
                if not isinstance(result.problem, NotYet):
                    self._read_s = self._clock()  # also what failed is not asked again at once
                if result.is_known:
                    self._rows = result.rows
            finally:
                self._lock.release()
        return self._rows


def patience_of(rows: Sequence[Row], tools: Sequence[str], fallback_s: float) -> Patience:
    """Return the p99 of the slowest route that leads over *tools*; *fallback_s* where too few answers took it. Pure."""
    wanted = set(tools)
    found = [
        float(p99_ms) / 1000
        for row in rows
        if isinstance(p99_ms := row["p99_ms"], int | float)
        and isinstance(number := row["answers"], int)
        and number >= FEWEST
        and wanted <= set(str(row["tools"] or "").split(","))
    ]
    if found:
        route = f"answers by {', '.join(sorted(wanted))}" if wanted else "the slowest kind of answer"
        return Patience(max(found), f"p99 of {route} in the last {LOOK_BACK.days} days, Log Analytics")
    why = (
        "telemetry does not tell of enough such answers"
        if rows
        else "telemetry does not tell how long answers take"
    )
    return Patience(fallback_s, f"RELAYDECK_TOOL_WAIT_S, {seconds(fallback_s)}: {why}")
