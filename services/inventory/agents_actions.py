"""What an operator may do to agents: delete one of ours, and make the team what the present settings say."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.actions import Actions, Change
from services.agents.backend import Agent, AgentBackend, AgentDefinition, AgentRecord
from services.agents.plan import ORCHESTRATOR, links_of
from services.agents.team import LOOK_AT_AGENTS, TeamService
from services.errors import AccessDenied, InvalidInput, NotFound, ServiceError
from services.inventory.agents import AgentInventory
from services.inventory.agents_board import OURS, owner_of
from services.inventory.agents_drift import Wanted, differences

log = logging.getLogger(__name__)
ROLE_HINT = (
    "Relaydeck's identity needs the role Foundry User (formerly Azure AI User) on the project; "
    "a new assignment takes up to ten minutes."
)


@dataclass(frozen=True, slots=True)
class TeamUpdate:
    """*made*, *restored*: ids. *others*: how many agents of other definitions were left as they are."""

    made: tuple[str, ...]
    restored: tuple[str, ...]
    others: int

    @property
    def words(self) -> str:
        """Return it as one line for a person."""
        done = [
            f"{len(ids)} {word}" for ids, word in ((self.made, "made"), (self.restored, "restored")) if ids
        ]
        left = f" {self.others} of other definitions were left alone." if self.others else ""
        return f"Team: {', '.join(done) or 'all was as it should be'}.{left}"


class AgentActions:
    """Threads share it. Raises ServiceErrors only; each action is told, done or not."""

    def __init__(
        self, backend: AgentBackend, team: TeamService, inventory: AgentInventory, actions: Actions
    ) -> None:
        self._backend, self._team, self._inventory, self._actions = backend, team, inventory, actions

    @property
    def _wanted(self) -> Wanted:
        return self._inventory.wanted

    def delete(self, agent_id: str) -> None:
        """Return once the agent is gone. What it is tagged with is read again first: nothing that is not ours is deleted.

        Two requests. One of the present team is made anew with the next question. Raises InvalidInput: it is not ours.
        """
        self._actions.perform("delete agent", agent_id, lambda: self._delete(agent_id), change=Change)

    def update_team(self) -> TeamUpdate:
        """Make what is missing of the present team and put right what was changed in it; leave all other agents alone.

        Those of other definitions may belong to a replica that runs other settings, or to questions under way; they
        are deleted one by one, or by the clean-up once nobody has used them for long.

        Sends one request per 100 agents, three times at most, and one for each agent that is made or restored. A
        failure leaves a team that works and is partly restored; repeat it.
        """
        return self._actions.perform(
            "update team",
            self._wanted.plan.hash,
            self._update,
            change=lambda done: Change(after=[done.made, done.restored]),
        )

    def _delete(self, agent_id: str) -> Mapping[str, object] | None:
        """Return the definition that was deleted; None when it was gone before."""
        deleted: Mapping[str, object] | None = None
        try:
            found = self._backend.get_definition(agent_id)
            if owner_of(found.agent.metadata, self._wanted.environment) not in OURS:
                raise InvalidInput(
                    f"The agent {found.agent.name or agent_id} was not made by this Relaydeck, so it is not deleted.",
                    operation="delete agent",
                    resource=agent_id,
                    hint="Whoever made it can delete it.",
                )
            self._backend.delete_agent(agent_id)
            deleted = found.source
        except NotFound:
            log.info("agent.gone_already", extra={"agent": agent_id})
        except AccessDenied as error:
            error.hint = ROLE_HINT
            raise
        except ServiceError:
            self._inventory.read_again()  # whether it is gone is not known: look
            raise
        self._inventory.drop(agent_id)
        self._team.forget()
        return deleted

    def _update(self) -> TeamUpdate:
        try:
            before = {record.agent.id for record in self._ours()}
            self._team.forget()
            self._team.orchestrator()
            present = self._ours()
            restored = self._restore(present)
        except AccessDenied as error:
            error.hint = ROLE_HINT
            raise
        finally:
            self._team.forget()
            self._inventory.read_again()
        made = tuple(record.agent.id for record in present if record.agent.id not in before)
        others = sum(record.agent.metadata.get("definition") != self._wanted.plan.hash for record in present)
        return TeamUpdate(made, restored, others)

    def _restore(self, present: Sequence[AgentRecord]) -> tuple[str, ...]:
        """Put right what was changed in agents of the present definition; return their ids."""
        plan = self._wanted.plan
        ours = [one for one in present if one.agent.metadata.get("definition") == plan.hash]
        restored: list[str] = []
        members: list[Agent] = []
        for tool, definition in zip(plan.tools, plan.members, strict=True):
            found = [record for record in ours if record.agent.metadata.get("role") == tool.name]
            restored += [record.agent.id for record in found if self._put_right(record, definition)]
            if found:
                members.append(min(reversed(found), key=lambda one: one.agent.created_at).agent)
        if len(members) < len(plan.tools):
            return tuple(restored)
        leader, links = plan.orchestrator(members), links_of(members)
        for record in ours:
            tags = record.agent.metadata
            is_leader = tags.get("role") == ORCHESTRATOR and tags.get("links") == links
            if is_leader and self._put_right(record, leader):
                restored.append(record.agent.id)
        return tuple(restored)

    def _put_right(self, record: AgentRecord, definition: AgentDefinition) -> bool:
        ids = {one.connected.agent_id for one in record.tools if one.connected is not None}
        if not any(differences(record, definition)) and ids == {one.agent_id for one in definition.connected}:
            return False
        self._backend.update_agent(record.agent.id, definition, record.agent.metadata)
        return True

    def _ours(self) -> list[AgentRecord]:
        """Return the pooled agents of this environment, newest first."""
        found: list[AgentRecord] = []
        after, read = "", 0
        while True:
            page = self._backend.list_definitions(after)
            read += len(page.records)
            found += [
                record
                for record in page.records
                if owner_of(record.agent.metadata, self._wanted.environment) == "pooled"
            ]
            if not page.after or read >= LOOK_AT_AGENTS:
                return found
            after = page.after
