"""Telemetry at rest: one DuckDB file, one thread that writes it, cursors that read it.

A write is answered when it is committed, so what was accepted survives the death of the process. Everything that
waits when the thread comes round shares one transaction, which is what carries thousands of items a second.
"""

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.clock import Clock
from emulator.monitor.database import open_monitor
from emulator.monitor.envelopes import Row
from emulator.monitor.schemas import TABLES, Table

if TYPE_CHECKING:
    import duckdb
    import pyarrow

log = logging.getLogger(__name__)
PURGE_EVERY_S = 3600
BATCH_JOBS = 256
_STOP = object()
Rows = Mapping[str, list[Row]]


class StoreError(Exception):
    """The telemetry file cannot be read or written; the message says why and what to do."""


@dataclass(slots=True)
class _Job:
    """*prepare* runs in the writer's thread and returns the rows to insert; *answer* follows when they are committed."""

    prepare: Callable[[], tuple[Rows, object]]
    answer: "Future[object]" = field(default_factory=Future)


@dataclass(slots=True)
class _Task:
    """Something else to do in the writer's thread, between two transactions."""

    run: "Callable[[duckdb.DuckDBPyConnection], object]"
    answer: "Future[object]" = field(default_factory=Future)


class Store:
    """Open it from any thread; the file is opened in the writer's own, so that a start-up does not wait for DuckDB.

    *retention_s*: rows older than that are neither shown nor, within the hour, kept.
    """

    def __init__(self, path: Path, clock: Clock, retention_s: float) -> None:
        self._path, self._clock, self.retention_s = path, clock, retention_s
        self._jobs: queue.SimpleQueue[_Job | _Task | object] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._purged_s = 0.0
        self._closed = False
        self.generation = 0  # grows with each opening: cursors of earlier ones are of no use
        self.opened = threading.Event()
        self.failure = ""

    # Life -----------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start opening the file; returns at once. What was submitted before is done after."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="monitor-writer", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Return once everything submitted is on disk and the file is closed."""
        self._closed = True
        self.opened.set()
        if self._thread is not None:
            self._jobs.put(_STOP)
            self._thread.join()

    # For any thread -------------------------------------------------------------------------------

    def write(self, prepare: Callable[[], tuple[Rows, object]]) -> "Future[object]":
        """Return the future of what *prepare* returned beside its rows: done when the rows are committed.

        It fails with StoreError when they cannot be, and with whatever *prepare* raised.
        """
        job = _Job(prepare)
        self._jobs.put(job)
        return job.answer

    def run(self, task: "Callable[[duckdb.DuckDBPyConnection], object]") -> "Future[object]":
        """Return the future of *task*, run with the writing connection after all that was submitted before."""
        job = _Task(task)
        self._jobs.put(job)
        return job.answer

    def clear(self) -> "Future[object]":
        """Forget everything stored."""

        def delete(connection: "duckdb.DuckDBPyConnection") -> None:
            for name in (*TABLES, "platform_metrics"):
                connection.execute(f'DELETE FROM store."{name}"')  # noqa: S608 - our own names

        return self.run(delete)

    def waiting(self) -> int:
        """Return how many jobs wait, about."""
        return self._jobs.qsize()

    def cursor(self) -> "duckdb.DuckDBPyConnection":
        """Return a cursor for one query in this thread; close it. Raises StoreError when the file cannot be opened."""
        self.opened.wait()
        if self._connection is None and not self._closed:
            self.run(lambda _: None).result()  # opens the file anew
        connection = self._connection
        if connection is None:
            raise StoreError(self.failure or "Local Azure is stopping.")
        return connection.cursor()

    def horizon(self) -> datetime:
        """Return the oldest time that is still shown, as naive UTC."""
        return self._clock.now().replace(tzinfo=None) - timedelta(seconds=self.retention_s)

    # The writer's thread --------------------------------------------------------------------------

    def _work(self) -> None:
        self._open()
        batch: list[_Job] = []
        while True:
            job = self._next(wait=not batch)
            if isinstance(job, _Job):
                batch.append(job)
                if len(batch) < BATCH_JOBS:
                    continue
            if batch:  # nothing waits, or it must wait for what came before it
                self._commit(batch)
                batch = []
                self._purge()
            if isinstance(job, _Task):
                self._carry_out(job)
            elif job is _STOP:
                break
        if self._connection is not None:
            with contextlib.suppress(Exception):  # what was answered is in the log that the next start reads
                self._connection.close()
        self._connection = None

    def _next(self, *, wait: bool) -> "_Job | _Task | object":
        """Return what was submitted next; None when nothing was and *wait* is False."""
        try:
            return self._jobs.get(block=wait)
        except queue.Empty:
            return None

    def _commit(self, jobs: list[_Job]) -> None:
        rows: dict[str, list[Row]] = {}
        done: list[tuple[_Job, object]] = []
        for job in jobs:
            try:
                found, result = job.prepare()
            except Exception as exc:  # noqa: BLE001 - the item's sender is told
                _tell(job.answer, failure=exc)
                continue
            for name, some in found.items():
                rows.setdefault(name, []).extend(some)
            done.append((job, result))
        try:
            self._insert(rows)
        except Exception as exc:  # noqa: BLE001 - whoever waits is told
            failure = self._explain(exc)
            for job, _ in done:
                _tell(job.answer, failure=failure)
            return
        for job, result in done:
            _tell(job.answer, result)

    def _insert(self, rows: Rows) -> None:
        if not any(rows.values()):
            return
        connection = self._writable()
        connection.execute("BEGIN")
        try:
            for name, some in rows.items():
                if some:
                    connection.register("arrived", _as_arrow(TABLES[name], some))
                    connection.execute(f'INSERT INTO store."{name}" SELECT * FROM arrived')  # noqa: S608 - our own names
                    connection.unregister("arrived")
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(Exception):  # the first failure is the one to tell
                connection.execute("ROLLBACK")
            raise

    def _purge(self) -> None:
        """Delete what is older than the retention, once an hour."""
        now_s = self._clock.now_s()
        if self._connection is None or now_s < self._purged_s + PURGE_EVERY_S:
            return
        self._purged_s = now_s
        try:
            for name in TABLES:
                statement = f'DELETE FROM store."{name}" WHERE "TimeGenerated" < ?'  # noqa: S608 - our own names
                self._connection.execute(statement, [self.horizon()])
            self._connection.execute(
                "DELETE FROM store.platform_metrics WHERE counted_at < ?", [self.horizon()]
            )
        except Exception as exc:  # noqa: BLE001 - logged; the next hour tries again
            log.error("telemetry.purge_failed", extra={"reason": str(self._explain(exc))})

    def _open(self) -> None:
        try:
            self._connection = open_monitor(self._path, self._clock)
            self.generation += 1
            self.failure = ""
        except Exception as exc:  # noqa: BLE001 - every request says so
            self._connection = None
            self.failure = f"Local Azure cannot open {self._path.name}: {exc}"
            log.error("telemetry.open_failed", extra={"file": str(self._path), "reason": str(exc)})
        finally:
            self.opened.set()

    def _writable(self) -> "duckdb.DuckDBPyConnection":
        """Return the connection; opens the file anew when it could not be opened, or had to be given up."""
        if self._connection is None:
            self._open()
        if self._connection is None:
            raise StoreError(self.failure)
        return self._connection

    def _explain(self, exc: Exception) -> StoreError:
        """Return what the client is told; gives the file up when DuckDB says that it must be opened anew."""
        import duckdb

        if isinstance(exc, StoreError):
            return exc
        if isinstance(exc, duckdb.FatalException) or "has been invalidated" in str(exc):
            connection, self._connection = self._connection, None
            with contextlib.suppress(Exception):  # it is broken already, and closing is all that is left
                if connection is not None:
                    connection.close()
        log.error("telemetry.write_failed", extra={"file": str(self._path), "reason": str(exc)})
        return StoreError(f"Local Azure cannot save telemetry: {exc}")

    def _carry_out(self, task: _Task) -> None:
        try:
            result = task.run(self._writable())
        except Exception as exc:  # noqa: BLE001 - whoever waits is told
            _tell(task.answer, failure=self._explain(exc))
        else:
            _tell(task.answer, result)


def _tell(answer: "Future[object]", result: object = None, *, failure: Exception | None = None) -> None:
    """Say how it ended. A request that was dropped meanwhile has cancelled its future; its telemetry is kept."""
    if not answer.set_running_or_notify_cancel():
        return
    if failure is not None:
        answer.set_exception(failure)
    else:
        answer.set_result(result)


def _as_arrow(table: Table, rows: Iterable[Row]) -> "pyarrow.Table":
    import pyarrow as pa

    kinds = {
        "string": pa.string(),
        "dynamic": pa.string(),
        "datetime": pa.timestamp("us"),
        "real": pa.float64(),
        "int": pa.int32(),
        "long": pa.int64(),
        "bool": pa.bool_(),
    }
    columns = zip(*rows, strict=True)
    arrays = {
        name: pa.array(values, kinds[kind])
        for (name, kind), values in zip(table.stored.items(), columns, strict=True)
    }
    return pa.table(arrays)
