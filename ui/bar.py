"""The bar above a page: range of time, refresh, zone, and the search for any id.

Nothing in it asks Azure, but the search when an id is looked for.
"""

from datetime import UTC

import streamlit as st

from ui import formats, safe, search
from ui.time_range import CUSTOM, RANGES, REFRESH, ZONES, View, written
from ui.view import change, current, read_again, refresh_chosen

CHANGED_KEY = "view-changed"
FROM_KEY, TO_KEY = "view-from", "view-to"
LABELS = {
    "15m": "15 m",
    "1h": "1 h",
    "6h": "6 h",
    "24h": "24 h",
    "7d": "7 d",
    "off": ":material/pause:",
    "5s": "5 s",
    "30s": "30 s",
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
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="view-bar"):
        draw_choice("range", tuple(RANGES), view.label if view.moves else None)
        st.fragment(draw_custom, key="view-custom")(view)
        draw_choice("refresh", tuple(REFRESH), refresh_chosen() if view.moves else None)
        st.button(
            "Read again",
            key="view-again",
            icon=":material/refresh:",
            type="tertiary",
            help="Read the page again now",
            on_click=read_again,
        )
        draw_choice("zone", ZONES, "utc" if view.zone is UTC else "local")
        search.draw_box()
    if view.problem:
        st.warning(safe.inline(view.problem, 600), icon=":material/rule:")
    search.draw_result()


def draw_choice(name: str, options: tuple[str, ...], chosen: str | None) -> None:
    key = f"view-{name}"
    if st.session_state.get(key) != chosen:  # set only then: it would undo a press that is on its way
        st.session_state[key] = chosen
    st.segmented_control(
        HELP[name],
        options,
        key=key,
        format_func=_label,
        label_visibility="collapsed",
        wrap=False,
        on_change=choose,
        args=[name],
    )


def choose(name: str) -> None:
    """Callback: the choice goes into the address, from where everybody reads it. Pressed twice, it stays chosen."""
    chosen = st.session_state.get(f"view-{name}")
    if chosen:
        change(**{name: chosen})


def draw_custom(view: View) -> None:
    """Fragment: two times, and the range between them."""
    if st.session_state.pop(CHANGED_KEY, False):
        st.rerun()
    words = "Custom" if view.moves else view.words
    shown = st.popover(
        words, icon=":material/date_range:", key="view-custom", on_change=fill_custom, args=[view]
    )
    if not shown.open:
        return
    with shown, st.form("view-custom-form", border=False):
        st.datetime_input("From", key=FROM_KEY, step=60)
        st.datetime_input("To", key=TO_KEY, step=60)
        st.caption(f"Times are {_label('local' if view.zone is not UTC else 'utc')}.")
        st.form_submit_button("Show this range", key="view-show", on_click=show_custom, args=[view])


def fill_custom(view: View) -> None:
    """Callback of opening: begin with what is shown now."""
    for key, moment in ((FROM_KEY, view.start), (TO_KEY, view.end)):
        st.session_state[key] = moment.astimezone(view.zone).replace(tzinfo=None, second=0, microsecond=0)


def show_custom(view: View) -> None:
    """Callback: the times as they were entered; what is wrong with them is told like that of any address."""
    ends = {
        name: written(st.session_state[key].replace(tzinfo=view.zone))
        for name, key in (("from", FROM_KEY), ("to", TO_KEY))
        if st.session_state.get(key)
    }
    change(range=CUSTOM, **ends)
    st.session_state["view-custom"] = False
    st.session_state[CHANGED_KEY] = True


def _label(option: str) -> str:
    if option == "local":
        return formats.now().astimezone(formats.reader_zone()).tzname() or "local"
    return LABELS[option]
