"""What the tests of housekeeping share: things of ours and of others, in a project whose clock the test moves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from services.agents.backend import AgentDefinition, ConnectedAgent
from services.agents.classic import ClassicBackend
from services.clients import Clients
from services.housekeeping.findings import Finding, Found, Row
from services.housekeeping.service import HousekeepingService
from services.ids import new_id
from tests.contract.agents_support import MODEL, Lab
from tests.contract.answers_support import Desk, make_queues, open_desk

HOUR_S, DAY_S = 3600.0, 86_400.0
TOMORROW_S = 2 * DAY_S


@dataclass
class Yard:
    """One Relaydeck, and what lies about in its project."""

    lab: Lab
    desk: Desk

    @property
    def housekeeping(self) -> HousekeepingService:
        return self.desk.running.services.housekeeping

    @property
    def backend(self) -> ClassicBackend:
        backend = self.desk.running.services.backend
        assert isinstance(backend, ClassicBackend)
        return backend

    @property
    def clients(self) -> Clients:
        return self.desk.running._clients

    def pass_time(self, seconds: float) -> None:
        self.lab.emulator.advance(seconds)

    def agent(self, tags: Mapping[str, str], name: str = "tested", connects_to: tuple[str, ...] = ()) -> str:
        connected = tuple(
            ConnectedAgent(other, "other" + "s" * number, "Helps.")
            for number, other in enumerate(connects_to)
        )
        wanted = AgentDefinition(name, MODEL, "Repeat.", connected=connected)
        return self.backend.create_agent(wanted, {**tags, "opid": new_id("op")}).id

    def thread(self, tags: Mapping[str, str]) -> str:
        return self.backend.create_thread({**tags, "opid": new_id("op")}).id

    def pooled(
        self, name: str = "clerk", definition: str = "", connects_to: tuple[str, ...] = (), **tags: str
    ) -> str:
        hashed = definition or self.desk.running.services.team.definition
        marks = {"role": name, "instance": "0", "definition": hashed} | tags
        return self.agent({**ours("pooled"), **marks}, name, connects_to)

    def look(self) -> Found:
        return self.housekeeping.look()

    def found(self, kind: str = "") -> dict[str, Finding]:
        return {one.id: one for one in self.look().findings if not kind or one.kind == kind}

    def delete(self, *findings: Finding, widened: frozenset[str] = frozenset()) -> dict[str, Row]:
        result = self.housekeeping.delete(tuple(findings), widened)
        return {row.finding.id: row for row in result.rows}

    def agents(self) -> set[str]:
        return {agent.id for agent in self.backend.list_agents(1000)}

    def threads(self) -> set[str]:
        return {thread.id for thread in self.backend.list_threads(1000)}


def ours(kind: str = "per_query", environment: str = "local") -> dict[str, str]:
    return {"relaydeck": kind, "environment": environment}


@contextmanager
def open_yard(lab: Lab, **settings: str) -> Iterator[Yard]:
    with open_desk(lab.emulator, **{"call_retries": "1", **settings}) as desk:
        make_queues(desk)
        yield Yard(lab, desk)
