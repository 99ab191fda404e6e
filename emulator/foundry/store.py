"""What the Agent Service remembers: read from memory, written to SQLite first."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import orjson

from emulator.clock import Clock
from emulator.database import open_database
from emulator.foundry.documents import Json

Kind = Literal["agent", "thread", "message", "run", "step", "call"]
Order = Literal["asc", "desc"]
CALLS_KEPT = (
    10_000  # of the queue messages sent to functions, so that late replies are known for what they are
)
CURSORS_KEPT = 10_000
# kind, the document before and after (None: there is none), the model of the run it belongs to
Watch = Callable[[str, Json | None, Json | None, str], None]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    parent TEXT NOT NULL,
    document BLOB NOT NULL,
    inner BLOB NOT NULL
);
"""


@dataclass(slots=True)
class Record:
    """One object. *document*: as clients see it; *inner*: what only the service knows. Neither is changed in place."""

    kind: Kind
    parent: str
    document: Json
    inner: Json = field(default_factory=dict)
    position: int = 0
    born_s: float = 0.0  # on the clock of this process; 0 when it was read from the disk

    @property
    def id(self) -> str:
        found: str = self.document["id"]
        return found


class Shelf:
    """The records of one kind and parent, in the order of their creation."""

    def __init__(self) -> None:
        self._records: dict[str, Record] = {}
        self._positions: list[int] = []
        self._ids: list[str] = []
        self._gone: dict[str, int] = {}

    def get(self, object_id: str) -> Record | None:
        return self._records.get(object_id)

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[Record]:
        """Yield all records, oldest first."""
        return iter([self._records[object_id] for object_id in self._ids])

    def last(self) -> Record | None:
        return self._records[self._ids[-1]] if self._ids else None

    def put(self, record: Record) -> None:
        if record.id not in self._records:
            self._positions.append(record.position)
            self._ids.append(record.id)
        self._records[record.id] = record

    def remove(self, object_id: str) -> None:
        record = self._records.pop(object_id)
        index = bisect_left(self._positions, record.position)
        del self._positions[index], self._ids[index]
        self._gone[object_id] = record.position
        if len(self._gone) > CURSORS_KEPT:
            del self._gone[next(iter(self._gone))]

    def position(self, object_id: str) -> int | None:
        """Return where the object stands, or stood: a client may page on after deleting what it listed."""
        record = self._records.get(object_id)
        return record.position if record else self._gone.get(object_id)

    def page(
        self,
        limit: int,
        order: Order,
        after: int | None,
        before: int | None,
        run_id: str = "",
        known_s: float = math.inf,
    ) -> tuple[list[Json], bool]:
        """Return at most *limit* documents between the two positions, and whether more follow.

        *after* and *before* are meant in the order asked for: with "desc", after is older. *known_s*: what was created
        later is left out.
        """
        low, high = (after, before) if order == "asc" else (before, after)
        start = 0 if low is None else bisect_right(self._positions, low)
        end = len(self._positions) if high is None else bisect_left(self._positions, high)
        indexes = range(start, end) if order == "asc" else range(end - 1, start - 1, -1)
        found: list[Json] = []
        for index in indexes:
            record = self._records[self._ids[index]]
            document = record.document
            if record.born_s > known_s or (run_id and document["run_id"] != run_id):
                continue
            if len(found) == limit:
                return found, True
            found.append(document)
        return found, False


class Store:
    """Every write is one transaction; when it fails, nothing has changed and sqlite3.OperationalError is raised."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._clock = clock
        self.database = self._connection = open_database(path, SCHEMA, clock)
        self._shelves: dict[tuple[Kind, str], Shelf] = {}
        self.watch: Watch | None = None  # told of each change, once it is stored
        self._next = 1
        for row in self._connection.execute("SELECT * FROM objects ORDER BY position"):
            position, kind, parent, document, inner = row
            self._apply(Record(kind, parent, orjson.loads(document), orjson.loads(inner), position))
            self._next = position + 1

    def close(self) -> None:
        self._connection.close()

    def shelf(self, kind: Kind, parent: str = "") -> Shelf:
        """Return the records of *kind* below *parent*; empty when there are none."""
        found = self._shelves.get((kind, parent))
        return Shelf() if found is None else found

    def find(self, kind: Kind, object_id: str, parent: str = "") -> Record | None:
        shelf = self._shelves.get((kind, parent))
        return None if shelf is None else shelf.get(object_id)

    def runs(self) -> list[Record]:
        """Return every run of every thread, oldest first."""
        found = [record for (kind, _), shelf in self._shelves.items() if kind == "run" for record in shelf]
        return sorted(found, key=lambda record: record.position)

    def save(self, *records: Record) -> None:
        """Store *records*, new or changed, in one transaction."""
        calls = self.shelf("call")
        excess = list(calls)[: len(calls) - CALLS_KEPT] if len(calls) > CALLS_KEPT else []
        before: list[Json | None] = []
        with self._transaction():
            for offset, record in enumerate(records):
                known = self.find(record.kind, record.id, record.parent)
                before.append(known.document if known else None)
                record.position = known.position if known else self._next + offset
                record.born_s = known.born_s if known else self._clock.now_s()
                row = (
                    record.position,
                    record.kind,
                    record.parent,
                    orjson.dumps(record.document),
                    orjson.dumps(record.inner),
                )
                self._connection.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", row)
            self._delete_rows(excess)
        self._next += len(records)
        for record in records:
            self._apply(record)
        for call in excess:
            calls.remove(call.id)
        for record, old in zip(records, before, strict=True):
            self._tell(record, old, record.document)

    def remove(self, record: Record) -> None:
        """Delete *record*, and with a thread all that lies in it."""
        records = [record, *self._contents(record)]
        with self._transaction():
            self._delete_rows(records)
        self._tell(record, record.document, None)
        for gone in records:
            self._shelves[gone.kind, gone.parent].remove(gone.id)
        if record.kind == "thread":
            self._shelves.pop(("message", record.id), None)
            self._shelves.pop(("run", record.id), None)
            for gone in records:
                if gone.kind == "run":
                    self._shelves.pop(("step", gone.id), None)

    def clear(self) -> None:
        with self._transaction():
            self._connection.execute("DELETE FROM objects")
        self._shelves.clear()

    def _tell(self, record: Record, before: Json | None, after: Json | None) -> None:
        if self.watch is None:
            return
        model = record.document.get("model") or ""
        if record.kind == "step":
            run = self.find("run", record.document["run_id"], record.document["thread_id"])
            model = run.document["model"] if run else ""
        self.watch(record.kind, before, after, model)

    def _contents(self, record: Record) -> list[Record]:
        if record.kind != "thread":
            return []
        runs = list(self.shelf("run", record.id))
        steps = [step for run in runs for step in self.shelf("step", run.id)]
        return [*self.shelf("message", record.id), *runs, *steps]

    def _apply(self, record: Record) -> None:
        self._shelves.setdefault((record.kind, record.parent), Shelf()).put(record)

    def _delete_rows(self, records: list[Record]) -> None:
        if records:
            self._connection.executemany(
                "DELETE FROM objects WHERE position = ?", [(record.position,) for record in records]
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
