"""What a query brought: rows of known shape, how sure and how old they are, and the text that was asked."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from services.errors import ServiceError, ShapeError
from services.monitor.catalogue import ColumnKind, Query
from services.monitor.kql import Value

ResultState = Literal["ok", "empty", "partial", "stale", "throttled", "failed"]
Cell = str | float | int | bool | datetime | Mapping[str, str] | None
Row = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Ask:
    """A query of the catalogue with its values. *label*: what tells it apart from others of the same name when its
    range moves on, so that the rows read last can stand in for those that cannot be read now."""

    query: str
    values: Mapping[str, Value]
    label: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Return what makes it the same question when its range has moved on."""
        fixed = {name: value for name, value in self.values.items() if name not in ("start", "end")}
        return self.query, f"{self.label}|{sorted(fixed.items())!r}"


@dataclass(frozen=True, slots=True)
class Result:
    """*read_at*: when *rows* were read; None when they never were. *problem*: why not, or not whole, or not now.

    State `stale` and `partial` have rows; `failed` and `throttled` have none, which does not mean that there are none.
    """

    query: str
    state: ResultState
    rows: tuple[Row, ...] = ()
    read_at: datetime | None = None
    problem: ServiceError | None = None
    said: str = ""
    kql: str = ""
    source: str = field(default="Log Analytics")

    @property
    def is_known(self) -> bool:
        """Whether the rows say something, if only that there are none."""
        return self.state not in ("failed", "throttled")


def rows_of(query: Query, table: Any) -> tuple[Row, ...]:  # the SDK's LogsTable, or what passes for one
    """Return the rows with values of the kinds that *query* promises. Raises ShapeError: a column is missing."""
    names = [str(name) for name in table.columns]
    if missing := [name for name in query.columns if name not in names]:
        raise ShapeError(f"the result of {query.name}", f"complete: {', '.join(missing)} is missing")
    places = {name: names.index(name) for name in query.columns}
    return tuple(_row(query, places, list(row)) for row in table.rows)


def _row(query: Query, places: Mapping[str, int], cells: Sequence[object]) -> Row:
    if max(places.values(), default=0) >= len(cells):
        raise ShapeError(f"a row of the result of {query.name}", f"complete: it has {len(cells)} cells")
    return {name: cell(kind, cells[places[name]], name) for name, kind in query.columns.items()}


def cell(kind: ColumnKind, value: object, name: str = "a value") -> Cell:
    """Return *value* as *kind*; None for null and for not-a-number, which is how an empty average comes.

    Raises ShapeError.
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    match kind:
        case "real" | "long" if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value) if kind == "real" else int(value)
        case "bool" if isinstance(value, bool | int):
            return bool(value)
        case "string":
            return str(value)
        case "datetime" if isinstance(value, datetime):
            return value if value.tzinfo else value.replace(tzinfo=UTC)
        case "dynamic":
            return _properties(value)
    if value in ("", "NaN", "None"):
        return None
    raise ShapeError(name, f"a {kind}")


def _properties(value: object) -> Mapping[str, str]:
    """Return a bag of properties. Values that are not texts are written as JSON."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, Mapping):
        return {}
    return {
        str(name): one if isinstance(one, str) else json.dumps(one, default=str)
        for name, one in found.items()
        if one is not None
    }
