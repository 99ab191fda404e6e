"""Answers already given, so that a message that is delivered twice is answered twice alike.

Storage Queues deliver at least once. The store is one SQLite file in the machine's temporary folder: it outlives
the worker process and is shared by all workers of one instance, which is where nearly every repeat arrives. An
instance that starts elsewhere computes anew. That is right for tools that only read; a tool that changes something
must carry the correlation id on to what it changes.
"""

import hashlib
import json
import logging
import os
import sqlite3
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.envelope import Question
from tools.queues import APP_ROOT
from tools.workers import Workers

log = logging.getLogger(__name__)
KEPT_S = 3600  # six times as long as a run may wait for its answer
KEPT_COUNT = 1000
SWEEP_EVERY = 100
BUSY_TIMEOUT_S = 2.0
FOLDER_SETTING = "TOOL_RESULTS_FOLDER"
_SCHEMA = "CREATE TABLE IF NOT EXISTS results (key BLOB PRIMARY KEY, value TEXT NOT NULL, at REAL NOT NULL)"


@dataclass(slots=True)
class _Turn:
    """Whose turn it is with one question. *wanted*: how many have or want it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: int = 0


class Results:
    """Bounded by age and by number. Without a usable folder it lives in memory; it never fails an answer."""

    def __init__(self, folder: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._stores = 0
        self._salt = _app_version()
        self._turns: dict[bytes, _Turn] = {}
        self._workers = Workers(None)
        try:
            place = _private_folder(folder)
            self._database = _open(place / f"results-{_app_name()}.sqlite")
            self._workers = Workers(place / f"results-{_app_name()}.lock")
        except (OSError, sqlite3.Error) as exc:
            log.warning("results.kept_in_memory reason=%s", exc)
            self._database = _open(":memory:")

    def get(self, tool: str, question: Question) -> str | None:
        """Return the value answered before to the same question; None when there is none."""
        try:
            with self._lock:
                row = self._database.execute(
                    "SELECT value FROM results WHERE key = ?", [self._key(tool, question)]
                ).fetchone()
        except sqlite3.Error as exc:
            log.warning("results.read_failed reason=%s", exc)
            return None
        return str(row[0]) if row else None

    def keep(self, tool: str, question: Question, value: str) -> str:
        """Return the value to answer with: the first that any worker kept for this question."""
        key = self._key(tool, question)
        try:
            with self._lock, self._database:
                self._database.execute(
                    "INSERT OR IGNORE INTO results VALUES (?, ?, ?)", [key, value, time.time()]
                )
                row = self._database.execute("SELECT value FROM results WHERE key = ?", [key]).fetchone()
                self._stores += 1
                if self._stores % SWEEP_EVERY == 0:
                    self._sweep()
        except sqlite3.Error as exc:
            log.warning("results.write_failed reason=%s", exc)
            return value
        return str(row[0])

    @contextmanager
    def alone(self, tool: str, question: Question) -> Iterator[None]:
        """Return once nobody else of this instance works on the same question: not in this worker, nor in another.

        Other questions do not wait. Who dies at work lets go; what the operating system cannot lock it lets pass.
        """
        key = self._key(tool, question)
        with self._lock:
            turn = self._turns.setdefault(key, _Turn())
            turn.wanted += 1
        try:
            with turn.lock, self._workers.alone(key):
                yield
        finally:
            with self._lock:
                turn.wanted -= 1
                if not turn.wanted:
                    del self._turns[key]

    def close(self) -> None:
        with self._lock:
            self._database.close()
            self._workers.close()

    def _sweep(self) -> None:
        self._database.execute("DELETE FROM results WHERE at < ?", [time.time() - KEPT_S])
        self._database.execute(
            "DELETE FROM results WHERE key IN (SELECT key FROM results ORDER BY at DESC LIMIT -1 OFFSET ?)",
            [KEPT_COUNT],
        )

    def _key(self, tool: str, question: Question) -> bytes:
        """The arguments count too: a repeat carries the same ones, and samples send every question as "42"."""
        identity = json.dumps(
            [self._salt, tool, question.correlation_id, question.arguments, question.fault], sort_keys=True
        )
        return hashlib.sha256(identity.encode()).digest()


def _open(path: Path | str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = OFF")  # it need not outlive the machine, only the process
    database.execute(_SCHEMA)
    database.commit()
    return database


def _private_folder(folder: Path | None) -> Path:
    """Return a folder that nobody else can have prepared. Raises OSError."""
    if folder is None and (setting := os.environ.get(FOLDER_SETTING)):
        folder = Path(setting)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    user = os.getuid() if hasattr(os, "getuid") else 0
    folder = Path(tempfile.gettempdir()) / f"relaydeck-tools-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    shared = hasattr(os, "getuid") and (found.st_uid != user or found.st_mode & 0o077)
    if shared or not stat.S_ISDIR(found.st_mode):
        raise PermissionError(f"{folder} belongs to somebody else or is open to others")
    return folder


def _app_name() -> str:
    return hashlib.sha256(str(APP_ROOT).encode()).hexdigest()[:12]


def _app_version() -> str:
    """Return what changes when the tools or their data do: an edited tool answers anew."""
    files = [path for path in APP_ROOT.rglob("*") if path.suffix in (".py", ".csv")]
    return hashlib.sha256(
        "".join(f"{path.name}{path.stat().st_mtime_ns}" for path in sorted(files)).encode()
    ).hexdigest()
