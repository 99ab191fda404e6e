"""Queues over time, and their figures in words."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import streamlit as st

from services.models import QueueDepth
from services.monitor.kql import Value
from services.monitor.pairs import Pair, others_of, pairs_of
from services.monitor.results import Ask, Result, Row
from ui import context, feedback, formats, safe
from ui.charts import palette

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = ["Pair", "QueueDepth", "as_row", "depth_words", "draw_history", "grouped"]
RANGE = timedelta(hours=1)
GRAIN = timedelta(minutes=1)


def grouped(depths: Sequence[QueueDepth]) -> tuple[tuple[Pair, ...], tuple[QueueDepth, ...]]:
    """Return the pairs, worst first, and the queues that belong to none."""
    pairs = pairs_of(context.services().catalogue, depths)
    return pairs, others_of(pairs, depths)


def depth_words(depth: QueueDepth | None) -> str:
    """Return `3 messages, oldest 12 s`, or that there is no such queue."""
    if depth is None:
        return "no such queue"
    if depth.oldest_age_s is None:
        return formats.count(depth.messages, "message") + (", none visible" if depth.messages else "")
    return f"{formats.count(depth.messages, 'message')}, oldest {formats.duration(depth.oldest_age_s)}"


def as_row(depth: QueueDepth) -> dict[str, str | int]:
    return {
        "Queue": safe.clean(depth.name),
        "Messages": depth.messages,
        "Oldest": formats.duration(depth.oldest_age_s) if depth.oldest_age_s is not None else "none visible",
        "State": depth.state,
    }


def draw_history() -> None:
    """Draw depth over the last hour, where a workspace holds it; say so where it does not."""
    end = formats.now()
    values: dict[str, Value] = {"start": end - RANGE, "end": end, "grain": GRAIN, "queues": []}
    found = context.ask_logs(Ask("queue_history", values))
    if found is None:
        st.caption(":material/info: No Log Analytics workspace is set, so there is no history to draw.")
        return
    draw_result(found[0])


def draw_result(result: Result) -> None:
    if result.problem is not None:
        if result.state == "stale":
            st.caption(
                f":orange[:material/history:] Read {formats.age(formats.since_s(result.read_at))}; not now:"
            )
        feedback.draw_error(result.problem)
    if not result.is_known:
        return
    if result.said:
        st.caption(f":orange[:material/rule:] Only a part was read: {safe.inline(result.said, 300)}")
    rows = [row for row in result.rows if row["metric"] == "relaydeck.queue.depth"]
    if not rows:
        st.caption("No reading of any queue within the last hour.")
        return
    st.plotly_chart(_figure(rows), key="queue-history", theme=None, config={"displayModeBar": False})
    st.caption(
        f"Highest depth in each minute of the last hour. {result.source}, "
        f"read {formats.age(formats.since_s(result.read_at))}."
    )


def _figure(rows: Sequence[Row]) -> "Figure":
    from plotly.graph_objects import Figure, Scatter

    theme = palette.theme()
    drawn = Figure()
    for name in sorted({str(row["queue"]) for row in rows}):
        own = [row for row in rows if row["queue"] == name]
        drawn.add_trace(
            Scatter(
                x=[row["bucket"] for row in own],
                y=[row["highest"] for row in own],
                name=safe.clean(name)[:60].replace("<", "&lt;"),
                mode="lines+markers",
            )
        )
    drawn.update_layout(
        height=260,
        margin={"l": 0, "r": 8, "t": 8, "b": 0},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": palette.TEXT[theme]},
        xaxis={"gridcolor": palette.GRID[theme], "fixedrange": True},
        yaxis={
            "title": {"text": "messages"},
            "rangemode": "tozero",
            "gridcolor": palette.GRID[theme],
            "fixedrange": True,
        },
        legend={"orientation": "h", "y": -0.2},
    )
    return drawn
