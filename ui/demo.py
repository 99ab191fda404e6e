"""What is made up says so: the line above a page whose range holds demo history, and the badge of a single row."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from services.monitor.results import Ask, Row
from ui import context, formats, view
from ui.time_range import View

BADGE = ":violet-badge[:material/science: Demo]"
QUERY = "demo_rows"
KEPT_KEY = "demo-rows-kept"


def draw_line(place: DeltaGenerator, *, ask: bool) -> bool:
    """Draw in *place* that the range shown holds demo history, nothing when it holds none; return whether that is known.

    *ask*: whether to ask the workspace: at most once a minute for all who look, and never for a press that leaves page
    and range as they are. Without it nothing is sent.
    """
    shown = view.current()
    row = _read(shown, ask=ask)
    if row is not None and (told := words(row, shown)):
        place.caption(f"{BADGE} {told}")
    return row is not None


def words(row: Row, shown: View) -> str:
    """Return what *row* of the query says of the range; empty when nothing in it was made up."""
    answers, demo_answers, demo = (_whole(row[name]) for name in ("answers", "demo_answers", "demo"))
    if not demo:
        return ""
    if not demo_answers:
        return f"Includes seeded demo history: measurements of queues in {shown.words}."
    if demo_answers == answers:
        return f"Includes seeded demo history: nobody has asked in {shown.words}; what is shown was made up."
    told = "was" if demo_answers == 1 else "were"
    return (
        f"Includes seeded demo history: {demo_answers:,} of {formats.count(answers, 'answer')} in {shown.words} "
        f"{told} made up."
    )


def ask_of(shown: View) -> Ask:
    """Return what is asked of the workspace for the line."""
    return Ask(QUERY, shown.values(), label=shown.label)


def badge(is_demo: object) -> str:
    """Return the badge for a row whose column `demo` holds *is_demo*; empty when it was not made up."""
    return BADGE if is_demo else ""


def _read(shown: View, *, ask: bool) -> Row | None:
    """Return the row as it was read when this page or range was opened; None when it is not known."""
    held = (shown.label, st.session_state.get(view.SINCE_KEY))
    kept: tuple[object, Row] | None = st.session_state.get(KEPT_KEY)
    if kept is not None and kept[0] == held:
        return kept[1]
    found = context.ask_logs_once(ask_of(shown)) if ask else context.known_once(ask_of(shown))
    if found is None or not found[0].is_known or not found[0].rows:
        return None
    st.session_state[KEPT_KEY] = (held, found[0].rows[0])
    return found[0].rows[0]


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0
