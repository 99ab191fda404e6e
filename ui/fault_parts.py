"""The parts of the Fault desk. Nothing here asks anybody."""

import streamlit as st

from services.access import NEEDS
from services.faults.desk import ScenarioState
from services.faults.scenarios import LASTS_S, SCENARIOS, USUAL_LASTS_S, Scenario, Watch
from ui import fault_actions, formats, menu, safe
from ui.fault_actions import key
from ui.menu import MENU, Screen

COLUMNS = 2
NOT_HERE = (
    "Relaydeck is connected to Azure, and nothing in Azure is made to fail on purpose. "
    "`python3 run.py` on a laptop starts a Relaydeck of its own with Local Azure, where all of this can be staged."
)


def no_role(name: str) -> str:
    """Return why *name* may look and not switch."""
    needed = NEEDS["switch scenario on"].capitalize()
    return f"Switching scenarios takes the role {needed}, which {safe.inline(name, 60)} does not have."


def draw_locked(reason: str) -> None:
    """Draw why nothing can be switched here."""
    st.info(f"**Locked.** {reason}", icon=":material/lock:")


def draw_all(states: tuple[ScenarioState, ...], *, locked: bool) -> None:
    """Draw every scenario, two in a row. *locked*: its switch is drawn and cannot be pressed."""
    shown = states or tuple(ScenarioState(one, None, None, {}) for one in SCENARIOS)
    for first in range(0, len(shown), COLUMNS):
        places = st.columns(COLUMNS, gap="small")
        for place, state in zip(places, shown[first : first + COLUMNS], strict=False):
            with (
                place,
                st.container(border=True, height="stretch", gap="small", key=key(state.scenario, "card")),
            ):
                draw_scenario(state, locked=locked)


def draw_scenario(state: ScenarioState, *, locked: bool) -> None:
    scenario = state.scenario
    st.markdown(f"**{safe.inline(scenario.title, 60)}** {badge(state)}")
    st.markdown(scenario.does)
    with st.container(gap="xsmall"):
        for watch in scenario.watch:
            draw_watch(watch)
    if told := met_words(state):
        st.caption(told)
    if scenario.leaves and state.met_count:
        draw_left(scenario)
    with st.container(horizontal=True, vertical_alignment="bottom", height="stretch"):
        if state.is_on:
            st.button(
                "Switch off",
                key=key(scenario, "off"),
                icon=":material/stop_circle:",
                disabled=locked or not scenario.faults,
                on_click=fault_actions.switch_off,
                args=[scenario],
            )
        else:
            draw_switch(scenario, locked=locked)


def draw_watch(watch: Watch) -> None:
    screen = screen_of(watch.page)
    with st.container(gap=None):
        st.page_link(menu.link(screen.file), label=screen.title, icon=screen.icon, width="content")
        st.caption(f"{watch.words[0].upper()}{watch.words[1:]}.")


def draw_switch(scenario: Scenario, *, locked: bool) -> None:
    box = st.popover("Switch on", icon=":material/play_circle:", key=key(scenario, "ask"), disabled=locked)
    with box:
        if dial := scenario.dial:
            st.segmented_control(
                dial.label,
                dial.values,
                default=dial.usual,
                format_func=dial.words,
                key=key(scenario, "dial"),
            )
        st.segmented_control(
            "Ends by itself after",
            LASTS_S,
            default=USUAL_LASTS_S,
            format_func=minutes,
            key=key(scenario, "lasts"),
        )
        if scenario.leaves:
            st.caption(f":material/info: {scenario.leaves}")
        st.button(
            "Switch on",
            key=key(scenario, "on"),
            type="primary",
            icon=":material/play_circle:",
            disabled=locked,
            on_click=fault_actions.switch_on,
            args=[scenario],
        )


def draw_left(scenario: Scenario) -> None:
    screen = screen_of(scenario.put_right)
    st.caption(f":orange[:material/info:] {scenario.leaves}")
    st.page_link(
        menu.link(screen.file), label=f"Put it right on {screen.title}", icon=screen.icon, width="content"
    )


def minutes(lasts_s: float) -> str:
    return f"{lasts_s / 60:g} min"


def badge(state: ScenarioState) -> str:
    """Return whether it is on, how strong and for how long; empty when it is off."""
    if state.left_s is None:
        return ""
    dial = state.scenario.dial
    strength = f" · {dial.words(state.intensity)}" if dial and state.intensity is not None else ""
    left = formats.duration(float(round(state.left_s)))
    return f":orange-badge[:material/theater_comedy: On{strength} · {left} left]"


def met_words(state: ScenarioState) -> str:
    """Return what it has done so far, or did when it was on last; empty when it never was."""
    if not state.is_on and not state.met:
        return ""
    when = "So far" if state.is_on else "When it was on last"
    if not state.met:
        return f"{when}: nothing has met it."
    parts = ", ".join(f"{count:,} × {safe.code(name)}" for name, count in sorted(state.met.items()))
    which = f" ({parts})" if len(state.met) > 1 else ""
    return f"{when}, {state.scenario.met}: **{state.met_count:,}**{which}."


def screen_of(title: str) -> Screen:
    """Return the page of that title. Raises StopIteration: the menu has none."""
    return next(one for section in MENU.values() for one in section if one.title == title)
