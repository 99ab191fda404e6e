"""Cards: one question each, its answer, and where that came from. One that fails leaves the others as they are."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import streamlit as st

from services.errors import ServiceError
from services.monitor.results import Result
from ui import feedback, formats, safe

NO_WORKSPACE = (
    "No Log Analytics workspace is set, so there is no history to show. "
    "Set `RELAYDECK_LOGS_WORKSPACE` to the id of the workspace that the application's telemetry goes to."
)
NOTHING = "Nothing of this happened in this range."
DELTAS = {"up": "normal", "down": "inverse", "none": "off"}


def draw(
    title: str,
    results: Result | Sequence[Result] | None,
    body: Callable[[], None],
    *,
    key: str,
    about: str = "",
    empty: str = "",
    grain: timedelta | None = None,
) -> None:
    """Draw *body* in a card, or what keeps it from being drawn. Sends nothing.

    *title*: the question it answers. *results*: what it is drawn from; None: no workspace is set. *empty*: the
    sentence when there are no rows. *about*: how the numbers come from the rows, shown with the queries.
    """
    found = (results,) if isinstance(results, Result) else results
    with st.container(border=True, gap="small", key=f"card-{key}"):
        st.markdown(f"**{title}**")
        if found is None:
            st.caption(f":material/database_off: {NO_WORKSPACE}")
            return
        _draw_state(found, body, empty or NOTHING)
        _draw_source(found, key, about, grain)


def metric(
    label: str,
    value: str | None,
    *,
    key: str,
    delta: float | str | None = None,
    delta_good: Literal["up", "down", "none"] = "none",
    trend: Sequence[float | None] = (),
    help: str = "",
) -> None:
    """Draw one figure as a tile. *value*: None when it is not known, which is said and never drawn as 0."""
    known = [one for one in trend if one is not None]
    with st.container(key=f"metric-{key}"):
        st.metric(
            label,
            formats.UNKNOWN if value is None else value,
            delta=None if value is None else delta,
            delta_color=DELTAS[delta_good],  # type: ignore[arg-type]  # one of three literals
            help=help or None,
            border=True,
            chart_data=known if len(known) > 1 else None,
            height="stretch",
        )


def _draw_state(found: Sequence[Result], body: Callable[[], None], empty: str) -> None:
    for problem in _problems(found):
        feedback.draw_error(problem)
    if not all(result.is_known for result in found):
        return
    stale = [result for result in found if result.state == "stale"]
    if stale:
        st.caption(
            f":orange[:material/history:] Not read again since {formats.age(_oldest_s(stale))}: "
            "what was read then is shown."
        )
    for said in {result.said for result in found if result.state == "partial"}:
        st.caption(f":orange[:material/rule:] Only a part was read. {safe.inline(said, 300)}")
    if not any(result.rows for result in found):
        st.caption(empty)
        return
    try:
        body()
    except ServiceError as error:
        feedback.draw_error(error)


def _problems(found: Sequence[Result]) -> list[ServiceError]:
    """Return what failed, once each: the queries of one request usually fail together."""
    known = {result.problem.message: result.problem for result in found if result.problem is not None}
    return list(known.values())[:2]


def _draw_source(found: Sequence[Result], key: str, about: str, grain: timedelta | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(source_words(found, grain))
        how = st.popover(
            "How this is computed",
            type="tertiary",
            icon=":material/function:",
            key=f"how-{key}",
            on_change="rerun",
        )
    if how.open:
        with how:
            if about:
                st.markdown(about)
            for kql in dict.fromkeys(result.kql for result in found if result.kql):
                st.code(kql, language="sql")


def source_words(found: Sequence[Result], grain: timedelta | None = None) -> str:
    """Return `Log Analytics · 1 min · read 3 s ago`; the age is that of the oldest part."""
    names = ", ".join(dict.fromkeys(result.source for result in found))
    every = formats.duration(grain.total_seconds()) if grain else ""
    age_s = _oldest_s(found)
    read = f"read {formats.age(age_s)}" if age_s is not None else "not read"
    return " · ".join(filter(None, [names, every, read]))


def _oldest_s(found: Sequence[Result]) -> float | None:
    moments: list[datetime] = [result.read_at for result in found if result.read_at is not None]
    return formats.since_s(min(moments)) if moments else None
