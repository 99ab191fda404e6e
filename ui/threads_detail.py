"""One thread: its conversation beside what ran in it, whose child it is and which it has, and what can be done with it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from services.agents.backend import TERMINAL
from services.answers import record
from services.inventory.threads_service import RunDetail, ThreadDetail
from services.inventory.threads_times import seconds_in
from services.inventory.threads_views import ThreadRow
from ui import context, formats, menu, safe, tables, threads_acts
from ui.charts import palette, style, thread_runs
from ui.threads_filters import is_thread_id
from ui.threads_looks import look_of

SHOWN_MESSAGES = 20
SHOWN_ROWS = 40
SHOWN_CHILDREN = 12
WHOLE_KEY = "threads-whole"
BAD = ("failed", "expired", "incomplete")


def draw_head(detail: ThreadDetail, row: ThreadRow | None) -> None:
    """Draw what it is, where it belongs, and what can be done with it."""
    title = safe.inline(detail.title, 160) or "A thread without a question"
    st.markdown(f"### {title}", anchors=False)
    facts = [
        f"begun {formats.clock(detail.thread.created_at)}",
        formats.count(len(detail.messages), "message") + ("" if detail.complete else ", older ones left out"),
        formats.count(len(detail.runs), "run"),
        "ours" if detail.ours else "not tagged as ours",
        f"read {formats.age(formats.since_s(detail.read_at))}",
    ]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"{safe.code(detail.thread.id)} · {' · '.join(facts)}", width="content")
    if detail.unread:
        st.caption(
            f":orange[:material/rule:] {formats.count(detail.unread, 'part')} of a shape that is not known here left out."
        )
    if row is not None and row.parent is not None:
        draw_link(
            row.parent[0],
            "Child thread of",
            ":material/subdirectory_arrow_left:",
            f"run {row.parent[1]}",
        )
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="threads-acts"):
        st.page_link(
            menu.link("ask.py"),
            label="Continue in Ask",
            icon=":material/forum:",
            query_params={"thread": detail.thread.id},
        )
        threads_acts.draw_export(detail)
        threads_acts.draw_delete(detail, row)


def draw_children(detail: ThreadDetail, row: ThreadRow | None) -> None:
    """Draw the ways to the threads that connected agents worked in for this one."""
    links = {
        call.child_thread_id: call.name
        for one in detail.runs
        for step in one.steps or ()
        for call in step.calls
        if call.child_thread_id
    }
    for link in row.thread.children if row else ():
        links.setdefault(link.thread_id, link.agent)
    if not links:
        return
    st.markdown(f"**{formats.count(len(links), 'child thread')}**")
    with st.container(gap=None, key="threads-children"):
        for thread_id, agent in list(links.items())[:SHOWN_CHILDREN]:
            known = context.services().threads.get(thread_id)
            worst = f" · {look_of(known.thread.worst).words}" if known and known.thread.worst else ""
            draw_link(thread_id, "", ":material/subdirectory_arrow_right:", f"{agent}{worst}")
    if len(links) > SHOWN_CHILDREN:
        st.caption(
            f"{formats.count(len(links) - SHOWN_CHILDREN, 'more child thread')}: the list shows them as their kind."
        )


def draw_link(thread_id: str, words: str, icon: str, beside: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            f"{words} {safe.inline(thread_id, 60)}".strip(),
            key=f"threads-to-{thread_id}",
            icon=icon,
            type="tertiary",
            disabled=not is_thread_id(thread_id),
            on_click=show,
            args=[thread_id],
        )
        st.caption(safe.inline(beside, 120), width="content")


def draw_body(detail: ThreadDetail, row: ThreadRow | None, now: datetime) -> None:
    with st.grid(2, min_column_width=400, gap="medium", key="threads-body"):
        with st.container():
            st.markdown("**Conversation**")
            draw_messages(detail)
        with st.container():
            st.markdown("**Runs**")
            draw_runs(detail, now)
            draw_children(detail, row)


def draw_messages(detail: ThreadDetail) -> None:
    if not detail.messages:
        st.caption("It holds no message.")
        return
    whole = bool(st.session_state.get(WHOLE_KEY))
    shown = detail.messages if whole else detail.messages[-SHOWN_MESSAGES:]
    if hidden := len(detail.messages) - len(shown):
        st.button(
            f"Show {hidden} earlier", key="threads-earlier", icon=":material/history:", on_click=show_whole
        )
    for message in shown:
        asked = message.role == "user"
        with st.chat_message(message.role, avatar=":material/person:" if asked else ":material/smart_toy:"):
            if asked:
                safe.draw_verbatim(message.text or "(no text)", key=f"threads-{message.id}")
            else:
                safe.draw(message.text or "(no text)", key=f"threads-{message.id}")
            st.caption(formats.clock(message.created_at))


def draw_runs(detail: ThreadDetail, now: datetime) -> None:
    """Draw the table of runs at once, and the chart over it: text does not wait for the charts' library."""
    if not detail.runs:
        st.caption("Nothing has run in it.")
        return
    latest = detail.runs[-SHOWN_ROWS:]
    rows = tuple(chart_row(one, now) for one in latest)
    slot = st.container(height=thread_runs.height(rows), border=False)
    tables.draw(
        [as_row(one, now) for one in reversed(latest)],
        key="threads-runs",
        placeholder="not told",
        columns=_columns(latest),
        alt="The runs of this thread, newest first, with the seconds each spent queued, working and waiting for tools",
    )
    st.caption(
        "The service tells whole seconds; how long a run of ours took was measured. Waiting for tools is told by a run's steps, which are read for the latest 10."
        + (
            ""
            if len(detail.runs) == len(latest)
            else f" The latest {SHOWN_ROWS} of {len(detail.runs)} are shown."
        )
    )
    with slot:
        theme = palette.theme()
        key = (detail.thread.id, detail.read_at.isoformat(), theme, str(formats.chosen_zone()))
        style.draw(
            context.figure("thread-runs", key, lambda: thread_runs.figure(rows, theme)),
            key="threads-timeline",
            alt="Timeline of the thread's runs, oldest first, each by the state it was in",
        )


def chart_row(one: RunDetail, now: datetime) -> thread_runs.Row:
    run = one.run
    end = one.stretches[-1].end if one.stretches else None
    return thread_runs.Row(
        formats.clock(run.created_at),
        look_of(run.state).word,
        run.state in BAD,
        one.agent,
        formats.duration(took_s(one, now)),
        run.created_at,
        end or (run.created_at if run.state in TERMINAL else now),
        one.stretches,
    )


def as_row(one: RunDetail, now: datetime) -> dict[str, Any]:
    run = one.run
    untold = one.steps is None
    problem = run.error_message or run.error_code
    return {
        "State": [look_of(run.state).words],
        "Began": formats.clock(run.created_at),
        "Took": took_s(one, now),
        "Queued": seconds_in(one.stretches, "queued", now),
        "Working": None if untold else seconds_in(one.stretches, "working", now),
        "Tools": None if untold else seconds_in(one.stretches, "tools", now),
        "Agent": safe.clean(one.agent)[:80],
        "Tokens": run.usage.prompt + run.usage.completion if run.usage else None,
        "Problem": safe.clean(problem)[:300],
        "Run": safe.clean(run.id),
    }


def took_s(one: RunDetail, now: datetime) -> float | None:
    """Return how long a run took, or has taken so far: as measured when it was ours, else in whole seconds."""
    measured = record.read(one.run.metadata).took_s
    if measured is not None:
        return measured
    end = one.stretches[-1].end if one.stretches else None
    is_open = one.run.state not in TERMINAL
    if end is None and not is_open:
        return None
    return max(0.0, ((end or now) - one.run.created_at).total_seconds())


def show(thread_id: str) -> None:
    """Callback: show another thread."""
    st.session_state.pop(WHOLE_KEY, None)
    st.query_params["thread"] = thread_id
    st.rerun()


def leave() -> None:
    """Callback: back to the list, as it was filtered."""
    st.session_state.pop(WHOLE_KEY, None)
    st.query_params.pop("thread", None)


def show_whole() -> None:
    st.session_state[WHOLE_KEY] = True


def _columns(runs: Sequence[RunDetail]) -> dict[str, Any]:
    config = st.column_config
    looks = {look_of(one.run.state).words: look_of(one.run.state).colour for one in runs}
    return {
        "Took": config.NumberColumn(format="%.1f s", width=65),
        "State": config.MultiselectColumn(options=list(looks), color=list(looks.values()), width=120),
        "Began": config.TextColumn(width=90),
        "Queued": config.NumberColumn(format="%d s", width=65),
        "Working": config.NumberColumn(format="%d s", width=65),
        "Tools": config.NumberColumn(format="%d s", width=60),
        "Agent": config.TextColumn(width=110),
        "Tokens": config.NumberColumn(format="localized", width=70),
        "Problem": config.TextColumn(width=160),
        "Run": config.TextColumn(width=200),
    }
