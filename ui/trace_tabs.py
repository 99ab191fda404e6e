"""The parts of a trace that are built when they are opened: function log, conversation, sequence, raw."""

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

import streamlit as st

from services.monitor.kql import Value
from services.monitor.passages import window
from services.monitor.results import Ask, Cell, Result, Row
from services.monitor.shapes import Trace
from ui import cards, context, formats, safe
from ui.charts import sequence

RAW_CHARACTERS = 60_000
RAW_PX = 520
SHOWN_LINES = 200
LEVELS = {
    0: ("gray", "verbose"),
    1: ("gray", "info"),
    2: ("orange", "warning"),
    3: ("red", "error"),
    4: ("red", "critical"),
}
ABOUT_LOG = (
    "Log lines and exceptions whose `InvocationId` is that of an execution in this trace. The Functions host writes "
    "them to Application Insights; they arrive minutes later, and host.json decides which levels are kept."
)


def draw_log(trace: Trace) -> None:
    """Draw what the function wrote. One request to the workspace when it is opened first."""
    if trace.telemetry is None:
        st.caption(f":material/database_off: {cards.NO_WORKSPACE}")
        return
    invocations = sorted({one for passage in trace.passages for one in passage.invocations})
    span = window(trace.passages)
    if not trace.passages:
        st.caption("No function was called, so none has written anything.")
        return
    if not invocations or span is None:
        st.caption(
            "Which invocation of the function this was is not known (yet): its own telemetry has not been found."
        )
        return
    values: dict[str, Value] = {"start": span[0], "end": span[1], "invocations": invocations[:200]}
    label = "|".join(invocations[:200])
    found = context.ask_logs_once(Ask("function_log", values, label))
    cards.draw(
        "What did the function write?",
        found,
        lambda: _draw_lines(found[0] if found else None),
        key="trace-log",
        about=ABOUT_LOG,
        empty="Nothing was written for this invocation, or it has not arrived yet.",
    )


def _draw_lines(result: Result | None) -> None:
    if result is None:
        return
    for number, row in enumerate(result.rows[:SHOWN_LINES]):
        _draw_line(row, number)
    if len(result.rows) > SHOWN_LINES:
        st.caption(f"The first {SHOWN_LINES} of {len(result.rows)} lines; Raw telemetry has all.")


def _draw_line(row: Row, number: int) -> None:
    level = row["SeverityLevel"]
    colour, word = LEVELS.get(level if isinstance(level, int) else 1, ("gray", "info"))
    at = row["TimeGenerated"]
    with st.container(horizontal=True, gap="small", vertical_alignment="top"):
        st.markdown(f":{colour}-badge[{word}]", width="content")
        st.caption(_clock(at), width="content")
        with st.container(gap="xxsmall"):
            safe.draw_verbatim(str(row["Message"] or ""), key=f"trace-line-{number}", limit=2_000)


def _clock(moment: Cell) -> str:
    if not isinstance(moment, datetime):
        return formats.UNKNOWN
    there = moment.astimezone(formats.chosen_zone())
    return f"{there:%H:%M:%S}.{there.microsecond // 1000:03}"


def draw_conversation(trace: Trace) -> None:
    if trace.answer is None:
        st.caption("The agent service no longer holds this conversation, or it was not asked for.")
        return
    with st.chat_message("user", avatar=":material/person:"):
        safe.draw_verbatim(trace.answer.question or "The question is not known.", key="trace-question")
    with st.chat_message("assistant", avatar=":material/smart_toy:"):
        safe.draw(trace.answer.text or "No answer.", key="trace-text")
        if trace.answer.problem is not None:
            st.caption(f":red[:material/error:] {safe.inline(trace.answer.problem.title, 300)}")


def draw_sequence(trace: Trace) -> None:
    text, left_out = sequence.diagram(trace)
    st.mermaid_chart(text, alt=f"Who passed what to whom: {safe.clean(trace.verdict)[:300]}")
    st.caption("Dotted arrows were not seen, or are a guess by time.")
    if left_out:
        st.caption(f"{formats.count(left_out, 'more call')} of functions are not drawn.")


def draw_raw(trace: Trace) -> None:
    text = raw(trace)
    st.download_button(
        "Download JSON",
        functools.partial(raw, trace),
        file_name=f"{safe.clean(trace.run_id)[:80] or 'trace'}.json",
        mime="application/json",
        key="trace-download",
        icon=":material/download:",
    )
    st.code(safe.clean(text[:RAW_CHARACTERS]), language="json", height=RAW_PX)
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
        "calls": [asdict(passage) for passage in trace.passages],
        "answer": asdict(trace.answer) if trace.answer else None,
        "telemetry": [plain_row(row) for row in trace.rows],
    }
    return json.dumps(known, indent=2, ensure_ascii=False, default=str)


def plain_row(row: Row) -> dict[str, object]:
    return {name: dict(cell) if isinstance(cell, Mapping) else cell for name, cell in row.items()}
