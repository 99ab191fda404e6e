"""What the reader looks at, the same on all pages that watch. Its state is the address: a link shows the same.

URL state of every page with a bar: ?range= (15m, 1h, 6h, 24h, 7d, custom), ?from= and ?to= of a custom range in UTC,
?refresh= (off, 5s, 30s), ?zone= (local, utc). The menu drops it from the address; the session puts it back.
"""

from collections.abc import Container
from datetime import datetime, timedelta

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import formats
from ui.time_range import DEFAULTS, ENDS, NAMES, RANGES, REFRESH, ZONES, View, canonical, parse

__all__ = [
    "RANGES",
    "View",
    "change",
    "chosen",
    "current",
    "earlier_s",
    "is_part",
    "leave",
    "patience_s",
    "read_again",
    "restore",
]
REMEMBERED_KEY = formats.VIEW_KEY
AS_OF_KEY = "view-as-of"  # where a paused range ends
SINCE_KEY = "view-since"  # what was read after this is new enough to be drawn again
PAGE_KEY, NO_PAGE = "view-page", ""
GRACE_KEY = "view-grace"  # how much older still
OPENING_KEY = "view-opening"  # whether this run of the script is the first of its page, after another page
EARLIER_S, EARLIER_LIVE_S = 300.0, 30.0  # of the past, and of what is now
EARLIER_PART = 0.1  # of what the page looks back on: more than that would be missing at its end
RETURN_S = 10.0  # who looks at another page and comes back so soon finds what was read before, with its age
STILL_FRESH = (
    0.8  # of the time between two refreshes; a reading itself takes time, so the whole would skip every other
)


def current() -> View:
    """Return what the address asks for, else what this session looked at last. No request.

    Call it again in a timed fragment: the end of a range that moves is then later. Paused, it stays where it was.
    """
    stated = _stated()
    paused_at: datetime | None = st.session_state.get(AS_OF_KEY) if stated.get("refresh") == "off" else None
    return parse(stated, paused_at or formats.now(), formats.reader_zone())


def patience_s(*, live: bool = False) -> float:
    """Return how old what is shown may be before it is read again, so that a press of something reads nothing.

    That is most of the time to the next refresh; paused, all since the page was opened, the range chosen or the
    page read again by hand. Of the past, what was read shortly before the page was opened will do as well; *live*: not
    of what is now.
    """
    since: datetime | None = st.session_state.get(SINCE_KEY)
    held_s = (formats.now() - since).total_seconds() if since else 0.0
    if not live:
        held_s += st.session_state.get(GRACE_KEY, 0.0)
    refresh_s = current().refresh_s
    return held_s if refresh_s is None else min(held_s, refresh_s * STILL_FRESH)


def first_patience_s(refresh_s: float | None) -> float:
    """Return what patience_s() is, of the past, for a page that is just being opened."""
    return RETURN_S if refresh_s is None else min(RETURN_S, refresh_s * STILL_FRESH)


def earlier_s(*, live: bool = False) -> float:
    """Return how old may be what a page shows at once as it is opened after another, while it is read anew.

    Zero for whatever else is drawn: a first page, a press, a refresh.
    """
    if is_part() or not st.session_state.get(OPENING_KEY):
        return 0.0
    seen = current()
    return EARLIER_LIVE_S if live else min(EARLIER_S, (seen.end - seen.start).total_seconds() * EARLIER_PART)


def is_part() -> bool:
    """Whether a fragment is drawn by itself, and not with its page."""
    ctx = get_script_run_ctx()
    return ctx is not None and bool(ctx.fragment_ids_this_run)


def chosen(name: str) -> str:
    """Return what holds for `refresh` or `zone`, by its word in the address."""
    known: dict[str, Container[str]] = {"refresh": REFRESH, "zone": ZONES}
    stated = _stated().get(name, "")
    return stated if stated in known[name] else DEFAULTS[name]


def restore(page: str) -> None:
    """For the shell, before *page*: remember what the address says, and have it say what is remembered.

    A page that was not the last one drawn is read anew, and meanwhile shows what was read before (earlier_s).
    """
    stated = _stated()
    remembered = canonical(stated, parse(stated, formats.now(), formats.reader_zone()))
    st.session_state[REMEMBERED_KEY] = remembered
    before = st.session_state.get(PAGE_KEY)
    st.session_state[OPENING_KEY] = before not in (None, page)
    if before != page:
        st.session_state[PAGE_KEY] = page
        read_again()
        st.session_state[GRACE_KEY] = RETURN_S
    if missing := {name: value for name, value in remembered.items() if name not in st.query_params}:
        st.query_params.update(missing)


def leave() -> None:
    """For the shell, before a page without a bar: who comes back from it opens a page anew."""
    st.session_state[PAGE_KEY] = NO_PAGE
    st.session_state[OPENING_KEY] = False


def change(**parameters: str) -> None:
    """For callbacks: put *parameters* into the address and into what is remembered."""
    before = current()
    dropped = ENDS if "range" in parameters else ()
    stated = {name: value for name, value in _stated().items() if name not in dropped} | parameters
    st.session_state[REMEMBERED_KEY] = stated
    if "range" in parameters:
        read_again()
    elif parameters.get("refresh") == "off":
        st.session_state[AS_OF_KEY] = formats.now()
        st.session_state[SINCE_KEY] = formats.now() - 2 * timedelta(seconds=before.refresh_s or 0.0)
        st.session_state[GRACE_KEY] = 0.0
    gone: dict[str, str | list[str]] = {
        name: [] for name in NAMES if name not in stated and name in st.query_params
    }
    st.query_params.update({**gone, **{name: stated[name] for name in NAMES if name in stated}})
    for name in set(st.query_params) - set(
        NAMES
    ):  # those of the page's own widgets, perhaps as they once were
        if name in st.session_state:
            st.session_state[name] = st.session_state[name]


def read_again() -> None:
    """For callbacks: what is drawn next is read anew, and a paused range ends now."""
    st.session_state[AS_OF_KEY] = st.session_state[SINCE_KEY] = formats.now()
    st.session_state[GRACE_KEY] = 0.0


def _stated() -> dict[str, str]:
    """Return the parameters of the address; of the session, those that the address says nothing about."""
    address = {name: value for name in NAMES if (value := st.query_params.get(name, ""))}
    remembered: dict[str, str] = st.session_state.get(REMEMBERED_KEY, {})
    if any(name in address for name in ENDS):
        remembered = {name: value for name, value in remembered.items() if name not in ENDS}
    return {**remembered, **address}
