"""How long answers take: median, 95th and 99th percentile over time, and how long they may."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from math import floor, log10
from typing import TYPE_CHECKING

from services.answers.narration import seconds
from services.monitor.overview import Points
from ui.charts import palette, style, ticks

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

# No percentile has a colour of its own: what most answers take is the heaviest line, the rare ones are thinner.
LINES: Mapping[str, tuple[str, float, str]] = {
    "p99": ("dot", 1.6, "p99"),
    "p95": ("solid", 2.6, "p95"),
    "p50": ("solid", 1.4, "p50 (median)"),
}
LEAST_S = 0.01
HEADROOM = 1.6


def figure(
    lines: Mapping[str, Points], *, slo_s: float, start: datetime, end: datetime, theme: str, zone: tzinfo
) -> "Figure":
    """Return the chart, on a logarithmic scale. A stretch without an answer is a gap in each line."""
    from ui.charts.figures import Figure, Scatter

    traces = []
    for name, (dash, width, word) in LINES.items():
        traces += style.line(
            [(at, None if value is None else max(value, LEAST_S)) for at, value in lines[name]],
            zone,
            _colour(name, theme),
            name=word,
            customdata=["" if value is None else seconds(value) for _, value in lines[name]],
            line={"dash": dash, "width": width},
            hovertemplate="%{customdata}<extra>" + word + "</extra>",
        )
    traces.append(
        Scatter(
            name=f"may take {slo_s:g} s",
            x=style.times([start, end], zone),
            y=[slo_s, slo_s],
            mode="lines",
            line={"color": palette.FAILED[theme], "dash": "dash", "width": 1.2},
            hoverinfo="skip",
        )
    )
    known = [value for points in lines.values() for _, value in points if value is not None]
    low, high = min([*known, slo_s]), max([*known, slo_s])
    layout = style.layout(theme, y_title="seconds, logarithmic", y_log=True, zone=zone)
    layout["margin"] = style.legend_room(layout["margin"])
    layout["xaxis"] |= ticks.across(style.times([start, end], zone))
    layout["yaxis"] |= {
        "range": [log10(max(low, LEAST_S) / HEADROOM), log10(high * HEADROOM)],
        **_ticks(low, high),
    }
    return Figure(traces, layout)


def _colour(name: str, theme: str) -> str:
    return palette.TEXT[theme] if name == "p95" else palette.KINDS[theme]["run"]


def _ticks(low: float, high: float) -> dict[str, list[float] | list[str]]:
    """Return the ticks at 1, 2 and 5 of each decade, or at 1 only where there are many; in words a person knows."""
    decades = range(floor(log10(max(low, LEAST_S))), floor(log10(high)) + 2)
    steps = (1, 3) if len(decades) > 3 else (1, 2, 5)
    places = [step * 10.0**decade for decade in decades for step in steps]
    return {"tickvals": places, "ticktext": [f"{place:g} s" for place in places]}
