"""Audit: who did what, when, on what, and how it ended; and whether that trail is whole.

URL state: the range, refresh and zone of the bar (ui/view.py); ?audit-person=, -action, -outcome, -target (filters),
-act (the selected action's id). Redraws as often as the bar says. One request for all of it, shared by all viewers.
Acts: verifies the chain of records, writes a file of what is listed.
"""

from contextlib import nullcontext

import streamlit as st

from ui import (
    audit_data,
    audit_export,
    audit_filters,
    audit_parts,
    audit_table,
    cards,
    context,
    feedback,
    formats,
    view,
)
from ui.audit_data import Reading
from ui.audit_filters import Filters
from ui.view import View

SKELETON_PX = 420
LOADING_KEY = "audit-loading"
ABOUT = (
    "Each row is one action: its intent, put on record before it happened, and its result, put on record after. Refusals, "
    "sign-ins and a start or stop of Relaydeck are rows of their own. A record holds ids and digests, never any content. Where a result is missing the "
    "row says so: the process ended in between, or the table has not taken it yet."
)


def main() -> None:
    st.markdown("# Audit", anchors=False)
    audit_filters.draw(audit_filters.current())
    st.session_state[LOADING_KEY] = True  # for the first time only: a timer's redraw has something to look at
    st.fragment(draw_body, run_every=view.current().refresh_s, key="audit")()


def draw_body() -> None:
    """Fragment: figures and list; the chain's state stands between them."""
    with feedback.showing_errors():
        shown, filters = view.current(), audit_filters.current()
        trail, figures, listed, chain = (st.container() for _ in range(4))
        with trail:
            audit_parts.draw_trail(context.services().trail.state())
        loading = (
            st.skeleton(height=SKELETON_PX) if st.session_state.pop(LOADING_KEY, False) else nullcontext()
        )
        with figures, loading:
            reading = audit_data.read(shown, filters)
        with figures:
            audit_parts.draw_figures(reading)
        with listed:
            draw_list(reading, filters, shown)
        with chain:
            audit_parts.draw_chain(shown)


def draw_list(reading: Reading | None, filters: Filters, shown: View) -> None:
    cards.draw(
        "Who did what?",
        None
        if reading is None
        else [reading.actions, *([reading.figures] if reading.figures.is_known else [])],
        lambda: draw_rows(reading, filters, shown),
        key="audit-list",
        about=ABOUT,
        empty="Nothing was done in this range, and nothing was refused.",
    )
    if reading is not None and filters.pair:
        row = next((row for row in reading.actions.rows if row["pair"] == filters.pair), None)
        audit_table.draw_detail(row, reading, shown)


def draw_rows(reading: Reading | None, filters: Filters, shown: View) -> None:
    if reading is None:
        return
    rows, actions = reading.actions.rows, reading.count("actions")
    if not rows:
        words = "match" if filters.is_any else "lie in this range"
        of = f"0 of {actions:,} actions" if actions else "No actions"
        st.markdown(f"**{of} {words}.**")
        if filters.is_any:
            audit_filters.BAR.draw_clear("list")
        else:
            st.caption(
                "What people do from now on appears here once it is done; so does what the sweeper deletes."
            )
        return
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        most = len(rows) >= audit_data.MOST_ROWS
        st.markdown(
            f"**{'The newest ' if most else ''}{formats.count(len(rows), 'row')}**, newest first",
            width="content",
        )
        with st.container(horizontal=True, gap="small", width="content"):
            if filters.is_any:
                audit_filters.BAR.draw_clear("above")
            audit_export.draw(reading.actions, filters, shown)
    audit_table.draw(rows, filters, shown)


main()
