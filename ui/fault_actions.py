"""What the buttons of the Fault desk do. All are callbacks."""

import streamlit as st

from services.errors import InvalidInput
from services.faults.desk import FaultDesk, ScenarioState
from services.faults.scenarios import USUAL_LASTS_S, Scenario
from ui import context, feedback

ON, OFF = ":material/theater_comedy:", ":material/stop_circle:"


def key(scenario: Scenario, part: str) -> str:
    return f"fault-{part}-{scenario.name.replace(' ', '-')}"


def switch_on(scenario: Scenario) -> None:
    with feedback.saying_errors():
        lasts_s = float(st.session_state.get(key(scenario, "lasts")) or USUAL_LASTS_S)
        chosen = st.session_state.get(key(scenario, "dial")) if scenario.dial else None
        _show(_desk().switch_on(scenario.name, None if chosen is None else float(chosen), lasts_s))
        feedback.say(f"{scenario.title} is on for {lasts_s / 60:g} min", ON)


def switch_off(scenario: Scenario) -> None:
    with feedback.saying_errors():
        _show(_desk().switch_off(scenario.name))
        feedback.say(f"{scenario.title} is off", OFF)


def end_all() -> None:
    with feedback.saying_errors():
        _show(_desk().clear())
        feedback.say("Every scenario is off", OFF)


def _desk() -> FaultDesk:
    desk = context.services().faults
    if desk is None:
        raise InvalidInput("Nothing can be staged here.", operation="switch scenario", hint="")
    return desk


def _show(states: tuple[ScenarioState, ...]) -> None:
    board = context.fault_board()
    if board is not None:
        board.put(states)
