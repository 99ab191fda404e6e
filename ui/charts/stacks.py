"""Amounts over time, one on top of the other: what they come to together, and what of it is whose."""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from services.monitor.overview import Points
from ui.charts import palette, style, ticks

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure


def figure(
    stacks: Mapping[str, Points],
    *,
    start: datetime,
    end: datetime,
    grain: timedelta,
    theme: str,
    zone: tzinfo,
    y_title: str,
    hover: str,
    prefix: str = "",
) -> "Figure":
    """Return the chart. *hover*: how plotly writes a value. *prefix*: before each label of the axis upwards."""
    from ui.charts.figures import Bar, Figure

    drawn = Figure()
    colours = palette.SERIES[theme]
    for place, (name, points) in enumerate(stacks.items()):
        shown = style.plain(name, 40)
        drawn.add_trace(
            Bar(
                name=shown,
                x=style.times([at for at, _ in points], zone),
                y=[value for _, value in points],
                width=grain.total_seconds() * 1000 * 0.86,
                offset=0,
                marker={"color": colours[place % len(colours)], "line": {"width": 0}},
                hovertemplate=hover + f"<extra>{shown}</extra>",
            )
        )
    drawn.update_layout(style.layout(theme, y_title=y_title, zone=zone))
    drawn.update_layout(
        barmode="stack",
        xaxis=ticks.across(style.times([start, end], zone)),
        yaxis={"tickprefix": prefix, "tickformat": "~s" if not prefix else ""},
    )
    return drawn
