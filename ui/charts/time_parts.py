"""Where the time of an answer goes: mean seconds per answer, one bar a stretch, the parts stacked."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from services.monitor.overview import Parts
from services.monitor.shapes import BarKind
from ui.charts import palette, style, ticks

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

# From the bottom up: waiting, which this product is about, stands on the line where heights can be compared.
STACK: tuple[tuple[str, BarKind, str], ...] = (
    ("wait_s", "wait", "queue wait"),
    ("function_s", "function", "function"),
    ("model_s", "model", "model"),
    ("other_s", "run", "other"),
)
WORTH_DRAWING = 0.005  # of the whole: less would be a line without height in the legend


def figure(
    parts: Sequence[tuple[datetime, Parts]],
    *,
    start: datetime,
    end: datetime,
    grain: timedelta,
    theme: str,
    zone: tzinfo,
) -> "Figure":
    """Return the chart. A stretch without a measured answer has no bar."""
    from ui.charts.figures import Bar, Figure

    known = [(at, one) for at, one in parts if one.measured]
    whole_s = sum(one.whole_s or 0.0 for _, one in known)
    bars = []
    for name, kind, word in STACK:
        heights = [getattr(one, name) for _, one in known]
        if name == "other_s" and sum(one or 0.0 for one in heights) <= whole_s * WORTH_DRAWING:
            continue
        bars.append(
            Bar(
                name=word,
                x=style.times([at for at, _ in known], zone),
                y=heights,
                width=grain.total_seconds() * 1000 * 0.86,
                offset=0,
                customdata=[one.measured for _, one in known],
                hovertemplate="%{y:.2f} s<extra>" + word + "</extra>",
                marker={"color": palette.KINDS[theme][kind], "line": {"width": 0}},
            )
        )
    layout = style.layout(theme, y_title="mean seconds per answer", zone=zone)
    layout["margin"] = style.legend_room(layout["margin"])
    layout["xaxis"] |= ticks.across(style.times([start, end], zone))
    layout["yaxis"] |= ticks.up(max((_height(one) for _, one in known), default=0.0))
    return Figure(bars, {**layout, "barmode": "stack"})


def _height(parts: Parts) -> float:
    return sum(getattr(parts, name) or 0.0 for name, _, _ in STACK)
