"""Overview: is it healthy now, and if not, where?

URL state: the range, refresh and zone of the bar (ui/view.py). Redraws as often as the bar says, never while it is
off. One request for everything of the past, shared by all viewers; the queues from a reading that all share. Acts: none.
"""

import streamlit as st

from ui import (
    feedback,
    overview_attention,
    overview_charts,
    overview_cost,
    overview_data,
    overview_tiles,
    view,
)

SKELETON_PX = 560


def main() -> None:
    st.markdown("# Overview", anchors=False)
    st.fragment(draw_body, run_every=view.current().refresh_s, key="overview")()


def draw_body() -> None:
    """Fragment: text first, for it is what says whether all is well; the figures are drawn after it."""
    with feedback.showing_errors():
        seen = view.current()
        overview_data.begin_queues()  # both take about as long
        loading = st.container()
        cells = overview_tiles.frame()
        with loading, st.skeleton(height=SKELETON_PX):
            past = overview_data.read_past(seen)
        cost = overview_cost.cost_of(past)
        past_tiles = overview_tiles.of_past(past, seen, cost.amount, cost.notes)
        overview_tiles.draw(cells, past_tiles)
        queues, answers = overview_data.read_queues(), overview_data.open_answers()
        now_tiles = overview_tiles.of_now(past, queues, answers, seen)
        overview_tiles.draw(cells, now_tiles)
        overview_tiles.draw_source(past, queues, seen)
        overview_attention.draw(overview_data.concerns(past, queues, answers), past, queues, seen)
        overview_charts.draw(past, seen)


main()
