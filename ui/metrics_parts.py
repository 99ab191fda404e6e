"""Agents and tools: how often, how many failed, how long; as tables, then side by side over time."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import streamlit as st

from services.monitor.overview import per_minute
from services.monitor.results import Row
from services.monitor.usage import Kind, Part, lines_of, parts_in
from ui import cards, context, first_paint, formats, metrics_data, safe, tables
from ui.charts import palette, style
from ui.metrics_data import Board
from ui.overview_tiles import percent
from ui.view import View

if TYPE_CHECKING:
    from ui.charts.figures import Figure

MOST_PANELS = 6
MOST_BARS = 32
CHOICE_PX, CHOICES_PX = 30, (129, 137)  # of what is chosen between above the panels
NOBODY = "No agent was called in this range. Ask a question, or choose a longer range."
NO_TOOL = "No tool was called in this range. Ask something that needs one, or choose a longer range."
NO_FAILURE = ":green[:material/check_circle:] Nothing failed in this range."
KINDS: Mapping[str, Kind] = {"Tools": "tool", "Agents": "agent"}
FIGURES = ("Duration", "Calls")
ABOUT_AGENTS = (
    "One row per agent, from the span of each call. p50 and p95 are percentiles of all calls whose end was seen; calls "
    "that belong to an answer which somebody stopped are left out. A connected agent's time lies within that of the "
    "orchestrator, so the rows must not be added up."
)
ABOUT_TOOLS = (
    "**Calls**, **failed**, **p50** and **p95** are as the agent saw the call, waiting included. **Queue wait** and "
    "**function** are what the function app told of its executions: how long a message lay in the input queue, whole "
    "seconds at best, and how long the function itself took. A message that is delivered again is one more execution."
)
ABOUT_REASONS = (
    "Answers that failed or expired, by their problem; and functions that broke off or answered with an error. One "
    "question may appear in both. The fifteen most frequent."
)
ABOUT_PANELS = "Every panel has the same axes, so heights can be compared. A gap is a stretch without a call."


def draw(board: Board | None, view: View) -> None:
    if board is None:
        cards.draw("How are agents and tools doing?", None, lambda: None, key="metrics-parts")
        return
    cards.draw(
        "How are the agents doing?",
        [board.health, board.series],
        lambda: draw_agents(board, view),
        key="metrics-agents",
        about=ABOUT_AGENTS,
        empty=NOBODY,
    )
    cards.draw(
        "How are the tools doing, and is it the queue or the function?",
        [board.health, board.series],
        lambda: draw_tools(board, view),
        key="metrics-tools",
        about=ABOUT_TOOLS,
        empty=NO_TOOL,
    )
    cards.draw(
        "Which one changed?",
        [board.health, board.series],
        lambda: draw_panels(board, view),
        key="metrics-panels",
        about=ABOUT_PANELS,
        empty=NOBODY,
        grain=view.grain,
    )
    cards.draw(
        "What goes wrong most?",
        board.reasons,
        lambda: draw_reasons(board.reasons.rows, view),
        key="metrics-reasons",
        about=ABOUT_REASONS,
        empty=NO_FAILURE,
    )


def draw_agents(board: Board, view: View) -> None:
    agents = parts_in(board.health.rows, "agent")
    if not agents:
        st.caption(NOBODY)
        return
    rows = [{"Agent": safe.clean(part.name), **_common(part), **_pace(part, board, view)} for part in agents]
    _draw_table(rows, "agents", f"{len(agents)} agents with calls, failures and durations", view)


def draw_tools(board: Board, view: View) -> None:
    tools, functions = parts_in(board.health.rows, "tool"), parts_in(board.health.rows, "function")
    if not tools and not functions:
        st.caption(NO_TOOL)
        return
    executed = {part.name: part for part in functions}
    called = {part.name for part in tools}
    rows = [
        {
            "Tool": safe.clean(part.name),
            **_common(part),
            **_execution(executed.get(part.name)),
            **_pace(part, board, view),
        }
        for part in tools
    ]
    rows += [
        {"Tool": safe.clean(part.name), **_execution(part)} for part in functions if part.name not in called
    ]
    _draw_table(rows, "tools", f"{len(rows)} tools with calls, failures, durations and queue waits", view)
    slow = max(
        (part for part in functions if part.wait_p95_s), key=lambda part: part.wait_p95_s or 0, default=None
    )
    if slow is not None and slow.wait_p95_s and slow.p95_s is not None and slow.wait_p95_s > slow.p95_s:
        st.caption(
            f":material/hourglass_top: Messages for {safe.inline(slow.name, 60)} wait longest: p95 "
            f"{formats.duration(slow.wait_p95_s)} in the queue, {formats.duration(slow.p95_s)} in the function."
        )


def draw_reasons(rows: Sequence[Row], view: View) -> None:
    """Draw the reasons as bars, the most frequent on top, each with a way to its newest run."""
    found = [
        {
            "Reason": safe.clean(str(row["reason"] or "")),
            "Failures": row["failures"],
            "Told by": row["source"],
            "Last": view.clock(row["newest"]),  # type: ignore[arg-type]  # a datetime by the query's columns
            "Newest run": _trace_address(row),
        }
        for row in rows
    ]
    most = max((int(row["failures"] or 0) for row in rows), default=1)  # type: ignore[arg-type]  # a whole number, likewise
    tables.draw(
        found,
        key="metrics-reasons-table",
        alt=f"{len(found)} reasons for failures, the most frequent first",
        columns={
            "Reason": st.column_config.TextColumn(width="medium"),
            "Failures": st.column_config.ProgressColumn(
                format="%d",
                min_value=0,
                max_value=most,
                color=palette.FAILED[palette.theme()],
                width="medium",
            ),
            "Told by": st.column_config.TextColumn(width=65),
            "Last": st.column_config.TextColumn(width=120),
            "Newest run": st.column_config.LinkColumn(display_text="Open the trace", width="small"),
        },
    )


def draw_panels(board: Board, view: View) -> None:
    with (
        first_paint.later(CHOICE_PX, *CHOICES_PX),
        st.container(horizontal=True, gap="medium", key="metrics-panel-choices"),
    ):
        kind = st.segmented_control(
            "Of",
            tuple(KINDS),
            default="Tools",
            key="panel_of",
            bind="query-params",
            label_visibility="collapsed",
        )
        figure = st.segmented_control(
            "Shows",
            FIGURES,
            default="Duration",
            key="panel_as",
            bind="query-params",
            label_visibility="collapsed",
        )
    part_kind = KINDS.get(kind or "Tools", "tool")
    parts = parts_in(board.health.rows, part_kind)
    moments = metrics_data.moments(board.series, view)
    if not parts or not moments:
        st.caption(NO_TOOL if part_kind == "tool" else NOBODY)
        return
    from ui.charts import panels

    theme = palette.theme()

    def build() -> "Figure":
        lines = [lines_of(board.series.rows, part_kind, part.name, moments) for part in parts[:MOST_PANELS]]
        if figure == "Calls":
            return panels.calls(
                lines, start=view.start, end=view.end, grain=view.grain, theme=theme, zone=view.zone
            )
        return panels.durations(lines, start=view.start, end=view.end, theme=theme, zone=view.zone)

    key = style.key_of([board.health, board.series], view, part_kind, figure or "Duration")
    drawn = context.figure("metrics-panels", key, build)
    style.draw(
        drawn, key="metrics-panels-figure", alt=_panel_words(parts[:MOST_PANELS], figure or "Duration")
    )
    if len(parts) > MOST_PANELS:
        st.caption(f"The {MOST_PANELS} busiest of {len(parts)} are drawn; the table has all.")


def _common(part: Part) -> dict[str, Any]:
    return {
        "Calls": part.calls,
        "Failed": part.failed_share,
        "p50": part.p50_s,
        "p95": part.p95_s,
    }


def _execution(part: Part | None) -> dict[str, Any]:
    return {
        "Queue p95": part.wait_p95_s if part else None,
        "Function p95": part.p95_s if part else None,
        "Errors": part.failed_share if part else None,
    }


def _pace(part: Part, board: Board, view: View) -> dict[str, Any]:
    rate = per_minute(part.calls, view.end - view.start)
    return {"A minute": rate, "Over time": _trend(part, board, view)}


def _trend(part: Part, board: Board, view: View) -> list[float]:
    moments = metrics_data.moments(board.series, view)
    calls = [value or 0.0 for _, value in lines_of(board.series.rows, part.kind, part.name, moments).calls]
    step = _buckets_a_bar(view)
    return [sum(calls[place : place + step]) for place in range(0, len(calls), step)]


def _buckets_a_bar(view: View) -> int:
    """Return how many buckets share a bar: a cell has room for few, and the table draws none where there are too many."""
    return max(1, math.ceil((view.end - view.start) / view.grain / MOST_BARS))


def _draw_table(rows: list[dict[str, Any]], key: str, alt: str, view: View) -> None:
    seconds = {
        name: st.column_config.NumberColumn(name, format="%.2f s", width="small", help=about)
        for name, about in (
            ("p50", "Half of the calls took at most this long."),
            ("p95", "95 of 100 calls took at most this long."),
            ("Queue p95", "How long messages lay in the input queue, as the function app tells."),
            ("Function p95", "How long the function itself took."),
        )
    }
    shares = {
        name: st.column_config.NumberColumn(name, format="percent", width="small")
        for name in ("Failed", "Errors")
    }
    grain = view.grain * _buckets_a_bar(view)
    busiest = max((max(row.get("Over time") or [0.0]) for row in rows), default=0.0)  # one scale for all rows
    tables.draw(
        rows,
        key=f"metrics-{key}-table",
        placeholder="not known",
        alt=alt,
        columns={
            **seconds,
            **shares,
            "Agent": st.column_config.TextColumn(width=95),
            "Tool": st.column_config.TextColumn(width=95),
            "Calls": st.column_config.NumberColumn(format="localized", width="small"),
            "A minute": st.column_config.NumberColumn(format="%.2f", width="small"),
            "Over time": st.column_config.BarChartColumn(
                width="medium",
                y_min=0,
                y_max=busiest or 1.0,
                help=f"Calls, one bar every {cards.grain_words(grain)}.",
            ),
        },
    )


def _trace_address(row: Row) -> str | None:
    if not row["run_id"]:
        return None
    return "trace?" + urlencode({"run": str(row["run_id"]), "thread": str(row["thread_id"] or "")})


def _panel_words(parts: Sequence[Part], figure: str) -> str:
    if figure == "Calls":
        return "Calls over time: " + "; ".join(
            f"{part.name} {part.calls}, {percent(part.failed_share or 0)} failed" for part in parts
        )
    return "How long calls took over time: " + "; ".join(
        f"{part.name} p95 {formats.duration(part.p95_s)}" for part in parts
    )
