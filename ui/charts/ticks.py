"""Where an axis has its marks, and what stands at them: said by us, so that a chart and its picture have the same.

plotly would choose by how wide it has become, which a server cannot know.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil, floor, log10
from typing import Any

DAY_S = 86_400
STEPS_S = (
    *(1, 2, 5, 10, 15, 30),
    *(60 * one for one in (1, 2, 5, 10, 15, 30)),
    *(3_600 * one for one in (1, 2, 3, 6, 12)),
    *(DAY_S * one for one in (1, 2, 3, 7, 14, 28)),
)
SEVERAL_DAYS_S = 1.5 * DAY_S
MOST_TIMES, MOST_COUNTS = 6, 6
HEADROOM = 1.05  # above the highest
LEAST_S = 0.001  # a logarithmic axis has no zero
_FIRST = datetime(2001, 1, 1)  # noqa: DTZ001 - a Monday, on a clock without a zone, as all of plotly's moments


def across(
    ends: Sequence[datetime], most: int = MOST_TIMES, *, one_line: bool = False, edge: float = 0.0
) -> dict[str, Any]:
    """Return range, marks and words of an axis of time from the first of *ends* to the second, both without a zone.

    Up to *most* marks at round times; the day stands below the first of it, and alone where marks are days apart.
    *one_line*: there is no room below: marks are times of day, or days where there are several. *edge*: the share of the range at
    either end that has no mark, for its words would lie on those of the next axis.
    """
    start, end = ends
    span_s = (end - start).total_seconds()
    least_s = DAY_S if one_line and span_s > SEVERAL_DAYS_S else 0
    step_s = next((one for one in STEPS_S if span_s / one <= most and one >= least_s), STEPS_S[-1])
    first = ceil((start + (end - start) * edge - _FIRST).total_seconds() / step_s)
    last = floor((end - (end - start) * edge - _FIRST).total_seconds() / step_s)
    places = [_FIRST + timedelta(seconds=number * step_s) for number in range(first, last + 1)]
    words, day = [], None
    for place in places:
        words.append(_words(place, step_s, has_day=place.date() != day and not one_line))
        day = place.date()
    return {"range": [start, end], "tickvals": places, "ticktext": words}


def _words(place: datetime, step_s: int, *, has_day: bool) -> str:
    day = f"{place.day} {place:%b}"
    if step_s >= DAY_S:
        return day
    clock = f"{place:%H:%M:%S}" if step_s < 60 else f"{place:%H:%M}"
    return f"{clock}<br>{day}" if has_day else clock


def up(
    highest: float, *, most: int = MOST_COUNTS, whole: bool = False, room: float = HEADROOM
) -> dict[str, Any]:
    """Return range, marks and words of an axis from 0, for heights or lengths up to *highest*.

    *whole*: what is counted has no halves. *room*: how far the axis goes on, in times of *highest*.
    """
    top = (highest if highest > 0 else 1.0) * room
    step = _round_step(top / most)
    if whole:
        step = max(1.0, step)
    places = [step * number for number in range(floor(top / step) + 1)]
    return {
        "range": [0, top],
        "tickvals": places,
        "ticktext": [_short(place, step) for place in places],
    }


def _round_step(least: float) -> float:
    """Return 1, 2 or 5 times a power of ten, not below *least*."""
    unit = 10.0 ** floor(log10(least))
    return next(unit * one for one in (1, 2, 5, 10) if unit * one >= least * 0.999)


def _short(value: float, step: float) -> str:
    """Return *value* with as many decimals as tell it from the next one, *step* away; thousands and millions as `k` and `M`."""
    for unit, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit and step >= unit / 100:
            return f"{value / unit:g}{sign}"
    decimals = max(0, -floor(log10(step) + 1e-9))
    return f"{value:,.{decimals}f}"


def log_seconds(known: Sequence[float]) -> dict[str, Any]:
    """Return range, marks and words of a logarithmic axis that holds *known*, in seconds; fewer marks over more decades."""
    low, high = max(min(known, default=0.1), LEAST_S), max(known, default=1.0)
    low, high = low / 1.5, max(high * 1.5, low * 3)
    decades = range(floor(log10(low)), floor(log10(high)) + 2)
    steps = (1,) if len(decades) > 4 else (1, 3)
    places = [step * 10.0**decade for decade in decades for step in steps]
    return {
        "range": [log10(low), log10(high)],
        "tickvals": places,
        "ticktext": [f"{place:g} s" for place in places],
    }
