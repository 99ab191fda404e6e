"""Cards: one question each, its answer, and where that came from. One that fails leaves the others as they are."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Literal

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from services.errors import ServiceError
from services.monitor.results import Result
from ui import feedback, first_paint, formats, recovery, safe, view
from ui.charts import palette, sparkline

NO_WORKSPACE = (
    "No Log Analytics workspace is set, so there is no history to show. "
    "Set `RELAYDECK_LOGS_WORKSPACE` to the id of the workspace that the application's telemetry goes to."
)
NOTHING = "Nothing of this happened in this range."
HOW = ":small[:gray[:material/function: How this is computed]]"
HOW_WIDTH_PX, HOW_HEIGHT_PX = 170, 38  # as Streamlit draws it
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
    height: int | None = None,
) -> None:
    """Draw *body* in a card, or what keeps it from being drawn. Sends nothing.

    *title*: the question it answers. *results*: what it is drawn from; None: no workspace is set. *empty*: the
    sentence when there are no rows. *about*: how the numbers come from the rows, shown with the queries. *height*: of
    *body*, in pixels; what is drawn in its place then takes as much, and nothing below it moves.
    """
    found = (results,) if isinstance(results, Result) else results
    with st.container(border=True, gap="small", height="stretch", key=f"card-{key}"):
        st.markdown(f"**{title}**")
        if found is None:
            with _place(height):
                st.caption(f":material/link_off: {NO_WORKSPACE}")
            return
        _draw_state(found, body, empty or NOTHING, height)
        _draw_source(found, key, about, grain)


def tile(key: str) -> DeltaGenerator:
    """Return the place of one figure, which shows nothing until metric() draws in it."""
    return st.container(key=f"metric-{key}", height="stretch", border=True, gap="xsmall")


def metric(
    label: str,
    value: str | None,
    *,
    place: DeltaGenerator | None = None,
    delta: float | str | None = None,
    delta_good: Literal["up", "down", "none"] = "none",
    trend: Sequence[float | None] = (),
    help: str = "",
    alarm: Literal["", "orange", "red"] = "",
    note: str = "",
) -> None:
    """Draw one figure as a tile. *value*: None when it is not known, which is said and never drawn as 0. *place*: a tile
    drawn before, which has room for the course of the figure, *trend*.

    *alarm*: the colour, with a sign beside it, of a figure that needs somebody. *note*: a word below in place of a
    change, for a figure that is compared with nothing.
    """
    with place or nullcontext():
        st.metric(
            f":{alarm}[:material/error: {safe.inline(label, 60)}]" if alarm else safe.inline(label, 60),
            formats.UNKNOWN if value is None else value,
            delta=None if value is None else note or delta,
            delta_color=DELTAS[delta_good],  # type: ignore[arg-type]  # one of three literals
            delta_arrow="off" if note else "auto",
            help=help or None,
            border=place is None,  # a container around it would cost the browser as much as the figure
            height="content" if place else "stretch",
        )
        if place:
            sparkline.draw(trend, palette.theme())


def draw_doubts(found: Sequence[Result]) -> None:
    """Draw why figures outside of a card are not known, or of an earlier time; nothing when all is well."""
    unknown = [result for result in found if not result.is_known]
    for problem in _problems(unknown)[:1]:
        feedback.draw_error(problem)
    known = [result for result in found if result.is_known]
    for words in _notes(known):
        st.caption(words)


def _draw_state(found: Sequence[Result], body: Callable[[], None], empty: str, height: int | None) -> None:
    if not all(result.is_known for result in found):
        with _place(height):
            for problem in _problems(found):
                feedback.draw_error(problem)
        return
    for words in _notes(found):
        st.caption(words)
    for one in found:
        if one.state == "stale" and one.problem is not None:
            recovery.await_(one.problem)
    if not any(result.rows for result in found):
        with _place(height):
            st.caption(empty)
        return
    with feedback.showing_errors():
        body()


def _place(height: int | None) -> DeltaGenerator:
    """Return where something stands in place of a body of *height*."""
    return st.container(height=height or "content", border=False, gap="small")


def _notes(found: Sequence[Result]) -> list[str]:
    """Return what is to be known before the rows are believed."""
    notes = [
        f":orange[:material/rule:] Only a part was read. {safe.inline(said, 300)}"
        for said in dict.fromkeys(result.said for result in found if result.state == "partial")
    ]
    stale = [result for result in found if result.state == "stale"]
    for problem in _problems(stale)[:1]:
        at = formats.told(view.current().clock(_oldest(stale)))
        notes.append(
            f":orange[:material/history:] This was read at {at}, and cannot be now. {safe.inline(problem.message, 300)}"
            f"{feedback.since_words(problem)}"
        )
    return notes


def _problems(found: Sequence[Result]) -> list[ServiceError]:
    """Return what failed, once each: the queries of one request usually fail together."""
    known = {result.problem.message: result.problem for result in found if result.problem is not None}
    return list(known.values())[:2]


def _draw_source(found: Sequence[Result], key: str, about: str, grain: timedelta | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.caption(source_words(found, grain))
        with first_paint.later(HOW_HEIGHT_PX, HOW_WIDTH_PX, popovers=True):
            how = st.popover(
                HOW,  # not a tertiary button: open, the dark theme draws that in a blue that cannot be read
                key=f"how-{key}",
                on_change="rerun",
            )
    if not how.open:
        return
    with how:
        if about:
            st.markdown(about)
        for kql in dict.fromkeys(result.kql for result in found if result.kql):
            st.code(kql, language="sql", wrap_lines=True)


def source_words(found: Sequence[Result], grain: timedelta | None = None) -> str:
    """Return `Log Analytics · 1 min · read 3 s ago`; the age is that of the oldest part.

    Where nothing is redrawn by itself, the time of day: an age would be wrong a moment later.
    """
    names = ", ".join(dict.fromkeys(result.source for result in found))
    every = f"every {grain_words(grain)}" if grain else ""
    now_and_then = view.current()
    read_at = _oldest(found)
    if read_at is None:
        read = "not read"
    elif now_and_then.refresh_s is None:
        read = f"read at {formats.told(now_and_then.clock(read_at))}"
    else:
        read = f"read {formats.age(formats.since_s(read_at))}"
    return " · ".join(filter(None, [names, every, read]))


def _oldest(found: Sequence[Result]) -> datetime | None:
    return min((result.read_at for result in found if result.read_at is not None), default=None)


def grain_words(grain: timedelta) -> str:
    """Return `1 min`, `2 h`, `1 d`."""
    seconds = int(grain.total_seconds())
    for unit_s, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds % unit_s == 0:
            return f"{seconds // unit_s} {unit}"
    return f"{seconds} s"
