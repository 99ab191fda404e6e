"""The waterfall: one row per bar of a trace, seconds since the question across."""

import html
from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

from services.answers.narration import seconds
from services.monitor.shapes import Bar, depth_of
from ui.charts import palette, style, ticks
from ui.charts.style import axis_title, plain

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure, Scatter

ROW_PX = 30
FRAME_PX = style.TOP_PX + style.BOTTOM_PX
ROOM = 1.2  # for the length that stands behind the longest bar
LETTER_PX, LEAST_PX, BEFORE_PX = 6.2, 24, 4  # of a name: of each letter, around it, and before it
LONGEST_LABEL = 46
SHORTEST_SHARE = 0.003  # a bar of no length would not be seen at all
CLEARNESS = 0.55  # of what is not exact


def height(rows: Sequence[object]) -> int:
    """Return the chart's height in pixels, known before it is drawn. *rows*: what has one each."""
    return FRAME_PX + ROW_PX * max(3, len(rows))


def figure(bars: Sequence[Bar], elapsed_s: float, theme: str) -> "Figure":
    """Return the chart. *elapsed_s*: how long it lasts so far, for bars that have not ended."""
    from ui.charts.figures import Bar as Bars
    from ui.charts.figures import Figure, Scatter

    whole_s = max([elapsed_s, *(bar.started_s + (bar.took_s or 0.0) for bar in bars), 0.1])
    traces: list[Bars | Scatter] = []
    for kind, word in palette.MEANINGS.items():
        colour = palette.KINDS[theme][kind]
        rows = [(place, bar) for place, bar in enumerate(bars) if bar.kind == kind]
        if not rows:
            continue
        traces.append(
            Bars(
                orientation="h",
                name=word,
                showlegend=False,
                y=[place for place, _ in rows],
                x=[_drawn_s(bar, elapsed_s, whole_s) for _, bar in rows],
                base=[bar.started_s for _, bar in rows],
                text=[_end(bar, elapsed_s) for _, bar in rows],
                textposition="none",  # they stand behind the whiskers: _ends()
                width=0.6,
                error_x=_whiskers(rows, palette.TEXT[theme]),
                customdata=[[plain(bar.name), plain(bar.evidence), bar.certainty] for _, bar in rows],
                hovertemplate="<b>%{customdata[0]}</b><br>from %{base:.2f} s · %{text}"
                "<br>%{customdata[2]}: %{customdata[1]}<extra></extra>",
                marker={
                    "color": [palette.FAILED[theme] if bar.state == "failed" else colour for _, bar in rows],
                    "opacity": [1.0 if bar.certainty == "exact" else CLEARNESS for _, bar in rows],
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
        traces.append(Bars(orientation="h", name=word, y=[None], x=[None], marker={"color": colour}))
    if any(bar.state == "failed" for bar in bars):
        red = {"color": palette.FAILED[theme]}
        traces.append(Bars(orientation="h", name="failed", y=[None], x=[None], marker=red))
    tree = tuple(bars)
    traces.append(_ends(bars, elapsed_s, whole_s))
    return Figure(traces, _layout([label(bar, tree) for bar in bars], whole_s, theme))


def _ends(bars: Sequence[Bar], elapsed_s: float, whole_s: float) -> "Scatter":
    """Return the bars' lengths, each behind its bar and what may be added to that."""
    from ui.charts.figures import Scatter

    return Scatter(
        x=[bar.started_s + _drawn_s(bar, elapsed_s, whole_s) + bar.blur_s for bar in bars],
        y=list(range(len(bars))),
        mode="text",
        text=[f"\u00a0{_end(bar, elapsed_s)}" for bar in bars],
        textposition="middle right",
        cliponaxis=False,
        hoverinfo="skip",
        showlegend=False,
    )


def _layout(labels: Sequence[str], whole_s: float, theme: str) -> dict[str, Any]:
    """Return rows from the top, each with its name at the left edge of the chart."""
    room_px = LEAST_PX + ceil(LETTER_PX * max((len(html.unescape(text)) for text in labels), default=0))
    look = style.layout(theme, height=height(labels))
    look["margin"] = style.legend_room({**look["margin"], "l": room_px})
    look["legend"]["itemclick"] = False
    look["xaxis"] |= {"title": axis_title("seconds since the question"), **ticks.up(whole_s, room=ROOM)}
    look["yaxis"] = {
        **style.AXIS,
        "range": [len(labels) - 0.4, -0.6],
        "tickvals": list(range(len(labels))),
        "ticktext": list(labels),
        "ticklabelposition": "inside",  # words beside an axis end at it; those within begin there, and these further out
        "ticklabelstandoff": BEFORE_PX - room_px,
        "tickfont": {"color": palette.TEXT[theme]},
        "showgrid": False,
        "zeroline": False,
    }
    return {**look, "barmode": "overlay"}


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


def _drawn_s(bar: Bar, elapsed_s: float, whole_s: float) -> float:
    return max(_length_s(bar, elapsed_s), whole_s * SHORTEST_SHARE)


def _length_s(bar: Bar, elapsed_s: float) -> float:
    if bar.took_s is not None:
        return bar.took_s
    return max(0.0, elapsed_s - bar.started_s) if bar.state == "active" else 0.0


def _end(bar: Bar, elapsed_s: float) -> str:
    if bar.took_s is not None:
        return seconds(bar.took_s)
    return f"{seconds(_length_s(bar, elapsed_s))} so far" if bar.state == "active" else "length not known"
