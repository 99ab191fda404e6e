"""What an agent is made of: instructions with what became of them, and tools as they came."""

import difflib
import functools
import json
import re

import streamlit as st

from services.agents.backend import AgentRecord
from services.errors import ServiceError
from services.inventory.agents_board import AgentBoard, AgentEntry, previous_of
from ui import context, feedback, formats, safe

COMPARE = "agents-compare"
WANTED, NOTHING = "settings", "nothing"
MOST_PIECES = 3_000
SHOWN_LINES = 400
SHOWN_JSON = 60_000
OFFERED = 20
_SENTENCE = re.compile(r"(?<=[.!?;:])\s+")


def draw_instructions(record: AgentRecord, entry: AgentEntry, board: AgentBoard) -> None:
    """Draw the instructions, or what differs from another definition. One request for one that was not read yet."""
    others = {other.id: other for other in previous_of(entry, board.entries)[:OFFERED]}
    other = choose(entry, others)
    if other in (None, NOTHING):
        st.caption(f"{entry.characters:,} characters")
        if record.instructions:
            safe.draw_verbatim(record.instructions, key="agent-instructions")
        else:
            st.caption("It has no instructions.")
        return
    try:
        before = instructions_of(other, entry)
    except ServiceError as error:
        feedback.draw_error(error)
        return
    lines, left_out = changes(before, record.instructions)
    if not lines:
        st.caption("The instructions are the same.")
        return
    st.code(safe.clean("\n".join(lines)), language="diff", wrap_lines=True)
    st.caption("− was there, + is there now; sentence by sentence.")
    if left_out:
        st.caption(f"{formats.count(left_out, 'more line')} not shown; the export has the whole.")


def choose(entry: AgentEntry, others: dict[str, AgentEntry]) -> str:
    """Draw the choice of what to compare with; return it."""
    options = [NOTHING, *others]
    if entry.is_ours and context.services().agents.wanted.definition_of(entry.role) is not None:
        options.append(WANTED)
    if len(options) == 1:
        return NOTHING
    usual = WANTED if entry.standing == "changed" else NOTHING
    return st.selectbox(
        "Compare with",
        options,
        index=options.index(usual) if usual in options else 0,
        key=COMPARE,
        bind="query-params",
        format_func=lambda name: _label(name, entry, others),
        width=520,
    )


def _label(name: str, entry: AgentEntry, others: dict[str, AgentEntry]) -> str:
    if name == NOTHING:
        return "Nothing: the instructions as they are"
    if name == WANTED:
        return "What the present settings would make"
    other = others[name]
    when = "before" if other.created_at <= entry.created_at else "after"
    definition = f", definition {safe.clean(other.definition)}" if other.definition else ""
    return f"The one made {when} it, {formats.clock(other.created_at)}{definition}"


def instructions_of(name: str, entry: AgentEntry) -> str:
    """Return the instructions to compare with. Raises ServiceErrors."""
    if name == WANTED:
        wanted = context.services().agents.wanted.definition_of(entry.role)
        return wanted.instructions if wanted is not None else ""
    return context.agent_definition(name)[0].instructions


@functools.lru_cache(maxsize=8)
def changes(before: str, after: str) -> tuple[tuple[str, ...], int]:
    """Return the lines of the difference and how many more there are; none when both are the same.

    Instructions are often one long line, so they are compared by sentences; what goes beyond 3,000 of them is not.
    """
    if before == after:
        return (), 0
    found = [
        line
        for line in difflib.unified_diff(pieces(before), pieces(after), lineterm="", n=2)
        if not line.startswith(("---", "+++"))
    ]
    if not found:
        found = ["  The difference is beyond what is compared, or in blanks only."]
    return tuple(found[:SHOWN_LINES]), max(0, len(found) - SHOWN_LINES)


def pieces(text: str) -> list[str]:
    found = [piece for line in text.splitlines() for piece in _SENTENCE.split(line)]
    return found[:MOST_PIECES]


def draw_tools(record: AgentRecord) -> None:
    """Draw the tools as JSON, as the service has them."""
    if not record.tools:
        st.caption("It has no tools.")
        return
    text = json.dumps([tool.source for tool in record.tools], indent=2, ensure_ascii=False, default=str)
    st.code(
        safe.clean(text[:SHOWN_JSON]),
        language="json",
        wrap_lines=True,
        height=520 if len(text) > 1_500 else "content",
    )
    if len(text) > SHOWN_JSON:
        st.caption(f"The first {SHOWN_JSON:,} of {len(text):,} characters; the export has all.")
