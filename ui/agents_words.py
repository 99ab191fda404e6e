"""How the words about agents look: whose they are, what they do, how they stand."""

from typing import Final

from ui import safe
from ui.agents_data import AgentBoard, AgentEntry

KINDS: Final = {"orchestrator": "Orchestrator", "connected": "Connected", "single": "On its own"}
KIND_ICONS: Final = {
    "orchestrator": ":material/psychology:",
    "connected": ":material/alt_route:",
    "single": ":material/smart_toy:",
}
OWNERS: Final = {
    "ours": "Ours",
    "elsewhere": "Ours, elsewhere",
    "foreign": "Foreign",
}
STATES: Final = {
    "present": ("as wanted", "green"),
    "changed": ("changed", "orange"),
    "other": ("other definition", "gray"),
    "left over": ("left over", "orange"),
    "broken": ("broken", "red"),
}
NAMELESS = "no name"


def owner_of(entry: AgentEntry) -> str:
    return "ours" if entry.is_ours else entry.owner


def name_of(entry: AgentEntry) -> str:
    """Return the name as it is; what has none is called so. Draw it through ui.safe."""
    return entry.name.strip() or NAMELESS


def states_of(entry: AgentEntry, board: AgentBoard) -> tuple[str, ...]:
    """Return how *entry* stands; nothing for one of others that lacks nothing."""
    found = ["broken"] if board.broken(entry) else []
    if entry.standing is not None:
        found.append(entry.standing)
    return tuple(found)


def badges(entry: AgentEntry, board: AgentBoard) -> str:
    """Return Markdown of ours: kind, owner and state as badges."""
    kind = board.kind_of(entry)
    owner = owner_of(entry)
    environment = (
        f" {safe.inline(entry.environment, 32)}" if owner == "elsewhere" and entry.environment else ""
    )
    colour = {"ours": "blue", "elsewhere": "violet"}.get(owner, "gray")
    told = [
        f":gray-badge[{KIND_ICONS[kind]} {KINDS[kind]}]",
        f":{colour}-badge[{OWNERS[owner]}{environment}]",
    ]
    told += [f":{STATES[state][1]}-badge[{STATES[state][0]}]" for state in states_of(entry, board)]
    return " ".join(told)


def tool_words(entry: AgentEntry, limit: int = 4) -> str:
    """Return the tools by name, those of other kinds by their kind."""
    names = [safe.clean(tool.name) or safe.clean(tool.kind) for tool in entry.tools]
    more = f" +{len(names) - limit}" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
