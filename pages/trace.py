"""Trace: what happened to one answer, hop by hop.

URL state: ?run=, the run; ?thread=, its conversation, without which only telemetry is searched; ?show=, the part below
the chart; ?diagnose=yes, why it is stuck, which is shown by itself for a run that takes too long, and for a conversation
whose question has no run. Redraws twice a second while the run is open, every few seconds while its telemetry is awaited,
never otherwise; the diagnosis of an open run every ten seconds. Acts: reads again, downloads what is known.
"""

import streamlit as st

from services.errors import NotFound
from ui import (
    context,
    feedback,
    formats,
    menu,
    recovery,
    safe,
    trace_diagnosis,
    trace_messages,
    trace_parts,
    trace_tabs,
)
from ui.charts import palette, style, waterfall
from ui.trace_parts import Trace

LIVE_S = 0.5
AWAITING_S = 5.0
AWAITED_FOR_S = 300.0  # telemetry takes minutes; who wants to know later has a button
ICONS = {
    "answered": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
    "expired": ("red", ":material/timer_off:"),
    "cancelled": ("gray", ":material/stop_circle:"),
}
TABS = ("Steps", "Messages", "Function log", "Conversation", "Sequence", "Raw")
LEGEND = (
    "Each bar's length stands at its end. ≈ and a lighter bar: linked by its arguments, or told from the times around "
    "it. ? and hatching: a guess by time alone. A whisker: the service tells whole seconds only."
)


def main() -> None:
    run_id, thread_id = st.query_params.get("run", "").strip(), st.query_params.get("thread", "").strip()
    if not run_id:
        if thread_id:
            with feedback.showing_errors(key="diagnosis"):
                trace_diagnosis.read("", thread_id, is_open=True)
        draw_empty()
        return
    with feedback.showing_errors(retry=context.traces().clear_all, key="trace"):
        try:
            with st.spinner("Reading what telemetry and the agent service know of this run"):
                trace = context.trace(run_id, thread_id)
        except NotFound as error:
            draw_missing(run_id, error)
            return
        trace_diagnosis.place(trace, thread_id)
        timer_s = LIVE_S if trace.is_open else AWAITING_S if is_awaited(trace) else None
        st.fragment(draw_trace, run_every=timer_s, key="trace")(run_id, thread_id, trace.is_open)


def is_awaited(trace: Trace) -> bool:
    """Return whether it is worth to look for the telemetry of a run that has ended a short while ago."""
    if not trace.is_awaited or trace.began_at is None:
        return False
    since_s = formats.since_s(trace.began_at) or 0.0
    return since_s - (trace.took_s or 0.0) < AWAITED_FOR_S


def draw_trace(run_id: str, thread_id: str, was_open: bool) -> None:
    """Fragment: draws the run as it is now, and the whole page once when it has ended, or its telemetry has come."""
    trace = context.latest_trace(context.trace(run_id, thread_id))
    if was_open and not trace.is_open:
        context.traces().clear(run_id, thread_id)
        st.rerun()
    if is_awaited(trace):
        with feedback.showing_errors(key="trace-awaited"):
            trace = context.awaited_trace(run_id, thread_id)
            if trace.rows:
                st.rerun()
    draw_head(trace)
    slot = st.container(height=waterfall.height(trace.bars), border=False, key="trace-chart")
    st.caption(LEGEND)
    if len(trace.passages) > 1 or not trace_diagnosis.is_shown(trace):  # else the same six stand above
        passage = trace_parts.choose_passage(trace)
        trace_parts.draw_hops(passage.hops if passage else ())
    draw_tabs(trace)
    with slot:  # last: what can be read does not wait for the chart's library
        draw_chart(trace)


def draw_head(trace: Trace) -> None:
    colour, icon = ICONS.get(trace.state, ("blue", ":material/progress_activity:"))
    st.markdown(f"### :{colour}[{icon}] {safe.inline(trace.verdict, 400)}", anchors=False)
    began = f"asked {formats.told(formats.clock(trace.began_at))} · " if trace.began_at else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="trace-head"):
        st.caption(
            f"{began}run {safe.inline(trace.run_id)} · from {', '.join(trace.sources)}", width="content"
        )
        if not trace.is_demo:  # what was made up has no conversation
            st.page_link(
                menu.link("ask.py"),
                label="Open the conversation",
                icon=":material/forum:",
                query_params={"thread": trace.thread_id} if trace.thread_id else None,
                disabled=not trace.thread_id,
            )
        trace_parts.draw_ids(trace)
        if not trace.is_demo and not trace_diagnosis.is_shown(trace):
            st.button(
                "Diagnose",
                key="trace-diagnose",
                icon=":material/troubleshoot:",
                type="tertiary",
                on_click=trace_diagnosis.want,
            )
        if not trace.is_open:
            st.button(
                "Read again",
                key="trace-reread",
                icon=":material/refresh:",
                type="tertiary",
                on_click=read_again,
                args=[trace.run_id, st.query_params.get("thread", "").strip()],
            )
    for note in trace.notes:
        st.caption(f":material/info: {safe.inline(note, 400)}")
    if trace.failure is not None:
        recovery.await_(trace.failure)
        if since := feedback.since_words(trace.failure):
            st.caption(f":orange[:material/history:]{since}")
    result = trace.telemetry
    if result is None:
        return
    if result.problem is not None:
        feedback.draw_error(result.problem)
    if result.state == "stale":
        st.caption(
            f":orange[:material/history:] The spans were read {formats.age(formats.since_s(result.read_at))}."
        )
    if result.said:
        st.caption(f":orange[:material/rule:] Only a part was read. {safe.inline(result.said, 300)}")


def draw_chart(trace: Trace) -> None:
    elapsed_s = trace.took_s or (formats.since_s(trace.began_at) if trace.is_open else None) or 0.0
    style.draw(
        context.waterfall(trace.bars, elapsed_s, palette.theme()),
        key="trace-waterfall",
        alt=f"Waterfall of the run: {trace.verdict}",
    )


def draw_tabs(trace: Trace) -> None:
    """Draw the part that is chosen; the others are not built."""
    chosen = st.segmented_control(
        "Show",
        TABS,
        key="show",
        default=TABS[0],
        required=True,
        label_visibility="collapsed",
        bind="query-params",
    )
    match chosen:
        case "Messages":
            trace_messages.draw(trace)
        case "Function log":
            trace_tabs.draw_log(trace)
        case "Conversation":
            trace_tabs.draw_conversation(trace)
        case "Sequence":
            trace_tabs.draw_sequence(trace)
        case "Raw":
            trace_tabs.draw_raw(trace)
        case _:
            trace_parts.draw_steps(trace)


def draw_empty() -> None:
    st.markdown("### :gray[:material/timeline:] Which answer?", anchors=False)
    st.markdown("Open a trace from an answer on the Ask page, or paste the id of a run, and of its thread.")
    with st.form("trace-find", border=False):
        st.text_input("Run", key="trace-run", placeholder="run_…", max_chars=128)
        st.text_input("Thread, if known", key="trace-thread", placeholder="thread_…", max_chars=128)
        st.form_submit_button("Open trace", key="trace-open", icon=":material/timeline:", on_click=open_trace)


def draw_missing(run_id: str, error: NotFound) -> None:
    st.markdown("### :gray[:material/travel_explore:] This run is not known here", anchors=False)
    st.code(safe.clean(run_id)[:200], language=None)
    st.markdown(safe.inline(f"{error.message} {error.hint}", 800))
    st.button("Look again", key="trace-again", icon=":material/refresh:", on_click=context.traces().clear_all)


def open_trace() -> None:
    """Callback: the address is the state of this page."""
    named = {"run": st.session_state["trace-run"].strip(), "thread": st.session_state["trace-thread"].strip()}
    st.query_params.from_dict({name: value for name, value in named.items() if value})


def read_again(run_id: str, thread_id: str) -> None:
    """Callback: what is kept of this run is forgotten; reading it is left to the redraw, of the whole page."""
    context.traces().clear(run_id, thread_id)
    context.awaited_traces().clear(run_id, thread_id)
    st.rerun()


main()
