"""Agents: which there are, whose they are, who calls whom, what has drifted, and what is broken.

URL state: the range, refresh and zone of the bar (ui/view.py); ?agents-text=, -kind, -owner, -state (filters), -sort,
-page; ?agent=, the one that is opened; ?agents-show= and ?agents-compare=, of that one. Redraws as often as the bar
says, each second while the first index is made; that asks the agent service nothing, for the index is shared. Acts:
updates the team, deletes one of ours, writes a definition to a file.
"""

import streamlit as st

from ui import (
    agents_actions,
    agents_data,
    agents_detail,
    agents_filters,
    agents_list,
    agents_map,
    agents_table,
    feedback,
    view,
)

INDEXING_S = 1.0


def main() -> None:
    agent_id = st.query_params.get(agents_table.AGENT, "").strip()
    if not agent_id:
        st.markdown("# Agents", anchors=False)
        agents_filters.draw(agents_filters.chosen())
    shown = view.current()
    indexing = agents_data.is_indexing()
    every_s = INDEXING_S if indexing else shown.refresh_s
    draw = agents_detail.draw if agent_id else draw_body
    st.fragment(draw, run_every=every_s, key="agents")(indexing, agent_id)


def draw_body(was_indexing: bool, agent_id: str) -> None:
    """Fragment: figures and list first, for they are read at once; the map after them."""
    del agent_id  # only tells the list from one agent
    feedback.draw_said()
    with feedback.showing_errors():
        reading = agents_data.load(view.current())
        board = reading.board
        if was_indexing and board.state != "indexing":
            st.rerun()  # timers begin and end with a run of the whole page
        if board.state == "failed":
            agents_list.draw_failure(board)
            return
        agents_list.draw_totals(board)
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            with st.container(width="stretch"):
                agents_list.draw_state(board)
            agents_actions.draw_team(board)
        agents_list.draw_use_state(reading)
        filters = agents_filters.chosen()
        found = agents_filters.matching(reading, filters)
        if not found:
            agents_list.draw_empty(board, filters)
        else:
            agents_table.draw(reading, found, filters)
            st.caption(agents_list.source_words(reading))
        agents_list.draw_gone(reading)
        agents_map.draw(reading, found, "Who calls whom?")


main()
