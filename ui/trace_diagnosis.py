"""The diagnosis of a run, above its trace: what is wrong, the next step, and the six lights that prove it."""

import streamlit as st

from services.diagnosis.service import open_run
from services.diagnosis.verdicts import Diagnosis, Gravity
from ui import context, feedback, formats, safe, trace_parts
from ui.patience import left_s
from ui.trace_parts import Trace

LOOKS: dict[Gravity, tuple[str, str, str]] = {
    "good": ("green", ":material/check_circle:", "Nothing is stuck"),
    "waiting": ("blue", ":material/hourglass_top:", "Nothing is wrong yet"),
    "broken": ("red", ":material/error:", "Something is wrong"),
    "unknown": ("gray", ":material/help:", "It cannot be told"),
}
PARAM, YES = "diagnose", "yes"
AGAIN_S = 10.0
RUN_LIFETIME_S = 600.0  # then the agent service itself gives a run up
READING = "Looking at the run, its queues and the function's log"


def is_wanted() -> bool:
    """Return whether the address asks for a diagnosis, whatever the run's age."""
    return bool(st.query_params.get(PARAM) == YES)


def want() -> None:
    """Callback: a diagnosis belongs to the address; the whole page shows it."""
    st.query_params[PARAM] = YES
    st.rerun()


def close() -> None:
    """Callback."""
    st.query_params.pop(PARAM, None)
    st.rerun()


def show(run_id: str, thread_id: str) -> None:
    """Callback: another run. A link to the page it stands on would leave the address as it is."""
    st.query_params.from_dict({"run": run_id, "thread": thread_id, PARAM: YES})


def look_again() -> None:
    """Callback: what was read is forgotten; the redraw reads."""
    context.diagnoses().clear_all()


def may_be_open(trace: Trace) -> bool:
    """Whether the run is open, or was when Relaydeck ceased to watch it: another program's run outlasts our deadline."""
    problem = trace.answer.problem if trace.answer else None
    left = problem is not None and problem.code == "deadline"
    return trace.is_open or (left and (formats.since_s(trace.began_at) or 0.0) < RUN_LIFETIME_S)


def reason_of(trace: Trace) -> str:
    """Return why *trace* is diagnosed without being asked: it is open for longer than its route takes; empty: it is not.

    At most one request in five minutes, for all viewers.
    """
    age_s = formats.since_s(trace.began_at) if may_be_open(trace) else None
    if age_s is None or trace.answer is None:
        return ""
    patience = context.services().diagnosis.patience(open_run(trace.answer).tools, left_s())
    if age_s <= patience.seconds:
        return ""
    takes = formats.duration(patience.seconds)
    return f"Diagnosed by itself: under way for longer than {takes} ({patience.source})."


def is_shown(trace: Trace) -> bool:
    return not trace.is_demo and (is_wanted() or bool(reason_of(trace)))


def place(trace: Trace, thread_id: str) -> None:
    """Draw the diagnosis where one is wanted or due, and look every ten seconds whether it is while the run is open."""
    if trace.is_demo or not (may_be_open(trace) or is_wanted()):
        return
    timer_s = AGAIN_S if may_be_open(trace) else None
    st.fragment(_draw_due, run_every=timer_s, key="diagnosis")(trace.run_id, thread_id)


def _draw_due(run_id: str, thread_id: str) -> None:
    """Fragment."""
    with feedback.showing_errors(key="diagnosis"):
        trace = context.latest_trace(context.trace(run_id, thread_id))
        reason = "" if is_wanted() else reason_of(trace)
        if reason or is_wanted():
            read(run_id, trace.thread_id or thread_id, is_open=may_be_open(trace), reason=reason)


def read(run_id: str, thread_id: str, *, is_open: bool, reason: str = "") -> None:
    """Read, at most every ten seconds for all viewers, and draw. An ended run is read once in five minutes."""
    with st.spinner(READING):
        found = context.diagnosis(run_id, thread_id, context.slot_of(AGAIN_S) if is_open else 0)
    draw(found, reason)


def draw(found: Diagnosis, reason: str = "") -> None:
    verdict = found.verdict
    colour, icon, word = LOOKS[verdict.gravity]
    doubt = {"exact": "", "strong": " ≈ strong", "guess": " ? a guess"}[verdict.certainty]
    with st.container(border=True, gap="small", key="diagnosis-card"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"#### :{colour}[{icon}] Diagnosis: {word.lower()}", anchors=False, width="stretch")
            st.button(
                "Look again",
                key="diagnosis-again",
                icon=":material/refresh:",
                type="tertiary",
                on_click=look_again,
            )
            if is_wanted():
                st.button(
                    "Close", key="diagnosis-close", icon=":material/close:", type="tertiary", on_click=close
                )
        st.markdown(f"**{safe.inline(verdict.sentence, 800)}**")
        st.markdown(f":material/arrow_forward: **Next:** {safe.inline(verdict.next_step, 600)}")
        if found.holder_id:
            st.button(
                "Diagnose the run that holds it",
                key="diagnosis-holder",
                icon=":material/troubleshoot:",
                on_click=show,
                args=[found.holder_id, found.thread_id],
            )
        if found.lights:
            trace_parts.draw_hops(found.lights, key="diagnosis-hops")
        about = [f"verdict {verdict.code}{doubt}", f"looked at {formats.clock(found.read_at)}"]
        about += [f"call of {found.tool}"] if found.tool else []
        about += [f"cause {verdict.cause}"] if verdict.cause else []
        st.caption(safe.inline(" · ".join(about), 300))
        for note in (*found.notes, *((reason,) if reason else ())):
            st.caption(f":material/info: {safe.inline(note, 400)}")
