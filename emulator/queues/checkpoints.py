"""Moves committed pages from SQLite's write-ahead log to the database file, beside the event loop.

SQLite does it in passing, inside a commit, and waits for the disk: some 20 ms after every hundred messages, during
which the event loop, and with it every other service, stands still. A thread with a connection of its own does it
before SQLite must; what is committed is safe from the death of the process either way.
"""

import asyncio
import contextlib
import logging
import sqlite3
from pathlib import Path

log = logging.getLogger(__name__)
INTERVAL_S = 0.25
LOG_LIMIT_PAGES = 16_000  # 64 MiB: beyond it, under a load that never pauses, a commit does it after all


class Checkpoints:
    """*database*: the connection whose commits fill the log of the file *path*."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self._path, self._database = path, database
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin; on the event loop."""
        self._database.execute(f"PRAGMA wal_autocheckpoint = {LOG_LIMIT_PAGES}")
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Return once the thread is done; only then may the database be closed."""
        self._stopping.set()
        if self._task:
            await self._task

    async def _run(self) -> None:
        done = self._database.total_changes
        while not self._stopping.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), INTERVAL_S)
            if (now := self._database.total_changes) != done:
                done = now
                await asyncio.to_thread(self._checkpoint)

    def _checkpoint(self) -> None:
        try:
            with contextlib.closing(sqlite3.connect(self._path, isolation_level=None)) as database:
                database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error as exc:  # nothing is lost: the pages stay in the log
            log.warning("state.checkpoint_failed", extra={"file": str(self._path), "reason": str(exc)})
