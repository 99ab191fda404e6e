"""The filters of the Threads page, as widgets over the address: the address is what counts, the widgets only write it."""

from collections.abc import Iterable

import streamlit as st

from services.inventory.threads_search import SORTS
from ui import safe
from ui.threads_filters import FILTERS, KINDS, LONGEST_TEXT, MOST_DAYS, OWNERS, PREFIX, Wanted
from ui.threads_looks import STATES

WIDGET = "threads-widget-"
IN_A_ROW = 6
DEFAULTS = {"kind": "conversations", "sort": "active"}


def address() -> dict[str, str]:
    """Return the parameters of this page in the address."""
    return {name: st.query_params[name] for name in st.query_params if name.startswith(PREFIX)}


def change(**parameters: str) -> None:
    """For callbacks: put *parameters* (names without the prefix, empty: none) into the address; other filters begin at
    their first page."""
    moved = parameters if "page" in parameters else {"page": "", **parameters}
    for name, value in moved.items():
        if value:
            st.query_params[PREFIX + name] = value
        else:
            st.query_params.pop(PREFIX + name, None)


def draw_filters(wanted: Wanted, agents: Iterable[str]) -> None:
    """Draw all filters, and what was wrong with those in the address. Sends nothing."""
    query = wanted.query
    with st.grid(
        IN_A_ROW, min_column_width=150, gap="small", vertical_alignment="bottom", key="threads-filters"
    ):
        _put("text", query.words)
        st.text_input(
            "Search",
            key=f"{WIDGET}text",
            max_chars=LONGEST_TEXT,
            placeholder="Id or words of the question",
            on_change=_take,
            args=["text"],
        )
        _put("status", list(query.states))
        st.multiselect(
            "Worst status",
            list(STATES),
            key=f"{WIDGET}status",
            format_func=lambda state: STATES[state].word,
            placeholder="All",
            on_change=_take,
            args=["status"],
        )
        _draw_agent(query.agent, sorted(set(agents)))
        _draw_choice("owner", "Whose", {str(owner): words for owner, words in OWNERS.items()}, query.owner)
        _draw_choice("kind", "Kind", {str(kind): words for kind, words in KINDS.items()}, query.kind)
        _put("quiet", query.quiet_days or None)
        st.number_input(
            "Quiet for, days",
            min_value=1,
            max_value=MOST_DAYS,
            value=None,
            step=1,
            key=f"{WIDGET}quiet",
            placeholder="Any",
            on_change=_take,
            args=["quiet"],
        )
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


def draw_clear(key: str) -> None:
    st.button(
        "Clear the filters", key=f"threads-clear-{key}", icon=":material/filter_alt_off:", on_click=clear
    )


def clear() -> None:
    """Callback: all filters go. The widgets above the list must show it: all is drawn again."""
    change(**dict.fromkeys(FILTERS, ""))
    st.rerun()


def _draw_agent(value: str, known: list[str]) -> None:
    """A name that is chosen, or typed when the index has not met it yet."""
    _put("agent", value or None)
    st.selectbox(
        "Agent",
        known if not value or value in known else [*known, value],
        index=None,
        key=f"{WIDGET}agent",
        format_func=lambda name: safe.clean(name)[:80],
        placeholder="All",
        accept_new_options=True,
        on_change=_take,
        args=["agent"],
    )


def _draw_choice(name: str, label: str, words: dict[str, str], value: str) -> None:
    _put(name, value)
    st.selectbox(
        label,
        list(words),
        key=f"{WIDGET}{name}",
        format_func=words.__getitem__,
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
    elif isinstance(value, int | float):
        said = str(int(value)) if value else ""
    else:
        said = (value or "").strip()
    change(**{name: "" if said == DEFAULTS.get(name) else said})
