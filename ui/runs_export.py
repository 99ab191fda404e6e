"""All runs that match, as a file: read when somebody asks for it, bounded, and harmless in a spreadsheet."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from services.errors import Unavailable
from services.monitor.results import Ask, Cell, Result, Row
from ui import formats, safe
from ui.export_box import Form

EXPORT_ROWS: Final = 5_000
COLUMNS: Final = {  # what stands in the file, and which column of the query it is
    "started_utc": "started",
    "outcome": "outcome",
    "problem": "problem_title",
    "run_id": "run_id",
    "thread_id": "thread_id",
    "answer_id": "answer_id",
    "agent": "agent_name",
    "connected_agents": "agents",
    "tools": "tools",
    "model": "model",
    "took_ms": "took_ms",
    "queue_wait_ms": "wait_ms",
    "function_ms": "function_ms",
    "model_ms": "model_ms",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "certainty": "certainty",
    "demo": "demo",
}


@dataclass(frozen=True, slots=True)
class Export:
    """*ask*: the runs, in the list's order. *about*: what was filtered, for the file's head. *matching*: None: unknown."""

    ask: Ask
    start: datetime
    end: datetime
    about: Mapping[str, object]
    matching: int | None

    def file_name(self, form: Form) -> str:
        """Return `relaydeck-runs-20261122T120000Z-20261122T130000Z.csv`; one that is cut says so."""
        ends = "-".join(f"{end.astimezone(UTC):%Y%m%dT%H%M%SZ}" for end in (self.start, self.end))
        cut = f"-first-{EXPORT_ROWS}" if (self.matching or 0) > EXPORT_ROWS else ""
        return f"relaydeck-runs-{ends}{cut}.{form}"

    @property
    def words(self) -> str:
        """What the file will hold."""
        if self.matching is None:
            return f"All runs that match, in the order of the list; {EXPORT_ROWS:,} at most."
        if self.matching > EXPORT_ROWS:
            return (
                f"The first {EXPORT_ROWS:,} of {self.matching:,} runs that match, in the order of the list."
            )
        return f"All that match, {formats.count(self.matching, 'run')}, in the order of the list; {EXPORT_ROWS:,} at most."

    def content(self, form: Form, read: Callable[[Ask], Result | None]) -> bytes:
        """Return the file. One request. Raises ServiceErrors: the runs could not be read."""
        result = read(self.ask)
        if result is None:
            raise Unavailable(
                "No Log Analytics workspace is set.", operation="export runs", hint="Set one and ask again."
            )
        if not result.is_known:
            raise result.problem or Unavailable("The runs could not be read.", operation="export runs")
        return as_csv(result.rows) if form == "csv" else self._as_json(result)

    def _as_json(self, result: Result) -> bytes:
        return json.dumps(
            {
                "source": result.source,
                "read_at_utc": _plain(result.read_at),
                "start_utc": _plain(self.start),
                "end_utc": _plain(self.end),
                "filters": self.about,
                "matching": self.matching,
                "exported": len(result.rows),
                "whole": result.state in ("ok", "empty") and self.matching == len(result.rows),
                "state": result.state,
                "note": result.said,
                "runs": [
                    {name: _plain(row[column]) for name, column in COLUMNS.items()} for row in result.rows
                ],
            },
            ensure_ascii=False,
            indent=1,
        ).encode()


def as_csv(rows: Sequence[Row]) -> bytes:
    """Return the table with its head. Not known: an empty cell. No text of others is a formula in a spreadsheet."""
    written = io.StringIO(newline="")
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for row in rows:
        table.writerow([_cell(row[column]) for column in COLUMNS.values()])
    return written.getvalue().encode("utf-8-sig")  # the mark tells spreadsheets that it is UTF-8


def _cell(value: Cell) -> str | float | int:
    if isinstance(value, str):
        return safe.for_spreadsheet(value)
    plain = _plain(value)
    if isinstance(plain, bool):
        return str(plain).lower()
    return "" if plain is None else plain


def _plain(value: Cell) -> str | float | int | bool | None:
    """Return *value* as JSON has it; an empty text is one that is not known."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return json.dumps(dict(value))
    return value if value != "" else None
