"""What a visitor's first page shows first: its figures and lists, then its charts. What one presses follows.

The browser draws at once all that has come by then, and the whole page has come before it is ready to draw: figures
would wait for charts, and both for menus that nobody opens yet. So on the first page of a session charts are sent once the
text has had time to be painted, and the elements drawn under later() after them; until then a grey box of their size stands
where they will be, so that nothing moves. Where charts wait for a slow source, the controls wait for neither. All further
runs send everything as it is drawn, but for the wait before the first chart, wherever that is.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.scriptrunner import get_script_run_ctx

PAINT_S = 0.3
TABLE_S = 0.5  # in place of it where no chart waits: until a table is painted too, whose script is large
PATIENCE_S = 1.0  # from the beginning of the run: what takes longer to be charted was not at hand
HELD_KEY = "first-paint"
BEGAN_KEY = "first-paint-began"
CHARTED_KEY = "first-chart"


def begin() -> None:
    """For the shell, in each run of the whole page: a session's first holds back what is to come later."""
    st.session_state[HELD_KEY] = None if HELD_KEY in st.session_state else []
    st.session_state.setdefault(BEGAN_KEY, time.monotonic())


@contextmanager
def later(height_px: int, *widths_px: int) -> Iterator[None]:
    """Have the browser show what is drawn in here after the page's figures and lists.

    *height_px*: of each element. *widths_px*: of the first ones, where they are as wide as what is in them.
    """
    held: list[ForwardMsg] | None = st.session_state.get(HELD_KEY)
    ctx = get_script_run_ctx(suppress_warning=True)
    if held is None or ctx is None:
        yield
        return
    send, widths = ctx._enqueue, iter(widths_px)  # Streamlit has no order of sending to ask for

    def hold(message: ForwardMsg) -> None:
        if message.delta.WhichOneof("type") == "new_element":
            held.append(message)
            message = _box(message, height_px, next(widths, None))
        send(message)  # a container goes at once: it holds the place of what comes into it

    ctx._enqueue = hold
    try:
        yield
    finally:
        ctx._enqueue = send


def is_first() -> bool:
    """Return whether this is a session's first page, not yet painted."""
    return st.session_state.get(HELD_KEY) is not None


def let_paint() -> None:
    """Before a chart: wait until text is painted, if it is a session's first; what was held back waits no longer than that
    when charts take their time."""
    if CHARTED_KEY not in st.session_state:
        st.session_state[CHARTED_KEY] = True
        time.sleep(PAINT_S)
    if is_first() and time.monotonic() - st.session_state[BEGAN_KEY] > PATIENCE_S:
        send_rest()


def end() -> None:
    """For the shell, once the page is drawn: send what was held back, on a page without a chart once text is painted."""
    if st.session_state.get(HELD_KEY):
        if CHARTED_KEY not in st.session_state:
            time.sleep(TABLE_S)
        send_rest()


def send_rest() -> None:
    """Send what is still held back, at once; all that is drawn from now on is sent as it is drawn."""
    held: list[ForwardMsg] | None = st.session_state.get(HELD_KEY)
    ctx = get_script_run_ctx(suppress_warning=True)
    st.session_state[HELD_KEY] = None
    for message in held or ():
        if ctx is not None:
            ctx._enqueue(message)


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
