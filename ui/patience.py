"""How long a page waits for what it reads: a moment for all of it together, then it is drawn with what is known.

What comes later is drawn when it has come: ui/recovery.py sees to that.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

import runtime
from services.errors import ServiceError
from services.settings import Settings

BEGAN_KEY = "patience-began"
LEAST_WAIT_S = 0.05  # what is there at once is read even where others took all the time
_began_s: ContextVar[float] = ContextVar("page-began", default=0.0)
_old: ContextVar[tuple["Old", ...]] = ContextVar("page-old", default=())


@dataclass(frozen=True, slots=True)
class Old:
    """What is drawn from an earlier reading. *what*: in words, as a sentence begins. *problem*: why not from a new one."""

    what: str
    read_at: datetime
    problem: ServiceError


def begin() -> None:
    """For the shell: the page begins now; or goes on, when the run before was cut short by st.rerun() and this is its
    second part: whoever looks at it has waited since the first."""
    now_s = time.monotonic()
    began_s: float = st.session_state.get(BEGAN_KEY, 0.0)
    _began_s.set(began_s if now_s - began_s < 2 * _whole_s() else now_s)
    st.session_state[BEGAN_KEY] = _began_s.get()
    _old.set(())


def end() -> None:
    """For the shell: the page is drawn."""
    st.session_state.pop(BEGAN_KEY, None)


def left_s() -> float:
    """Return how long this page, or this fragment, may wait now.

    A fragment that is drawn by itself begins when it waits first.
    """
    whole_s, now_s = _whole_s(), time.monotonic()
    if now_s - _began_s.get() > 2 * whole_s:  # left over by an earlier run of this thread
        _began_s.set(now_s)
    return max(LEAST_WAIT_S, whole_s - (now_s - _began_s.get()))


def _whole_s() -> float:
    return (runtime.current().services.settings if runtime.is_running() else Settings()).page_wait_s


def tell(old: Old) -> None:
    """Have it said, where the page is drawn, that this is an earlier reading."""
    _old.set((*_old.get(), old))


def told() -> tuple[Old, ...]:
    """Return what was told since this was called last."""
    found = _old.get()
    _old.set(())
    return found
