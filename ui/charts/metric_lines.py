"""A metric of Azure's own over time, one line or one row of points for each value of what it is split by."""

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from services.monitor.overview import Points
from ui.charts import palette, style, ticks

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

FEW = 60  # up to so many points each is marked, so that one alone is seen


def figure(
    series: Mapping[str, Points],
    *,
    bars: bool,
    start: datetime,
    end: datetime,
    grain: timedelta,
    theme: str,
    zone: tzinfo,
    unit: str,
) -> "Figure":
    """Return the chart: bars for sums, which add up, lines for everything else. An interval without data is a gap."""
    from ui.charts.figures import Bar, Figure, Scatter

    drawn = Figure()
    colours = palette.SERIES[theme]
    for place, (name, points) in enumerate(series.items()):
        shown = style.plain(name, 48)
        colour = colours[place % len(colours)]
        x, y = style.times([at for at, _ in points], zone), [value for _, value in points]
        hover = f"%{{y:,.3~f}} {style.plain(unit)}<extra>{shown}</extra>"
        if bars:
            width_ms = grain.total_seconds() * 1000 * 0.86
            drawn.add_trace(
                Bar(
                    name=shown,
                    x=x,
                    y=y,
                    width=width_ms,
                    offset=0,
                    marker={"color": colour},
                    hovertemplate=hover,
                )
            )
        else:
            known = sum(value is not None for value in y)
            mode = "lines+markers" if known <= FEW else "lines"
            drawn.add_trace(
                Scatter(
                    name=shown,
                    x=x,
                    y=y,
                    mode=mode,
                    connectgaps=False,
                    line={"color": colour, "width": 2},
                    marker={"size": 5, "color": colour},
                    hovertemplate=hover,
                )
            )
    drawn.update_layout(style.layout(theme, height=320, y_title=unit, zone=zone))
    drawn.update_layout(
        barmode="stack",
        showlegend=len(series) > 1,
        xaxis=ticks.across(style.times([start, end], zone)),
        yaxis={"tickformat": "~s"},
    )
    return drawn
