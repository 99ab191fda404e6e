"""Queues: is work flowing, and what is broken?

URL state: ?queue=, whose messages are shown. Redraws every 5 or 15 s, or not when paused; what is opened stays open.
Acts: none, it only looks.
"""

from collections.abc import Sequence

import streamlit as st

from ui import context, feedback, formats, queue_charts, queue_messages, safe
from ui.queue_charts import Pair, QueueDepth

REFRESH = {"5 s": 5.0, "15 s": 15.0, "Paused": None}
LOOKS = {
    "idle": ("gray", ":material/inbox:", "nothing waits"),
    "flowing": ("blue", ":material/sync:", "flowing"),
    "stalled": ("orange", ":material/hourglass_top:", "stalled: nobody has taken the oldest for 10 min"),
    "poison": ("red", ":material/error:", "has messages that were given up on"),
    "incomplete": ("orange", ":material/help:", "a queue of the pair does not exist"),
}
CAVEATS = (
    "Counts are approximate and include messages that are being worked on. Ages are of the oldest message that waits "
    "visibly. This page only looks; it never takes a message."
)


def main() -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("# Queues", anchors=False)
        chosen = st.segmented_control(
            "Refresh", list(REFRESH), key="queues-refresh", default="5 s", label_visibility="collapsed"
        )
    timer_s = REFRESH.get(chosen or "Paused")
    st.fragment(draw_body, run_every=timer_s, key="queues")()
    st.caption(CAVEATS)


def draw_body() -> None:
    """Fragment: all queues as they are now, from one reading that all viewers share."""
    with feedback.showing_errors(retry=context.queue_depths.clear, key="queues"):
        depths, at = context.queue_depths("")
        pairs, others = queue_charts.grouped(depths)
        draw_totals(depths)
        st.caption(f"From the storage account, {formats.age(formats.since_s(at))}.")
        if not depths:
            st.info(
                "There is no queue in this storage account yet. The first question makes those it needs.",
                icon=":material/inbox:",
            )
        for pair in pairs:
            draw_pair(pair)
        if others:
            st.caption("Other queues")
            st.dataframe(
                [queue_charts.as_row(depth) for depth in others], key="queues-others", hide_index=True
            )
        queue_charts.draw_history()
        draw_messages(depths)


def draw_totals(depths: Sequence[QueueDepth]) -> None:
    ages_s = [depth.oldest_age_s for depth in depths if depth.oldest_age_s is not None]
    poison = sum(depth.messages for depth in depths if depth.state == "poison")
    with st.container(horizontal=True):
        st.metric("Messages", formats.count(sum(depth.messages for depth in depths)), border=True)
        st.metric("Oldest that waits", formats.duration(max(ages_s)) if ages_s else "none waits", border=True)
        st.metric("Poison", formats.count(poison), border=True)


def draw_pair(pair: Pair) -> None:
    colour, icon, word = LOOKS[pair.state]
    with st.container(border=True, gap="xsmall", key=f"pair-{pair.input_queue}"):
        about = f" · carried by {safe.inline(pair.agent)}" if pair.agent else " · not in the catalogue"
        st.markdown(f":{colour}[{icon}] **{safe.inline(pair.name)}** :{colour}[{word}]{about}")
        for column, (title, name, depth) in zip(
            st.columns(2),
            (("Input", pair.input_queue, pair.input), ("Output", pair.output_queue, pair.output)),
            strict=True,
        ):
            with column:
                st.markdown(f"{title}: **{queue_charts.depth_words(depth)}**")
                st.caption(safe.inline(name))
        if pair.poison:
            st.markdown(f":red[:material/error: {formats.count(pair.poison, 'poison message')}]")


def draw_messages(depths: Sequence[QueueDepth]) -> None:
    if not depths:
        return
    names = [depth.name for depth in depths]
    wanted = st.selectbox(
        "Messages of", names, index=None, key="queue", bind="query-params", placeholder="Choose a queue"
    )
    depth = next((one for one in depths if one.name == wanted), None)
    if depth is not None:
        queue_messages.draw(depth)


main()
