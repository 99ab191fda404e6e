"""What a visitor's first page shows first: its figures and lists, then its charts. What one presses follows.

The browser draws at once all that has come by then, and the whole page has come before it is ready to draw: figures
would wait for charts, and both for menus that nobody opens yet. So on the first page of a session charts are held back until
the browser tells that the text is on its screen, and the menu and what is drawn under later() until it tells so of the charts; grey
boxes stand where the latter will be, its text where a table's grid will (ui/tables.py), and its picture where a chart will
(ui/charts/style.py), so that nothing moves. A chart without a picture has all that follows wait with it. Text may be on the screen as a
draft first (ui/draft/). Where charts wait for a slow source, what one presses does not. All further runs send everything as it is
drawn, but for the first chart of a session, wherever that is.

What the browser is to look for stands in the key of an element at the end of the page (ui/shown.py).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Navigation_pb2 import Navigation
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import shown

TEXT_S = 1.5  # waited at most: a browser that tells nothing is sent the rest all the same
CHARTS_S = 2.0  # the page may be drawn before the browser has the scripts to show it with (ui/draft/begun.py)
PATIENCE_S = 1.0  # from the beginning of the run: what takes longer to be charted was not at hand
RUN_KEY = "first-paint"
BEGUN_KEY = "first-paint-begun"
CHARTED_KEY = "first-chart"
COUNTED = {
    "metric": "figures",
    "dataframe": "tables",
    "html": "tables",  # the text of one, or the picture of a chart or of a trend
    "plotly_chart": "charts",
}
Send = Callable[[ForwardMsg], None]


@dataclass
class _Run:
    """A run in which something is held back.

    *charts*: with all that comes after the first of them that has no picture. *holds_until_s*: None while there is none, and once
    they have been sent. *places*: what of the counted stands where, for it may be sent again. *popovers*: where one is held back.
    """

    send: Send
    is_first: bool
    began_s: float
    controls: list[ForwardMsg] = field(default_factory=list)
    charts: list[ForwardMsg] = field(default_factory=list)
    places: dict[tuple[int, ...], str] = field(default_factory=dict)
    popovers: list[list[int]] = field(default_factory=list)
    holds_until_s: float | None = None
    holds_all: bool = False
    is_chart: bool = False  # within chart()
    is_later: bool = False  # within later()
    visit: shown.Visit = field(default_factory=shown.Visit)

    def take(self, message: ForwardMsg) -> None:
        """Send *message*, or keep it when it is a chart, comes after one that nothing stands for, or into what is kept."""
        if self.is_inside(message):
            self.controls.append(message)
            return
        if self.is_first and message.WhichOneof("type") == "navigation":
            self.controls.append(message)
            message = _without_menu(message)
        kind = message.delta.new_element.WhichOneof("type") or ""
        if kind in COUNTED:
            self.places[tuple(message.metadata.delta_path)] = COUNTED[kind]
        if self.holds_until_s is not None and time.monotonic() >= self.holds_until_s:
            self.send_charts()
        if self.holds_until_s is not None and (self.holds_all or self.is_chart):
            self.charts.append(message)
        else:
            self.send(message)

    def send_charts(self) -> None:
        self.holds_until_s, self.holds_all = None, False
        self._send(self.charts)

    def send_controls(self) -> None:
        self.popovers.clear()
        self._send(self.controls)

    def is_inside(self, message: ForwardMsg) -> bool:
        """Whether *message* goes into a popover that is held back: the browser has nothing to draw it in."""
        path = list(message.metadata.delta_path)
        return any(path != one and path[: len(one)] == one for one in self.popovers)

    def count(self, what: str) -> int:
        return list(self.places.values()).count(what)

    def _send(self, held: list[ForwardMsg]) -> None:
        for message in held:
            self.send(message)
        held.clear()


def begin() -> None:
    """For the shell, in each run of the whole page: hold back what is to come later, if it is a session's first or its first
    chart is still to come."""
    ctx = get_script_run_ctx(suppress_warning=True)
    is_first = BEGUN_KEY not in st.session_state
    st.session_state[BEGUN_KEY] = True
    if ctx is not None and (is_first or CHARTED_KEY not in st.session_state):
        run = _Run(ctx._enqueue, is_first, time.monotonic())  # Streamlit has no order of sending to ask for
        ctx._enqueue = run.take
        st.session_state[RUN_KEY] = run


@contextmanager
def later(height_px: int | None, *widths_px: int, popovers: bool = False) -> Iterator[None]:
    """Have the browser show what is drawn in here after the page's figures and lists.

    *height_px*: of each element; None where something stands in their place already. *widths_px*: of the first ones, where
    they are as wide as what is in them. *popovers*: wait, too, where each is as wide as the others.
    """
    run, ctx = _current(), get_script_run_ctx(suppress_warning=True)
    if run is None or ctx is None or not run.is_first or run.is_later or run.holds_all:
        yield  # below a chart that nothing stands for, it waits with the chart
        return
    send, widths = ctx._enqueue, iter(widths_px)

    def hold(message: ForwardMsg) -> None:
        is_popover = popovers and message.delta.add_block.HasField("popover")
        is_held = is_popover or message.delta.WhichOneof("type") == "new_element"
        if is_held and not run.is_inside(message):
            run.controls.append(message)
            if is_popover:
                run.popovers.append(list(message.metadata.delta_path))
            if height_px is None:
                return
            message = _box(message, height_px, next(widths, None))
        send(message)  # any other container goes at once: it holds the place of what comes into it

    ctx._enqueue, run.is_later = hold, True
    try:
        yield
    finally:
        ctx._enqueue, run.is_later = send, False


def is_first() -> bool:
    """Return whether this is a session's first page, not yet painted."""
    run = _current()
    return run is not None and run.is_first


def wants_pictures() -> bool:
    """Return whether a chart drawn now would be held back, so that something should stand for it."""
    run = _current()
    return (
        run is not None
        and not run.holds_all
        and (run.holds_until_s is not None or CHARTED_KEY not in st.session_state)
    )


@contextmanager
def chart(*, is_pictured: bool) -> Iterator[None]:
    """Draw a chart in here: from the first of a session on, they wait until text is painted. What one presses waits no longer
    when charts take their time.

    *is_pictured*: its picture stands in its place; without one, all that is drawn after it waits, too.
    """
    run = _current()
    if run is None:
        yield
        return
    if CHARTED_KEY not in st.session_state:
        st.session_state[CHARTED_KEY] = True
        run.holds_until_s = time.monotonic() + TEXT_S
    if run.holds_until_s is not None and not is_pictured:
        run.holds_all = True
    if time.monotonic() - run.began_s > PATIENCE_S:
        run.send_controls()
    run.is_chart = True
    try:
        yield
    finally:
        run.is_chart = False


def end(foot: DeltaGenerator) -> None:
    """For the shell, once the page is drawn: send what was held back, as the browser gets on.

    *foot*: a container that was sent before the page. By what stands in it the browser knows what it is to tell; below the page
    it could not, for a part of that may be held back.
    """
    run = _current()
    if run is not None and (run.charts or run.controls):
        _restore(run)
        with shown.expected(run.visit):
            with foot, st.container(key=run.visit.key(*map(run.count, ("figures", "tables", "charts")))):
                st.space(1)  # a container of nothing is not drawn
            run.visit.text.wait(TEXT_S)
            if run.charts:
                run.send_charts()
                run.visit.charts.wait(CHARTS_S if run.controls else 0.0)
    send_rest()


def send_rest() -> None:
    """Send what is still held back, at once; all that is drawn from now on is sent as it is drawn."""
    run = _current()
    if run is not None:
        st.session_state[RUN_KEY] = None
        _restore(run)
        run.send_charts()
        run.send_controls()


def _current() -> _Run | None:
    found: _Run | None = st.session_state.get(RUN_KEY)
    return found


def _restore(run: _Run) -> None:
    ctx = get_script_run_ctx(suppress_warning=True)
    if ctx is not None:
        ctx._enqueue = run.send


def _without_menu(message: ForwardMsg) -> ForwardMsg:
    """Return what tells the browser which page this is: what is pressed before the menu comes belongs to that page."""
    told = ForwardMsg(metadata=message.metadata, navigation=message.navigation)
    told.navigation.position = Navigation.HIDDEN
    return told


def _box(message: ForwardMsg, height_px: int, width_px: int | None) -> ForwardMsg:
    """Return what stands in the place of the element in *message*."""
    box = ForwardMsg(metadata=message.metadata, hash=f"box-{message.hash}")
    box.metadata.cacheable = False
    box.delta.fragment_id = message.delta.fragment_id
    element = box.delta.new_element
    element.skeleton.SetInParent()
    element.height_config.pixel_height = height_px
    element.width_config.CopyFrom(message.delta.new_element.width_config)
    if width_px is not None:
        element.width_config.pixel_width = width_px
    return box
