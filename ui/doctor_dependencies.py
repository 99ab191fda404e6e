"""Doctor's table of what Relaydeck depends on: how each stands by its latest calls, and when it is tried next."""

import streamlit as st

from services.standing import Standing
from ui import context, dependencies, formats, safe
from ui.dependencies import WORDS

ABOUT = (
    "From the calls that Relaydeck makes anyway; this table sends none. A breaker opens when most of the latest calls "
    "failed, leaves the service alone for a while, and then lets one call try."
)


def is_failing() -> bool:
    return any(one.is_failing for one in dependencies.all_standings())


def draw() -> None:
    with st.container(border=True, gap="small", key="doctor-group-dependencies"):
        st.markdown("**What Relaydeck depends on**")
        st.dataframe(
            [*map(as_row, dependencies.all_standings()), *functions_row()],
            key="doctor-dependencies",
            hide_index=True,
        )
        st.caption(f"{ABOUT} As of {formats.told(formats.clock(formats.now()))}.")


def as_row(standing: Standing) -> dict[str, str]:
    return {
        "Dependency": standing.dependency[:1].upper() + standing.dependency[1:],
        "State": WORDS[standing.state],
        "Since": formats.clock(standing.since) if standing.since else "",
        "Breaker": dependencies.BREAKERS[standing.breaker],
        "Next try": next_words(standing.next_try_s),
        "Failed of latest calls": f"{standing.failures} of {standing.calls}"
        if standing.calls
        else "none made",
        "Last success": formats.clock(standing.worked_at) if standing.worked_at else "none yet",
        "Last failure": failure_words(standing),
        "What it said": safe.clean(standing.message)[:300],
    }


def functions_row() -> list[dict[str, str]]:
    """Return the row of the function app, which is never called: it is judged by what lies in its queues."""
    known = {part.part: part for part in context.services().health.latest()}.get("Function app")
    return [
        {
            "Dependency": "Function app",
            "State": WORDS[known.state] if known is not None else "not known",
            "Since": "",
            "Breaker": "never called: judged by its queues",
            "Next try": "",
            "Failed of latest calls": "",
            "Last success": "",
            "Last failure": "",
            "What it said": safe.clean(known.detail)[:300] if known is not None else "",
        }
    ]


def next_words(next_try_s: float | None) -> str:
    if next_try_s is None:
        return "any call"
    return "the next call" if next_try_s < 1 else f"in {next_try_s:.0f} s"


def failure_words(standing: Standing) -> str:
    return f"{formats.clock(standing.failed_at)} {standing.failure}" if standing.failed_at else "none yet"
