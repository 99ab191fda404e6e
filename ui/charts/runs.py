"""Runs over time: how they ended, to mark a stretch in, and how long they took, as points or, when many, as density."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from services.answers.narration import seconds
from services.monitor.overview import Points
from services.monitor.results import Row
from ui.charts import outcomes, palette, style, ticks
from ui.runs_looks import LOOKS, OTHER

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

HEIGHT_PX = 250
STEPS_PER_TENFOLD = 10
SHORTEST_S = 0.001  # the log axis has no place for nothing
MOST_CELLS = 20_000


def histogram(
    counted: Mapping[str, Points],
    *,
    start: datetime,
    end: datetime,
    grain: timedelta,
    marked: tuple[datetime, datetime] | None,
    theme: str,
    zone: tzinfo,
) -> "Figure":
    """Return the bars by outcome; dragging across them marks a stretch, *marked* shows the one there is."""
    drawn = outcomes.figure(counted, start=start, end=end, grain=grain, theme=theme, zone=zone)
    drawn.update_layout(
        **style.MARKED,
        height=HEIGHT_PX,
        selectdirection="h",
        hovermode="x",
        yaxis={"title": {"text": "runs"}},
    )
    drawn.update_traces(selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 1}})
    if marked is not None:
        first, last = style.times(marked, zone)
        for left, right in zip(
            style.times([start, marked[1]], zone), style.times([marked[0], end], zone), strict=True
        ):
            drawn.add_vrect(
                x0=left, x1=right, fillcolor=palette.PANEL[theme], opacity=0.72, line_width=0, layer="above"
            )
        for edge in (first, last):
            drawn.add_vline(x=edge, line={"color": palette.TEXT[theme], "width": 1, "dash": "dot"})
    return drawn


def scatter(rows: Sequence[Row], *, start: datetime, end: datetime, theme: str, zone: tzinfo) -> "Figure":
    """Return one point a run: when it began, how long it took, how it ended. A click tells its ids."""
    from ui.charts.figures import Figure, Scatter

    drawn = []
    for outcome, look in (*LOOKS.items(), ("", OTHER)):
        own = [
            row for row in rows if row["outcome"] == outcome or (not outcome and row["outcome"] not in LOOKS)
        ]
        if not own:
            continue
        red = outcome in ("failed", "expired")
        drawn.append(
            Scatter(
                name=look.word.lower(),
                mode="markers",
                x=style.times([row["started"] for row in own if isinstance(row["started"], datetime)], zone),
                y=[max(_seconds(row["took_ms"]), SHORTEST_S) for row in own],
                customdata=[
                    [str(row["run_id"] or ""), str(row["thread_id"] or ""), *_told(row)] for row in own
                ],
                hovertemplate="<b>%{customdata[2]}</b> after %{customdata[3]}<br>%{customdata[4]}"
                "<br>%{customdata[5]}<extra></extra>",
                marker={
                    "symbol": look.symbol,
                    "size": 9 if red else 8,
                    "color": palette.FAILED[theme] if red else palette.SERIES[theme][0],
                    "opacity": 0.85 if red else 0.55,
                    "line": {"width": 0},
                },
                unselected={"marker": {"opacity": 0.55}},
            )
        )
    known = [max(_seconds(row["took_ms"]), SHORTEST_S) for row in rows]
    layout = _layout(known, start, end, theme, zone)
    return Figure(drawn, {**layout, **style.CLICKED, "margin": style.legend_room(layout["margin"])})


def density(
    rows: Sequence[Row], *, start: datetime, end: datetime, grain: timedelta, theme: str, zone: tzinfo
) -> "Figure":
    """Return one cell for each stretch of time and tenth of a tenfold of duration; the darker, the more runs."""
    from ui.charts.figures import Figure, Heatmap

    counts: dict[tuple[datetime, int], int] = {}
    for row in rows:
        if isinstance(row["bucket"], datetime):
            cell = row["bucket"], int(float(str(row["step"])))
            counts[cell] = counts.get(cell, 0) + int(float(str(row["runs"])))
    drawn = []
    if counts:
        steps = range(min(step for _, step in counts), max(step for _, step in counts) + 1)
        buckets = sorted({bucket for bucket, _ in counts})
        columns = [
            buckets[0] + grain * place for place in range(round((buckets[-1] - buckets[0]) / grain) + 1)
        ]
        columns = columns[: max(1, MOST_CELLS // len(steps))]
        drawn.append(
            Heatmap(
                x=style.times([*columns, columns[-1] + grain], zone),
                y=[_step_s(step) for step in (*steps, steps[-1] + 1)],
                z=[[counts.get((column, step)) for column in columns] for step in steps],
                customdata=[[_step_words(step) for _ in columns] for step in steps],
                colorscale=[[0, palette.GRID[theme]], [1, palette.SERIES[theme][0]]],
                hoverongaps=False,
                colorbar={"title": {"text": "runs"}, "thickness": 10, "outlinewidth": 0},
                hovertemplate="%{z:,} runs took %{customdata}<br>%{x}<extra></extra>",
            )
        )
    known = [_step_s(step + side) for _, step in counts for side in (0, 1)]
    return Figure(drawn, _layout(known, start, end, theme, zone))


def _layout(
    known: Sequence[float], start: datetime, end: datetime, theme: str, zone: tzinfo
) -> dict[str, Any]:
    layout = style.layout(theme, height=HEIGHT_PX, y_title="answer time", y_log=True, zone=zone)
    layout["xaxis"] |= ticks.across(style.times([start, end], zone))
    layout["yaxis"] |= ticks.log_seconds(known)
    return {**layout, "hovermode": "closest"}


def _told(row: Row) -> list[str]:
    path = " → ".join(
        filter(None, [str(row["agent_name"] or ""), str(row["agents"] or "").replace(",", ", ")])
    )
    wait = row["wait_ms"]
    waited = (
        f"waited {seconds(_seconds(wait))} in queues"
        if isinstance(wait, int | float)
        else "queue wait not known"
    )
    word = LOOKS.get(str(row["outcome"]), OTHER).word
    return [word, seconds(_seconds(row["took_ms"])), waited, style.plain(path, 80) or "agent not known"]


def _seconds(value_ms: object) -> float:
    return float(value_ms) / 1000 if isinstance(value_ms, int | float) else 0.0


def _step_s(step: int) -> float:
    return float(10 ** (step / STEPS_PER_TENFOLD)) / 1000


def _step_words(step: int) -> str:
    return f"{_step_s(step):.3g} to {_step_s(step + 1):.3g} s"
