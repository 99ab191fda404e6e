"""What needs somebody, as rows with a way to where it can be looked at."""

from collections.abc import Sequence

import streamlit as st

from services.monitor.attention import Concern, Place, Severity
from ui import feedback, formats, menu, overview_data, safe
from ui.overview_data import Past, Queues
from ui.view import View

LOOKS: dict[Severity, tuple[str, str, str]] = {
    "broken": ("red", ":material/error:", "Broken"),
    "failing": ("red", ":material/warning:", "Failing"),
    "slow": ("orange", ":material/hourglass_top:", "Slow"),
}
LINKS: dict[Place, tuple[str, str, str]] = {
    "trace": ("trace.py", "Trace", ":material/timeline:"),
    "diagnosis": ("trace.py", "Diagnosis", ":material/troubleshoot:"),
    "queues": ("queues.py", "Queue", ":material/inbox:"),
}
SEVERITY_PX = 100


def draw(concerns: Sequence[Concern], past: Past | None, queues: Queues, view: View) -> None:
    """Draw at most ten rows, or that nothing needs anybody: only when everything could be looked at."""
    with st.container(border=True, gap="small", key="overview-attention"):
        st.markdown("**Does anything need you?**")
        if past is not None and past.failures.problem is not None:
            feedback.draw_error(past.failures.problem)
        for concern in concerns:
            _draw_row(concern, view)
        if not concerns:
            st.markdown(quiet_words(past, queues, view))
        st.caption(scope_words(past, queues, view))


def quiet_words(past: Past | None, queues: Queues, view: View) -> str:
    """Return the sentence for an empty list; it promises no more than was looked at."""
    if queues.depths is None:
        return ":gray[:material/help: Nothing else was found, but the queues could not be looked at.]"
    if past is not None and not past.failures.is_known:
        return ":gray[:material/help: No queue needs you; whether answers failed could not be read.]"
    checked = overview_data.age_words(queues.at, view)
    if past is None:
        return f":green[:material/check_circle:] No queue and no open answer needs you. Last check {checked}."
    return f":green[:material/check_circle:] Nothing needs you. Last check {checked}."


def scope_words(past: Past | None, queues: Queues, view: View) -> str:
    """Return what was looked at, and how long ago."""
    said = [f"Queues and open answers as they are now ({overview_data.age_words(queues.at, view)})"]
    if queues.depths is None:
        said = ["Open answers as they are now"]
    if past is None:
        said.append("failures of the past need a Log Analytics workspace")
    elif past.failures.is_known:
        read = overview_data.age_words(past.failures.read_at, view)
        stale = ", not read again since" if past.failures.state == "stale" else ""
        part = ", only a part of them" if past.failures.state == "partial" else ""
        said.append(f"failures within {view.words} (Log Analytics, {read}{stale}{part})")
    return " · ".join(said)


def _draw_row(concern: Concern, seen: View) -> None:
    colour, icon, word = LOOKS[concern.severity]
    since = f"since {formats.told(seen.clock(concern.since))}" if concern.since else seen.words
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        st.markdown(f":{colour}[{icon} **{word}**]", width=SEVERITY_PX)
        told = f"{safe.inline(concern.evidence, 260)} :gray[{since}]"
        st.markdown(f"**{safe.inline(concern.what, 160)}**  \n{told}", width="stretch")
        if concern.place:
            file, label, sign = LINKS[concern.place]
            st.page_link(menu.link(file), label=label, icon=sign, query_params=dict(concern.target))
