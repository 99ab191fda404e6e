"""The hours of a week, as a map: how much was asked, and how long it took."""

from collections.abc import Sequence
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

from services.answers.narration import seconds
from services.monitor.usage import HOURS
from ui.charts import palette, style

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HEIGHT_PX = 270
LEAST_S = 0.001


def volume(answers: Sequence[Sequence[int]], theme: str) -> "Figure":
    """Return how many answers each hour had; an hour without one is the palest."""
    words = [[f"{count:,} answer{'' if count == 1 else 's'}" for count in day] for day in answers]
    cells: list[list[float | None]] = [list(day) for day in answers]
    return _figure(
        cells, words, theme, palette.KINDS[theme]["model"], {"title": {"text": "answers"}, "nticks": 4}
    )


def slowness(p95_s: Sequence[Sequence[float | None]], theme: str) -> "Figure":
    """Return the 95th percentile of each hour; an hour without an answer is left blank.

    The colours are logarithmic: one very slow hour would make all others look alike.
    """
    words = [["nothing answered" if one is None else f"p95 {seconds(one)}" for one in day] for day in p95_s]
    cells = [[None if one is None else log10(max(one, LEAST_S)) for one in day] for day in p95_s]
    known = [value for day in cells for value in day if value is not None]
    steps = range(floor(min(known, default=0)), ceil(max(known, default=1)) + 1)
    bar = {"tickvals": list(steps), "ticktext": [seconds(10.0**step) for step in steps]}
    return _figure(cells, words, theme, palette.KINDS[theme]["wait"], bar)


def _figure(
    cells: list[list[float | None]], words: list[list[str]], theme: str, colour: str, bar: dict[str, Any]
) -> "Figure":
    from ui.charts.figures import Figure, Heatmap

    known = [value for day in cells for value in day if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    drawn = Figure(
        Heatmap(
            z=cells,
            x=list(range(HOURS)),
            y=list(DAYS),
            text=words,
            hovertemplate="%{y} %{x}:00 · %{text}<extra></extra>",
            colorscale=[[0, palette.GRID[theme]], [1, colour]],
            zmin=low,
            zmax=max(high, low + 0.3),
            xgap=2,
            ygap=2,
            colorbar={"thickness": 10, "outlinewidth": 0, **bar},
        )
    )
    layout: dict[str, Any] = style.layout(theme, height=HEIGHT_PX)
    layout["xaxis"] |= {"showgrid": False, "tickvals": list(range(0, HOURS, 3)), "ticksuffix": " h"}
    layout["yaxis"] = {"autorange": "reversed", "showgrid": False, "fixedrange": True}
    drawn.update_layout(layout)
    drawn.update_layout(showlegend=False)
    return drawn
