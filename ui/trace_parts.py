"""What a trace shows below its waterfall: hop lights, steps, conversation, raw."""

import json
from dataclasses import asdict

import streamlit as st

from services.monitor.shapes import Bar, Hop, HopState, Trace
from ui import ask_steps, formats, safe

__all__ = ["Trace", "draw_conversation", "draw_hops", "draw_raw", "draw_steps", "raw"]
LIGHTS: dict[HopState, tuple[str, str, str]] = {
    "done": ("green", ":material/check_circle:", "seen"),
    "active": ("orange", ":material/hourglass_top:", "now"),
    "failed": ("red", ":material/error:", "failed"),
    "unknown": ("gray", ":material/help:", "not known"),
    "ahead": ("gray", ":material/radio_button_unchecked:", "not yet"),
}
SHOWN_STEPS = 60
RAW_CHARACTERS = 60_000


def draw_hops(hops: tuple[Hop, ...]) -> None:
    """Draw six lights with the evidence below each. A light is never colour alone."""
    if not hops:
        st.caption("No function was called, so nothing went through the queues.")
        return
    for column, hop in zip(st.columns(len(hops), gap="small"), hops, strict=True):
        colour, icon, word = LIGHTS[hop.state]
        if hop.certainty == "guess" and hop.state == "done":
            word = "estimated"
        sure = f" · {hop.certainty}" if hop.certainty else ""
        with column:
            st.markdown(f":{colour}[{icon} **{hop.name}**]")
            st.caption(f"{word}{sure}  \n{safe.inline(hop.evidence, 160)}")


def draw_steps(trace: Trace) -> None:
    for number, bar in enumerate(trace.bars[:SHOWN_STEPS]):
        draw_bar(bar, number, trace.run_id)
    hidden = len(trace.bars) - SHOWN_STEPS
    if hidden > 0:
        st.caption(f"{hidden} more are in Raw.")


def draw_bar(bar: Bar, number: int, run_id: str) -> None:
    length = formats.duration(bar.took_s) if bar.state != "active" else "still on its way"
    icon = {"failed": ":material/error:", "cancelled": ":material/stop_circle:"}.get(
        bar.state, ":material/subdirectory_arrow_right:" if bar.parent else ":material/flag:"
    )
    name = f"{safe.inline(bar.name)} · {length}"
    with st.expander(
        name, icon=icon, type="compact", key=f"bar-{run_id}-{number}", on_change="rerun"
    ) as opened:
        if opened.open:
            st.caption(
                f"From {formats.duration(bar.started_s)} on · certainty: {bar.certainty}. {safe.inline(bar.evidence, 400)}"
            )
            ask_steps.draw_payload("Sent", bar.arguments)
            ask_steps.draw_payload("Came back", bar.output)
            if not bar.arguments and not bar.output:
                st.caption("What travelled is not recorded for this one.")


def draw_conversation(trace: Trace) -> None:
    if trace.answer is None:
        st.caption("The agent service no longer holds this conversation, or it was not asked for.")
        return
    with st.chat_message("user", avatar=":material/person:"):
        safe.draw_verbatim(trace.answer.question or "The question is not known.", key="trace-question")
    with st.chat_message("assistant", avatar=":material/smart_toy:"):
        safe.draw(trace.answer.text or "No answer.", key="trace-text")


def draw_raw(trace: Trace) -> None:
    text = raw(trace)
    st.download_button(
        "Download JSON",
        text,
        file_name=f"{trace.run_id or 'trace'}.json",
        mime="application/json",
        key="trace-download",
        icon=":material/download:",
    )
    st.code(safe.clean(text)[:RAW_CHARACTERS], language="json")
    if len(text) > RAW_CHARACTERS:
        st.caption(f"The first {RAW_CHARACTERS:,} of {len(text):,} characters; the download has all.")
    if trace.telemetry is not None and trace.telemetry.kql:
        st.caption("The query that was asked")
        st.code(trace.telemetry.kql, language="sql")


def raw(trace: Trace) -> str:
    """Return all that is known, as JSON."""
    known = {
        "run": trace.run_id,
        "thread": trace.thread_id,
        "state": trace.state,
        "verdict": trace.verdict,
        "sources": trace.sources,
        "notes": trace.notes,
        "bars": [asdict(bar) for bar in trace.bars],
        "hops": [asdict(hop) for hop in trace.hops],
        "answer": asdict(trace.answer) if trace.answer else None,
        "telemetry": [dict(row) for row in trace.rows],
    }
    return json.dumps(known, indent=2, ensure_ascii=False, default=str)
