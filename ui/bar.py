"""The bar above a page: range of time, refresh, zone, and the search for any id.

Nothing in it asks Azure, but the search when an id is looked for.
"""

import streamlit as st

from ui import first_paint, formats, safe, search
from ui.time_range import CUSTOM, RANGES, REFRESH, ZONES, written
from ui.view import change, chosen, current, read_again

HEIGHT_PX, WIDTHS_PX = 38, (254, 145, 15, 115, 140)  # of its elements; the last takes what is left
CHANGED_KEY = "view-changed"
CUSTOM_KEY, FROM_KEY, TO_KEY = "view-custom", "view-from", "view-to"
LABELS = {
    "15m": "15 m",
    "1h": "1 h",
    "6h": "6 h",
    "24h": "24 h",
    "7d": "7 d",
    "off": ":material/pause:",
    "5s": "5 s",
    "30s": "30 s",
    "local": "Local",
    "utc": "UTC",
}
HELP = {
    "range": "How far back the page looks",
    "refresh": "How often the page is read again. Paused, it stays as it is.",
    "zone": "The zone of all times on the page",
}


def draw() -> None:
    """Draw the bar, once, above the page: range, refresh, zone, search; and what was wrong with the address."""
    view = current()
    with (
        first_paint.later(HEIGHT_PX, *WIDTHS_PX),
        st.container(horizontal=True, vertical_alignment="center", gap="small", key="view-bar"),
    ):
        draw_choice("range", tuple(RANGES), view.label if view.moves else None)
        st.fragment(draw_custom, key="view-custom-part")()
        draw_choice("refresh", tuple(REFRESH), chosen("refresh"), disabled=not view.moves)
        st.button(
            ":material/refresh:",
            key="view-again",
            type="tertiary",
            help="Read again now",
            on_click=read_again,
        )
        draw_choice("zone", ZONES, chosen("zone"))
        search.draw_box()
    if view.problem:
        st.warning(safe.inline(view.problem, 600), icon=":material/rule:")
    search.draw_result()


def draw_choice(name: str, options: tuple[str, ...], value: str | None, *, disabled: bool = False) -> None:
    key = f"view-{name}"
    if st.session_state.get(key) != value:  # set only then: it would undo a press that is on its way
        st.session_state[key] = value
    st.segmented_control(
        HELP[name],
        options,
        key=key,
        format_func=LABELS.__getitem__,
        label_visibility="collapsed",
        wrap=False,
        disabled=disabled,
        on_change=choose,
        args=[name],
    )


def choose(name: str) -> None:
    """Callback: the choice goes into the address, from where everybody reads it. Pressed twice, it stays chosen."""
    pressed = st.session_state.get(f"view-{name}")
    if pressed:
        change(**{name: pressed})


def draw_custom() -> None:
    """Fragment: two times, and the range between them. Opening it does not redraw the page."""
    if st.session_state.pop(CHANGED_KEY, False):
        st.rerun()
    view = current()
    shown = st.popover(
        "Custom" if view.moves else f":primary[{view.short}]",
        icon=":material/date_range:",
        wrap=False,
        key=CUSTOM_KEY,
        on_change=fill_custom,
    )
    if not shown.open:
        return
    with shown, st.form("view-custom-form", border=False):
        st.datetime_input("From", key=FROM_KEY, step=60)
        st.datetime_input("To", key=TO_KEY, step=60)
        st.caption(f"Times are {formats.now().astimezone(view.zone):%Z}.")
        st.form_submit_button("Show this range", key="view-show", type="primary", on_click=show_custom)


def fill_custom() -> None:
    """Callback of opening: begin with what is shown now."""
    view = current()
    for key, moment in ((FROM_KEY, view.start), (TO_KEY, view.end)):
        st.session_state[key] = moment.astimezone(view.zone).replace(tzinfo=None, second=0, microsecond=0)


def show_custom() -> None:
    """Callback: the times as they were entered; what is wrong with them is told like that of any address."""
    zone = current().zone
    ends = {
        name: written(st.session_state[key].replace(tzinfo=zone))
        for name, key in (("from", FROM_KEY), ("to", TO_KEY))
        if st.session_state.get(key)
    }
    change(range=CUSTOM, **ends)
    st.session_state[CUSTOM_KEY] = False
    st.session_state[CHANGED_KEY] = True
