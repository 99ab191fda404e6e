"""Queues over time: three cards from one request."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import streamlit as st

from services.monitor.flow import WINDOW
from services.monitor.results import Result, Row
from services.queues import POISON_SUFFIX
from ui import cards, context, formats, safe
from ui.charts import palette, queues, style
from ui.queue_data import FLOW, HISTORY, WAITS, Board
from ui.view import View

if TYPE_CHECKING:
    from ui.charts.figures import Figure

CHART_PX = 420  # narrower than this, two charts stand one above the other
ABOUT_STRIPS = (
    "A sampler in each Relaydeck process looks at every queue and tells depth and age as metrics; a point is the "
    "highest of its stretch. Depth is Azure's approximate count, with messages that are being worked on. Age is that "
    "of the oldest message that waits visibly. A line is broken where nobody looked."
)
ABOUT_FLOW = (
    "From what the function app tells of each message it took: arrived by the message's insertion time, finished by the "
    "execution that succeeded. A message that waits now is counted as arrived only once a function has taken it."
)
ABOUT_WAITS = (
    "From the message's insertion to the beginning of its execution, one count per delivery. The storage account tells "
    "insertion in whole seconds, so a wait may be up to 1 s too long. Two hills are two populations: warm, and cold or "
    "backed off."
)


def draw(board: Board, shown: View, pair: str) -> None:
    """Draw depth and age, flow, waits over the range of *shown*. *pair*: an input queue to look at alone, or empty."""
    results = board.results
    if results is None:
        cards.draw("How have the queues been over time?", None, _nothing, key="queues-history")
        return
    names = {one.input_queue: f"{one.name} in" for one in board.pairs}
    names |= {one.output_queue: f"{one.name} out" for one in board.pairs}
    names |= {queue + POISON_SUFFIX: f"{name} poison" for queue, name in names.items()}
    wanted = _of_pair(board, pair)
    span = queues.Span(shown.start, shown.end, shown.grain, shown.zone)
    theme = palette.theme()
    with st.grid(2, min_column_width=CHART_PX, gap="small"):
        rows = chosen(results[HISTORY].rows, wanted)
        _card(
            "How deep are the queues, and how old is the oldest message?",
            results[HISTORY],
            rows,
            (lambda: queues.strips(rows, names, span, theme)) if queues.deepest(rows) else None,
            "queues-strips",
            f"Depth and age of the oldest message of each queue over {shown.words}.",
            ABOUT_STRIPS,
            shown,
            [pair, *(f"{queue}={name}" for queue, name in names.items())],
        )
        rates = chosen(results[FLOW].rows, wanted)
        _card(
            "Does work come in faster than it is finished?",
            results[FLOW],
            rates,
            lambda: queues.flow(rates, span, theme),
            "queues-flow",
            f"Messages that arrived and that were finished, a minute, over {shown.words}.",
            ABOUT_FLOW,
            shown,
            [pair],
        )
    waits = chosen(results[WAITS].rows, wanted)
    _card(
        waits_title(waits),
        results[WAITS],
        waits,
        lambda: queues.waits(waits, theme),
        "queues-waits",
        f"How long messages waited over {shown.words}. {waits_title(waits)}",
        ABOUT_WAITS,
        shown,
        [pair],
        has_grain=False,
    )


def _card(
    title: str,
    result: Result,
    rows: Sequence[Row],
    figure: Callable[[], "Figure"] | None,
    key: str,
    alt: str,
    about: str,
    shown: View,
    told: Sequence[str],
    *,
    has_grain: bool = True,
) -> None:
    """Draw a card with a *figure* of *rows*, which are some of *result*; *told*: which, and what else it shows."""

    def body() -> None:
        if not rows:
            st.caption("Nothing of this pair in this range.")
        elif figure is None:
            st.markdown(f":gray[:material/inbox:] {quiet_words(rows, shown)}")
        else:
            drawn = context.figure(key, style.key_of([result], shown, *told), figure)
            style.draw(drawn, key=key, alt=alt)

    empty = (
        "No reading of any queue in this range."
        if "strips" in key
        else "No function has taken a message in this range."
    )
    cards.draw(
        title, result, body, key=key, about=about, empty=empty, grain=shown.grain if has_grain else None
    )


def quiet_words(rows: Sequence[Row], shown: View) -> str:
    """Return that every look found all queues empty, how often somebody looked, and when last."""
    looks = [row for row in rows if row["metric"] == queues.DEPTH]
    readings = max((_readings(looks, queue) for queue in {row["queue"] for row in looks}), default=0)
    last = max((at for row in looks if isinstance(at := row["bucket"], datetime)), default=None)
    words = f"Every queue was empty at each of {formats.count(readings, 'reading')}"
    return f"{words}, the last after {formats.told(shown.clock(last))}." if last else f"{words}."


def _readings(rows: Sequence[Row], queue: object) -> int:
    return sum(value for row in rows if row["queue"] == queue and isinstance(value := row["readings"], int))


def waits_title(rows: Sequence[Row]) -> str:
    """Return the finding: how many waited how long at most, as far as eighths of a decade tell."""
    counts: dict[float, int] = {}
    for row in rows:
        if isinstance(row["exponent"], float) and isinstance(row["messages"], int):
            counts[row["exponent"]] = counts.get(row["exponent"], 0) + row["messages"]
    total = sum(counts.values())
    if not total:
        return "How long do messages wait in the input queue?"
    below, seen = 0.0, 0
    for exponent in sorted(counts):
        seen, below = seen + counts[exponent], float(10 ** (exponent + queues.EIGHTH))
        if seen >= 0.95 * total:
            break
    return f"95 % of {formats.count(total, 'message')} waited less than {formats.duration(below)}"


def chosen(rows: Sequence[Row], wanted: frozenset[str]) -> list[Row]:
    """Return the rows of the *wanted* queues; all when none is named."""
    return [row for row in rows if not wanted or row["queue"] in wanted]


def window_words() -> str:
    return f"{WINDOW.total_seconds() / 60:.0f} min"


def as_row(name: str, messages: int, oldest_s: float | None, state: str) -> dict[str, str | int]:
    return {
        "Queue": safe.clean(name),
        "Messages": messages,
        "Oldest": formats.duration(oldest_s) if oldest_s is not None else "none visible",
        "State": state,
    }


def _of_pair(board: Board, pair: str) -> frozenset[str]:
    found = next((one for one in board.pairs if one.input_queue == pair), None)
    if found is None:
        return frozenset()
    own = (found.input_queue, found.output_queue)
    return frozenset((*own, *(queue + POISON_SUFFIX for queue in own)))


def _nothing() -> None:
    """There is no body without results."""
