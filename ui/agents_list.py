"""The list of agents: figures, table, and the action on the team as a whole."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from ui import agents_filters, cards, context, feedback, formats, safe, view
from ui.agents_data import AgentBoard, AgentEntry, Reading
from ui.agents_filters import PAGE, PAGE_ROWS, Filters
from ui.agents_words import KINDS, OWNERS, STATES, name_of, owner_of, states_of, tool_words

TABLE_KEY, SHOWN_KEY = "agents-table", "agents-shown"
AGENT = "agent"
ROW_PX, MOST_VISIBLE = 35, 15
NOT_KNOWN = "not known"
LEFT_ALONE = (
    "What is missing of the team is made, and agents of it that were changed by hand are put right. Agents of other "
    "definitions are left alone: a replica with other settings, or a question under way, may be using them."
)


def draw_state(board: AgentBoard) -> None:
    """Draw how far the index is, how old, and why it is not whole."""
    if board.state == "indexing":
        so_far = board.so_far or 0
        st.caption(f":shimmer[Indexing the agents of the project, newest first: {so_far:,} so far]")
    elif board.state == "partial" and board.problem is not None:
        st.caption(
            f":orange[:material/rule:] {safe.inline(board.problem.message, 300)} {safe.inline(board.problem.hint)}"
        )
    elif board.problem is not None:
        at = view.current().clock(board.read_at)
        said = safe.inline(board.problem.message, 300)
        st.caption(f":orange[:material/history:] This was read at {at}, and cannot be now. {said}")


def draw_use_state(reading: Reading) -> None:
    """Draw why calls, durations and tokens are not known, or not whole, or old."""
    use = reading.use
    if use is None:
        return
    if not use.is_known and use.problem is not None:
        feedback.draw_error(use.problem)
    elif use.state == "stale" and use.problem is not None:
        at = view.current().clock(use.read_at)
        st.caption(
            f":orange[:material/history:] Calls were read at {at}, and cannot be now. {safe.inline(use.problem.message, 300)}"
        )
    elif use.state == "partial":
        st.caption(
            f":orange[:material/rule:] Only a part of the calls was read. {safe.inline(use.said, 300)}"
        )


def draw_failure(board: AgentBoard) -> None:
    if board.problem is not None:
        feedback.draw_error(board.problem)
    st.button("Try again", key="agents-retry", icon=":material/refresh:", on_click=read_again)


def read_again() -> None:
    """Callback: read all agents again now."""
    context.services().agents.read_again(5.0)


def draw_totals(board: AgentBoard) -> None:
    entries = board.entries
    ours = [entry for entry in entries if entry.is_ours]
    drifted = sum(entry.standing == "changed" for entry in ours)
    broken = sum(bool(board.broken(entry)) for entry in entries)
    at_least = "" if board.is_whole else "≥ "
    with st.grid(5, min_column_width=130, gap="small", key="agents-totals"):
        cards.metric("Agents", f"{at_least}{len(entries):,}", key="agents-all")
        cards.metric(
            "Ours",
            f"{at_least}{len(ours):,}",
            key="agents-ours",
            help="Made by Relaydeck in this environment",
        )
        cards.metric(
            "Foreign",
            f"{at_least}{len(entries) - len(ours):,}",
            key="agents-foreign",
            help="Of other makers and environments. Never deleted here",
        )
        cards.metric(
            "Changed",
            f"{at_least}{drifted:,}",
            key="agents-changed",
            help="Of the present team, and no longer what the settings would make",
            alarm="orange" if drifted else "",
        )
        cards.metric(
            "Broken",
            f"{at_least}{broken:,}",
            key="agents-broken",
            help="Name an agent or a queue that does not exist",
            alarm="red" if broken else "",
        )


def draw_team(board: AgentBoard) -> None:
    """Draw what makes the team of the present settings."""
    settings = context.services().settings
    if settings.team == "per_query":
        st.caption("The team is made for each question and deleted after it (`RELAYDECK_TEAM=per_query`).")
        return
    with st.popover("Update the team", icon=":material/build:", key="agents-update"):
        present = [
            entry for entry in board.entries if entry.owner == "pooled" and entry.standing == "present"
        ]
        changed = [
            entry for entry in board.entries if entry.owner == "pooled" and entry.standing == "changed"
        ]
        st.markdown(
            f"Definition `{context.services().team.definition}`: {len(present)} as wanted, {len(changed)} changed."
        )
        for entry in changed[:5]:
            st.caption(f"{safe.inline(name_of(entry), 60)}: {safe.inline('; '.join(entry.differences), 200)}")
        st.caption(LEFT_ALONE)
        st.button("Update", key="agents-update-do", type="primary", on_click=update_team)


def update_team() -> None:
    """Callback."""
    with feedback.saying_errors():
        done = context.services().agent_actions.update_team()
        feedback.say(done.words, ":material/build:")
    context.agent_definition.clear()
    context.services().agents.read_again(5.0)


def draw_table(reading: Reading, found: Sequence[AgentEntry], filters: Filters) -> None:
    """Draw one page of *found*. Sends nothing."""
    pages = max(1, -(-len(found) // PAGE_ROWS))
    page = min(agents_filters.page_number(), pages)
    first = (page - 1) * PAGE_ROWS
    rows = found[first : first + PAGE_ROWS]
    st.session_state[SHOWN_KEY] = tuple(entry.id for entry in rows)
    _select_none()
    st.dataframe(
        [as_row(reading, entry) for entry in rows],
        key=TABLE_KEY,
        hide_index=True,
        height=ROW_PX * (min(len(rows), MOST_VISIBLE) + 1) + 3,
        placeholder=NOT_KNOWN,
        column_config=_columns(),
        on_select=take_selection,
        selection_mode="single-row",
        alt=f"Agents {first + 1} to {first + len(rows)} of {len(found)}",
    )
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{first + 1:,}-{first + len(rows):,} of {len(found):,}**", width="content")
        if pages > 1:
            key = f"agents-pages-{filters!r}"
            st.pagination(pages, default=page, width=380, key=key, on_change=take_page, args=[key])
    st.caption(source_words(reading))


def source_words(reading: Reading) -> str:
    """Return where the columns come from, and how old they are."""
    told = [f"Agents from the agent service, read {formats.age(formats.since_s(reading.board.read_at))}"]
    if reading.use is None:
        told.append("calls, durations and tokens are not known: no Log Analytics workspace is set")
    elif not reading.use.is_known:
        told.append("calls, durations and tokens could not be read")
    else:
        told.append(f"calls of {view.current().words} from {cards.source_words([reading.use])}")
    return f"{' · '.join(told)}. Select a row to open the agent."


def draw_empty(board: AgentBoard, filters: Filters) -> None:
    if board.state == "indexing":
        return
    if filters.is_any:
        st.markdown(f"**0 of {len(board.entries):,} agents match.**")
        st.button(
            "Clear the filters",
            key="agents-clear",
            icon=":material/filter_alt_off:",
            on_click=agents_filters.clear,
        )
        return
    st.info(
        "There is no agent in this project yet. The first question makes the team, and so does Update the team.",
        icon=":material/smart_toy:",
    )


def draw_gone(reading: Reading) -> None:
    """Draw the agents that telemetry tells of and that are not there any more."""
    gone = reading.uses.gone if reading.uses is not None else ()
    if not gone:
        return
    with st.expander(
        f"{formats.count(len(gone), 'agent')} of this range no longer there",
        type="compact",
        key="agents-gone",
        on_change="rerun",
    ) as opened:
        if opened.open:
            rows = [
                {
                    "Agent": safe.clean(one.name) or None,
                    "Id": safe.clean(one.agent_id),
                    "Calls": one.use.calls,
                    "Failed": one.use.failed,
                    "Last used": view.current().clock(one.use.newest),
                }
                for one in gone[:PAGE_ROWS]
            ]
            st.dataframe(rows, key="agents-gone-table", hide_index=True)


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
        "Model": safe.clean(entry.model) or None,
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
    if page == 1:
        agents_filters.first_page()
    else:
        st.query_params[PAGE] = str(page)


def _select_none() -> None:
    """An agent that was opened and left again is not selected any more."""
    held = st.session_state.get(TABLE_KEY, {}).get("selection", {})
    if held.get("rows"):
        st.session_state[TABLE_KEY] = {"selection": {"rows": [], "columns": []}}
