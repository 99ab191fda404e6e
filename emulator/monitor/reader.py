"""How queries read: a cursor for each worker thread, with views that show only what the request may see.

The views are made once; each query sets the two variables that bound them, which costs a fraction of making views anew.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from emulator.monitor import errors
from emulator.monitor.schemas import TABLES
from emulator.monitor.store import Store
from emulator.monitor.timespans import Span

if TYPE_CHECKING:
    import duckdb

INTERRUPT_EVERY_S = 0.05
FOREVER = datetime.max  # noqa: DTZ901 - naive UTC, as everywhere in the tables


class Readers:
    """Lends each thread its cursor for one query at a time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._own = threading.local()
        self._all: set[duckdb.DuckDBPyConnection] = set()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every cursor. Call when no thread reads any more."""
        with self._lock:
            cursors, self._all = self._all, set()
        for cursor in cursors:
            cursor.close()

    @contextmanager
    def reading(self, span: Span | None) -> "Iterator[duckdb.DuckDBPyConnection]":
        """Yield a cursor inside a read-only transaction, its tables bounded by *span* and the retention.

        Raises StoreError when the file cannot be opened.
        """
        cursor = self._cursor()
        start = max(span.start, self._store.horizon()) if span else self._store.horizon()
        try:
            cursor.execute("SET VARIABLE since = ?", [start])
            cursor.execute("SET VARIABLE until = ?", [span.end if span else FOREVER])
            cursor.execute("BEGIN TRANSACTION READ ONLY")
            yield cursor
            cursor.execute("ROLLBACK")
        except BaseException:
            self._forget(cursor)  # whatever state it was left in, the next query starts from a new one
            raise

    def _cursor(self) -> "duckdb.DuckDBPyConnection":
        held: tuple[int, duckdb.DuckDBPyConnection] | None = getattr(self._own, "held", None)
        if held is not None and held[0] == self._store.generation:
            return held[1]
        if held is not None:
            self._forget(held[1])
        cursor, generation = self._store.cursor(), self._store.generation
        for table in TABLES.values():
            cursor.execute(table.view_sql())
        self._own.held = (generation, cursor)
        with self._lock:
            self._all.add(cursor)
        return cursor

    def _forget(self, cursor: "duckdb.DuckDBPyConnection") -> None:
        self._own.held = None
        with self._lock:
            self._all.discard(cursor)
        cursor.close()


@dataclass(slots=True)
class Deadline:
    """The end of one query's time. *passed* is set before the query is interrupted."""

    seconds: float
    started_s: float = field(default_factory=time.monotonic)
    passed: bool = False

    @property
    def due_s(self) -> float:
        return self.started_s + self.seconds

    def check(self) -> None:
        """Raise QueryError 504 when the time is over."""
        if self.passed or time.monotonic() > self.due_s:
            raise errors.gateway_timeout(self.seconds)


class Watchdog:
    """Interrupts queries whose time is over. One thread, which sleeps while no query runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[int, tuple[Deadline, duckdb.DuckDBPyConnection]] = {}
        self._work = threading.Event()
        self._thread: threading.Thread | None = None
        self._stopped = False

    @contextmanager
    def watching(self, deadline: Deadline, cursor: "duckdb.DuckDBPyConnection") -> Iterator[None]:
        """Interrupt *cursor* once *deadline* is over, until the block is left."""
        with self._lock:
            self._running[id(deadline)] = (deadline, cursor)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="query-watchdog", daemon=True)
                self._thread.start()
        self._work.set()
        try:
            yield
        finally:
            with self._lock:
                del self._running[id(deadline)]

    def stop(self) -> None:
        """End every query that still runs, and each that starts from now on."""
        with self._lock:
            self._stopped = True
        self._work.set()

    def join(self) -> None:
        """Return once the thread has ended: no query runs, and stop() was called."""
        if self._thread is not None:
            self._thread.join()

    def _watch(self) -> None:
        while True:
            self._work.wait()
            with self._lock:
                if not self._running:
                    if self._stopped:
                        return
                    self._work.clear()
                now_s = time.monotonic()
                for deadline, cursor in self._running.values():
                    if self._stopped or now_s >= deadline.due_s:
                        deadline.passed = True
                        cursor.interrupt()  # again and again: one that comes between two statements is lost
            time.sleep(INTERRUPT_EVERY_S)
