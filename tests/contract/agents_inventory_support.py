"""What the tests of the inventory of agents share: an inventory on Local Azure, and agents of all sorts."""

from dataclasses import dataclass, field
from typing import Any

from services.actions import Actions
from services.agents.catalogue import CATALOGUE
from services.agents.team import TeamService
from services.inventory.agents import AgentInventory
from services.inventory.agents_actions import AgentActions
from services.inventory.agents_board import AgentBoard, AgentEntry
from services.inventory.agents_drift import Wanted
from tests.contract.agents_support import MODEL, Lab
from tests.contract.seam_support import Seam

WAIT_S = 10.0


@dataclass
class CountedPace:
    """Counts the seconds that would have been waited; they pass at once."""

    slept_s: float = 0.0
    waits: list[float] = field(default_factory=list)

    def now_s(self) -> float:
        return self.slept_s

    def sleep(self, seconds: float) -> bool:
        self.slept_s += seconds
        self.waits.append(seconds)
        return True

    def between(self, low: float, high: float) -> float:
        return low


def wanted_of(seam: Seam, team: TeamService) -> Wanted:
    return Wanted(team.plan, seam.settings.environment, seam.settings.storage_endpoint)


def inventory_of(seam: Seam, team: TeamService | None = None, **options: Any) -> AgentInventory:
    return AgentInventory(
        seam.backend,
        seam.queues,
        wanted_of(seam, team or seam.team()),
        seam.emulator.clock.now,
        **options,
    )


def read(inventory: AgentInventory) -> AgentBoard:
    """Return the board once a reading that begins now has ended."""
    board = inventory.read_again(WAIT_S)
    assert board.so_far is None, "the reading did not end"
    return board


@dataclass
class Desk:
    """Actions on agents, with what was told of them."""

    team: TeamService
    inventory: AgentInventory
    actions: AgentActions
    told: list[tuple[str, str, str]]


def desk_of(seam: Seam, **changed: object) -> Desk:
    told: list[tuple[str, str, str]] = []
    team = seam.team(**changed)  # type: ignore[arg-type]  # settings by name
    inventory = inventory_of(seam, team)
    actions = Actions(lambda *what: told.append(what))
    return Desk(team, inventory, AgentActions(seam.backend, team, inventory, actions), told)


def foreign(lab: Lab, name: str = "stranger", **body: Any) -> str:
    return str(lab.client.create_agent(body={"model": MODEL, "name": name, **body}).id)


def by_role(board: AgentBoard, role: str) -> AgentEntry:
    (found,) = [entry for entry in board.entries if entry.role == role]
    return found


def make_queues(seam: Seam) -> None:
    seam.queues.ensure([name for tool in CATALOGUE for name in (tool.input_queue, tool.output_queue)])
