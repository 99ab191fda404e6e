"""Runs: find one, and see what they have in common.

URL state: the range, refresh and zone of the bar (ui/view.py); ?runs-outcome=, -agent, -tool, -min, -wait, -problem,
-text (filters), -from and -to (a stretch marked in the chart), -sort, -page, -run (the selected one). Redraws as often
as the bar says. One request for all of it, shared by all viewers. Acts: opens a trace, writes a file of what matches.
"""

from contextlib import nullcontext

import streamlit as st

from ui import (
    cards,
    context,
    feedback,
    menu,
    runs_controls,
    runs_data,
    runs_filters,
    runs_parts,
    runs_table,
    view,
)
from ui.runs_data import Reading
from ui.runs_filters import Wanted
from ui.view import View

SKELETON_PX = 480
LOADING_KEY = "runs-loading"


def main() -> None:
    st.markdown("# Runs", anchors=False)
    shown = view.current()
    runs_controls.draw_filters(runs_filters.parse(runs_controls.BAR.address(), shown))
    st.session_state[LOADING_KEY] = True  # for the first time only: a timer's redraw has something to look at
    st.fragment(draw_body, run_every=shown.refresh_s, key="runs")()


def draw_body() -> None:
    """Fragment: figures and list first, for they are read at once; the charts above the list are drawn after it."""
    runs_table.open_if_asked()
    with feedback.showing_errors():
        shown = view.current()
        wanted = runs_filters.parse(runs_controls.BAR.address(), shown)
        figures, live, chosen, charts, listed = (st.container() for _ in range(5))
        loading = (
            st.skeleton(height=SKELETON_PX) if st.session_state.pop(LOADING_KEY, False) else nullcontext()
        )
        with figures, loading:
            reading, page = runs_data.read(shown, wanted)
        answers = context.services().answers.open_answers()
        with figures:
            runs_parts.draw_figures(reading, len(answers))
        with live:
            runs_parts.draw_open(answers, shown)
        with chosen:
            runs_controls.draw_chosen(wanted.filters, shown, "above")
        if reading is None:
            cards.draw("Which runs?", None, lambda: None, key="runs-list")
            return
        frames = frame_charts(charts)
        with listed:
            draw_list(reading, wanted, shown, page)
        with frames[0]:
            runs_parts.draw_histogram(reading.shape, wanted, shown)
        with frames[1]:
            runs_parts.draw_durations(reading, wanted, shown)


def frame_charts(place: st.delta_generator.DeltaGenerator) -> list[st.delta_generator.DeltaGenerator]:
    """Return room for the two charts, of fixed height: the list below must not move when they come."""
    with place, st.grid(2, min_column_width=420, gap="small", key="runs-charts"):
        return [st.container(height=runs_parts.CARD_PX, border=False) for _ in range(2)]


def draw_list(reading: Reading, wanted: Wanted, shown: View, page: int) -> None:
    known = [reading.listed, *([reading.figures] if reading.figures.is_known else [])]
    cards.draw(
        "Which runs?",
        known,
        lambda: draw_rows(reading, wanted, shown, page),
        key="runs-list",
        about="The page of runs below, in the order chosen, and the exact count of all that match.",
    )


def draw_rows(reading: Reading, wanted: Wanted, shown: View, page: int) -> None:
    if reading.listed.rows:
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            runs_controls.draw_sort(wanted.sort)
            runs_parts.draw_export(runs_parts.export_of(shown, wanted, reading.matching))
        runs_table.draw(reading.listed.rows[: runs_data.PAGE_ROWS], wanted, shown, page, reading.figure)
        return
    if reading.total:
        where = "in the marked stretch " if wanted.filters.stretch else ""
        st.markdown(f"**0 of {reading.total:,} runs {where}match.**")
        runs_controls.BAR.draw_clear("list")
        return
    if wanted.filters.stretch is not None:
        st.markdown("**No run began in the marked stretch.**")
        runs_controls.BAR.draw_clear("list")
        return
    st.markdown(
        f"**No run in {shown.words}.** Look at a longer range, or ask something: it appears here once answered."
    )
    st.page_link(menu.link("ask.py"), label="Ask a question", icon=":material/forum:")


main()
