"""Figures of the Queues page: depth and age as aligned strips, arrivals against completions, waits."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from math import ceil
from typing import TYPE_CHECKING, Any

from services.monitor.results import Cell, Row
from ui.charts import palette, ticks
from ui.charts.style import axis_title, layout, legend_room, plain, times

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

STRIPS_PX, FLOW_PX, WAITS_PX = 340, 340, 280
DEPTH, AGE = "relaydeck.queue.depth", "relaydeck.queue.oldest_age_s"
MOST_SERIES = 8
GAP = 2  # readings further apart than this many grains are not joined: nobody looked in between
EIGHTH = 0.125
MOST_TICKS = 5
LETTER_PX, LONGEST_NAME = 5.8, 40
NARROW_PX, SIGN_PX = 355, 45  # of a legend: its least width, and what is beside a name
TICKS = {
    -2.0: "0.01 s",
    -1.0: "0.1 s",
    0.0: "1 s",
    1.0: "10 s",
    1.778: "1 min",
    2.778: "10 min",
    3.556: "1 h",
    4.937: "1 d",
}


@dataclass(frozen=True, slots=True)
class Span:
    """The stretch of time a chart shows, in steps of *grain*, told in *zone*."""

    start: datetime
    end: datetime
    grain: timedelta
    zone: tzinfo

    @property
    def across(self) -> list[datetime]:
        return times((self.start, self.end), self.zone)

    def minutes_of(self, bucket: datetime) -> float | None:
        """Return how much of *bucket* has passed within the stretch; None for less than half of it: too little to say."""
        passed = min(bucket + self.grain, self.end) - max(bucket, self.start)
        return passed.total_seconds() / 60 if passed >= self.grain / 2 else None


def strips(rows: Sequence[Row], names: Mapping[str, str], span: Span, theme: str) -> "Figure":
    """Return depth above and age of the oldest message below, on one axis of time. *names*: what queues are called."""
    from ui.charts.figures import Figure, Scatter

    shown, drawn = deepest(rows), []
    highest = {DEPTH: 0.0, AGE: 0.0}
    for number, queue in enumerate(shown):
        colour = palette.SERIES[theme][number % len(palette.SERIES[theme])]
        for metric, axis, unit in ((DEPTH, "y", "messages"), (AGE, "y2", "s")):
            points = [row for row in rows if row["queue"] == queue and row["metric"] == metric]
            at, values = joined(points, "highest", span.grain)
            highest[metric] = max([highest[metric], *(value for value in values if value is not None)])
            drawn.append(
                Scatter(
                    x=times(at, span.zone),
                    y=values,
                    yaxis=axis,
                    name=plain(names.get(queue, queue), LONGEST_NAME),
                    legendgroup=queue,
                    showlegend=metric == DEPTH,
                    mode="lines+markers" if len(points) < 3 else "lines",
                    line={"color": colour, "width": 2, "shape": "hv"},
                    marker={"color": colour, "size": 5},
                    hovertemplate=f"%{{y:,.0f}} {unit}",
                )
            )
    look = layout(theme, height=STRIPS_PX, y_title="messages", zone=span.zone)
    lower: dict[str, Any] = {**look["yaxis"], "title": axis_title("oldest, seconds")}
    look["yaxis"] = {
        **look["yaxis"],
        **ticks.up(highest[DEPTH], most=MOST_TICKS, whole=True),
        "domain": [0.56, 1.0],
    }
    look["yaxis2"] = {**lower, **ticks.up(highest[AGE], most=MOST_TICKS), "domain": [0.0, 0.44]}
    look["xaxis"] |= {"anchor": "y2", **ticks.across(span.across)}
    # Names of groups would be laid out apart, and where they need two rows, each as wide as only plotly knows.
    widest_px = LETTER_PX * min(
        LONGEST_NAME, max((len(names.get(queue, queue)) for queue in shown), default=0)
    )
    look["legend"] |= {"traceorder": "normal", "entrywidth": widest_px}
    lines = ceil(len(shown) / max(1, NARROW_PX // (widest_px + SIGN_PX)))
    look["margin"] = legend_room(look["margin"], lines)
    return Figure(drawn, look)


def deepest(rows: Sequence[Row]) -> list[str]:
    """Return the queues that had most messages; none that was always empty, nor more than can be told apart."""
    highest: dict[str, float] = {}
    for row in rows:
        if row["metric"] == DEPTH:
            queue = str(row["queue"])
            highest[queue] = max(highest.get(queue, 0.0), _number(row["highest"]))
    busy = [queue for queue, most in highest.items() if most > 0]
    return sorted(busy, key=lambda queue: (-highest[queue], queue))[:MOST_SERIES]


def flow(rows: Sequence[Row], span: Span, theme: str) -> "Figure":
    """Return arrivals and completions per minute; the gap between them is growth. A stretch without either is 0."""
    from ui.charts.figures import Figure, Scatter

    sums: dict[datetime, list[float]] = {}
    for row in rows:
        if isinstance(at := row["bucket"], datetime):
            kept = sums.setdefault(at, [0.0, 0.0])
            for place, name in enumerate(("arrived", "completed")):
                kept[place] += _number(row[name])
    known = [(moment, minutes) for moment in filled(sums, span) if (minutes := span.minutes_of(moment))]
    drawn = []
    kinds = palette.KINDS[theme]
    for place, (name, colour, dash) in enumerate(
        (("arrived", kinds["wait"], "dot"), ("finished", kinds["function"], "solid"))
    ):
        drawn.append(
            Scatter(
                x=times((moment for moment, _ in known), span.zone),
                y=[sums.get(moment, [0.0, 0.0])[place] / minutes for moment, minutes in known],
                name=name,
                mode="lines",
                line={"color": colour, "width": 2.5, "dash": dash},
                hovertemplate="%{y:.1f} a minute",
            )
        )
    look = layout(theme, height=FLOW_PX, y_title="messages a minute", zone=span.zone)
    look["margin"] = legend_room(look["margin"])
    look["xaxis"] |= ticks.across(span.across)
    look["yaxis"] |= ticks.up(max((value for line in drawn for value in line.y), default=0.0))
    return Figure(drawn, look)


def waits(rows: Sequence[Row], theme: str) -> "Figure":
    """Return how many messages waited how long; each bar an eighth of a power of ten wide."""
    from ui.charts.figures import Bar, Figure

    counts: dict[float, int] = {}
    for row in rows:
        if isinstance(row["exponent"], float) and isinstance(row["messages"], int):
            counts[row["exponent"]] = counts.get(row["exponent"], 0) + row["messages"]
    edges = sorted(counts)
    drawn = Bar(
        x=[edge + EIGHTH / 2 for edge in edges],
        y=[counts[edge] for edge in edges],
        width=EIGHTH * 0.92,
        marker={"color": palette.KINDS[theme]["wait"], "line": {"width": 0}},
        customdata=[[f"{10**edge:.3g}", f"{10 ** (edge + EIGHTH):.3g}"] for edge in edges],
        hovertemplate="%{y:,} waited %{customdata[0]} to %{customdata[1]} s<extra></extra>",
        showlegend=False,
    )
    look = layout(theme, height=WAITS_PX, y_title="messages")
    low, high = min([-1.0, *edges]), max([1.0, *(edge + EIGHTH for edge in edges)])
    look["xaxis"] |= {
        "title": axis_title("wait in the input queue (log)"),
        "range": [low - EIGHTH, high + EIGHTH],
        "tickvals": list(TICKS),
        "ticktext": list(TICKS.values()),
    }
    look["margin"] = {**look["margin"], "t": 8}
    look["yaxis"] |= ticks.up(max(counts.values(), default=0), whole=True)
    return Figure(drawn, look)


def joined(rows: Sequence[Row], column: str, grain: timedelta) -> tuple[list[datetime], list[float | None]]:
    """Return moments and values with a break where nobody looked: unknown is not a straight line."""
    at: list[datetime] = []
    values: list[float | None] = []
    points = [(row["bucket"], row[column]) for row in rows]
    for moment, value in sorted(
        (m, v) for m, v in points if isinstance(m, datetime) and isinstance(v, int | float)
    ):
        if at and moment - at[-1] > GAP * grain:
            at.append(at[-1] + grain)
            values.append(None)
        at.append(moment)
        values.append(float(value))
    return at, values


def filled(moments: Iterable[datetime], span: Span) -> list[datetime]:
    """Return *moments*, and those beside them and at the ends of the stretch, where nothing happened."""
    step = span.grain
    beside = {moment + by * step for moment in moments for by in (-1, 0, 1)}
    first = min(beside, default=span.start)
    ends = {first - step * round((first - span.start) / step), first + step * ((span.end - first) // step)}
    return sorted(beside | ends)


def _number(value: Cell) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
