"""How answers end: one bar a stretch, failures on the line at the bottom, where they can be compared."""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from services.monitor.overview import Points
from ui.charts import palette, style, ticks

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

STACK = ("failed", "expired", "cancelled", "answered")
WORDS = {"failed": "failed", "expired": "expired", "cancelled": "stopped", "answered": "answered"}
HATCHED = ("expired", "cancelled")


def figure(
    counted: Mapping[str, Points],
    *,
    start: datetime,
    end: datetime,
    grain: timedelta,
    theme: str,
    zone: tzinfo,
) -> "Figure":
    """Return the chart. An outcome that never came is not in the legend; `failed` always is."""
    from ui.charts.figures import Bar, Figure

    bars = []
    for outcome in STACK:
        points = counted[outcome]
        if outcome not in ("failed", "answered") and not any(value for _, value in points):
            continue
        if outcome != "answered":  # these have a bar for each stretch, for whoever points at an empty one
            points = style.tall(points)
        red = outcome in ("failed", "expired")
        bars.append(
            Bar(
                name=WORDS[outcome],
                x=style.times([at for at, _ in points], zone),
                y=[value for _, value in points],
                width=grain.total_seconds() * 1000 * 0.86,
                offset=0,
                hovertemplate="%{y:,.0f}<extra>" + WORDS[outcome] + "</extra>",
                marker={
                    "color": palette.FAILED[theme] if red else palette.KINDS[theme]["run"],
                    "line": {"width": 0},
                    **({"pattern": {"shape": "/", "size": 6, "solidity": 0.4}} if outcome in HATCHED else {}),
                },
            )
        )
    highest = max(
        (sum(values) for values in zip(*(_heights(counted[one]) for one in STACK), strict=True)), default=0
    )
    layout = style.layout(theme, y_title="answers", zone=zone)
    layout["margin"] = style.legend_room(layout["margin"])
    layout["xaxis"] |= ticks.across(style.times([start, end], zone))
    layout["yaxis"] |= ticks.up(highest, whole=True)
    return Figure(bars, {**layout, "barmode": "stack"})


def _heights(points: Points) -> list[float]:
    return [value or 0.0 for _, value in points]
