"""Pages come right by themselves: what could not be read, or not yet, is read again without anybody's doing.

The shell draws a timer after such a page, and only then. What is still on its way is drawn as soon as it has come; what
failed is tried again every few seconds.
"""

import itertools
from threading import Event

import streamlit as st

from services.errors import Conflict, InvalidInput, NotFound, NotYet, ServiceError
from ui import view

LASTING = (NotFound, Conflict, InvalidInput)  # no time passes that away
AWAITED_KEY = "recovery-awaited"
FAILED_KEY = "recovery-failed"
TIMED_KEY = "recovery-timed"
DRAWN_KEY = "recovery-drawn"
WATCHES_KEY = "recovery-watches"
LOOK_S = 1.0
TRY_S = 5.0
_runs = itertools.count(1)


def begin(*, watches: bool) -> None:
    """For the shell: nothing is awaited yet. *watches*: whether the page has a bar, whose refresh reads again."""
    for key in (AWAITED_KEY, FAILED_KEY, TIMED_KEY):
        st.session_state.pop(key, None)
    st.session_state[WATCHES_KEY] = watches


def await_(error: ServiceError) -> None:
    """Take note that something is drawn without what it needs, because of *error*."""
    if isinstance(error, NotYet):
        await_end(error.errand.done)
    elif not isinstance(error, LASTING):
        st.session_state[FAILED_KEY] = True


def await_end(done: Event | None) -> None:
    """Take note that something earlier is drawn until *done* is set; None: nothing newer is on its way."""
    if done is not None:
        st.session_state.setdefault(AWAITED_KEY, []).append(done)


def settle() -> None:
    """For what draws failures, after it: have the whole page drawn where only a part of it was and nothing tries again."""
    if st.session_state.get(TIMED_KEY) or not view.is_part():
        return
    if st.session_state.get(AWAITED_KEY) or (st.session_state.get(FAILED_KEY) and not _is_timed()):
        st.rerun()


def draw() -> None:
    """For the shell, last: the timer, where one is due."""
    awaited: list[Event] = st.session_state.get(AWAITED_KEY, [])
    failed = bool(st.session_state.get(FAILED_KEY)) and not _is_timed()
    if not awaited and not failed:
        return
    st.session_state[TIMED_KEY] = True
    every_s = LOOK_S if awaited else TRY_S
    st.fragment(_again, run_every=every_s, key="recovery")(next(_runs), tuple(awaited), failed)


def _again(run: int, awaited: tuple[Event, ...], failed: bool) -> None:
    """Fragment: draws nothing. The first time is that of the page itself."""
    if st.session_state.get(DRAWN_KEY) != run:
        st.session_state[DRAWN_KEY] = run
    elif failed or any(done.is_set() for done in awaited):
        st.rerun()


def _is_timed() -> bool:
    """Whether the page reads again by itself, as often as its bar says."""
    return bool(st.session_state.get(WATCHES_KEY)) and view.current().refresh_s is not None
