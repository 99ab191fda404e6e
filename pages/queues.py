"""Queues: is work flowing, and what is broken?

URL state: that of the bar above it; ?queue=, whose messages are shown; ?pair=, whose charts; ?poison=, the poison queue
that is worked on. Redraws with the bar's refresh, or not when that is off; what is opened stays open. Acts: on poison
queues only, once confirmed: replays, changes, deletes, purges, exports.
"""

from collections.abc import Sequence

import streamlit as st

from ui import (
    context,
    feedback,
    filter_bar,
    first_paint,
    formats,
    poison_desk,
    queue_charts,
    queue_data,
    queue_messages,
    queue_pairs,
    safe,
    view,
)
from ui.queue_data import Board, QueueDepth

CAVEATS = (
    "Counts are approximate and include messages that are being worked on; a look shows only those that wait visibly, "
    "32 at most. Ages are of the oldest message that waits visibly. Azure Monitor's own queue metrics are hourly and of "
    "the whole account, so the history here is what Relaydeck sampled itself. Looking takes no message; only what is done "
    "with poison does, once confirmed."
)
ALL = "All pairs"


def main() -> None:
    st.markdown("# Queues", anchors=False)
    st.fragment(draw_body, run_every=view.current().refresh_s, key="queues")()
    st.caption(CAVEATS)


def draw_body() -> None:
    """Fragment: all queues as they are now, from one reading that all viewers share, and their past in one request."""
    with feedback.showing_errors(retry=context.forget_depths, key="queues"):
        board = queue_data.load(view.current())
        queue_pairs.draw_totals(board)
        st.caption(f"From the storage account, read {formats.age(formats.since_s(board.read_at))}.")
        if not board.depths:
            st.info(
                "There is no queue in this storage account yet. The first question makes those it needs.",
                icon=":material/inbox:",
            )
        poison_desk.draw(board.depths)
        queue_pairs.draw_pairs(board)
        queue_pairs.draw_others(board.others)
        pair = choose_pair(board)
        charts = st.container(key="queues-charts")
        draw_messages(board.depths)
        with charts:  # last: what can be read does not wait for the charts' library
            queue_charts.draw(board, view.current(), pair)


def choose_pair(board: Board) -> str:
    """Return the input queue of the pair that the charts are narrowed to; empty for all. No request."""
    if board.results is None or len(board.pairs) < 2:
        return ""
    names = {one.input_queue: safe.clean(one.name) for one in board.pairs}
    with first_paint.later(filter_bar.HEIGHT_PX):
        chosen = st.selectbox(
            "Charts of",
            ["", *names],
            key="pair",
            bind="query-params",
            format_func=lambda name: names.get(name, ALL),
            width=280,
        )
    return chosen or ""


def draw_messages(depths: Sequence[QueueDepth]) -> None:
    if not depths:
        return
    names = [depth.name for depth in depths]
    with first_paint.later(filter_bar.HEIGHT_PX):
        wanted = st.selectbox(
            "Messages of",
            names,
            index=None,
            key="queue",
            bind="query-params",
            placeholder="Choose a queue",
            width=480,
        )
    depth = next((one for one in depths if one.name == wanted), None)
    if depth is not None:
        queue_messages.draw(depth)


main()
