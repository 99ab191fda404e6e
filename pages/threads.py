"""Threads: every conversation of the project and what ran in it.

URL state: ?threads-text=, -status, -agent, -owner, -kind, -quiet (filters), -sort, -page; ?thread=, one of them alone.
The list redraws every 2 s while it grows, else every 15 s, from the index that all viewers share: no request. One thread
is read when it is opened, and every few seconds while something runs in it. Acts: exports and deletes a thread.
"""

import streamlit as st

from services.errors import NotFound
from ui import (
    context,
    feedback,
    formats,
    safe,
    threads_controls,
    threads_detail,
    threads_filters,
    threads_parts,
    threads_table,
)

OPEN_S = 4.0


def main() -> None:
    st.markdown("# Threads", anchors=False)
    wanted = threads_filters.parse(threads_controls.BAR.address(), st.query_params.get("thread", ""))
    if wanted.thread:
        draw_thread(wanted.thread)
        return
    index = context.services().threads
    threads_controls.draw_filters(wanted, index.agent_names().values())
    every_s = threads_parts.refresh_s(index.status())
    st.fragment(draw_list, run_every=every_s, key="threads")(every_s)


def draw_list(every_s: float) -> None:
    """Fragment: the list as the index knows it now."""
    threads_table.open_if_asked()
    with feedback.showing_errors():
        index = context.services().threads
        wanted = threads_filters.parse(threads_controls.BAR.address())
        status = index.status()
        found = index.find(wanted.query, wanted.page, threads_table.PAGE_ROWS)
        threads_parts.draw_figures(status, found)
        threads_parts.draw_status(status)
        if not found.matching:
            threads_parts.draw_nothing(status, found, wanted)
        else:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                threads_controls.draw_sort(wanted.query.sort)
                if wanted.is_filtered:
                    threads_controls.BAR.draw_clear("above")
            threads_table.draw(found, wanted)
    if threads_parts.refresh_s(status) != every_s:
        st.rerun()  # timers begin and end with a run of the whole page


def draw_thread(thread_id: str) -> None:
    st.button(
        "All threads",
        key="threads-back",
        icon=":material/arrow_back:",
        type="tertiary",
        on_click=threads_detail.leave,
    )
    if not threads_filters.is_thread_id(thread_id):
        draw_missing(thread_id)
        return
    with feedback.showing_errors(retry=lambda: context.forget(thread_id), key="thread"):
        try:
            with st.spinner("Reading the thread"):
                detail = context.thread_detail(thread_id)
        except NotFound:
            draw_missing(thread_id)
            return
        st.fragment(draw_detail, run_every=OPEN_S if detail.is_open else None, key="thread")(
            thread_id, detail.is_open
        )


def draw_detail(thread_id: str, was_open: bool) -> None:
    """Fragment: the thread as it was read last, and read again while something runs in it."""
    with feedback.showing_errors(retry=lambda: context.forget(thread_id), key="thread-again"):
        detail = context.thread_detail(thread_id)
        if detail.is_open and (formats.since_s(detail.read_at) or 0.0) >= OPEN_S:
            context.forget(thread_id)
            try:
                detail = context.thread_detail(thread_id)
            except NotFound:
                draw_missing(thread_id)
                return
        if was_open and not detail.is_open:
            context.services().threads.touch(thread_id)
            st.rerun()
        row = context.services().threads.get(thread_id)
        threads_detail.draw_head(detail, row)
        threads_detail.draw_body(detail, row, formats.now())


def draw_missing(thread_id: str) -> None:
    st.markdown(
        "### :gray[:material/travel_explore:] This thread does not exist, or no longer", anchors=False
    )
    st.code(safe.clean(thread_id)[:200], language=None)
    st.markdown("It may have been deleted, or belong to another project.")


main()
