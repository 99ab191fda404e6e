"""How failures are told. Services' own errors in words; anything else is our bug: logged whole, shown as a reference."""

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import datetime

import streamlit as st

from services.errors import NotYet, ServiceError
from services.ids import new_id
from ui import dependencies, formats, patience, recovery, safe, startup

log = logging.getLogger(__name__)
ERROR_ICON = ":material/error:"
SAID_KEY = "feedback-said"


@contextlib.contextmanager
def showing_errors(retry: Callable[[], None] | None = None, key: str = "") -> Iterator[None]:
    """Draw a failure of the body in its place, and above it what the body shows of an earlier time. *retry*: what a button
    beside it calls; *key* tells such buttons apart."""
    above = st.container(gap="xxsmall")
    try:
        yield
    except ServiceError as exc:
        draw_error(exc)
        if retry and not isinstance(exc, NotYet):
            st.button("Try again", key=f"retry-{key}", icon=":material/refresh:", on_click=retry)
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is logged and a person is told
        draw_bug(exc)
    if old := patience.told():
        with above:
            for one in {one.what: one for one in old}.values():
                draw_old(one.what, one.read_at, one.problem)
    recovery.settle()


@contextlib.contextmanager
def saying_errors() -> Iterator[None]:
    """Report a failure of an action: what a callback draws itself would stay on the page, or push it down."""
    try:
        yield
    except ServiceError as exc:
        say(f"**{safe.inline(exc.message)}** {safe.inline(exc.hint)}", ERROR_ICON)
    except Exception as exc:  # noqa: BLE001 - as above
        say(report_bug(exc), ERROR_ICON)


def say(words: str, icon: str) -> None:
    """For callbacks: have *words* appear for a moment once the page, or the fragment, is drawn again."""
    st.session_state.setdefault(SAID_KEY, []).append((words, icon))


def draw_said() -> None:
    for words, icon in st.session_state.pop(SAID_KEY, []):
        st.toast(words, icon=icon, duration="long" if icon == ERROR_ICON else "short")


def draw_old(what: str, read_at: datetime | None, problem: ServiceError) -> None:
    """Draw that *what* is shown as it was read at that time, and why not as it is now."""
    recovery.await_(problem)
    at = formats.told(formats.clock(read_at))
    why = f"{safe.inline(problem.message, 300)}{since_words(problem)}"
    st.caption(f":orange[:material/history:] {what} is shown as read at {at}. {why}")


def draw_error(error: ServiceError) -> None:
    """Draw what failed, on what, since when, what to do, and the number that finds it in the service's logs."""
    recovery.await_(error)
    if isinstance(error, NotYet):
        draw_not_yet(error)
        return
    place = safe.inline(" ".join(filter(None, [error.operation, error.resource])))
    with st.container(border=True, gap="xsmall"):
        st.markdown(f":red[{ERROR_ICON}] **{safe.inline(error.message, 600)}**")
        st.markdown(f"{safe.inline(error.hint, 600)}{since_words(error)}")
        known = [f"While trying to: {place}" if place else "", f"HTTP {error.status}" if error.status else ""]
        reference = f"Reference {safe.inline(error.request_id)}" if error.request_id else ""
        st.caption(" · ".join(filter(None, [*known, reference])))


def draw_not_yet(error: NotYet) -> None:
    """Draw that it is being read. It is no failure, and no empty list either."""
    with st.container(border=True, gap="xsmall"):
        st.markdown(f":shimmer[:material/hourglass_top: {safe.inline(error.message, 600)}]")
        st.caption(f"{safe.inline(error.hint, 600)}{since_words(error)}")


def since_words(error: ServiceError) -> str:
    """Return since when what *error* came from has served nothing, and when it is tried next; empty when that is not known."""
    if not error.dependency or startup.failure() is not None:
        return ""
    known = dependencies.of(error.dependency)
    if known is None or known.since is None:
        return ""
    served = f", served last at {formats.clock(known.worked_at)}" if known.worked_at else ", not served yet"
    since = f" Failing since {formats.clock(known.since)}{served}."
    next_try = (
        "" if error.code == "BreakerOpen" else dependencies.next_words(known)
    )  # the message says it then
    return formats.told(f"{since}{next_try}")


def draw_bug(error: Exception) -> None:
    st.error(report_bug(error), icon=ERROR_ICON)


def on_script_error(error: Exception) -> bool:
    """Streamlit calls this for what no page caught; True: we have drawn it."""
    draw_bug(error)
    return True


def report_bug(error: Exception) -> str:
    """Log *error* whole and return what to tell the person about it."""
    reference = new_id("err")
    log.error("page.failed", exc_info=error, extra={"reference": reference})
    return (
        "**Something in Relaydeck itself went wrong.** "
        f"Load the page again; if it stays, look for `{reference}` in the dashboard's log."
    )
