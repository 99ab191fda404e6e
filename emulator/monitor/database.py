"""Opens the DuckDB file of the monitor: locked down, checked, set aside when damaged."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.clock import Clock
from emulator.monitor.schemas import TABLES

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger(__name__)
MEMORY_LIMIT = "1GB"
THREADS = min(4, os.cpu_count() or 1)  # more than there are cores make a small query slower
WAL_SUFFIX = ".wal"
METRICS_TABLE = """
CREATE TABLE IF NOT EXISTS store.platform_metrics (
    counted_at TIMESTAMP, metric VARCHAR, dimensions VARCHAR,
    samples BIGINT, total DOUBLE, lowest DOUBLE, highest DOUBLE
)"""
# With these no statement, however it came about, reaches a file, the network, an extension or a Python object;
# and none of them can be taken back.
LOCK_DOWN = (
    "SET TimeZone = 'UTC'",
    f"SET memory_limit = '{MEMORY_LIMIT}'",
    f"SET threads = {THREADS}",
    "SET temp_directory = ''",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
# What DuckDB says when the trouble lies outside the file: then the file must stay where it is.
_NOT_DAMAGE = (
    "permission denied",
    "no space left",
    "could not set lock",
    "is a directory",
    "read-only file",
    "disk quota",
)


def open_monitor(path: Path, clock: Clock) -> "duckdb.DuckDBPyConnection":
    """Return the connection that owns *path*; cursors of it serve queries.

    A damaged file is renamed to `<name>.damaged-<time>` and an empty one takes its place; a damaged write-ahead log
    alone costs only what it held. `emulator.database.set_aside(path)` tells. Raises duckdb.Error when the folder
    cannot be written or the disk is full.
    """
    import duckdb

    path.parent.mkdir(parents=True, exist_ok=True)
    wal = path.with_name(path.name + WAL_SUFFIX)
    for parts in ([wal], [path, wal]):
        try:
            return _open(path)
        except duckdb.ProgrammingError:  # ours, not the file's: no statement of ours fits what lies there
            raise
        except duckdb.Error as exc:
            if any(sign in str(exc).lower() for sign in _NOT_DAMAGE):
                raise
            _move_away(path, [part for part in parts if part.exists()], clock, str(exc))
    return _open(path)


def _open(path: Path) -> "duckdb.DuckDBPyConnection":
    import duckdb

    connection = duckdb.connect(str(path))
    try:
        connection.execute("CREATE SCHEMA IF NOT EXISTS store")
        connection.execute(METRICS_TABLE)
        for table in TABLES.values():
            connection.execute(table.create_sql())
            # Reads every block: DuckDB notices damage only where it reads.
            connection.execute(f'SELECT bit_xor(hash(one)) FROM store."{table.name}" one').fetchone()  # noqa: S608 - our own names
        for statement in LOCK_DOWN:
            connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _move_away(path: Path, parts: list[Path], clock: Clock, reason: str) -> None:
    stamp = clock.now().strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for part in parts:
        target = aside if part == path else aside.with_name(aside.name + "-wal")
        part.replace(target)
        log.error("state.set_aside", extra={"file": str(part), "reason": reason})
