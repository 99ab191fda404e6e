"""What a trace shows around its waterfall: ids, hop lights, steps."""

import streamlit as st

from services.monitor.shapes import Bar, Hop, HopState, Passage, Trace, depth_of
from ui import ask_steps, formats, safe

__all__ = ["Passage", "Trace", "choose_passage", "draw_hops", "draw_ids", "draw_steps"]
LIGHTS: dict[HopState, tuple[str, str, str]] = {
    "done": ("green", ":material/check_circle:", "seen"),
    "active": ("orange", ":material/hourglass_top:", "now"),
    "failed": ("red", ":material/error:", "failed"),
    "unknown": ("gray", ":material/help:", "not known"),
    "ahead": ("gray", ":material/radio_button_unchecked:", "not yet"),
}
SURE = {"exact": "", "strong": " · ≈ strong", "guess": " · ? a guess"}
SHOWN_STEPS = 60
HOP_PX = 130


def choose_passage(trace: Trace) -> Passage | None:
    """Return the function call whose hops are shown: the reader's choice where there are several, first the last."""
    calls = trace.passages
    if len(calls) < 2:
        return calls[0] if calls else None
    chosen = st.selectbox(
        "Function call",
        range(len(calls)),
        index=len(calls) - 1,
        key=f"trace-call-{trace.run_id}",
        format_func=lambda number: (
            call_words(calls[number], number, len(calls)) if number < len(calls) else ""
        ),
        width=360,
    )
    return calls[min(chosen, len(calls) - 1)]


def call_words(passage: Passage, number: int, of: int) -> str:
    """Return `Call 2 of 3: calculate`."""
    return f"Call {number + 1} of {of}: {safe.clean(passage.tool)[:60] or 'unnamed'}"


def draw_hops(hops: tuple[Hop, ...], key: str = "trace-hops") -> None:
    """Draw six lights with the evidence below each. A light is never colour alone."""
    if not hops:
        st.caption("No function was called, so nothing went through the queues.")
        return
    with (
        st.container(border=True, key=key),
        st.grid(len(hops), min_column_width=HOP_PX, gap="small"),
    ):
        for hop in hops:
            draw_hop(hop)


def draw_hop(hop: Hop) -> None:
    colour, icon, word = LIGHTS[hop.state]
    # A light that is not certain is not green: what it stands for may have been another's.
    if hop.certainty == "guess" and hop.state == "done":
        colour, icon, word = "gray", ":material/help_center:", "estimated"
    with st.container(gap="xxsmall"):
        st.markdown(f":{colour}[{icon}] **{hop.name}**")
        st.caption(
            f"{word}{SURE[hop.certainty] if hop.certainty else ''}  \n{safe.inline(hop.evidence, 240)}"
        )


def draw_ids(trace: Trace) -> None:
    """Each id with a button that copies it, built when it is opened."""
    ids = st.popover("Ids", icon=":material/tag:", type="tertiary", key="trace-ids", on_change="rerun")
    if not ids.open:
        return
    operations = list(dict.fromkeys(str(row.get("OperationId") or "") for row in trace.rows))
    known = {
        "Run": trace.run_id,
        "Thread": trace.thread_id,
        "Child runs": "\n".join(trace.answer.child_run_ids) if trace.answer else "",
        "Operation in Application Insights": "\n".join(filter(None, operations[:5])),
        "CorrelationId": "\n".join(one.correlation_id for one in trace.passages if one.correlation_id),
    }
    with ids:
        for name, value in known.items():
            st.caption(name)
            if value:
                st.code(safe.clean(value)[:2_000], language=None)
            else:
                st.caption("not known")


def draw_steps(trace: Trace) -> None:
    with st.container(gap="xxsmall", key="trace-steps"):
        for number, bar in enumerate(trace.bars[:SHOWN_STEPS]):
            draw_bar(bar, number, trace)
    hidden = len(trace.bars) - SHOWN_STEPS
    if hidden > 0:
        st.caption(f"{hidden} more are in Raw.")


def draw_bar(bar: Bar, number: int, trace: Trace) -> None:
    length = formats.duration(bar.took_s) if bar.state != "active" else "still on its way"
    icon = {"failed": ":material/error:", "cancelled": ":material/stop_circle:"}.get(
        bar.state, ":material/subdirectory_arrow_right:" if bar.parent else ":material/flag:"
    )
    doubt = {"strong": " ≈", "guess": " ?"}.get(bar.certainty, "")
    indent = "\u2003" * depth_of(bar, trace.bars)
    name = f"{indent}{safe.inline(bar.name)}{doubt} · {length}"
    with st.expander(
        name, icon=icon, type="compact", key=f"bar-{trace.run_id}-{number}", on_change="rerun"
    ) as opened:
        if opened.open:
            st.caption(
                f"From {formats.duration(bar.started_s)} on · certainty: {bar.certainty}. {safe.inline(bar.evidence, 400)}"
            )
            ask_steps.draw_payload("Sent", bar.arguments)
            ask_steps.draw_payload("Came back", bar.output)
            if not bar.arguments and not bar.output:
                st.caption("What travelled is not recorded for this one.")
