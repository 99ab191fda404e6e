"""The runs of a thread along time: one row each, by the state it was in; what lies idle between them is cut short."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from services.answers.narration import seconds
from services.inventory.threads_times import Stretch, StretchKind
from ui.charts import palette
from ui.charts.style import RIGHT_PX, axis_title, layout, plain

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

ROW_PX, FRAME_PX, LETTER_PX = 26, 96, 7
IDLE_SHARE = 0.06  # of the whole width, for time in which nothing ran
SHORTEST_SHARE = 0.012  # a run that began and ended in the same second is seen all the same
ROOM = 1.25  # for the length that stands behind the last bar
WORDS: dict[StretchKind, str] = {
    "queued": "queued",
    "working": "working",
    "tools": "waiting for tools",
    "untold": "not told",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A run as the chart shows it. *label*: its time of day. *took*: how long, in words. *end*: now while it is open."""

    label: str
    state: str
    bad: bool
    agent: str
    took: str
    start: datetime
    end: datetime
    stretches: tuple[Stretch, ...]


def height(rows: Sequence[Row]) -> int:
    return FRAME_PX + ROW_PX * max(2, len(rows))


def colours(theme: str) -> dict[StretchKind, str]:
    kinds = palette.KINDS[theme]
    return {
        "queued": kinds["run"],
        "working": kinds["model"],
        "tools": kinds["wait"],
        "untold": palette.GRID[theme],
    }


def figure(rows: Sequence[Row], theme: str) -> "Figure":
    """Return the chart of *rows*, oldest first."""
    from ui.charts.figures import Bar, Figure

    starts, idle, width_s = places(rows)
    drawn = Figure()
    for kind, word in WORDS.items():
        parts = [
            (
                place,
                starts[place] + (one.start - row.start).total_seconds(),
                max(0.0, ((one.end or row.end) - one.start).total_seconds()),
            )
            for place, row in enumerate(rows)
            for one in row.stretches
            if one.kind == kind
        ]
        if not parts:
            continue
        drawn.add_trace(
            Bar(
                orientation="h",
                name=word,
                y=[place for place, _, _ in parts],
                base=[base for _, base, _ in parts],
                x=[max(length, width_s * SHORTEST_SHARE) for _, _, length in parts],
                width=0.6,
                customdata=[
                    [
                        plain(rows[place].label),
                        plain(rows[place].state),
                        plain(rows[place].agent),
                        seconds(length),
                    ]
                    for place, _, length in parts
                ],
                hovertemplate=f"<b>%{{customdata[0]}}</b> · %{{customdata[1]}}<br>%{{customdata[2]}}"
                f"<br>{word} %{{customdata[3]}}<extra></extra>",
                marker={
                    "color": [
                        palette.FAILED[theme]
                        if rows[place].bad and kind == "working"
                        else colours(theme)[kind]
                        for place, _, _ in parts
                    ]
                },
            )
        )
    room_px = 16 + LETTER_PX * max((len(plain(row.label)) for row in rows), default=0)
    shape = layout(theme, height=height(rows))
    drawn.update_layout(**shape)
    drawn.update_layout(
        barmode="overlay",
        margin={"l": room_px, "r": RIGHT_PX, "t": 34, "b": 40},
        xaxis={
            "title": axis_title("idle times between runs are cut short (⋯)" if idle else "seconds"),
            "range": [0, width_s * ROOM],
            "showticklabels": not idle,
            "showgrid": not idle,
            "ticksuffix": " s",
        },
        yaxis={
            "tickmode": "array",
            "tickvals": list(range(len(rows))),
            "ticktext": [plain(row.label, 24) for row in rows],
            "range": [len(rows) - 0.4, -0.6],
            "showgrid": False,
            "zeroline": False,
        },
        annotations=[
            {
                "x": starts[place]
                + max(0.0, (row.end - row.start).total_seconds(), width_s * SHORTEST_SHARE),
                "y": place,
                "text": plain(row.took, 24),
                "xanchor": "left",
                "xshift": 4,
                "showarrow": False,
                "font": {"size": 11},
            }
            for place, row in enumerate(rows)
        ]
        + [
            {
                "x": at,
                "y": place + 0.5,
                "text": f"⋯ {plain(words, 20)}",
                "showarrow": False,
                "font": {"size": 11},
            }
            for place, (at, words) in idle.items()
        ],
    )
    return drawn


def places(rows: Sequence[Row]) -> tuple[list[float], dict[int, tuple[float, str]], float]:
    """Return where each row begins, the idle times that were cut (after which row: place and length), and the width."""
    lengths = [max(0.0, (row.end - row.start).total_seconds()) for row in rows]
    busy_s = max(sum(lengths), 1.0)
    cut_s = busy_s * IDLE_SHARE
    starts: list[float] = []
    idle: dict[int, tuple[float, str]] = {}
    at = 0.0
    for place, row in enumerate(rows):
        if place:
            gap_s = (row.start - rows[place - 1].end).total_seconds()
            if gap_s > 2 * cut_s:
                idle[place - 1] = (at + cut_s / 2, _words(gap_s))
                at += cut_s
            else:
                at += max(0.0, gap_s)
        starts.append(at)
        at += lengths[place]
    return starts, idle, max(at, 1.0)


def _words(gap_s: float) -> str:
    for unit_s, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if gap_s >= unit_s:
            return f"{gap_s / unit_s:.0f} {unit}"
    return f"{gap_s:.0f} s"
