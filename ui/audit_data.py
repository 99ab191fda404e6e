"""What the Audit page reads: one request for all of it, shared by all who look."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from services.audit.record import Record, read_row
from services.monitor.kql import Value
from services.monitor.results import Ask, Result, Row
from ui import context
from ui.audit_filters import Filters
from ui.view import View

MOST_ROWS: Final = 500  # audit_actions.kql
RESULT_WITHIN: Final = timedelta(hours=1)  # after the end of the range, results of its actions are looked for


@dataclass(frozen=True, slots=True)
class Reading:
    """*pair*: the raw records of the selected action; None when none is selected."""

    actions: Result
    figures: Result
    pair: Result | None

    @property
    def figure(self) -> Row:
        """The only row of the figures; empty when they are not known."""
        return self.figures.rows[0] if self.figures.rows else {}

    def count(self, name: str) -> int | None:
        """Return a figure; None when it is not known."""
        value = self.figure.get(name)
        return int(value) if isinstance(value, int | float) else None

    def records(self) -> Sequence[Record]:
        return [read_row(row) for row in self.pair.rows] if self.pair is not None else []


def read(view: View, filters: Filters) -> Reading | None:
    """Return what the page shows; None when no workspace is set. One request at most. Raises nothing."""
    pair = (
        Ask("audit_pair", {**_times(view), "pair": filters.pair}, label=view.label) if filters.pair else None
    )
    asks = [actions_ask(view, filters), Ask("audit_figures", _place(view), label=view.label)]
    found = context.ask_logs(*asks, *([pair] if pair else []))
    return None if found is None else Reading(found[0], found[1], found[2] if pair else None)


def actions_ask(view: View, filters: Filters) -> Ask:
    return Ask("audit_actions", {**_place(view), **filters.values()}, label=view.label)


def _place(view: View) -> dict[str, Value]:
    return {**view.values(), "environment": context.services().auditor.environment}


def _times(view: View) -> dict[str, Value]:
    return {"start": view.start, "end": view.end + RESULT_WITHIN}
