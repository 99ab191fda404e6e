"""How far the index of threads is, in words and figures."""

import streamlit as st

from services.inventory.threads_views import FoundThreads, IndexStatus
from ui import cards, context, feedback, formats, menu, threads_controls
from ui.threads_filters import KINDS, Wanted

FAST_S, SLOW_S = 2.0, 15.0


def refresh_s(status: IndexStatus) -> float:
    """Return how often the list is drawn again: more often while it grows."""
    return FAST_S if status.phase in ("idle", "indexing", "failing") else SLOW_S


def draw_figures(status: IndexStatus, found: FoundThreads) -> None:
    with st.grid(4, min_column_width=160, gap="small"):
        cards.metric(
            "Threads",
            _at_least(status.threads, whole=status.whole and not status.capped) if status.as_of else None,
            help="In the project, whoever made them",
        )
        cards.metric(
            "Runs",
            _at_least(status.runs, whole=status.settled) if status.read or status.settled else None,
            help="In the threads that were read: the latest 100 of each",
        )
        cards.metric(
            "Open runs",
            _at_least(status.open_runs, whole=status.settled) if status.read or status.settled else None,
            help="Not ended when they were read last",
        )
        shown = formats.count(found.matching) if status.as_of else None
        cards.metric("Shown below", shown, help="All that match")


def draw_status(status: IndexStatus) -> None:
    """Draw how far it is; a failure with a way to end the wait."""
    st.caption(status_words(status))
    for note in notes(status):
        st.caption(f":orange[:material/rule:] {note}")
    if status.problem is not None:
        feedback.draw_error(status.problem)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(
                f"{'What is known stays below. ' if status.as_of else ''}"
                f"Next try in {formats.duration(status.resumes_s)}, or as soon as the service answers.",
                width="content",
            )
            st.button(
                "Try now",
                key="threads-again",
                icon=":material/refresh:",
                type="tertiary",
                on_click=context.services().threads.try_again,
            )


def status_words(status: IndexStatus) -> str:
    """Return `Indexed 320 of about 1,200 threads, newest first`, and what that costs."""
    about = "about" if status.whole else "at least"
    if status.as_of is None:
        said = (
            "The list of threads has not been read yet" if status.problem else "Reading the list of threads"
        )
    elif status.settled:
        said = f"All {formats.count(status.threads, 'thread')} indexed"
    else:
        said = f"Indexed {status.read:,} of {about} {formats.count(status.threads, 'thread')}, newest first"
    steps = (
        f"child threads of {formats.count(status.steps_left, 'run')} still to be found"
        if status.steps_left
        else ""
    )
    age = f"list read {formats.age(formats.since_s(status.as_of))}" if status.as_of else ""
    cost = f"{status.calls:,} of at most {status.calls_per_min:,} requests in the last minute"
    return " · ".join(filter(None, [said, steps, age, cost]))


def notes(status: IndexStatus) -> list[str]:
    found = []
    if status.capped:
        found.append(
            f"There are more threads than the {status.threads:,} that are kept: the newest ones are shown."
        )
    if status.unread:
        found.append(
            f"{formats.count(status.unread, 'thing')} in the service's replies had a shape that is not known here, "
            "and were left out."
        )
    return found


def draw_nothing(status: IndexStatus, found: FoundThreads, wanted: Wanted) -> None:
    """Draw why the list is empty: nothing there, nothing that matches, nothing read yet."""
    if status.as_of is None:
        if status.problem is None:
            st.skeleton(height=420)
        return
    if not status.threads:
        st.info(
            "There is no thread in this project yet. The first question makes one.", icon=":material/forum:"
        )
        st.page_link(menu.link("ask.py"), label="Ask a question", icon=":material/forum:")
        return
    st.markdown(
        f"**0 of {formats.count(found.total, 'thread')} match**"
        + (f" ({KINDS[wanted.query.kind].lower()})." if wanted.query.kind != "all" else ".")
    )
    if status.phase == "indexing":
        st.caption("The index is still growing: more may match.")
    if wanted.is_filtered:
        threads_controls.BAR.draw_clear("list")


def _at_least(count: int, *, whole: bool) -> str:
    return f"{count:,}" if whole else f"{count:,}+"
