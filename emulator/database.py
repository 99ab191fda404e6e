"""Opens the SQLite files that hold Local Azure's state: durable, checked, never deleted."""

import logging
import sqlite3
from pathlib import Path

from emulator.clock import Clock

MOST_PAGES = 4_294_967_294  # SQLite's own limit
log = logging.getLogger(__name__)


def open_database(path: Path, schema: str, clock: Clock) -> sqlite3.Connection:
    """Return a connection whose commits survive the death of this process.

    A damaged file is renamed to `<name>.damaged-<time>` and an empty one takes its place:
    nothing is deleted, and `set_aside(path)` tells what was moved. Raises sqlite3.OperationalError
    when the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return _open(path, schema)
    except sqlite3.DatabaseError as exc:
        if isinstance(exc, sqlite3.OperationalError) and not _is_damage(exc):
            raise
        stamp = clock.now().strftime("%Y%m%dT%H%M%S")
        for suffix in ("", "-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(path.with_name(f"{path.name}.damaged-{stamp}{suffix}"))
        log.error("state.set_aside", extra={"file": str(path), "reason": str(exc)})
        return _open(path, schema)


def limit_room(connection: sqlite3.Connection, *, full: bool) -> None:
    """Let the file grow no more, as on a full disk, or let it grow again. What is stored stays readable."""
    pages = MOST_PAGES
    if full:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")


def set_aside(path: Path) -> list[str]:
    """Return the names of damaged files once moved away from *path*, oldest first."""
    found = path.parent.glob(path.name + ".damaged-*")
    return sorted(part.name for part in found if not part.name.endswith(("-wal", "-shm")))


def _open(path: Path, schema: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=2)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(
            "PRAGMA synchronous=NORMAL"
        )  # survives kill -9; a power cut may cost the last commits
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"quick_check: {verdict}")
        connection.executescript(schema)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_damage(exc: sqlite3.OperationalError) -> bool:
    return "malformed" in str(exc) or "not a database" in str(exc) or "disk I/O error" in str(exc)
