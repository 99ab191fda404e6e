"""What happened, as platform metrics: counted by the minute, written every few seconds, never invented."""

import math
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from emulator.clock import Clock
from emulator.monitor.store import Store

if TYPE_CHECKING:
    import duckdb

Dimensions = Mapping[str, str]
# metric, dimensions as JSON, minute
Key = tuple[str, str, datetime]


@dataclass(slots=True)
class Sum:
    """Some samples of one metric with the same dimensions."""

    samples: int = 0
    total: float = 0.0
    lowest: float = math.inf
    highest: float = -math.inf

    def add(self, value: float) -> None:
        self.samples += 1
        self.total += value
        self.lowest, self.highest = min(self.lowest, value), max(self.highest, value)

    def merge(self, other: "Sum") -> None:
        self.samples += other.samples
        self.total += other.total
        self.lowest, self.highest = min(self.lowest, other.lowest), max(self.highest, other.highest)


@dataclass(frozen=True, slots=True)
class Point:
    """The samples of one minute with one set of dimensions. *at*: naive UTC."""

    at: datetime
    dimensions: Dimensions
    sum: Sum


class PlatformMetrics:
    """Counts in memory; `save` hands what was counted to the store. Safe to call from any thread."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._open: dict[Key, Sum] = {}
        self._lock = threading.Lock()

    def count(self, metric: str, value: float, **dimensions: str) -> None:
        """Add one sample of *metric* (a documented name) to the present minute."""
        minute = self._clock.now().replace(tzinfo=None, second=0, microsecond=0)
        key = (metric, orjson.dumps(dimensions, option=orjson.OPT_SORT_KEYS).decode(), minute)
        with self._lock:
            self._open.setdefault(key, Sum()).add(value)

    def forget(self) -> None:
        """Drop what is counted and not written."""
        with self._lock:
            self._open.clear()

    def save(self) -> "Future[object] | None":
        """Return the future of the write; None when nothing was counted. What cannot be written is counted on."""
        with self._lock:
            found, self._open = self._open, {}
        if not found:
            return None

        def insert(connection: "duckdb.DuckDBPyConnection") -> None:
            try:
                connection.executemany(
                    "INSERT INTO store.platform_metrics VALUES (?, ?, ?, ?, ?, ?, ?)",
                    [
                        (at, metric, dims, one.samples, one.total, one.lowest, one.highest)
                        for (metric, dims, at), one in found.items()
                    ],
                )
            except Exception:
                self._give_back(found)
                raise

        return self._store.run(insert)

    def read(self, metrics: Iterable[str], start: datetime, end: datetime) -> dict[str, list[Point]]:
        """Return what was counted from *start* to before *end* (naive UTC), oldest first. Waits: not for the event loop."""
        if (saved := self.save()) is not None:
            saved.result()
        wanted = list(metrics)
        found: dict[str, list[Point]] = {name: [] for name in wanted}
        cursor = self._store.cursor()
        try:
            rows = cursor.execute(
                "SELECT metric, counted_at, dimensions, samples, total, lowest, highest FROM store.platform_metrics"
                " WHERE counted_at >= ? AND counted_at < ? AND list_contains(?, metric) ORDER BY counted_at",
                [max(start, self._store.horizon()), end, wanted],
            ).fetchall()
        finally:
            cursor.close()
        for metric, at, dimensions, *numbers in rows:
            found[metric].append(Point(at, orjson.loads(dimensions), Sum(*numbers)))
        return found

    def _give_back(self, found: dict[Key, Sum]) -> None:
        with self._lock:
            for key, one in found.items():
                self._open.setdefault(key, Sum()).merge(one)


def floor_time(at: datetime, grain: timedelta) -> datetime:
    """Return the start of the interval of *grain* that *at* lies in; intervals count from midnight."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return day + grain * ((at - day) // grain)
