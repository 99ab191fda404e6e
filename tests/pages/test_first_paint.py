"""What a session's first page is sent, in which order: Streamlit's own runner, its messages as the browser would get them."""

import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Navigation_pb2 import Navigation
from streamlit.testing.v1 import AppTest

from ui import first_paint, shown

PROGRAM = """
import plotly.graph_objects as go
import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx
from ui import first_paint

ctx = get_script_run_ctx()
send, sent = ctx._enqueue, []
ctx._enqueue = lambda message: (sent.append(message), send(message))
st.session_state["sent"] = sent
first_paint.begin()
try:
    foot = st.container()
    menu = ForwardMsg()
    menu.navigation.position = menu.navigation.SIDEBAR
    ctx._enqueue(menu)
    with first_paint.later(38, 120):
        with st.container(horizontal=True):
            st.button("Press")
            st.text_input("Find")
    st.metric("Runs", 7)
    {body}
    first_paint.end(foot)
    st.write("after")
finally:
    first_paint.send_rest()
"""
CHARTS = """
with first_paint.chart(is_pictured=False):
    st.plotly_chart(go.Figure(go.Bar(y=[1])), key="one")
{between}
with first_paint.chart(is_pictured=False):
    st.plotly_chart(go.Figure(go.Bar(y=[1])), key="two")
"""
PICTURED = """
from ui.charts import style
axis = {"range": [0, 1], "tickvals": [0, 1], "ticktext": ["0", "1"]}
for name in ("one", "two"):
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1], mode="lines", line={"color": "red"}), style.layout("light"))
    figure.update_layout(xaxis=axis, yaxis=axis, showlegend=False)
    style.draw(figure, key=name, alt="A line")
    st.write("below " + name)
"""
BOXES = ["page", "skeleton", "skeleton"]
TEXT = [*BOXES, "metric", "space"]
CONTROLS = ["menu", "button", "text_input"]
Waits = list[tuple[str, list[str]]]


class Told:
    """Of one part, that it is on the screen: remembers what had been sent when it was waited for."""

    def __init__(self, part: str, waits: Waits) -> None:
        self._part, self._waits = part, waits

    def wait(self, timeout_s: float) -> None:
        if timeout_s:
            self._waits.append((self._part, kinds(st.session_state["sent"])))


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """What was waited for, each with what had been sent by then."""
    found: Waits = []

    @contextmanager
    def expected(visit: shown.Visit) -> Iterator[None]:
        object.__setattr__(visit, "text", Told("text", found))
        object.__setattr__(visit, "charts", Told("charts", found))
        yield

    monkeypatch.setattr(shown, "expected", expected)
    for name in ("TEXT_S", "CHARTS_S", "PATIENCE_S"):
        monkeypatch.setattr(first_paint, name, 60.0)  # nothing here is slow enough for the clock to matter
    return found


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands until a page sets it, to more than anything waits."""
    found = SimpleNamespace(now_s=0.0)
    found.monotonic = lambda: found.now_s
    monkeypatch.setattr(first_paint, "time", found)
    return found


def opened(body: str = "pass") -> AppTest:
    return AppTest.from_string(PROGRAM.replace("{body}", textwrap.indent(body, "    ").strip())).run()


def kinds(messages: list[ForwardMsg]) -> list[str]:
    found = []
    for one in messages:
        if one.WhichOneof("type") == "navigation":
            found.append("page" if one.navigation.position == Navigation.HIDDEN else "menu")
        elif one.delta.WhichOneof("type") == "new_element":
            found.append(str(one.delta.new_element.WhichOneof("type")))
    return found


def sent(at: AppTest) -> list[str]:
    """Return what was sent, in that order, once it is sure that the browser could put each where it belongs."""
    messages: list[ForwardMsg] = at.session_state["sent"]
    children = {(0,): 0}
    for one in messages:
        if one.WhichOneof("type") == "delta":
            *above, place = one.metadata.delta_path
            assert place <= children[tuple(above)], f"nothing stands before {place} in {above}"
            children[tuple(above)] = max(children[tuple(above)], place + 1)
            if one.delta.WhichOneof("type") == "add_block":
                children[*above, place] = 0
    return kinds(messages)


def test_what_is_pressed_waits_until_the_browser_shows_the_text(waits: Waits) -> None:
    at = opened()
    assert waits == [("text", TEXT)]
    assert sent(at) == [*TEXT, *CONTROLS, "markdown"]
    assert [one.label for one in at.button] == ["Press"]  # and nothing stands in its place any more
    assert len(at.text_input) == 1


def test_charts_wait_for_the_text_and_what_is_pressed_for_the_charts(waits: Waits) -> None:
    at = opened(CHARTS.replace("{between}", "st.write('between')"))
    charts = ["plotly_chart", "markdown", "plotly_chart"]
    assert waits == [("text", TEXT), ("charts", [*TEXT, *charts])]
    assert sent(at) == [*TEXT, *charts, *CONTROLS, "markdown"]


def test_the_browser_is_told_how_much_it_is_to_look_for(waits: Waits) -> None:
    body = "st.dataframe({'a': [1]})\nst.empty().metric('Twice', 1)\n" + CHARTS.replace("{between}", "")
    at = opened(body)
    keys = [one.delta.add_block.id for one in at.session_state["sent"] if one.delta.HasField("add_block")]
    assert [key.rpartition("shown-")[2].split("-")[1:] for key in keys if "shown-" in key] == [
        ["2", "1", "2"]
    ]


TABLE = """
from ui import tables
tables.draw([{"Agent": "one", "Calls": 7}], key="agents", alt="Agents")
"""


def test_of_a_table_its_text_comes_first_and_its_grid_with_what_is_pressed(waits: Waits) -> None:
    at = opened(TABLE + CHARTS.replace("{between}", ""))
    text, charts = [*BOXES, "metric", "html", "space"], ["plotly_chart", "plotly_chart"]
    assert waits == [("text", text), ("charts", [*text, *charts])]
    assert sent(at) == [*text, *charts, *CONTROLS, "dataframe", "markdown"]
    counted = [one.delta.add_block.id for one in at.session_state["sent"] if one.delta.HasField("add_block")]
    assert next(key for key in counted if "shown-" in key).endswith("-1-1-2")
    at.button[0].click().run()
    assert sent(at)[:6] == ["menu", "button", "text_input", "metric", "empty", "dataframe"]


def test_a_table_that_only_the_grid_can_draw_is_a_grid_at_once(waits: Waits) -> None:
    at = opened("from ui import tables\ntables.draw([{'Flag': {'a': 1}}], key='flags', alt='Flags')")
    assert sent(at) == [*BOXES, "metric", "empty", "dataframe", "space", *CONTROLS, "markdown"]


def test_of_a_chart_its_picture_comes_with_the_text_and_nothing_else_waits_for_it(waits: Waits) -> None:
    at = opened(PICTURED)
    text = [*BOXES, "metric", "html", "markdown", "html", "markdown", "space"]
    charts = ["plotly_chart", "plotly_chart"]
    assert waits == [("text", text), ("charts", [*text, *charts])]
    assert sent(at) == [*text, *charts, *CONTROLS, "markdown"]
    counted = [one.delta.add_block.id for one in at.session_state["sent"] if one.delta.HasField("add_block")]
    assert next(key for key in counted if "shown-" in key).endswith("-1-2-2")

    at.button[0].click().run()
    assert sent(at)[3:8] == ["metric", "empty", "plotly_chart", "markdown", "empty"]


def test_below_a_chart_without_a_picture_another_one_has_none_either(waits: Waits) -> None:
    """What comes after the former waits, too: its picture would come with the charts."""
    at = opened(CHARTS.replace("{between}", "") + PICTURED)
    assert "html" not in sent(at)


def test_pictured_charts_are_sent_when_nobody_waits_for_them_any_longer(
    waits: Waits, clock: SimpleNamespace
) -> None:
    at = opened(PICTURED + "\nfirst_paint.time.now_s = 90.0\nst.write('slow')")
    assert sent(at)[-8:-1] == ["plotly_chart", "plotly_chart", "markdown", "space", *CONTROLS]


def test_a_box_has_the_place_and_the_size_of_what_comes(waits: Waits) -> None:
    at = opened()
    found = [one for one in at.session_state["sent"] if one.delta.WhichOneof("type") == "new_element"]
    button, find, _, _, *late = found
    for box, real in zip((button, find), late, strict=False):
        assert list(box.metadata.delta_path) == list(real.metadata.delta_path)
        assert box.metadata.active_script_hash == real.metadata.active_script_hash
        assert box.delta.new_element.height_config.pixel_height == 38
    assert button.delta.new_element.width_config.pixel_width == 120
    assert find.delta.new_element.width_config == late[1].delta.new_element.width_config


def test_later_runs_send_all_as_it_is_drawn(waits: Waits) -> None:
    at = opened(CHARTS.replace("{between}", ""))
    waits.clear()
    at.button[0].click().run()
    assert sent(at) == [
        "menu",
        "button",
        "text_input",
        "metric",
        "plotly_chart",
        "plotly_chart",
        "markdown",
    ]
    assert waits == []


def test_the_first_chart_is_waited_for_on_a_later_page_too(waits: Waits) -> None:
    at = opened("if 'turn' in st.session_state:\n" + textwrap.indent(CHARTS.replace("{between}", ""), "    "))
    assert [what for what, _ in waits] == ["text"]
    at.session_state["turn"] = 2
    waits.clear()
    at.run()
    all_but_charts = ["menu", "button", "text_input", "metric", "space"]
    assert waits == [("text", all_but_charts)]
    assert sent(at) == [*all_but_charts, "plotly_chart", "plotly_chart", "markdown"]
    waits.clear()
    at.run()
    assert waits == []


def test_what_is_pressed_does_not_wait_for_charts_that_take_their_time(
    waits: Waits, clock: SimpleNamespace
) -> None:
    clock_of = "first_paint.time.now_s = 90.0\nst.write('slow')"
    at = opened(CHARTS.replace("{between}", clock_of))
    at_last = ["plotly_chart", "markdown", *CONTROLS, "plotly_chart"]
    assert sent(at) == [*BOXES, "metric", *at_last, "markdown"]
    assert waits == []  # a chart that took so long is no first paint any more


def test_what_is_pressed_below_a_chart_comes_with_the_chart(waits: Waits, clock: SimpleNamespace) -> None:
    """Its place comes with the chart; sent before that, the browser could not put it anywhere."""
    below = "with first_paint.later(38):\n    st.container().toggle('Below')\nfirst_paint.time.now_s = 90.0"
    at = opened(CHARTS.replace("{between}", below))
    assert sent(at) == [
        *BOXES,
        "metric",
        *CONTROLS,
        "plotly_chart",
        "checkbox",
        "plotly_chart",
        "markdown",
    ]


def test_what_is_drawn_later_within_what_is_drawn_later_has_one_box(waits: Waits) -> None:
    """A box for a box would stay on the page."""
    at = opened("with first_paint.later(38):\n    with first_paint.later(38):\n        st.toggle('Inner')")
    boxes = ["page", "skeleton", "skeleton", "metric", "skeleton", "space"]
    assert sent(at) == [*boxes, *CONTROLS, "checkbox", "markdown"]
    assert [one.label for one in at.toggle] == ["Inner"]


def test_a_popover_waits_with_all_that_is_in_it(waits: Waits) -> None:
    """One box stands for it: the browser would have nothing to draw the rest in."""
    popover = "with first_paint.later(38, 170, popovers=True):\n    how = st.popover('How')\n    how.toggle('In')\nhow.write('So')"
    at = opened(popover)
    assert sent(at) == [*BOXES, "metric", "skeleton", "space", *CONTROLS, "checkbox", "markdown", "markdown"]
    assert waits == [("text", [*BOXES, "metric", "skeleton", "space"])]
    assert [one.label for one in at.toggle] == ["In"]


def test_a_popover_waits_where_something_else_stands_for_it(waits: Waits) -> None:
    at = opened("with first_paint.later(None, popovers=True):\n    how = st.popover('How')\nhow.write('So')")
    assert sent(at) == [*BOXES, "metric", "space", *CONTROLS, "markdown", "markdown"]


def test_a_popover_that_is_as_wide_as_its_words_is_there_at_once(waits: Waits) -> None:
    at = opened("with first_paint.later(38):\n    st.popover('Custom').toggle('In')")
    assert sent(at) == [*BOXES, "metric", "skeleton", "space", *CONTROLS, "checkbox", "markdown"]


def test_a_page_that_fails_keeps_nothing_back(waits: Waits) -> None:
    at = opened(CHARTS.replace("{between}", "raise ValueError('broken')"))
    assert [one.label for one in at.button] == ["Press"]
    assert sent(at)[:8] == [*BOXES, "metric", "plotly_chart", *CONTROLS]
    assert waits == []  # who is told of a failure waits for nothing


def test_a_browser_that_tells_nothing_is_sent_everything_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(first_paint, "TEXT_S", 0.02)
    monkeypatch.setattr(first_paint, "CHARTS_S", 0.02)
    at = opened(CHARTS.replace("{between}", ""))
    # A slow machine has waited long enough before the page is drawn whole: then charts come before its end.
    assert sorted(sent(at)) == sorted([*TEXT, "plotly_chart", "plotly_chart", *CONTROLS, "markdown"])
    assert sent(at)[-4:] == [*CONTROLS, "markdown"]


def test_a_page_with_nothing_held_back_is_not_waited_for(waits: Waits) -> None:
    source = PROGRAM.replace("{body}", "pass").replace("with first_paint.later(38, 120):", "if False:")
    at = AppTest.from_string(source.replace("ctx._enqueue(menu)", "pass")).run()
    assert sent(at) == ["metric", "markdown"]
    assert waits == []
