"""The same question of several parts, side by side on the same axes, so that the odd one stands out."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from math import ceil
from typing import TYPE_CHECKING, Any

from services.answers.narration import seconds
from services.monitor.overview import Points
from services.monitor.usage import Lines
from ui.charts import palette, style, ticks

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure, Scatter

COLUMNS = 3
PANEL_PX = 150
FRAME_PX = style.TOP_PX + style.BOTTOM_PX
GAP_X = 0.08  # half of the last time of a panel and half of the next one's first
GAP_Y = 64  # upwards: a time above its day, and the name of the panel below
NAME_PX = 24
TITLE_CHARACTERS = 34
MOST_TICKS = 4
MOST_TIMES, EDGE = 3, 0.05  # across, where three panels share a narrow window


def durations(
    parts: Sequence[Lines], *, start: datetime, end: datetime, theme: str, zone: tzinfo
) -> "Figure":
    """Return median and 95th percentile of each part, on one logarithmic scale."""
    from ui.charts.figures import Figure

    drawn: list[Scatter] = []
    for place, part in enumerate(parts):
        for points, word, dash, width, colour in (
            (part.p95_s, "p95", "solid", 2.4, palette.TEXT[theme]),
            (part.p50_s, "p50 (half of them)", "dot", 1.6, palette.KINDS[theme]["run"]),
        ):
            drawn += style.line(
                [(at, None if value is None else max(value, ticks.LEAST_S)) for at, value in points],
                zone,
                colour,
                size_px=4,
                name=word,
                legendgroup=word,
                showlegend=place == 0,
                customdata=["" if value is None else seconds(value) for _, value in points],
                line={"dash": dash, "width": width},
                hovertemplate="%{customdata}<extra>" + word + "</extra>",
                **_axes(place),
            )
    known = [value for part in parts for _, value in (*part.p50_s, *part.p95_s) if value is not None]
    y = ticks.log_seconds(known)
    return Figure(drawn, _layout(parts, start=start, end=end, theme=theme, zone=zone, y_log=True, y=y))


def calls(
    parts: Sequence[Lines], *, start: datetime, end: datetime, grain: timedelta, theme: str, zone: tzinfo
) -> "Figure":
    """Return calls of each part, those that failed at the bottom of each bar."""
    from ui.charts.figures import Bar, Figure

    drawn = []
    for place, part in enumerate(parts):
        fine = tuple(
            (at, (value or 0) - (bad or 0))
            for (at, value), (_, bad) in zip(part.calls, part.failed, strict=True)
        )
        for points, word, colour in (
            (style.tall(part.failed), "failed", palette.FAILED[theme]),
            (fine, "well", palette.KINDS[theme]["run"]),
        ):
            drawn.append(_bars(Bar, points, word, colour, place, grain, zone))
    highest = max((value or 0 for part in parts for _, value in part.calls), default=0)
    y = ticks.up(highest, most=MOST_TICKS, whole=True)
    look = _layout(parts, start=start, end=end, theme=theme, zone=zone, y_log=False, y=y)
    look["legend"] |= {"traceorder": "reversed"}
    return Figure(drawn, {**look, "barmode": "stack"})


def _bars(
    kind: Any, points: Points, word: str, colour: str, place: int, grain: timedelta, zone: tzinfo
) -> Any:  # plotly's Bar, which is imported late
    return kind(
        name=word,
        legendgroup=word,
        showlegend=place == 0,
        x=style.times([at for at, _ in points], zone),
        y=[value for _, value in points],
        width=grain.total_seconds() * 1000 * 0.86,
        offset=0,
        marker={"color": colour, "line": {"width": 0}},
        hovertemplate="%{y:,.0f}<extra>" + word + "</extra>",
        **_axes(place),
    )


def height_px(parts: int) -> int:
    """Return how high the figure of *parts* is."""
    return FRAME_PX + NAME_PX + ceil(parts / COLUMNS) * (PANEL_PX + GAP_Y) - GAP_Y


def _layout(
    parts: Sequence[Lines],
    *,
    start: datetime,
    end: datetime,
    theme: str,
    zone: tzinfo,
    y_log: bool,
    y: dict[str, Any],
) -> dict[str, Any]:
    columns = min(COLUMNS, max(1, len(parts)))
    height = height_px(len(parts))
    base = style.layout(theme, height=height, y_log=y_log, zone=zone)
    base["margin"] = style.legend_room(base["margin"])
    base["legend"] |= {"traceorder": "normal"}  # names of groups would be laid out apart
    across, up = base.pop("xaxis"), base.pop("yaxis")
    plot_px = height - FRAME_PX
    notes = []
    for place, part in enumerate(parts):
        column, row = place % columns, place // columns
        width = (1 - GAP_X * (columns - 1)) / columns
        left = column * (width + GAP_X)
        top = 1 - row * (PANEL_PX + GAP_Y) / plot_px - NAME_PX / plot_px
        bottom = max(0.0, top - PANEL_PX / plot_px)
        number = "" if place == 0 else str(place + 1)
        base[f"xaxis{number}"] = {
            **across,
            "domain": [left, left + width],
            "anchor": f"y{number}",
            **ticks.across(style.times([start, end], zone), MOST_TIMES, edge=EDGE),
        }
        base[f"yaxis{number}"] = {
            **up,
            **y,
            "domain": [bottom, top],
            "anchor": f"x{number}",
            "showticklabels": column == 0,
        }
        notes.append(
            {
                "text": f"<b>{style.plain(part.name, TITLE_CHARACTERS)}</b>",
                "x": left,
                "y": top,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "showarrow": False,
            }
        )
    return {**base, "annotations": notes}


def _axes(place: int) -> dict[str, str]:
    number = "" if place == 0 else str(place + 1)
    return {"xaxis": f"x{number}", "yaxis": f"y{number}"}
