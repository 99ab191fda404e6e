"""What an agent is made of: instructions and tools as they are, and what became of them since another definition."""

import difflib
import functools
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from services.agents.backend import AgentRecord
from services.agents.shapes import agent_body
from services.errors import ServiceError
from services.inventory.agents_board import AgentBoard, AgentEntry, previous_of
from ui import context, feedback, formats, safe

COMPARE, WIDGET = "agents-compare", "agents-widget-compare"
WANTED, NOTHING = "settings", "nothing"
MOST_PIECES = 3_000
SHOWN_INSTRUCTIONS = 4_000
SHOWN_LINES = 400
SHOWN_JSON = 60_000
LONG_JSON, JSON_PX = 1_500, 520
OFFERED = 20
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+")


@dataclass(frozen=True, slots=True)
class Definition:
    """*tools*: as JSON text."""

    model: str
    description: str
    instructions: str
    tools: str


def draw_instructions(record: AgentRecord, entry: AgentEntry, board: AgentBoard) -> None:
    """Draw the instructions, after what differs from another definition. One request for one that was not read yet."""
    before = choose(entry, board)
    if before is not None:
        now = definition_of(record)
        draw_changes(
            before.instructions, now.instructions, f"The instructions are the same. {beside(before, now)}"
        )
    st.caption(f"The instructions as they are, {entry.characters:,} characters")
    if record.instructions:
        safe.draw_verbatim(record.instructions, key="agent-instructions", limit=SHOWN_INSTRUCTIONS)
    else:
        st.caption("It has no instructions.")


def draw_tools(record: AgentRecord, entry: AgentEntry, board: AgentBoard) -> None:
    """Draw the tools as JSON, as the service has them, after what differs from another definition."""
    before, text = choose(entry, board), definition_of(record).tools
    if before is not None:
        draw_changes(before.tools, text, "The tools are the same.")
    if not record.tools:
        st.caption("It has no tools.")
        return
    st.caption(f"The tools as they are, {formats.count(len(record.tools), 'tool')}")
    with st.container(height=JSON_PX if len(text) > LONG_JSON else "content", border=False):
        st.code(safe.clean(text[:SHOWN_JSON]), language="json", wrap_lines=True)
    if len(text) > SHOWN_JSON:
        st.caption(f"The first {SHOWN_JSON:,} of {len(text):,} characters; the export has all.")


def choose(entry: AgentEntry, board: AgentBoard) -> Definition | None:
    """Draw the choice of what to compare with; return that, None for nothing or when it cannot be read.

    At first it is what the settings would make for an agent that was changed, else the newest earlier definition.
    """
    others = {other.id: other for other in previous_of(entry, board.entries)[:OFFERED]}
    options = [*others, NOTHING]
    if entry.is_ours and context.services().agents.wanted.definition_of(entry.role) is not None:
        options.insert(len(others), WANTED)
    if options == [NOTHING]:
        return None
    earlier = next((one.id for one in others.values() if one.created_at <= entry.created_at), NOTHING)
    usual = WANTED if entry.standing == "changed" and WANTED in options else earlier
    said = st.query_params.get(COMPARE, "")
    name = said if said in options else usual
    if st.session_state.get(WIDGET) != name:
        st.session_state[WIDGET] = name
    st.selectbox(
        "Compare with",
        options,
        key=WIDGET,
        format_func=lambda one: _label(one, entry, others),
        width=520,
        on_change=_take,
    )
    if name == NOTHING:
        return None
    try:
        return _read(name, entry)
    except ServiceError as error:
        feedback.draw_error(error)
        return None


def _take() -> None:
    """Callback: what was chosen goes into the address, by the agent's id: a label changes with the clock's zone."""
    st.query_params[COMPARE] = st.session_state[WIDGET]


def _label(name: str, entry: AgentEntry, others: dict[str, AgentEntry]) -> str:
    if name == NOTHING:
        return "Nothing"
    if name == WANTED:
        return "What the present settings would make"
    other = others[name]
    when = "Before it" if other.created_at <= entry.created_at else "After it"
    definition = f", definition {safe.clean(other.definition)}" if other.definition else ""
    return f"{when}: made {formats.clock(other.created_at)}{definition}"


def _read(name: str, entry: AgentEntry) -> Definition | None:
    """Return what to compare with; None, and say so, when it is gone. Raises ServiceErrors."""
    if name != WANTED:
        other = context.agent_definition(name)[0]
        if other is None:
            st.caption("That agent does not exist any more.")
        return definition_of(other) if other is not None else None
    wanted = context.services().agents.wanted.definition_of(entry.role)
    if wanted is None:
        return None
    tools = agent_body(wanted, {})["tools"]
    return Definition(wanted.model, wanted.description, wanted.instructions, _as_json(tools))


def definition_of(record: AgentRecord) -> Definition:
    tools = _as_json([tool.source for tool in record.tools])
    return Definition(record.agent.model, record.description, record.instructions, tools)


def beside(before: Definition, now: Definition) -> str:
    """Return what else differs, in words."""
    found = [
        name for name in ("model", "description", "tools") if getattr(before, name) != getattr(now, name)
    ]
    return f"What differs: {', '.join(found)}." if found else ""


def _as_json(tools: object) -> str:
    return json.dumps(tools, indent=2, ensure_ascii=False, default=str)


def draw_changes(before: str, after: str, same: str) -> None:
    lines, left_out = changes(before, after)
    if not lines:
        st.caption(same)
        return
    st.code(safe.clean("\n".join(lines)), language="diff", wrap_lines=True)
    more = f" {formats.count(left_out, 'more line')} not shown; the export has the whole." if left_out else ""
    st.caption(f"− was there, + is there now.{more}")


@functools.lru_cache(maxsize=8)
def changes(before: str, after: str) -> tuple[Sequence[str], int]:
    """Return the lines of the difference and how many more there are; none when both are the same.

    Instructions are often one long line, so they are compared by sentences; what goes beyond 3,000 of them is not.
    """
    if before == after:
        return (), 0
    told = difflib.unified_diff(pieces(before), pieces(after), lineterm="", n=2)
    found = [line for line in list(told)[2:] if not line.startswith("@@")]  # the first two name files
    if not found:
        found = ["  The difference is beyond what is compared, or in blanks only."]
    return tuple(found[:SHOWN_LINES]), max(0, len(found) - SHOWN_LINES)


def pieces(text: str) -> list[str]:
    found = [piece for line in text.splitlines() for piece in _SENTENCE.split(line)]
    return found[:MOST_PIECES]
