"""The five stages of an agent's life: in words first, then on a line of time."""

from collections.abc import Sequence

import streamlit as st

from services.monitor import overview
from ui import agents_data, cards, safe, view
from ui.agents_data import AgentEntry, LifecycleStage, Reading
from ui.charts import lifecycle, palette, style

LOOKS = {
    "done": ("gray", ":material/check_circle:"),
    "active": ("green", ":material/play_circle:"),
    "attention": ("orange", ":material/warning:"),
    "unknown": ("gray", ":material/help:"),
}
ABOUT = (
    "Creation and configuration: from the agent itself; the service does not tell when it was changed. Execution: its "
    "calls in the range, larger marks for more of them, red where some failed. Monitoring: from the first to the last "
    "telemetry of it in the range. Cleanup: when it is due. A triangle: before the range."
)


def draw_stages(stages: Sequence[LifecycleStage]) -> None:
    with st.grid(5, min_column_width=150, gap="small", key="agent-stages"):
        for stage in stages:
            colour, icon = LOOKS[stage.state]
            with st.container(border=True, gap="xxsmall", height="stretch", key=f"agent-stage-{stage.name}"):
                st.markdown(f":{colour}[{icon}] **{stage.name.capitalize()}**")
                st.caption(safe.inline(stage.told, 300))


def draw_chart(stages: Sequence[LifecycleStage], reading: Reading, entry: AgentEntry) -> None:
    """Draw the line of time. One request to the workspace a minute at most."""
    shown = view.current()
    found = agents_data.calls_of(reading, entry, shown)
    rows = found.rows if found is not None and found.is_known else ()
    moments = overview.buckets(rows, shown.start, shown.end, shown.grain)
    cards.draw(
        "Its life in this range",
        found,
        lambda: style.draw(
            lifecycle.figure(
                stages,
                overview.counts(rows, "calls", moments),
                overview.counts(rows, "failed", moments),
                start=shown.start,
                end=shown.end,
                grain=shown.grain,
                theme=palette.theme(),
                zone=shown.zone,
            ),
            key="agent-lifecycle",
            alt="; ".join(f"{stage.name}: {stage.told}" for stage in stages),
        ),
        key="agent-life",
        about=ABOUT,
        empty="Telemetry tells of no call of it in this range.",
        grain=shown.grain,
    )
