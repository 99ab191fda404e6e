"""What the Runs page reads: one request for all of it, shared by all who look."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.monitor.kql import Value
from services.monitor.results import Ask, Result, Row
from ui import context
from ui.runs_filters import SORTS, Filters, Wanted
from ui.view import View

PAGE_ROWS = 50
MOST_POINTS = 2_000  # runs_points.kql brings one more, which says that there are more


@dataclass(frozen=True, slots=True)
class Reading:
    """The four results of a page, and what the figures say. *total*, *matching*: None when they could not be read."""

    listed: Result
    figures: Result
    shape: Result
    points: Result

    @property
    def figure(self) -> Row:
        """The only row of the figures; empty when they are not known."""
        return self.figures.rows[0] if self.figures.rows else {}

    @property
    def total(self) -> int | None:
        return whole(self.figure.get("total"))

    @property
    def matching(self) -> int | None:
        return whole(self.figure.get("matching_runs"))


def whole(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) else None


def number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def read(view: View, wanted: Wanted) -> tuple[Reading | None, int]:
    """Return what the page shows, None when no workspace is set, and which page that is: the last, past the end.

    One request at most; one more for a page that there is not. Raises nothing: a result says what failed.
    """
    reading = _ask(view, wanted, wanted.page)
    page = wanted.page
    if reading is not None and reading.matching and page > pages_of(reading.matching):
        page = pages_of(reading.matching)
        reading = _ask(view, wanted, page)
    return reading, page


def pages_of(runs: int) -> int:
    return max(1, -(-runs // PAGE_ROWS))


def place_words(page: int, shown: int, matching: int | None) -> str:
    """Return `1-50 of 1,204`."""
    first = (page - 1) * PAGE_ROWS + 1
    whole_words = "an unknown number" if matching is None else f"{matching:,}"
    return f"{first:,}-{first + shown - 1:,} of {whole_words}" if shown else f"0 of {whole_words}"


def list_ask(view: View, filters: Filters, sort: str, first_row: int, rows: int) -> Ask:
    order = SORTS[sort]
    more: dict[str, Value] = {
        "first_row": first_row,
        "last_row": first_row + rows - 1,
        "sorting": order.measure,
        "direction": order.direction,
    }
    return Ask("runs", {**_times(view, filters), **filters.values(), **more}, label=_label(view, filters))


def _ask(view: View, wanted: Wanted, page: int) -> Reading | None:
    found = context.ask_logs(*asks_of(view, wanted, page))
    return None if found is None else Reading(*found)


def asks_of(view: View, wanted: Wanted, page: int) -> list[Ask]:
    """Return what is asked of the workspace, in the order of Reading."""
    filters = wanted.filters
    values = filters.values()
    marked: dict[str, Value] = {**_times(view, filters), **values}
    label = _label(view, filters)
    return [
        list_ask(view, filters, wanted.sort, (page - 1) * PAGE_ROWS, PAGE_ROWS),
        Ask("runs_figures", marked, label=label),
        Ask("runs_shape", {**view.values(grain=view.grain), **values}, label=view.label),
        Ask("runs_points", marked, label=label),
    ]


def _times(view: View, filters: Filters) -> dict[str, Value]:
    if filters.stretch is None:
        return view.values()
    return {"start": filters.stretch.start, "end": filters.stretch.end}


def _label(view: View, filters: Filters) -> str:
    if filters.stretch is None:
        return view.label
    return f"{view.label}|{filters.stretch.start.isoformat()}/{filters.stretch.end.isoformat()}"


def rows_within(rows: Sequence[Row], start: object, end: object) -> list[Row]:
    """Return the rows whose bucket lies between the two times."""
    return [row for row in rows if start <= row["bucket"] < end]  # type: ignore[operator]  # three datetimes
