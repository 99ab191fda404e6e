"""The table of agents: one page of rows, opened by the agent's id."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from ui import agents_filters, filter_bar, safe, tables, view
from ui.agents_data import AgentEntry, Reading
from ui.agents_filters import BAR, PAGE_ROWS, Filters
from ui.agents_words import KINDS, OWNERS, STATES, name_of, owner_of, states_of, tool_words

TABLE_KEY, SHOWN_KEY = "agents-table", "agents-shown"
AGENT = "agent"
MOST_VISIBLE = 15
NOT_KNOWN = "not known"
NO_FIGURE = "no figure"  # nobody called it, or nobody knows: a 0 among the calls tells which


def draw(reading: Reading, found: Sequence[AgentEntry], filters: Filters) -> None:
    """Draw one page of *found*. Sends nothing."""
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(agents_filters.page_number(), pages)
    first = (page - 1) * PAGE_ROWS
    rows = found[first : first + PAGE_ROWS]
    st.session_state[SHOWN_KEY] = tuple(entry.id for entry in rows)
    _select_none()
    tables.draw(
        [as_row(reading, entry) for entry in rows],
        key=TABLE_KEY,
        most=MOST_VISIBLE,
        placeholder=NO_FIGURE,
        columns=_columns(),
        on_select=take_selection,
        alt=f"Agents {first + 1} to {first + len(rows)} of {len(found)}",
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{first + 1:,}-{first + len(rows):,} of {len(found):,}**", width="content")
        filter_bar.draw_pages(pages, page, f"agents-pages-{filters!r}", take_page)


def as_row(reading: Reading, entry: AgentEntry) -> dict[str, Any]:
    """Return a row as the table shows it; None where it is not known."""
    use, shown = reading.use_of(entry), view.current()
    callers = reading.board.callers_of(entry)
    return {
        "Agent": safe.clean(name_of(entry)),
        "State": [STATES[state][0] for state in states_of(entry, reading.board)],
        "Kind": KINDS[reading.board.kind_of(entry)],
        "Whose": OWNERS[owner_of(entry)],
        "Calls": use.calls if use is not None else None,
        "Success": use.success_share if use is not None else None,
        "p95": use.p95_s if use is not None else None,
        "Last used": _last_used(reading, entry),
        "Tools": tool_words(entry) or "none",
        "Called by": ", ".join(dict.fromkeys(safe.clean(name_of(one)) for one in callers)) or "nobody",
        "Tokens": use.tokens if use is not None else None,
        "Model": safe.clean(entry.model) or NOT_KNOWN,
        "Created": shown.clock(entry.created_at),
        "Instructions": safe.clean(" ".join(entry.excerpt.split()))[:120] or "none",
        "Id": safe.clean(entry.id),
    }


def _last_used(reading: Reading, entry: AgentEntry) -> str | None:
    use = reading.use_of(entry)
    if use is None:
        return None
    return view.current().clock(use.newest) if use.newest is not None else "not in this range"


def _columns() -> dict[str, Any]:
    config = st.column_config
    looks = list(STATES.values())
    return {
        "Agent": config.TextColumn(width=140),
        "State": config.MultiselectColumn(
            options=[one for one, _ in looks], color=[colour for _, colour in looks], width=130
        ),
        "Kind": config.TextColumn(width=95),
        "Whose": config.TextColumn(width=75),
        "Model": config.TextColumn(width=100),
        "Tools": config.TextColumn(width=190),
        "Called by": config.TextColumn(width=110),
        "Calls": config.NumberColumn(format="localized", width=65),
        "Success": config.NumberColumn(format="percent", width=80),
        "p95": config.NumberColumn(
            format="%.2f s",
            width=75,
            help="Of 20 calls, 19 took no longer. Where several agents hand it work: at most",
        ),
        "Tokens": config.NumberColumn(
            format="localized", width=80, help="Of whole answers, so only an agent that people ask has them"
        ),
        "Last used": config.TextColumn(width=120),
        "Created": config.TextColumn(width=130),
        "Instructions": config.TextColumn(width=260),
        "Id": config.TextColumn(width=240),
    }


def take_selection() -> None:
    """Callback: a row is opened by its agent's id, whatever stands at its place later."""
    rows = st.session_state.get(TABLE_KEY, {}).get("selection", {}).get("rows") or []
    shown: tuple[str, ...] = st.session_state.get(SHOWN_KEY, ())
    if rows and 0 <= rows[0] < len(shown):
        open_agent(shown[rows[0]])


def open_agent(agent_id: str) -> None:
    """For callbacks: show this agent; empty: the list."""
    if agent_id:
        st.query_params[AGENT] = agent_id
    else:
        st.query_params.pop(AGENT, None)
    st.rerun()


def take_page(key: str) -> None:
    """Callback: the page goes into the address."""
    page = st.session_state.get(key, 1)
    BAR.change(page="" if page == 1 else str(page))


def _select_none() -> None:
    """An agent that was opened and left again is not selected any more."""
    held = st.session_state.get(TABLE_KEY, {}).get("selection", {})
    if held.get("rows"):
        st.session_state[TABLE_KEY] = {"selection": {"rows": [], "columns": []}}
