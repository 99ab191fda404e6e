"""The actions of the list as a file: intent and result in one row, harmless in a spreadsheet. Raw records: `run.py audit export`."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from services.monitor.results import Result, Row
from ui import context, export_box, feedback, formats, safe
from ui.audit_data import MOST_ROWS
from ui.audit_filters import Filters
from ui.export_box import Form
from ui.view import View

PAGE: Final = "audit"
COLUMNS: Final = {  # what stands in the file, and which column of the query it is
    "at_utc": "at",
    "ended_utc": "ended",
    "outcome": "ending",
    "error": "error",
    "actor": "actor",
    "actor_name": "actor_name",
    "roles": "roles",
    "address": "address",
    "action": "action_name",
    "target_type": "target_type",
    "target": "target_id",
    "before": "before",
    "after": "after",
    "trace_id": "trace_id",
    "instance": "instance",
    "action_id": "pair",
    "kind": "record_kind",
}


def draw(result: Result, filters: Filters, view: View) -> None:
    """Draw the way to a file of what the list shows. Sends nothing."""
    cut = f" More may match: the list holds {MOST_ROWS} at most." if len(result.rows) >= MOST_ROWS else ""
    words = f"{formats.count(len(result.rows), 'action')} of the list, newest first.{cut}"
    about = "Every record as it is signed, to be verified elsewhere: `python3 run.py audit export FILE`."
    export_box.draw(PAGE, words, prepare, [result, filters, view], about)


def prepare(result: Result, filters: Filters, view: View, form: Form) -> None:
    """Callback: make the file, and put on record that somebody did."""
    with feedback.saying_errors():
        services = context.services()
        services.trail.note(services.access.principal(), "export audit", view.label)
        content = as_csv(result.rows) if form == "csv" else as_json(result, filters, view)
        stamp = f"{formats.now().astimezone(UTC):%Y%m%dT%H%M%SZ}"
        export_box.keep(PAGE, (f"relaydeck-audit-{stamp}.{form}", content))


def as_csv(rows: Sequence[Row]) -> bytes:
    """Return the table with its head. Nothing known: an empty cell. No text of others is a formula in a spreadsheet."""
    written = io.StringIO(newline="")
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for row in rows:
        table.writerow([safe.for_spreadsheet(_plain(row[column])) for column in COLUMNS.values()])
    return written.getvalue().encode("utf-8-sig")  # the mark tells spreadsheets that it is UTF-8


def as_json(result: Result, filters: Filters, view: View) -> bytes:
    return json.dumps(
        {
            "source": result.source,
            "read_at_utc": _plain(result.read_at),
            "start_utc": _plain(view.start),
            "end_utc": _plain(view.end),
            "filters": filters.values(),
            "state": result.state,
            "whole": result.state in ("ok", "empty") and len(result.rows) < MOST_ROWS,
            "actions": [
                {name: _plain(row[column]) for name, column in COLUMNS.items()} for row in result.rows
            ],
        },
        ensure_ascii=False,
        indent=1,
        default=list,
    ).encode("utf-8", "backslashreplace")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return "" if value is None else str(value)
