"""What the Queues page shows, read at once: live depths, and from telemetry everything in one request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.models import QueueDepth
from services.monitor.flow import WINDOW, Rates, rates
from services.monitor.pairs import Pair, others_of, pairs_of
from services.monitor.results import Ask, Result
from ui import context, formats
from ui.view import View

__all__ = ["FLOW", "HISTORY", "NOW", "WAITS", "Board", "Pair", "QueueDepth", "load"]
HISTORY, FLOW, NOW, WAITS = range(4)


@dataclass(frozen=True, slots=True)
class Board:
    """*results*: history, flow, flow of the last minutes, waits; None when no workspace is set. *rates*: by input queue,
    None when nobody can tell them."""

    depths: Sequence[QueueDepth]
    read_at: datetime
    pairs: tuple[Pair, ...]
    others: tuple[QueueDepth, ...]
    results: tuple[Result, ...] | None
    rates: Mapping[str, Rates] | None


def load(shown: View) -> Board:
    """Return what there is to show. At most one request to the workspace, and two per queue, for each refresh.

    Raises the ServiceErrors of the storage account; what the workspace refuses stands in its results.
    """
    depths, at = context.all_depths()
    pairs = pairs_of(context.services().catalogue, depths)
    results = context.ask_logs(*asks_of(shown))
    return Board(depths, at, pairs, others_of(pairs, depths), results, _rates(pairs, results))


def asks_of(shown: View) -> list[Ask]:
    """Return what is asked of the workspace: history, flow, flow of the last minutes, waits."""
    now = formats.now()
    return [
        Ask("queue_history", shown.values(grain=shown.grain, queues=[]), shown.label),
        Ask("queue_rates", shown.values(grain=shown.grain), shown.label),
        Ask("queue_rates", {"start": now - WINDOW, "end": now, "grain": WINDOW}, "now"),
        Ask("queue_waits", shown.values(), shown.label),
    ]


def _rates(pairs: Sequence[Pair], results: tuple[Result, ...] | None) -> Mapping[str, Rates] | None:
    if results is None or not results[NOW].is_known or results[NOW].state == "stale":
        return None
    return {pair.input_queue: rates(results[NOW].rows, pair.input_queue, pair.input) for pair in pairs}
