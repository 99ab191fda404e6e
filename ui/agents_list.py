"""What stands around the table of agents: how far the index is, the figures, what there is when nothing matches."""

import streamlit as st

from ui import agents_filters, cards, context, feedback, formats, safe, tables, view
from ui.agents_data import AgentBoard, Reading
from ui.agents_filters import PAGE_ROWS, Filters

READ_S = 5.0


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
        since = feedback.since_words(board.problem)
        st.caption(f":orange[:material/history:] This was read at {at}, and cannot be now. {said}{since}")
    if board.queues_problem is not None:
        said = safe.inline(board.queues_problem.message, 300)
        since = feedback.since_words(board.queues_problem)
        st.caption(f":orange[:material/rule:] Whether queues are missing is not known. {said}{since}")


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
            f"{feedback.since_words(use.problem)}"
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
    context.services().agents.read_again(READ_S)


def draw_totals(board: AgentBoard) -> None:
    entries = board.entries
    ours = [entry for entry in entries if entry.is_ours]
    drifted = sum(entry.standing == "changed" for entry in ours)
    broken = sum(bool(board.broken(entry)) for entry in entries)

    def told(number: int, *, whole: bool = board.is_whole) -> str | None:
        """Return the figure; what was found so far, where not all was read: of nothing nobody knows."""
        return f"{number:,}" if whole else f"≥ {number:,}" if number else None

    with st.grid(5, min_column_width=130, gap="small", key="agents-totals"):
        cards.metric("Agents", told(len(entries)))
        cards.metric(
            "Ours",
            told(len(ours)),
            help="Made by Relaydeck in this environment",
        )
        cards.metric(
            "Foreign",
            told(len(entries) - len(ours)),
            help="Of other makers and environments. Never deleted here",
        )
        cards.metric(
            "Changed",
            told(drifted),
            help="Of the present team, and no longer what the settings would make",
            alarm="orange" if drifted else "",
        )
        cards.metric(
            "Broken",
            told(broken, whole=board.is_whole and board.queues is not None),
            help="Name an agent or a queue that does not exist",
            alarm="red" if broken else "",
        )


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
        agents_filters.BAR.draw_clear("list")
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
            tables.draw(rows, key="agents-gone-table", alt=f"{len(rows)} agents that are gone")
