"""Queues over time: a row each, how many messages on the left, how long the oldest waited on the right."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

from services.answers.narration import seconds
from services.monitor.overview import QueuePast
from services.queues import POISON_SUFFIX
from ui.charts import palette, style, ticks

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

HEIGHT_PX = 260
GAP = 0.09
LEFT, RIGHT = (0.0, 0.46), (0.54, 1.0)
LONGEST_NAME = 60
MOST_TICKS = 4


def figure(
    pasts: Sequence[QueuePast], *, start: datetime, end: datetime, theme: str, zone: tzinfo
) -> "Figure":
    """Return the chart. All rows of a side share one scale, so that a height means the same in each of them."""
    from ui.charts.figures import Figure

    traces, rows = [], len(pasts)
    deepest = max([1.0, *(one.deepest or 0.0 for one in pasts)])
    longest_s = max([1.0, *(one.longest_s or 0.0 for one in pasts)])
    ends = style.times([start, end], zone)
    axes = _across(rows, ends)
    notes: list[dict[str, Any]] = [_heading("messages", LEFT[0]), _heading("oldest, seconds", RIGHT[0])]
    for row, past in enumerate(pasts):
        low, high = _place(row, rows)
        colour = palette.FAILED[theme] if past.name.endswith(POISON_SUFFIX) else palette.KINDS[theme]["wait"]
        for side, (points, top) in enumerate(((past.depth, deepest), (past.oldest_s, longest_s))):
            number = row * 2 + side + 1
            traces += style.line(
                points,
                zone,
                colour,
                customdata=[_words(value, side) for _, value in points],
                name=style.plain(past.name, LONGEST_NAME),
                xaxis="x2" if side else "x",
                yaxis=f"y{number}",
                line={"width": 1.6, "shape": "hv" if side == 0 else "linear"},
                fill="tozeroy" if side == 0 else "none",
                hovertemplate="%{x|%H:%M}: %{customdata}<extra></extra>",
            )
            axes[f"yaxis{number if number > 1 else ''}"] = _up(side, (low, high), top, theme)
        notes.append(_name(past.name, high))
    layout = style.layout(theme, height=HEIGHT_PX, zone=zone)
    layout |= {
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 34, "r": style.RIGHT_PX, "t": 38, "b": 22},
    }
    del layout["xaxis"], layout["yaxis"]
    return Figure(traces, {**layout, **axes, "annotations": notes})


def _place(row: int, rows: int) -> tuple[float, float]:
    """Return the lower and the upper end of a row; below its name."""
    height = 1.0 / rows
    return 1.0 - (row + 1) * height, 1.0 - row * height - min(GAP, height * 0.4)


def _across(rows: int, ends: list[datetime]) -> dict[str, Any]:
    """Return the axis of time of each side: one for all its rows, for every axis costs the browser as much as a line."""
    look: dict[str, Any] = {
        **style.AXIS,
        "type": "date",
        **ticks.across(ends, MOST_TICKS, one_line=True),
        "showgrid": False,
        "tickangle": 0,
    }
    return {
        "xaxis": {**look, "domain": LEFT, "anchor": f"y{rows * 2 - 1}"},
        "xaxis2": {**look, "domain": RIGHT, "anchor": f"y{rows * 2}"},
    }


def _up(side: int, domain: tuple[float, float], top: float, theme: str) -> dict[str, Any]:
    """Return the axis of one row on one side; its line at nothing is what the row stands on."""
    return {
        **style.AXIS,
        "domain": domain,
        "anchor": "x2" if side else "x",
        "range": [0, top * 1.12],
        "tickvals": [0, top],
        "ticktext": ["0", f"{top:,.0f}" if top >= 10 else f"{top:.2f}".rstrip("0").rstrip(".")],
        "gridcolor": palette.GRID[theme],
        "zerolinecolor": palette.GRID[theme],
        "tickfont": {"size": 11},
    }


def _heading(text: str, place: float) -> dict[str, Any]:
    return _note(text, place, 1.0, 20, bold=False)


def _name(name: str, place: float) -> dict[str, Any]:
    return _note(style.plain(name, LONGEST_NAME), 0.0, place, 2, bold=True)


def _note(text: str, across: float, up: float, shift_px: int, *, bold: bool) -> dict[str, Any]:
    return {
        "text": f"<b>{text}</b>" if bold else text,
        "x": across,
        "xref": "paper",
        "xanchor": "left",
        "y": up,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": shift_px if not bold else 0,
        "showarrow": False,
        "font": {"size": 12},
    }


def _words(value: float | None, side: int) -> str:
    if value is None:
        return ""
    return seconds(value) if side else f"{value:,.0f}"
