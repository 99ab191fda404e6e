"""What the Metrics page shows of the logs, read in one request and shared by all who look at the same range."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.monitor.overview import buckets
from services.monitor.results import Ask, Result
from services.monitor.usage import Use, uses_of, utc_shift
from ui import context
from ui.view import View

WEEK = "week_hours"
WEEK_FROM = timedelta(days=2)  # a shorter range holds no hour twice


@dataclass(frozen=True, slots=True)
class Board:
    """One result for each query. *week*: None when the range is too short for it."""

    health: Result
    series: Result
    reasons: Result
    tokens: Result
    week: Result | None

    def uses(self) -> tuple[Use, ...]:
        """Return the tokens taken, with what they cost by the price list of this installation."""
        return uses_of(self.tokens.rows, context.services().prices)


def read(view: View) -> Board | None:
    """Return what the workspace tells; None when none is set. At most one request, none for what was just read."""
    found = context.ask_logs(*asks_of(view))
    if found is None:
        return None
    return Board(found[0], found[1], found[2], found[3], found[4] if has_week(view) else None)


def asks_of(view: View) -> list[Ask]:
    """Return what is asked of the workspace, in the order of Board."""
    asks = [
        Ask("parts_health", view.values(), view.label),
        Ask("parts_over_time", view.values(grain=view.grain), view.label),
        Ask("failure_reasons", view.values(), view.label),
        Ask("token_use", view.values(grain=view.grain), view.label),
    ]
    if has_week(view):
        shift = utc_shift(view.zone, view.end)
        asks.append(Ask(WEEK, view.values(shift=shift), view.label))
    return asks


def has_week(view: View) -> bool:
    return view.end - view.start >= WEEK_FROM


def moments(result: Result, view: View) -> Sequence[datetime]:
    """Return the beginning of every bucket of the range; none when there is no row."""
    return buckets(result.rows, view.start, view.end, view.grain)
