"""The waterfall: one row per bar of a trace, seconds since the question across."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from services.answers.narration import seconds
from services.monitor.shapes import Bar, depth_of
from ui.charts import palette
from ui.charts.style import BOTTOM_PX, axis_title, plain

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

ROW_PX = 30
FRAME_PX = 104
ROOM = 1.2  # for the length that stands behind the longest bar
LETTER_PX = 6.6
LONGEST_LABEL = 46
SHORTEST_SHARE = 0.003  # a bar of no length would not be seen at all


def height(bars: Sequence[Bar]) -> int:
    """Return the chart's height in pixels, known before it is drawn."""
    return FRAME_PX + ROW_PX * max(3, len(bars))


def figure(bars: Sequence[Bar], elapsed_s: float, theme: str) -> "Figure":
    """Return the chart. *elapsed_s*: how long it lasts so far, for bars that have not ended."""
    from ui.charts.figures import Bar as Bars
    from ui.charts.figures import Figure

    whole_s = max([elapsed_s, *(bar.started_s + (bar.took_s or 0.0) for bar in bars), 0.1])
    drawn = Figure()
    for kind, word in palette.MEANINGS.items():
        colour = palette.KINDS[theme][kind]
        rows = [(place, bar) for place, bar in enumerate(bars) if bar.kind == kind]
        if not rows:
            continue
        lengths = [_length_s(bar, elapsed_s) for _, bar in rows]
        drawn.add_trace(
            Bars(
                orientation="h",
                name=word,
                showlegend=False,
                y=[place for place, _ in rows],
                x=[max(length, whole_s * SHORTEST_SHARE) for length in lengths],
                base=[bar.started_s for _, bar in rows],
                text=[_end(bar, elapsed_s) for _, bar in rows],
                textposition="outside",
                cliponaxis=False,
                constraintext="none",
                width=0.6,
                error_x=_whiskers(rows, palette.TEXT[theme]),
                customdata=[[plain(bar.name), plain(bar.evidence), bar.certainty] for _, bar in rows],
                hovertemplate="<b>%{customdata[0]}</b><br>from %{base:.2f} s · %{text}"
                "<br>%{customdata[2]}: %{customdata[1]}<extra></extra>",
                marker={
                    "color": [palette.FAILED[theme] if bar.state == "failed" else colour for _, bar in rows],
                    "opacity": [1.0 if bar.certainty == "exact" else 0.55 for _, bar in rows],
                    "line": {
                        "width": [2 if bar.certainty == "guess" else 0 for _, bar in rows],
                        "color": palette.TEXT[theme],
                    },
                    "pattern": {
                        "shape": ["/" if bar.certainty == "guess" else "" for _, bar in rows],
                        "fgcolor": palette.TEXT[theme],
                        "fillmode": "overlay",
                        "fgopacity": 0.5,
                        "size": 7,
                    },
                },
            )
        )
        drawn.add_trace(Bars(orientation="h", name=word, y=[None], x=[None], marker={"color": colour}))
    tree = tuple(bars)
    labels = [label(bar, tree) for bar in bars]
    room_px = 24 + LETTER_PX * max((len(html.unescape(text)) for text in labels), default=0)
    drawn.update_layout(
        height=height(bars),
        margin={"l": room_px, "r": 8, "t": 28, "b": BOTTOM_PX},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": palette.TEXT[theme]},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom", "itemclick": False},
        showlegend=True,
        barmode="overlay",
        dragmode=False,
        xaxis={
            "title": {**axis_title("seconds since the question"), "standoff": 14},
            "range": [0, whole_s * ROOM],
            "gridcolor": palette.GRID[theme],
            "zeroline": False,
            "fixedrange": True,
        },
        annotations=[
            {
                "text": text,
                "x": 0,
                "xref": "paper",
                "xshift": -room_px,
                "xanchor": "left",
                "y": place,
                "align": "left",
                "showarrow": False,
            }
            for place, text in enumerate(labels)
        ],
        yaxis={
            "showticklabels": False,
            "range": [len(bars) - 0.4, -0.6],
            "gridcolor": "rgba(0,0,0,0)",
            "fixedrange": True,
        },
    )
    return drawn


def _whiskers(rows: Sequence[tuple[int, Bar]], colour: str) -> dict[str, object]:
    """Return how far the ends may be off, for bars whose times came in whole seconds."""
    if not any(bar.blur_s for _, bar in rows):
        return {"visible": False}
    blurs_s = [bar.blur_s or None for _, bar in rows]
    return {
        "type": "data",
        "array": blurs_s,
        "arrayminus": blurs_s,
        "thickness": 1,
        "width": 4,
        "color": colour,
    }


def label(bar: Bar, bars: tuple[Bar, ...]) -> str:
    """Return the row's name, set in as deep as it lies."""
    depth = depth_of(bar, bars)
    indent = "\u00a0" * 3 * (depth - 1) + "└ " if depth else ""
    mark = "" if bar.certainty == "exact" else " ≈" if bar.certainty == "strong" else " ?"
    return indent + plain(bar.name, LONGEST_LABEL) + mark


def _length_s(bar: Bar, elapsed_s: float) -> float:
    if bar.took_s is not None:
        return bar.took_s
    return max(0.0, elapsed_s - bar.started_s) if bar.state == "active" else 0.0


def _end(bar: Bar, elapsed_s: float) -> str:
    if bar.took_s is not None:
        return seconds(bar.took_s)
    return f"{seconds(_length_s(bar, elapsed_s))} so far" if bar.state == "active" else "length not known"
