"""What a session's first page is sent, in which order: Streamlit's own runner, its messages as the browser would get them."""

import textwrap
from types import SimpleNamespace

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.testing.v1 import AppTest

from ui import first_paint

PROGRAM = """
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from ui import first_paint

ctx = get_script_run_ctx()
send, sent = ctx._enqueue, []
ctx._enqueue = lambda message: (sent.append(message), send(message))
st.session_state["sent"] = sent
first_paint.begin()
try:
    with first_paint.later(38, 120):
        with st.container(horizontal=True):
            st.button("Press")
            st.text_input("Find")
    st.metric("Runs", 7)
    {body}
    first_paint.end()
finally:
    first_paint.send_rest()
"""


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the page waited, each time, without waiting: time passes by what it waits alone."""
    waits: list[float] = []
    clock = SimpleNamespace(sleep=waits.append, monotonic=lambda: sum(waits))
    monkeypatch.setattr(first_paint, "time", clock)
    monkeypatch.setattr(first_paint, "PAINT_S", 0.3)
    monkeypatch.setattr(first_paint, "TABLE_S", 0.5)
    return waits


def opened(body: str = "") -> AppTest:
    return AppTest.from_string(PROGRAM.format(body=textwrap.indent(body, "    ").strip())).run()


def elements(at: AppTest) -> list[str]:
    return [kind_of(one) for one in messages(at)]


def messages(at: AppTest) -> list[ForwardMsg]:
    return [one for one in at.session_state["sent"] if one.delta.WhichOneof("type") == "new_element"]


def kind_of(message: ForwardMsg) -> str:
    return str(message.delta.new_element.WhichOneof("type"))


def test_the_first_page_shows_figures_before_what_is_pressed(paused: list[float]) -> None:
    at = opened()
    assert elements(at) == ["skeleton", "skeleton", "metric", "button", "text_input"]
    assert paused == [0.5]
    assert [one.label for one in at.button] == ["Press"]  # and nothing stands in its place any more
    assert len(at.text_input) == 1


def test_a_box_has_the_place_and_the_size_of_what_comes(paused: list[float]) -> None:
    button, find, _, *late = messages(opened())
    for box, real in zip((button, find), late, strict=True):
        assert list(box.metadata.delta_path) == list(real.metadata.delta_path)
        assert box.metadata.active_script_hash == real.metadata.active_script_hash
        assert box.delta.new_element.height_config.pixel_height == 38
    assert button.delta.new_element.width_config.pixel_width == 120
    assert find.delta.new_element.width_config == late[1].delta.new_element.width_config


def test_later_runs_send_all_as_it_is_drawn(paused: list[float]) -> None:
    at = opened()
    paused.clear()
    at.button[0].click().run()
    assert elements(at) == ["button", "text_input", "metric"]
    assert paused == []


TWO_CHARTS = "first_paint.let_paint()\nst.write('one')\n{between}\nfirst_paint.let_paint()\nst.write('two')"


def test_charts_wait_once_and_come_before_what_is_pressed(paused: list[float]) -> None:
    at = opened(TWO_CHARTS.format(between="pass"))
    assert elements(at) == ["skeleton", "skeleton", "metric", "markdown", "markdown", "button", "text_input"]
    assert paused == [0.3]


def test_what_is_pressed_does_not_wait_for_charts_that_take_their_time(paused: list[float]) -> None:
    at = opened(TWO_CHARTS.format(between="first_paint.time.sleep(2)"))
    assert elements(at) == ["skeleton", "skeleton", "metric", "markdown", "button", "text_input", "markdown"]
    assert paused == [0.3, 2]


def test_the_first_chart_is_waited_for_on_a_later_page_too(paused: list[float]) -> None:
    at = opened("first_paint.let_paint() if st.session_state.get('turn') else None")
    assert paused == [0.5]  # for what is pressed
    at.session_state["turn"] = 2
    at.run()
    at.run()
    assert elements(at) == ["button", "text_input", "metric"]
    assert paused == [0.5, 0.3]


def test_a_page_that_fails_keeps_nothing_back(paused: list[float]) -> None:
    at = opened("raise ValueError('broken')")
    assert [one.label for one in at.button] == ["Press"]
    assert elements(at)[:5] == ["skeleton", "skeleton", "metric", "button", "text_input"]
    assert paused == []  # who is told of a failure waits for nothing


def test_a_page_with_nothing_held_back_and_no_chart_does_not_wait(paused: list[float]) -> None:
    source = PROGRAM.format(body="pass").replace("with first_paint.later(38, 120):", "if False:")
    at = AppTest.from_string(source).run()
    assert elements(at) == ["metric"]
    assert paused == []
