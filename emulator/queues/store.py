"""The rules of Storage Queues over one SQLite file. Knows no HTTP.

Each change is one committed transaction before it returns, so what was acknowledged survives the death of the
process. When SQLite cannot write, sqlite3.OperationalError goes to the caller and nothing has changed, neither
on disk nor in memory. Not thread-safe: it belongs to the event loop's thread.
"""

import contextlib
import math
import sqlite3
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import orjson

from emulator.clock import Clock
from emulator.database import open_database
from emulator.ids import Ids
from emulator.queues import errors
from emulator.queues.models import (
    DEFAULT_TTL_S,
    NEVER_S,
    AccessPolicy,
    QueueLevel,
    StoredMessage,
    StoredQueue,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, metadata TEXT NOT NULL, policies TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY, queue INTEGER NOT NULL, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL,
    inserted_s REAL NOT NULL, expires_s REAL NOT NULL, visible_s REAL NOT NULL,
    dequeue_count INTEGER NOT NULL, pop_receipt TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS messages_in_order ON messages (queue, visible_s);
CREATE INDEX IF NOT EXISTS messages_by_expiry ON messages (expires_s);
CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, document TEXT NOT NULL) STRICT;
"""
COLUMNS = "id, text, inserted_s, expires_s, visible_s, dequeue_count, pop_receipt"
# The index holds (queue, visible_s) and, as every SQLite index, the row's number: no sort, no scan.
FIRST_VISIBLE = (
    f"SELECT number, {COLUMNS} FROM messages"  # noqa: S608 - constants only
    " WHERE queue = ? AND visible_s <= ? AND expires_s > ? ORDER BY visible_s, number LIMIT ?"
)
LAST_VISIBLE = FIRST_VISIBLE.replace("ORDER BY visible_s, number", "ORDER BY visible_s DESC, number DESC")
INSERTED_AT = 3  # its place in a row of these


class QueueStore:
    """*moved(queue, visible_s)* is called after a message got a new time of becoming visible."""

    def __init__(self, path: Path, clock: Clock, ids: Ids, moved: Callable[[str, float], None]) -> None:
        self._clock, self._ids, self._moved = clock, ids, moved
        self.database = open_database(path, SCHEMA, clock)
        self._queues: dict[str, StoredQueue] = {}
        self._names: list[str] = []
        self._first_expiry_s = math.inf
        self._load()

    def close(self) -> None:
        self.database.close()

    def reset(self) -> None:
        """Forget every queue, message and setting."""
        with self._transaction():
            for table in ("messages", "queues", "settings"):
                self.database.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
        self._load()

    # Queues ---------------------------------------------------------------------------------------

    def create_queue(self, name: str, metadata: Mapping[str, str]) -> bool:
        """Return True when the queue is new, False when it exists with the same metadata.

        Raises WireError 409 when it exists with other metadata.
        """
        if found := self._queues.get(name):
            if _folded(found.metadata) != _folded(metadata):
                raise errors.queue_already_exists()
            return False
        row = self.database.execute(
            "INSERT INTO queues (name, metadata, policies) VALUES (?, ?, '[]')", (name, _to_json(metadata))
        )
        assert row.lastrowid is not None
        self._queues[name] = StoredQueue(row.lastrowid, name, dict(metadata))
        insort(self._names, name)
        return True

    def delete_queue(self, name: str) -> None:
        """Delete the queue and its messages. Raises WireError 404."""
        queue = self.queue(name)
        with self._transaction():
            self.database.execute("DELETE FROM messages WHERE queue = ?", (queue.number,))
            self.database.execute("DELETE FROM queues WHERE number = ?", (queue.number,))
        del self._queues[name]
        self._names.remove(name)

    def queue(self, name: str) -> StoredQueue:
        """Return the queue. Raises WireError 404."""
        if (found := self._queues.get(name)) is None:
            raise errors.queue_not_found()
        return found

    def list_queues(self, prefix: str, first: str, limit: int) -> tuple[list[StoredQueue], str]:
        """Return at most *limit* queues from the name *first* on, and the name that follows them ('': none)."""
        found: list[StoredQueue] = []
        for position in range(bisect_left(self._names, max(prefix, first)), len(self._names)):
            name = self._names[position]
            if not name.startswith(prefix):
                break
            if len(found) == limit:
                return found, name
            found.append(self._queues[name])
        return found, ""

    def set_metadata(self, name: str, metadata: Mapping[str, str]) -> None:
        """Replace all metadata. Raises WireError 404."""
        queue = self.queue(name)
        self.database.execute(
            "UPDATE queues SET metadata = ? WHERE number = ?", (_to_json(metadata), queue.number)
        )
        self._queues[name] = replace(queue, metadata=dict(metadata))

    def set_policies(self, name: str, policies: Sequence[AccessPolicy]) -> None:
        """Replace all stored access policies. Raises WireError 404."""
        queue = self.queue(name)
        document = _to_json([asdict(policy) for policy in policies])
        self.database.execute("UPDATE queues SET policies = ? WHERE number = ?", (document, queue.number))
        self._queues[name] = replace(queue, policies=tuple(policies))

    def count_messages(self, name: str) -> int:
        """Return how many messages the queue holds, hidden ones included. Raises WireError 404."""
        number = self.queue(name).number
        (held,) = self.database.execute("SELECT count(*) FROM messages WHERE queue = ?", (number,)).fetchone()
        (expired,) = self.database.execute(
            "SELECT count(*) FROM messages WHERE expires_s <= ? AND queue = ?", (self._clock.now_s(), number)
        ).fetchone()
        return int(held - expired)

    # Messages -------------------------------------------------------------------------------------

    def level(self) -> QueueLevel:
        """Return what all queues hold together; reads every message, so ask seldom."""
        messages, size_bytes = self.database.execute(
            "SELECT count(*), coalesce(sum(length(CAST(text AS BLOB))), 0) FROM messages WHERE expires_s > ?",
            (self._clock.now_s(),),
        ).fetchone()
        return QueueLevel(len(self._names), messages, size_bytes)

    def put(self, name: str, text: str, ttl_s: int | None = None, visibility_s: float = 0) -> StoredMessage:
        """Return the message once it is on disk. *ttl_s*: None for 7 days, -1 for ever. Raises WireError 404."""
        queue, now_s = self.queue(name), self._clock.now_s()
        self._drop_expired(now_s)
        ttl_s = DEFAULT_TTL_S if ttl_s is None else ttl_s
        message = StoredMessage(
            id=self._ids.guid(),
            text=text,
            inserted_s=now_s,
            expires_s=NEVER_S if ttl_s == -1 else min(now_s + ttl_s, NEVER_S),
            visible_s=now_s + visibility_s,
            dequeue_count=0,
            pop_receipt=self._ids.token(24),
        )
        self.database.execute(
            f"INSERT INTO messages (queue, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, 0, ?)",  # noqa: S608 - constants
            (
                queue.number,
                message.id,
                text,
                now_s,
                message.expires_s,
                message.visible_s,
                message.pop_receipt,
            ),
        )
        self._first_expiry_s = min(self._first_expiry_s, message.expires_s)
        self._moved(name, message.visible_s)
        return message

    def receive(
        self,
        name: str,
        limit: int,
        visibility_s: int,
        *,
        min_age_s: float | None = None,
        last_first: bool = False,
    ) -> list[StoredMessage]:
        """Return up to *limit* visible messages, first visible first, hidden from now on. Raises WireError 404.

        *min_age_s*: only those that were put so long ago; *last_first*: in the opposite order.
        """
        queue, now_s = self.queue(name), self._clock.now_s()
        self._drop_expired(now_s)
        wanted = LAST_VISIBLE if last_first else FIRST_VISIBLE
        most = limit if min_age_s is None else -1
        rows = self.database.execute(wanted, (queue.number, now_s, now_s, most)).fetchall()
        if min_age_s is not None:
            rows = [row for row in rows if row[INSERTED_AT] <= now_s - min_age_s][:limit]
        if not rows:
            return []
        visible_s, receipt = now_s + visibility_s, self._ids.token(24)
        marks = ",".join("?" * len(rows))
        hide = "UPDATE messages SET visible_s = ?, pop_receipt = ?, dequeue_count = dequeue_count + 1"
        self.database.execute(
            f"{hide} WHERE number IN ({marks})",
            (visible_s, receipt, *(row[0] for row in rows)),
        )
        self._moved(name, visible_s)
        return [
            StoredMessage(id, text, inserted_s, expires_s, visible_s, count + 1, receipt)
            for _, id, text, inserted_s, expires_s, _, count, _ in rows
        ]

    def show(self, name: str, message_ids: Sequence[str]) -> None:
        """Let these messages be received again, by anybody, now. Raises WireError 404 (queue)."""
        queue, now_s = self.queue(name), self._clock.now_s()
        for message_id in message_ids:
            self.database.execute(
                "UPDATE messages SET visible_s = ? WHERE id = ? AND queue = ?",
                (now_s, message_id, queue.number),
            )
        if message_ids:
            self._moved(name, now_s)

    def peek(self, name: str, limit: int) -> list[StoredMessage]:
        """Return up to *limit* visible messages, first visible first, unchanged. Raises WireError 404."""
        queue, now_s = self.queue(name), self._clock.now_s()
        rows = self.database.execute(FIRST_VISIBLE, (queue.number, now_s, now_s, limit))
        return [StoredMessage(*row[1:]) for row in rows]

    def update(
        self, name: str, message_id: str, receipt: str, text: str | None, visibility_s: int
    ) -> tuple[str, float]:
        """Return the new pop receipt and when the message becomes visible. *text* None keeps its content.

        Raises WireError 404 (queue, message) or 400 (receipt).
        """
        queue, now_s = self.queue(name), self._clock.now_s()
        self._drop_expired(now_s)
        visible_s, new_receipt = now_s + visibility_s, self._ids.token(24)
        changed = self.database.execute(
            "UPDATE messages SET visible_s = ?, pop_receipt = ?, text = coalesce(?, text)"
            " WHERE id = ? AND queue = ? AND pop_receipt = ?",
            (visible_s, new_receipt, text, message_id, queue.number, receipt),
        )
        if not changed.rowcount:
            raise self._why_not(queue, message_id)
        self._moved(name, visible_s)
        return new_receipt, visible_s

    def delete(self, name: str, message_id: str, receipt: str) -> None:
        """Delete the message. Raises WireError 404 (queue, message) or 400 (receipt)."""
        queue = self.queue(name)
        self._drop_expired(self._clock.now_s())
        done = self.database.execute(
            "DELETE FROM messages WHERE id = ? AND queue = ? AND pop_receipt = ?",
            (message_id, queue.number, receipt),
        )
        if not done.rowcount:
            raise self._why_not(queue, message_id)

    def remove(self, name: str, message_id: str) -> bool:
        """Delete the message whoever holds it; return whether it was there. Raises WireError 404 (queue)."""
        done = self.database.execute(
            "DELETE FROM messages WHERE id = ? AND queue = ? AND expires_s > ?",
            (message_id, self.queue(name).number, self._clock.now_s()),
        )
        return bool(done.rowcount)

    def clear(self, name: str) -> None:
        """Delete every message of the queue. Raises WireError 404."""
        self.database.execute("DELETE FROM messages WHERE queue = ?", (self.queue(name).number,))

    def next_visible_s(self, name: str, from_s: float) -> float | None:
        """Return the first time at or after *from_s* at which a message becomes visible; None: no such message."""
        if (queue := self._queues.get(name)) is None:
            return None
        (found,) = self.database.execute(
            "SELECT min(visible_s) FROM messages WHERE queue = ? AND visible_s >= ?", (queue.number, from_s)
        ).fetchone()
        return None if found is None else float(found)

    # Settings -------------------------------------------------------------------------------------

    def setting(self, name: str) -> str | None:
        """Return the document stored under *name*; None when nothing was."""
        row = self.database.execute("SELECT document FROM settings WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_setting(self, name: str, document: str) -> None:
        self.database.execute(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET document = excluded.document",
            (name, document),
        )

    # ----------------------------------------------------------------------------------------------

    def _load(self) -> None:
        self._queues.clear()
        for number, name, metadata, policies in self.database.execute("SELECT * FROM queues"):
            stored = tuple(AccessPolicy(**policy) for policy in orjson.loads(policies))
            self._queues[name] = StoredQueue(number, name, orjson.loads(metadata), stored)
        self._names = sorted(self._queues)
        self._first_expiry_s = self._read_first_expiry()

    def _read_first_expiry(self) -> float:
        (found,) = self.database.execute("SELECT min(expires_s) FROM messages").fetchone()
        return math.inf if found is None else float(found)

    def _drop_expired(self, now_s: float) -> None:
        if now_s >= self._first_expiry_s:
            self.database.execute("DELETE FROM messages WHERE expires_s <= ?", (now_s,))
            self._first_expiry_s = self._read_first_expiry()

    def _why_not(self, queue: StoredQueue, message_id: str) -> Exception:
        found = self.database.execute(
            "SELECT 1 FROM messages WHERE id = ? AND queue = ?", (message_id, queue.number)
        ).fetchone()
        return errors.pop_receipt_mismatch() if found else errors.message_not_found()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self.database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.database.execute("COMMIT")
        except sqlite3.Error:
            # A full disk may have ended the transaction already.
            if self.database.in_transaction:
                self.database.execute("ROLLBACK")
            raise


def _folded(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata as Azure compares it: the case of a name does not matter."""
    return {name.lower(): value for name, value in metadata.items()}


def _to_json(document: object) -> str:
    return orjson.dumps(document).decode()
