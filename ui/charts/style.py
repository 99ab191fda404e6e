"""One look for every figure of plotly, and the only place where one is drawn."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import TYPE_CHECKING, Any

import streamlit as st

from services.monitor.overview import Points
from services.monitor.results import Result
from ui import first_paint, formats, safe
from ui.charts import palette, picture
from ui.time_range import View

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure, Scatter

LONGEST_NOTE = 180
LEFT_PX, TITLE_PX = 46, 20  # room for `10,000`, and for the unit beside it
RIGHT_PX, BOTTOM_PX = 20, 38  # for half of a time at the very end, and for a time above its day
TOP_PX, LINE_PX = 46, 20  # room for a legend in one line, and for each further one
FONT = "'Source Sans', sans-serif"  # that of the page, which the browser has by then
CLEAR = "rgba(0,0,0,0)"
PLAIN = "none"  # plotly's template of nothing: of any other, all is looked up for each part of a figure
# Of a chart whose points are clicked, or over which one drags: else Streamlit sets it, and draws the chart once more.
CLICKED: Mapping[str, Any] = {"dragmode": "pan", "clickmode": "event+select"}
MARKED: Mapping[str, Any] = {"dragmode": "select", "clickmode": "event"}
# Else plotly measures each word again, to hide what would be cut off: our marks leave room.
AXIS: Mapping[str, Any] = {"fixedrange": True, "ticklabeloverflow": "allow"}


def key_of(results: Sequence[Result], seen: View, *more: str) -> tuple[str, ...]:
    """Return what makes two drawings of *results* the same: the same readings, range and look. *more*: what else they show."""
    read = (f"{one.query} {one.read_at} {one.state}" for one in results)
    zone = (str(seen.zone), zone_name(seen.zone))
    return (*read, seen.label, str(seen.grain), palette.theme(), *zone, *more)


def plain(text: str, limit: int = LONGEST_NOTE) -> str:
    """Return *text* on one line without what plotly would take for markup; cut after *limit* characters."""
    flat = " ".join(safe.clean(text).split())
    short = flat if len(flat) <= limit else flat[: limit - 1] + "…"
    return short.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("$", "&#36;")


def times(moments: Iterable[datetime], zone: tzinfo) -> list[datetime]:
    """Return *moments* as the axis needs them: plotly knows no zones and draws the hands of the clock it is given."""
    return [moment.astimezone(zone).replace(tzinfo=None) for moment in moments]


def line(
    points: Sequence[tuple[datetime, float | None]],
    zone: tzinfo,
    colour: str,
    *,
    size_px: int = 5,
    **look: Any,
) -> "list[Scatter]":
    """Return a line with a gap where a value is None, and with dots for values that stand alone between gaps.

    *look*: what else plotly's Scatter is told of the line. The dots are a trace of their own: markers on the line would
    each be drawn, those without a size too.
    """
    from ui.charts.figures import Scatter

    x, y = times([at for at, _ in points], zone), [value for _, value in points]
    pen = {"color": colour, **look.pop("line", {})}
    drawn = [Scatter(x=x, y=y, mode="lines", connectgaps=False, line=pen, **look)]
    known = [value is not None for value in y]
    sides = zip([False, *known], [*known[1:], False], strict=False)
    alone = [
        place for place, (one, side) in enumerate(zip(known, sides, strict=False)) if one and not any(side)
    ]
    if alone:
        axes = {name: look[name] for name in ("xaxis", "yaxis", "legendgroup") if name in look}
        drawn.append(
            Scatter(
                x=[x[place] for place in alone],
                y=[y[place] for place in alone],
                mode="markers",
                marker={"size": size_px, "color": colour},
                hoverinfo="skip",
                showlegend=False,
                **axes,
            )
        )
    return drawn


def tall(points: Points) -> Points:
    """Return those of *points* that a bar has a height for; the first of them where none has, for the legend's sake.

    A bar costs the browser the same however high it is, and most outcomes are rare.
    """
    return tuple((at, value) for at, value in points if value) or points[:1]


def axis_title(text: str) -> dict[str, Any]:
    return {"text": plain(text), "standoff": 8, "font": {"size": 12}}


def layout(
    theme: str,
    *,
    height: int = 260,
    y_title: str = "",
    y_log: bool = False,
    zone: tzinfo | None = None,
) -> dict[str, Any]:
    """Return a figure's layout: no background, our colours, legend on top, zero at the bottom unless *y_log*.

    *theme*: `light` or `dark`. *zone*: that of times() when the axis across is time; its name stands in the hover.
    The margins are fixed: plotly's own `automargin` draws each figure twice, which is a third of its time.
    """
    across: dict[str, Any] = {**AXIS, "gridcolor": palette.GRID[theme], "zeroline": False}
    if zone is not None:
        across |= {
            "type": "date",
            "showgrid": False,
            "tickangle": 0,
            "hoverformat": f"%-d %b %H:%M:%S {zone_name(zone)}",
        }
    left_px = LEFT_PX + (TITLE_PX if y_title else 0)
    return {
        "template": PLAIN,
        "height": height,
        "margin": {"l": left_px, "r": RIGHT_PX, "t": 30, "b": BOTTOM_PX, "pad": 4},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "font": {"family": FONT, "color": palette.TEXT[theme], "size": 13},
        "colorway": list(palette.SERIES[theme]),
        "hovermode": "x unified" if zone is not None else "closest",
        "hoverlabel": {"bgcolor": palette.PANEL[theme], "font": {"color": palette.TEXT[theme]}},
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 1.02,
            "yanchor": "bottom",
            "title": {"text": ""},
        },
        "showlegend": True,
        "dragmode": False,
        "bargap": 0.15,
        "xaxis": across,
        "yaxis": {
            **AXIS,
            "title": axis_title(y_title),
            "type": "log" if y_log else "linear",
            **({} if y_log else {"rangemode": "tozero"}),
            "gridcolor": palette.GRID[theme],
            "zeroline": not y_log,
            "zerolinecolor": palette.GRID[theme],
        },
    }


def legend_room(margin: Mapping[str, Any], lines: int = 1) -> dict[str, Any]:
    """Return *margin* with room for a legend of so many *lines* (a second fits into the room of one).

    A legend that made its own, as plotly's do, would make as much as only the browser knows: too late for a picture.
    """
    return {**margin, "t": TOP_PX + LINE_PX * max(0, lines - 1), "autoexpand": False}


def draw(
    figure: "Figure",
    *,
    key: str,
    alt: str,
    on_select: Callable[[], None] | None = None,
) -> None:
    """Draw *figure*: on a session's first page a picture of it first, where there can be one (ui/charts/picture.py).

    Nothing is changed of it: others may be drawing it, too. *alt*: what it shows, for who cannot see it. *on_select*: a callback, for
    figures that are CLICKED or MARKED; the selection is then in `st.session_state[key]`, as points and, of the latter, as a box.
    """
    alt = safe.clean(alt)[:600]
    seen = picture.html_of(figure, alt) if first_paint.wants_pictures() else None
    with st.container(key=f"chart-{key}", gap=None):  # ui/sheet.css shows one of the two that are in it
        if seen is None:
            st.empty()
        else:
            st.html(seen)
        with first_paint.chart(is_pictured=seen is not None):
            st.plotly_chart(
                figure,
                key=key,
                theme=None,
                height=figure.layout.height or "content",
                config={"displayModeBar": False, "displaylogo": False, "showTips": False},
                on_select=on_select or "ignore",
                selection_mode=("points", "box"),
                alt=alt,
            )


def zone_name(zone: tzinfo) -> str:
    """Return `UTC`, `CET` or what the zone calls itself now."""
    return plain(formats.now().astimezone(zone).tzname() or "", 12)
