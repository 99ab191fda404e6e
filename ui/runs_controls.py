"""The filters of the Runs page. The address is what counts: see ui/filter_bar.py."""

from datetime import datetime

import streamlit as st

from ui import context, filter_bar
from ui.filter_bar import FilterBar
from ui.runs_filters import LONGEST_TEXT, MOST_S, OUTCOMES, SORTS, Filters, Wanted, stretch_parameters
from ui.runs_looks import LOOKS
from ui.view import View

STRETCH = ("from", "to")
IN_A_ROW = 5
BAR = FilterBar(
    "runs",
    ("outcome", "agent", "tool", "min", "wait", "problem", "text", *STRETCH),
    {"sort": "newest"},
    keeps=("run",),
)


def draw_filters(wanted: Wanted) -> None:
    """Draw the filters, and what was wrong with those in the address. Sends nothing."""
    filters = wanted.filters
    with filter_bar.row(IN_A_ROW, "runs-filters"):
        BAR.draw_text("text", "Search", filters.words, "Id or word", LONGEST_TEXT)
        BAR.draw_several("outcome", "Outcome", filters.outcomes, OUTCOMES, lambda one: LOOKS[one].words)
        BAR.draw_name("agent", "Agent", filters.agent, _agents())
        BAR.draw_name("tool", "Tool", filters.tool, [tool.name for tool in context.services().catalogue])
        more = BAR.more(sum(map(bool, (filters.min_s, filters.min_wait_s, filters.problem))))
        if more is not None:
            with more:
                BAR.draw_number("min", "Took at least, s", filters.min_s, most=MOST_S, step=1.0)
                BAR.draw_number("wait", "Waited at least, s", filters.min_wait_s, most=MOST_S, step=1.0)
                BAR.draw_text("problem", "Problem", filters.problem, "Part of its title", LONGEST_TEXT)
    filter_bar.draw_problems(wanted.problems)


def draw_sort(sort: str) -> None:
    BAR.draw_sort({name: one.words for name, one in SORTS.items()}, sort)


def draw_chosen(filters: Filters, view: View, key: str) -> None:
    """Draw the ways out of what is chosen now; nothing when nothing is."""
    with st.container(horizontal=True, gap="small", key=f"runs-chosen-{key}"):
        if filters.stretch is not None:
            start, end = view.clock(filters.stretch.start), view.clock(filters.stretch.end)
            st.button(
                f"Marked: {start} to {end}",
                key=f"runs-unmark-{key}",
                icon=":material/close:",
                help="Show the whole range again",
                on_click=BAR.change,
                kwargs=dict.fromkeys(STRETCH, ""),
            )
        if filters.is_any:
            BAR.draw_clear(key)


def mark(start: datetime, end: datetime) -> None:
    """For callbacks: narrow the page to a stretch, two moments, that was marked in a chart."""
    BAR.change(**stretch_parameters(start, end))


def _agents() -> list[str]:
    return sorted({tool.agent for tool in context.services().catalogue})
