"""What can be done about agents: delete one of ours, update the team, write a definition to a file."""

import json

import streamlit as st

from services.agents.backend import AgentRecord
from ui import agents_table, context, feedback, formats, rights, safe
from ui.agents_data import AgentBoard, AgentEntry, Reading
from ui.agents_words import name_of

LISTED = 8
READ_S = 5.0
LEFT_ALONE = (
    "What is missing of the team is made, and agents of it that were changed by hand are put right. Agents of other "
    "definitions are left alone: a replica with other settings, or a question under way, may be using them."
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
        st.button(
            "Update",
            key="agents-update-do",
            type="primary",
            on_click=update_team,
            **rights.button("update team"),
        )


def update_team() -> None:
    """Callback."""
    with feedback.saying_errors():
        done = context.services().agent_actions.update_team()
        feedback.say(done.words, ":material/build:")
    context.agent_definition.clear()
    context.services().agents.read_again(READ_S)


def draw_delete(entry: AgentEntry, reading: Reading) -> None:
    if not entry.is_ours:
        st.caption("Not made by this Relaydeck: it is never deleted here.", width="content")
        return
    with st.popover("Delete", icon=":material/delete:", key="agent-delete"):
        st.markdown(
            f"**Delete {safe.inline(name_of(entry), 60)}?** This cannot be undone; export it first to keep its definition."
        )
        for told in depends(entry, reading):
            st.markdown(f"- {told}")
        st.button(
            "Delete it",
            key="agent-delete-do",
            type="primary",
            icon=":material/delete:",
            on_click=delete,
            args=[entry.id],
            **rights.button("delete agent"),
        )


def depends(entry: AgentEntry, reading: Reading) -> list[str]:
    """Return in Markdown of ours what depends on *entry*."""
    found = [
        f"{safe.inline(name_of(one), 60)} ({safe.inline(one.id)}) calls it: its runs would fail"
        for one in reading.board.callers_of(entry)[:LISTED]
    ]
    if not reading.board.is_whole:
        found.append("Not all agents are read yet: others may call it")
    if entry.standing != "other" and entry.owner == "pooled":
        found.append("It is of the present team: the next question makes it anew")
    open_now = len(context.services().answers.open_answers())
    if open_now:
        found.append(
            f"{formats.count(open_now, 'answer')} of this dashboard {'is' if open_now == 1 else 'are'} open and may be using it"
        )
    use = reading.use_of(entry)
    if use is None:
        found.append("Whether it was used lately is not known")
    elif use.newest is not None:
        found.append(
            f"It was last used {formats.age(formats.since_s(use.newest))}, {formats.count(use.calls, 'call')} in this range"
        )
    return found or ["Nothing that Relaydeck knows of depends on it"]


def delete(agent_id: str) -> None:
    """Callback: delete the agent, and show the list once it is gone."""
    with feedback.saying_errors():
        context.services().agent_actions.delete(agent_id)
        feedback.say(f"Deleted {safe.inline(agent_id)}", ":material/delete:")
        agents_table.open_agent("")
    context.agent_definition.clear(agent_id)


def exported(record: AgentRecord) -> str:
    """Return the definition as the service has it."""
    return json.dumps(record.source, indent=2, ensure_ascii=False, default=str)


def file_name(entry: AgentEntry) -> str:
    kept = "".join(
        letter if letter.isascii() and letter.isalnum() else "-"
        for letter in f"{entry.name} {entry.id}".strip()
    )
    return kept.strip("-")[:80] or "agent"
