"""Metrics: how do agents and tools do over time, what do they take, and what does Azure itself measure?

URL state: the range, refresh and zone of the bar (ui/view.py); ?tab=; ?panel_of=, ?panel_as=, ?tokens_by=, what the
figures show; ?resource=, ?metric=, ?agg=, ?split=, ?every=, what the explorer shows. Redraws as often as the bar says.
One request for everything of the logs, one for a metric of the explorer when its tab is open; what is pressed
redraws what was read. Acts: none.
"""

import streamlit as st

from ui import (
    feedback,
    metrics_data,
    metrics_explorer,
    metrics_parts,
    metrics_tiles,
    metrics_tokens,
    metrics_week,
    view,
)
from ui.metrics_data import Board

TABS = ("Agents and tools", "Tokens and cost", "Busy hours", "Azure Monitor")
SKELETON_PX = 480
SEEN_KEY = "metrics-seen"


def main() -> None:
    st.markdown("# Metrics", anchors=False)
    st.fragment(draw_body, run_every=view.current().refresh_s, key="metrics-body")()


def draw_body() -> None:
    """Fragment: figures in words and tables first, for no chart is waited for; then what the open tab draws."""
    with feedback.showing_errors(key="metrics"):
        seen = view.current()
        board = read_first(seen) if SEEN_KEY not in st.session_state else metrics_data.read(seen)
        metrics_tiles.draw(board, seen)
        parts, tokens, week, azure = st.tabs(TABS, key="tab", on_change="rerun", bind="query-params")
        if parts.open:
            with parts:
                metrics_parts.draw(board, seen)
        if tokens.open:
            with tokens:
                metrics_tokens.draw(board, seen)
        if week.open:
            with week:
                metrics_week.draw(board, seen)
        if azure.open:
            with azure:
                metrics_explorer.draw(seen)


def read_first(seen: view.View) -> Board | None:
    """Return what metrics_data.read() does, with a place held on the screen: later, what was drawn holds its own."""
    with st.container(), st.skeleton(height=SKELETON_PX):
        board = metrics_data.read(seen)
    st.session_state[SEEN_KEY] = True
    return board


main()
