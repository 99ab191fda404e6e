"""Which agents the reader wants to see, and in what order. The address says it; the widgets write it there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from ui.agents_data import AgentEntry, Reading
from ui.agents_words import KINDS, OWNERS, STATES, name_of, owner_of, states_of

LONGEST_TEXT = 200
PAGE_ROWS = 50
SHOWN_STATES: Final = ("present", "changed", "other", "broken")
Key = tuple[object, ...]
TEXT, KIND, OWNER, STATE, SORT, PAGE = (
    f"agents-{name}" for name in ("text", "kind", "owner", "state", "sort", "page")
)


@dataclass(frozen=True, slots=True)
class Order:
    words: str
    key: Callable[[Reading, AgentEntry], Key]


def _number(value: float | None) -> Key:
    """Return what has the largest first and the unknown last."""
    return (value is None, -(value or 0.0))


def _use(name: str) -> Callable[[Reading, AgentEntry], Key]:
    def key(reading: Reading, entry: AgentEntry) -> Key:
        use = reading.use_of(entry)
        return _number(getattr(use, name) if use is not None else None)

    return key


def _last_used(reading: Reading, entry: AgentEntry) -> Key:
    use = reading.use_of(entry)
    return _number(use.newest.timestamp() if use is not None and use.newest is not None else None)


SORTS: Final[dict[str, Order]] = {
    "newest": Order("Newest first", lambda _, entry: (-entry.created_at.timestamp(),)),
    "oldest": Order("Oldest first", lambda _, entry: (entry.created_at.timestamp(),)),
    "name": Order("By name", lambda _, entry: (not entry.name.strip(), entry.name.casefold())),
    "most-called": Order("Most called first", _use("calls")),
    "most-failed": Order("Most failures first", _use("failed")),
    "slowest": Order("Slowest first", _use("p95_s")),
    "most-tokens": Order("Most tokens first", _use("tokens")),
    "last-used": Order("Last used first", _last_used),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What is empty lets all pass."""

    text: str = ""
    kind: str = ""
    owner: str = ""
    state: str = ""
    sort: str = "newest"

    @property
    def is_any(self) -> bool:
        return any((self.text, self.kind, self.owner, self.state))


def draw() -> None:
    """Draw the filters. Sends nothing."""
    with st.grid(5, min_column_width=150, gap="small", vertical_alignment="bottom", key="agents-filters"):
        st.text_input(
            "Search",
            key=TEXT,
            bind="query-params",
            max_chars=LONGEST_TEXT,
            placeholder="Name, id, tool, queue, model",
            on_change=first_page,
        )
        _choose("Kind", KIND, KINDS)
        _choose("Whose", OWNER, OWNERS)
        _choose("State", STATE, {name: STATES[name][0].capitalize() for name in SHOWN_STATES})
        st.selectbox(
            "Sort by",
            list(SORTS),
            key=SORT,
            bind="query-params",
            format_func=lambda name: SORTS[name].words,
            on_change=first_page,
        )


def _choose(label: str, key: str, names: dict[str, str]) -> None:
    st.selectbox(
        label,
        list(names),
        index=None,
        key=key,
        bind="query-params",
        format_func=lambda name: names[name],
        placeholder="All",
        on_change=first_page,
    )


def chosen() -> Filters:
    """Return what the widgets say."""
    state = st.session_state
    return Filters(
        (state.get(TEXT) or "").strip(),
        state.get(KIND) or "",
        state.get(OWNER) or "",
        state.get(STATE) or "",
        state.get(SORT) or "newest",
    )


def first_page() -> None:
    """Callback: other filters, other pages."""
    st.query_params.pop(PAGE, None)


def clear() -> None:
    """Callback: all filters go."""
    for key in (TEXT, KIND, OWNER, STATE):
        st.session_state[key] = "" if key == TEXT else None
    first_page()


def page_number() -> int:
    said = st.query_params.get(PAGE, "1")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 and int(said) > 0 else 1


def matching(reading: Reading, filters: Filters) -> list[AgentEntry]:
    """Return the agents that *filters* let pass, in their order."""
    found = [entry for entry in reading.board.entries if _fits(reading, entry, filters)]
    order = SORTS[filters.sort if filters.sort in SORTS else "newest"]
    return sorted(found, key=lambda entry: order.key(reading, entry))


def _fits(reading: Reading, entry: AgentEntry, filters: Filters) -> bool:
    board = reading.board
    return (
        (not filters.kind or board.kind_of(entry) == filters.kind)
        and (not filters.owner or owner_of(entry) == filters.owner)
        and (not filters.state or filters.state in states_of(entry, board))
        and (not filters.text or _mentions(entry, filters.text.casefold()))
    )


def _mentions(entry: AgentEntry, wanted: str) -> bool:
    texts: Sequence[str] = (
        name_of(entry),
        entry.id,
        entry.model,
        entry.role,
        entry.definition,
        entry.description,
        entry.excerpt,
        *(part for tool in entry.tools for part in (tool.name, tool.kind, *tool.queues)),
    )
    return any(wanted in text.casefold() for text in texts)
