"""What the Agents page shows: the index, which all viewers share, and what telemetry tells of it in one request."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.inventory.agents_board import AgentBoard, AgentEntry
from services.inventory.agents_lifecycle import LifecycleStage
from services.inventory.agents_use import Use, Uses, uses_of
from services.monitor.results import Ask, Result
from ui import context, patience
from ui.view import View

__all__ = ["AgentBoard", "AgentEntry", "LifecycleStage", "Reading", "Use", "Uses", "load"]
SETTLES_S = (
    1.5  # a first reading that ends within this is waited for; of a larger project its beginning is shown
)
MOST_IDS = 100


@dataclass(frozen=True, slots=True)
class Reading:
    """*use*: what telemetry was asked; None when no workspace is set. *uses*: None when it is not known."""

    board: AgentBoard
    use: Result | None
    uses: Uses | None
    is_told: bool

    def use_of(self, entry: AgentEntry) -> Use | None:
        """Return how *entry* did in the range; None when nobody tells."""
        return None if self.uses is None else self.uses.of(entry, is_told=self.is_told)


def load(shown: View) -> Reading:
    """Return what there is to show. At most one request to the workspace for each refresh; the index reads by itself."""
    board = context.services().agents.settled(min(SETTLES_S, patience.left_s()))
    results = context.ask_logs(*asks_of(shown))
    use = results[0] if results is not None else None
    uses = uses_of(use.rows, board) if use is not None and use.is_known else None
    return Reading(board, use, uses, context.services().settings.telemetry == "on")


def asks_of(shown: View) -> list[Ask]:
    """Return what load() asks of the workspace."""
    return [Ask("agent_use", shown.values(), shown.label)]


def calls_of(reading: Reading, entry: AgentEntry, shown: View) -> Result | None:
    """Return the calls of *entry* over time, asked once a minute at most; None when no workspace is set."""
    leaders: Sequence[str] = reading.uses.leaders.get(entry.id, ()) if reading.uses is not None else ()
    known = reading.uses.agents.get(entry.id) if reading.uses is not None else None
    led_by_it = leaders if known is not None and reading.board.kind_of(entry) == "orchestrator" else ()
    agents = list(dict.fromkeys((entry.id, *led_by_it)))[:MOST_IDS]
    others = [] if led_by_it else list(leaders)[:MOST_IDS]
    values = shown.values(
        grain=shown.grain, agents=agents, leaders=others, called=called_name(reading.board, entry)
    )
    found = context.ask_logs_once(Ask("agent_calls", values, f"{shown.label}|{entry.id}"))
    return found[0] if found is not None else None


def called_name(board: AgentBoard, entry: AgentEntry) -> str:
    """Return the name by which other agents call *entry*; its own when none does."""
    names = [
        tool.name
        for caller in board.callers_of(entry)
        for tool in caller.connected
        if tool.agent_id == entry.id
    ]
    return names[0] if names else entry.name


def last_used(use: Use | None) -> datetime | None:
    return use.newest if use is not None else None


def is_indexing() -> bool:
    """Whether the first reading of all agents is under way, once it had the time to end."""
    return context.services().agents.settled(min(SETTLES_S, patience.left_s())).state == "indexing"
