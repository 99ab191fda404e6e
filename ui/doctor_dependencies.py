"""Doctor's list of what Relaydeck depends on: how each stands by its latest calls, and when it is tried next."""

import streamlit as st

from services.models import HealthState
from services.standing import Standing
from ui import context, dependencies, formats, safe

ABOUT = (
    "From the calls that Relaydeck makes anyway; this list sends none. A breaker opens when most of the latest calls "
    "failed, leaves the service alone for a while, and then lets one call try."
)

LOOKS: dict[HealthState, tuple[str, str]] = {
    "ok": ("green", ":material/check_circle:"),
    "degraded": ("orange", ":material/warning:"),
    "down": ("red", ":material/cancel:"),
    "unknown": ("gray", ":material/help:"),
}
TITLE_PART, EVIDENCE_PART = 3, 9


def is_failing() -> bool:
    return any(one.is_failing for one in dependencies.all_standings())


def draw() -> None:
    with st.container(border=True, gap="small", key="doctor-group-dependencies"):
        st.markdown("**What Relaydeck depends on**")
        for standing in dependencies.all_standings():
            name = standing.dependency[:1].upper() + standing.dependency[1:]
            draw_line(name, standing.state, dependencies.BREAKERS[standing.breaker], *told(standing))
        draw_functions()
        st.caption(f"{ABOUT} As of {formats.told(formats.clock(formats.now()))}.")


def draw_line(name: str, state: HealthState, breaker: str, words: str, said: str = "") -> None:
    """Draw one line, as those of the checks below. Never by colour alone."""
    colour, icon = LOOKS[state]
    title, evidence = st.columns([TITLE_PART, EVIDENCE_PART], gap="small")
    with title, st.container(gap="xxsmall"):
        st.markdown(f":{colour}[{icon}] {safe.inline(name)}")
        st.caption(f"{dependencies.WORDS[state]} · {breaker}")
    with evidence, st.container(gap="xxsmall"):
        st.markdown(formats.told(words))
        if said:
            st.caption(safe.inline(said, 400))


def told(standing: Standing) -> tuple[str, str]:
    """Return what the latest calls came to, when the next one goes through, and what the last failure said."""
    worked, failed = formats.clock(standing.worked_at), formats.clock(standing.failed_at)
    found = [
        f"Last success {worked}" if standing.worked_at else "No success yet",
        f"last failure {failed} ({standing.failure})" if standing.failed_at else "no failure yet",
        f"{standing.failures} of the latest {formats.count(standing.calls, 'call')} failed"
        if standing.calls
        else "",
        f"failing since {formats.clock(standing.since)}" if standing.since else "",
        next_words(standing.next_try_s),
    ]
    return " · ".join(filter(None, found)), standing.message if standing.is_failing else ""


def draw_functions() -> None:
    """Draw the function app, which is never called: it is judged by what lies in its queues."""
    known = {part.part: part for part in context.services().health.latest()}.get("Function app")
    words = "Never called: judged by its queues."
    if known is None:
        draw_line("Function app", "unknown", "no breaker", words)
    else:
        at = formats.clock(known.checked_at)
        draw_line("Function app", known.state, "no breaker", f"{words} Looked at {at}.", known.detail)


def next_words(next_try_s: float | None) -> str:
    if next_try_s is None:
        return ""
    return "the next call tries it" if next_try_s < 1 else f"next try in {next_try_s:.0f} s"
