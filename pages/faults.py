"""Fault desk: what does trouble look like, and how does Relaydeck take it? Scenarios of Local Azure, by name.

URL state: none. Redraws every two seconds while a scenario is on, or while what is on cannot be read; else never. Sends nothing by itself: what is on is read
in the background. Acts: switches a scenario on (it ends by itself) or off, ends all. Locked where nothing may be staged.
"""

import streamlit as st

from ui import context, fault_parts, feedback

EVERY_S = 2.0
ABOUT = (
    "Each scenario makes Local Azure fail in one way, for as long as you choose; then it ends by itself. Switch one on, "
    "ask a question, and watch. Several may be on at once. The terminal does the same: `python3 run.py faults list`."
)


def main() -> None:
    st.markdown("# Fault desk", anchors=False)
    board = context.fault_board()
    if board is None:
        fault_parts.draw_locked(fault_parts.NOT_HERE)
        fault_parts.draw_all((), locked=True)
        return
    st.caption(ABOUT)
    phase = board.reading().phase
    st.fragment(draw_desk, run_every=None if phase == "off" else EVERY_S, key="fault-desk")(phase)


def draw_desk(phase: str) -> None:
    """Fragment: every scenario with its switch, and what it has done so far."""
    board = context.fault_board()
    if board is None:
        return
    with feedback.showing_errors():
        reading = board.reading()
        if reading.phase != phase:
            st.rerun()  # timers begin and end with a run of the whole page
        if reading.problem is not None:
            feedback.draw_error(reading.problem)
            return
        if reading.phase == "unknown":
            st.caption(":shimmer[Asking Local Azure what is on]")
            return
        access = context.services().access
        locked = not access.may("switch scenario on")
        if locked:
            fault_parts.draw_locked(fault_parts.no_role(access.principal().name))
        fault_parts.draw_all(reading.states, locked=locked)
    feedback.draw_said()


main()
