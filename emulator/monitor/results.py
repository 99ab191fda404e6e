"""Runs one translated query and writes its rows as the query API does. Belongs to a worker thread."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import orjson

from emulator.monitor import errors
from emulator.monitor.kql import Translated, Translator, visualization
from emulator.monitor.reader import Deadline, Readers, Watchdog
from emulator.monitor.store import Store, StoreError
from emulator.monitor.timespans import Span, write_timespan

if TYPE_CHECKING:
    import duckdb

MAX_ROWS = 500_000
MAX_BYTES = 100_000_000
ROWS_AT_ONCE = 2_000  # so that no thread keeps the others, and the event loop, waiting for long
_TYPES = {
    "BOOLEAN": "bool",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INTEGER": "int",
    "UTINYINT": "int",
    "USMALLINT": "int",
    "UINTEGER": "long",
    "BIGINT": "long",
    "UBIGINT": "long",
    "HUGEINT": "long",
    "UHUGEINT": "long",
    "FLOAT": "real",
    "DOUBLE": "real",
    "UUID": "guid",
    "DATE": "datetime",
    "TIME": "timespan",
    "INTERVAL": "timespan",
    "JSON": "dynamic",
}
Render = Callable[[object], object]
_JSON_OPTIONS = orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


@dataclass(frozen=True, slots=True)
class Question:
    """One query as it was asked. *wait_s*: how long it may take."""

    text: str
    span: Span | None
    wait_s: float
    statistics: bool = False
    render: bool = False


class Answerer:
    """Answers questions in any thread; each thread reads through a cursor of its own."""

    def __init__(self, store: Store) -> None:
        self._readers, self._watchdog, self._translator = Readers(store), Watchdog(), Translator()

    def stop(self) -> None:
        """End what still runs. Call close() when its threads are done."""
        self._watchdog.stop()

    def close(self) -> None:
        """Give everything back. No thread may be answering any more."""
        self._watchdog.stop()
        self._watchdog.join()
        self._readers.close()

    def answer(self, question: Question, now: datetime) -> bytes:
        """Return the JSON reply to *question*; *now* (naive UTC) is the query's clock.

        Raises QueryError, and StoreError when the telemetry file cannot be read.
        """
        import duckdb

        deadline = Deadline(question.wait_s)
        try:
            with self._readers.reading(question.span) as cursor, self._watchdog.watching(deadline, cursor):
                translated = self._translator.translate(question.text, cursor, now)
                deadline.check()
                return _read(cursor, translated, question, now, deadline)
        except duckdb.InterruptException:
            raise errors.gateway_timeout(question.wait_s) from None
        except duckdb.OutOfMemoryException as exc:
            message = f"Query execution lacks memory resources to complete: {exc}"
            problem = errors.partial_error(message, errors.LOW_MEMORY)
            return orjson.dumps({"tables": [], "error": problem})
        except (duckdb.IOException, duckdb.FatalException, duckdb.InternalException) as exc:
            deadline.check()
            raise StoreError(
                f"Local Azure cannot read its telemetry: {exc}. Its next start sets a damaged file aside."
            ) from exc
        except duckdb.Error as exc:
            deadline.check()
            raise _explained(exc) from None


def _read(
    cursor: "duckdb.DuckDBPyConnection",
    translated: Translated,
    question: Question,
    now: datetime,
    deadline: Deadline,
) -> bytes:
    parameters = translated.bind(now)
    result = cursor.execute(translated.sql, parameters) if parameters else cursor.execute(translated.sql)
    columns = [(str(part[0]), _kql_type(str(part[1]))) for part in result.description or ()]
    renders = [
        _renderer(kind, str(part[1]))
        for (_, kind), part in zip(columns, result.description or (), strict=True)
    ]
    pieces: list[bytes] = []
    rows = size = 0
    left_out: errors.Document | None = None
    while not left_out and (some := result.fetchmany(ROWS_AT_ONCE)):
        deadline.check()
        if rows + len(some) > MAX_ROWS:
            some = some[: MAX_ROWS - rows]
            left_out = errors.rows_left_out(f"{MAX_ROWS} records")
        plain = [
            [value if render is None else render(value) for value, render in zip(row, renders, strict=True)]
            for row in some
        ]
        piece = orjson.dumps(plain, option=_JSON_OPTIONS)[1:-1]
        if size + len(piece) > MAX_BYTES:
            left_out = errors.rows_left_out(f"{MAX_BYTES} bytes")
            break
        rows, size = rows + len(some), size + len(piece)
        if piece:
            pieces.append(piece)
    head = orjson.dumps({"name": "PrimaryResult", "columns": [{"name": n, "type": t} for n, t in columns]})
    parts = [b'{"tables":[', head[:-1], b',"rows":[', b",".join(pieces), b"]}]"]
    took_s = time.monotonic() - deadline.started_s
    for key, value in _extras(question, left_out, took_s, rows, size).items():
        parts += [b',"', key.encode(), b'":', orjson.dumps(value)]
    return b"".join([*parts, b"}"])


def _extras(
    question: Question, left_out: errors.Document | None, took_s: float, rows: int, size: int
) -> dict[str, object]:
    extras: dict[str, object] = {}
    if question.statistics:
        extras["statistics"] = {
            "query": {
                "executionTime": round(took_s, 7),
                "datasetStatistics": [{"tableRowCount": rows, "tableSize": size}],
            }
        }
    if question.render:
        extras["render"] = visualization(question.text) or {"visualization": None}
    if left_out:
        extras["error"] = left_out
    return extras


def _kql_type(name: str) -> str:
    if name.startswith("TIMESTAMP"):
        return "datetime"
    if name.startswith("DECIMAL"):
        return "decimal"
    if name.endswith("]") or name.startswith(("STRUCT", "MAP")):
        return "dynamic"
    return _TYPES.get(name, "string")


def _renderer(kind: str, duckdb_type: str) -> Render | None:
    """Return what a value of the column goes through; None when JSON writes it as it is."""
    if kind == "timespan":
        return _timespan
    if kind == "dynamic" and duckdb_type != "JSON":
        return _dynamic
    if duckdb_type in ("HUGEINT", "UHUGEINT", "UBIGINT"):
        return _long
    if kind == "decimal":
        return _decimal
    return _text if kind == "string" else None


def _timespan(value: object) -> object:
    return write_timespan(value) if isinstance(value, timedelta) else None if value is None else str(value)


def _dynamic(value: object) -> object:
    return None if value is None else orjson.dumps(value, option=_JSON_OPTIONS, default=str).decode()


def _long(value: object) -> object:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise errors.semantic_error(f"Arithmetic overflow: {value} is not a long.", "SEM0047")
    return value


def _decimal(value: object) -> object:
    return str(value) if isinstance(value, Decimal) else value


def _text(value: object) -> object:
    return "" if value is None else str(value)  # a string of KQL is never null


def _explained(exc: Exception) -> errors.QueryError:
    """Return DuckDB's complaint about the translation as one about the query."""
    message = str(exc).partition("\nLINE ")[0].strip()
    if column := _between(message, 'Referenced column "', '"'):
        return errors.semantic_error(
            f"'where' operator: Failed to resolve column or scalar expression named '{column}'"
        )
    return errors.semantic_error(message[:500])


def _between(text: str, before: str, after: str) -> str:
    _, found, rest = text.partition(before)
    return rest.partition(after)[0] if found else ""
