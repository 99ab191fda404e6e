"""The bar above every page while a scenario is on, so that nobody takes what was staged for real trouble."""

from datetime import timedelta

import streamlit as st

from ui import context, fault_actions, feedback, formats, menu, safe
from ui.fault_board import Reading

EVERY_S, IDLE_S = 2.0, 15.0  # the second: how late another tab learns of it


def draw(*, paused: bool) -> None:
    """Draw it, nothing when nothing is on. Where nothing can be staged, or the page is *paused*, there is no timer."""
    board = context.fault_board()
    if board is None:
        return
    on = bool(board.reading().on)
    every_s = EVERY_S if on else IDLE_S
    st.fragment(draw_line, run_every=None if paused else every_s, key="fault-bar")(on, paused=paused)


def draw_line(was_on: bool, *, paused: bool) -> None:
    """Fragment: what is on, how long it still lasts, and the button that ends it. It reads the memory of this process."""
    board = context.fault_board()
    if board is None:
        return
    reading = board.reading()
    if bool(reading.on) != was_on:
        st.rerun()  # timers begin and end with a run of the whole page
    if not reading.on:
        return
    with st.container(border=True, horizontal=True, vertical_alignment="center", key="fault-bar-box"):
        st.markdown(
            f":orange-badge[:material/theater_comedy: Staged trouble] {words(reading, paused=paused)}",
            width="stretch",
        )
        st.page_link(menu.link("faults.py"), label="Fault desk", icon=":material/tune:", width="content")
        st.button(
            "End all",
            key="fault-bar-end",
            icon=":material/stop_circle:",
            disabled=not context.services().access.may("clear scenarios"),
            on_click=fault_actions.end_all,
        )
    feedback.draw_said()


def words(reading: Reading, *, paused: bool) -> str:
    """Return `**Poison**, **Burst** · over in 1 min 3 s`: when the last of them ends. *paused*: the time of day instead."""
    titles = ", ".join(f"**{safe.inline(one.scenario.title, 60)}**" for one in reading.on)
    left_s = max(one.left_s or 0.0 for one in reading.on)
    if paused:
        return f"{titles} · until {formats.told(formats.clock(formats.now() + timedelta(seconds=left_s)))}"
    left = formats.duration(float(round(left_s))).replace(" ", "\N{NO-BREAK SPACE}")
    return f"{titles} · over in {left}"
