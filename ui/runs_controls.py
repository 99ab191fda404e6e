"""The filters of the Runs page, as widgets over the address: the address is what counts, the widgets only write it."""

from datetime import datetime

import streamlit as st

from ui import context, safe
from ui.runs_filters import LONGEST_TEXT, MOST_S, OUTCOMES, PREFIX, SORTS, Filters, Wanted, stretch_parameters
from ui.runs_looks import LOOKS
from ui.view import View

WIDGET = "runs-widget-"
FILTERS = ("outcome", "agent", "tool", "min", "wait", "problem", "text")
STRETCH = ("from", "to")
IN_A_ROW = 4


def address() -> dict[str, str]:
    """Return the parameters of this page in the address."""
    return {name: st.query_params[name] for name in st.query_params if name.startswith(PREFIX)}


def change(**parameters: str) -> None:
    """For callbacks: put *parameters* (names without the prefix, empty: none) into the address; other filters, other
    pages: the first is shown again."""
    moved = {**({"page": ""} if "page" not in parameters and "run" not in parameters else {}), **parameters}
    for name, value in moved.items():
        if value:
            st.query_params[PREFIX + name] = value
        else:
            st.query_params.pop(PREFIX + name, None)


def draw_filters(wanted: Wanted) -> None:
    """Draw all filters, what was wrong with those in the address, and the way out of them. Sends nothing."""
    filters = wanted.filters
    with st.grid(
        IN_A_ROW, min_column_width=150, gap="small", vertical_alignment="bottom", key="runs-filters"
    ):
        _draw_text("text", "Search", filters.words, "Id or word")
        _put("outcome", list(filters.outcomes))
        st.multiselect(
            "Outcome",
            OUTCOMES,
            key=f"{WIDGET}outcome",
            format_func=lambda outcome: LOOKS[outcome].words,
            placeholder="All",
            on_change=_take,
            args=["outcome"],
        )
        _draw_name("agent", "Agent", filters.agent, _agents())
        _draw_name("tool", "Tool", filters.tool, [tool.name for tool in context.services().catalogue])
        _draw_seconds("min", "Took at least, s", filters.min_s)
        _draw_seconds("wait", "Waited at least, s", filters.min_wait_s)
        _draw_text("problem", "Problem", filters.problem, "Part of its title")
    for problem in wanted.problems:
        st.warning(safe.inline(problem, 300), icon=":material/rule:")


def draw_sort(sort: str) -> None:
    _put("sort", sort)
    st.selectbox(
        "Sort by",
        list(SORTS),
        key=f"{WIDGET}sort",
        format_func=lambda name: SORTS[name].words,
        label_visibility="collapsed",
        width=240,
        on_change=_take,
        args=["sort"],
    )


def draw_chosen(filters: Filters, view: View, key: str) -> None:
    """Draw the ways out of what is chosen now; nothing when nothing is."""
    with st.container(horizontal=True, gap="small", key=f"runs-chosen-{key}"):
        if filters.stretch is not None:
            start, end = view.clock(filters.stretch.start), view.clock(filters.stretch.end)
            st.button(
                f"Marked: {start} to {end}",
                key=f"runs-unmark-{key}",
                icon=":material/close:",
                help="Show the whole range again",
                on_click=change,
                kwargs=dict.fromkeys(STRETCH, ""),
            )
        if filters.is_any:
            draw_clear(key)


def draw_clear(key: str) -> None:
    st.button("Clear the filters", key=f"runs-clear-{key}", icon=":material/filter_alt_off:", on_click=clear)


def clear() -> None:
    """Callback: all filters go, the marked stretch as well. The widgets above the list must show it: all is drawn again."""
    change(**dict.fromkeys((*FILTERS, *STRETCH), ""))
    st.rerun()


def mark(start: datetime, end: datetime) -> None:
    """For callbacks: narrow the page to a stretch, two moments, that was marked in a chart."""
    change(**stretch_parameters(start, end))


def _agents() -> list[str]:
    return sorted({tool.agent for tool in context.services().catalogue})


def _draw_text(name: str, label: str, value: str, placeholder: str) -> None:
    _put(name, value)
    st.text_input(
        label,
        key=f"{WIDGET}{name}",
        max_chars=LONGEST_TEXT,
        placeholder=placeholder,
        on_change=_take,
        args=[name],
    )


def _draw_name(name: str, label: str, value: str, known: list[str]) -> None:
    """A name that is chosen, or typed when the catalogue does not have it: history is longer than the catalogue."""
    _put(name, value or None)
    st.selectbox(
        label,
        known if not value or value in known else [*known, value],
        index=None,
        key=f"{WIDGET}{name}",
        placeholder="All",
        accept_new_options=True,
        on_change=_take,
        args=[name],
    )


def _draw_seconds(name: str, label: str, value: float) -> None:
    _put(name, value or None)
    st.number_input(
        label,
        min_value=0.0,
        max_value=MOST_S,
        value=None,
        step=1.0,
        format="%g",
        key=f"{WIDGET}{name}",
        placeholder="Any",
        on_change=_take,
        args=[name],
    )


def _put(name: str, value: object) -> None:
    """Have the widget show what the address says."""
    if st.session_state.get(f"{WIDGET}{name}") != value:
        st.session_state[f"{WIDGET}{name}"] = value


def _take(name: str) -> None:
    """Callback: what was chosen goes into the address."""
    value = st.session_state.get(f"{WIDGET}{name}")
    if isinstance(value, list):
        said = ",".join(value)
    elif isinstance(value, float):
        said = f"{value:g}" if value else ""
    else:
        said = (value or "").strip()
    change(**{name: "" if name == "sort" and said == "newest" else said})
