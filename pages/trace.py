"""Trace: what happened to one answer, hop by hop.

URL state: ?run=, the run; ?thread=, its conversation, without which only telemetry is searched. Redraws twice a
second while the run is open, never otherwise. Acts: reads again, downloads what is known.
"""

import streamlit as st

from services.errors import NotFound
from ui import context, feedback, formats, menu, safe, trace_parts
from ui.charts import palette
from ui.trace_parts import Trace

LIVE_S = 0.5
ICONS = {
    "answered": ("green", ":material/check_circle:"),
    "failed": ("red", ":material/error:"),
    "expired": ("red", ":material/timer_off:"),
    "cancelled": ("gray", ":material/stop_circle:"),
}
TABS = ("Steps", "Conversation", "Raw")


def main() -> None:
    run_id, thread_id = st.query_params.get("run", ""), st.query_params.get("thread", "")
    if not run_id:
        draw_empty()
        return
    with feedback.showing_errors(retry=context.trace.clear, key="trace"):
        try:
            trace = context.trace(run_id, thread_id)
        except NotFound as error:
            draw_missing(run_id, error)
            return
        timer_s = LIVE_S if trace.is_open else None
        st.fragment(draw_trace, run_every=timer_s, key="trace")(run_id, thread_id, trace.is_open)


def draw_trace(run_id: str, thread_id: str, was_open: bool) -> None:
    """Fragment: draws the run as it is now, and the whole page once when it has ended."""
    trace = context.latest_trace(context.trace(run_id, thread_id))
    if was_open and not trace.is_open:
        context.trace.clear(run_id, thread_id)
        st.rerun()
    colour, icon = ICONS.get(trace.state, ("blue", ":material/progress_activity:"))
    st.markdown(f"### :{colour}[{icon}] {safe.inline(trace.verdict, 400)}", anchors=False)
    began = f"asked {formats.clock(trace.began_at)} · " if trace.began_at else ""
    st.caption(f"{began}run {safe.inline(trace.run_id)} · from {', '.join(trace.sources)}")
    for note in trace.notes:
        st.caption(f":material/info: {safe.inline(note, 400)}")
    if trace.telemetry is not None and trace.telemetry.problem is not None:
        feedback.draw_error(trace.telemetry.problem)
    trace_parts.draw_hops(trace.hops)
    elapsed_s = trace.took_s or (formats.since_s(trace.began_at) if trace.is_open else None) or 0.0
    st.plotly_chart(
        context.waterfall(trace.bars, elapsed_s, palette.theme()),
        key="trace-waterfall",
        theme=None,
        config={"displayModeBar": False},
        alt=f"Waterfall of the run: {trace.verdict}",
    )
    st.caption(
        "Each bar's length stands at its end. ≈ and a lighter bar: linked by its arguments. "
        "? and hatching: told apart by time only."
    )
    draw_tabs(trace)


def draw_tabs(trace: Trace) -> None:
    with st.container(horizontal=True, gap="small"):
        st.page_link(
            menu.link("ask.py"),
            label="Open the conversation",
            icon=":material/forum:",
            query_params={"thread": trace.thread_id} if trace.thread_id else None,
        )
    chosen = st.segmented_control(
        "Show", TABS, key="trace-tab", default=TABS[0], label_visibility="collapsed"
    )
    if chosen == "Conversation":
        trace_parts.draw_conversation(trace)
    elif chosen == "Raw":
        trace_parts.draw_raw(trace)
    else:
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
    st.button("Look again", key="trace-again", icon=":material/refresh:", on_click=context.trace.clear)


def open_trace() -> None:
    """Callback: the address is the state of this page."""
    named = {"run": st.session_state["trace-run"].strip(), "thread": st.session_state["trace-thread"].strip()}
    st.query_params.from_dict({name: value for name, value in named.items() if value})


main()
