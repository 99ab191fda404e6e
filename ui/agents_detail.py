"""One agent: what it is, how it did, what it is made of, what depends on it, and what can be done."""

import functools

import streamlit as st

from services.agents.backend import AgentRecord
from services.inventory.agents_board import entry_of
from services.inventory.agents_checks import Check, checks_of
from services.inventory.agents_lifecycle import stages_of
from ui import (
    agents_actions,
    agents_data,
    agents_definition,
    agents_lifecycle,
    agents_list,
    agents_map,
    agents_table,
    cards,
    context,
    feedback,
    formats,
    menu,
    safe,
    view,
)
from ui.agents_data import AgentEntry, Reading, Use
from ui.agents_words import badges, name_of

SHOW, TABS = "agents-show", ("Instructions", "Tools", "Contract", "Map")
VERDICTS = {
    "ok": ("green", ":material/check_circle:"),
    "wrong": ("red", ":material/error:"),
    "doubtful": ("orange", ":material/warning:"),
    "unknown": ("gray", ":material/help:"),
}
LISTED = 8
GOOD_SHARE = 0.95


def draw(was_indexing: bool, agent_id: str) -> None:
    """Fragment: the agent as it is now. One request when it is opened, and once a minute at most after that."""
    feedback.draw_said()
    with feedback.showing_errors(retry=functools.partial(forget, agent_id), key="agent"):
        reading = agents_data.load(view.current())
        if was_indexing and reading.board.state != "indexing":
            st.rerun()
        st.button(
            "All agents",
            key="agent-back",
            icon=":material/arrow_back:",
            type="tertiary",
            on_click=agents_table.open_agent,
            args=[""],
        )
        with st.spinner("Reading the agent"):
            record, read_at = context.agent_definition(agent_id)
        if record is None:
            draw_missing(agent_id)
            return
        entry = entry_of(record, context.services().agents.wanted)
        use = reading.use_of(entry)
        checks = checks_of(record, reading.board, context.services().agents.wanted)
        draw_head(entry, reading, record)
        agents_list.draw_state(reading.board)
        agents_list.draw_use_state(reading)
        draw_figures(use)
        stages = stages_of(
            entry, reading.board, use, sum(one.verdict == "wrong" for one in checks), formats.now()
        )
        agents_lifecycle.draw_stages(stages)
        draw_tab(record, entry, reading, checks)
        st.caption(f"Definition from the agent service, read {formats.age(formats.since_s(read_at))}.")
        agents_lifecycle.draw_chart(stages, reading, entry)


def forget(agent_id: str) -> None:
    """For callbacks: read this agent again."""
    context.agent_definitions().clear(agent_id)


def draw_missing(agent_id: str) -> None:
    """Say that the agent is gone, also to the list: it must not be offered again."""
    context.services().agents.drop(agent_id)
    st.markdown("### :gray[:material/travel_explore:] This agent does not exist, or no longer")
    st.code(safe.clean(agent_id)[:200], language=None)
    st.markdown("It may have been deleted meanwhile, or belong to another project.")
    st.button("Look again", key="agent-again", icon=":material/refresh:", on_click=forget, args=[agent_id])


def draw_head(entry: AgentEntry, reading: Reading, record: AgentRecord) -> None:
    st.markdown(f"# {safe.inline(name_of(entry), 80)}", anchors=False)
    st.markdown(badges(entry, reading.board))
    if entry.description:
        st.markdown(safe.inline(entry.description, 400))
    facts = [
        f"id {safe.inline(entry.id)}",
        f"model {safe.inline(entry.model) or 'none'}",
        f"made {formats.clock(entry.created_at)}",
    ]
    if entry.role:
        facts.append(f"role {safe.inline(entry.role, 60)}")
    if entry.definition:
        facts.append(f"definition {safe.inline(entry.definition, 32)}")
    st.caption(" · ".join(facts))
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="agent-actions"):
        draw_ask(entry, reading)
        st.page_link(
            menu.link("runs.py"),
            label="Its runs",
            icon=":material/list_alt:",
            query_params={"runs-agent": agents_data.called_name(reading.board, entry)[:200]},
            disabled=not entry.name,
        )
        st.download_button(
            "Export",
            functools.partial(agents_actions.exported, record),
            file_name=f"{agents_actions.file_name(entry)}.json",
            mime="application/json",
            key="agent-export",
            icon=":material/download:",
            on_click="ignore",
        )
        agents_actions.draw_delete(entry, reading)
    draw_callers(entry, reading)


def draw_ask(entry: AgentEntry, reading: Reading) -> None:
    """Draw the way to ask it: questions go to the orchestrator of the present team, and from there to its agents."""
    callers = reading.board.callers_of(entry)
    leads = (
        entry.owner == "pooled"
        and entry.standing != "other"
        and reading.board.kind_of(entry) == "orchestrator"
    )
    led = any(one.owner == "pooled" and one.standing != "other" for one in callers)
    tool = context.services().agents.wanted.tool_of(entry.role)
    example = f" Try: {tool.examples[0]}" if led and tool is not None and tool.examples else ""
    st.page_link(
        menu.link("ask.py"),
        label="Ask it",
        icon=":material/forum:",
        disabled=not (leads or led),
        help=f"Questions reach it through the team's orchestrator.{safe.inline(example, 200)}"
        if leads or led
        else "Questions go to the present team, and this agent is not in it.",
    )


def draw_callers(entry: AgentEntry, reading: Reading) -> None:
    """Draw who calls it and whom it calls, each a way to that agent."""
    callers = reading.board.callers_of(entry)
    called = [
        reading.board.by_id[tool.agent_id] for tool in entry.connected if tool.agent_id in reading.board.by_id
    ]
    for words, others, key in (("Called by", callers, "caller"), ("Calls", called, "called")):
        if others:
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"agent-{key}"):
                st.caption(words, width="content")
                for other in others[:LISTED]:
                    st.button(
                        safe.inline(name_of(other), 40),
                        key=f"agent-{key}-{other.id}",
                        type="tertiary",
                        help=safe.inline(other.id),
                        on_click=agents_table.open_agent,
                        args=[other.id],
                    )
                if len(others) > LISTED:
                    st.caption(f"and {len(others) - LISTED} more", width="content")
    if broken := reading.board.broken(entry):
        st.markdown(f":red[:material/link_off:] Missing: {safe.inline(', '.join(broken), 400)}")


def draw_figures(use: Use | None) -> None:
    with st.grid(5, min_column_width=150, gap="small", key="agent-figures"):
        cards.metric("Calls", formats.count(use.calls) if use else None)
        share = use.success_share if use else None
        none = "none" if use is not None and not use.calls else None
        cards.metric(
            "Success",
            none or (f"{share:.1%}" if share is not None else None),
            alarm="red" if share is not None and share < GOOD_SHARE else "",
        )
        took = (
            None
            if use is None or use.p95_s is None
            else f"{'≤ ' if use.is_bound else ''}{formats.duration(use.p95_s)}"
        )
        cards.metric("p95", none or took, help="Of 20 calls, 19 took no longer")
        tokens = use.tokens if use else None
        cards.metric(
            "Tokens",
            none or (f"{tokens:,.0f}" if tokens is not None else None),
            help="Of whole answers: told for agents that people ask, not for those that agents call",
        )
        newest = use.newest if use else None
        cards.metric(
            "Last used",
            none or (formats.age(formats.since_s(newest)) if newest else None),
            help="In the range of the bar",
        )
    if use is not None and use.demo:
        st.caption(":violet-badge[demo] These figures are of demo history: nobody has asked this team yet.")


def draw_tab(record: AgentRecord, entry: AgentEntry, reading: Reading, checks: tuple[Check, ...]) -> None:
    chosen = st.segmented_control(
        "Show",
        TABS,
        key=SHOW,
        default=TABS[0],
        required=True,
        label_visibility="collapsed",
        bind="query-params",
    )
    match chosen:
        case "Tools":
            agents_definition.draw_tools(record, entry, reading.board)
        case "Contract":
            draw_checks(checks)
        case "Map":
            own = [entry, *reading.board.callers_of(entry)]
            agents_map.draw(reading, own, "What it calls, and what calls it")
        case _:
            agents_definition.draw_instructions(record, entry, reading.board)


def draw_checks(checks: tuple[Check, ...]) -> None:
    with st.container(gap="xsmall", key="agent-checks"):
        for check in checks:
            colour, icon = VERDICTS[check.verdict]
            about = f"**{safe.inline(check.about, 80)}** " if check.about else ""
            st.markdown(f":{colour}[{icon}] {about}{safe.inline(check.told, 600)}")
        if not checks:
            st.caption("There is nothing to check: it is not ours and has no tools.")
