"""What a team consists of, derived from the settings and the catalogue alone. Sends nothing."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from services.agents.backend import (
    Agent,
    AgentDefinition,
    ConnectedAgent,
    QueueBinding,
    QueueFunction,
)
from services.agents.catalogue import instructions_for
from services.models import FunctionTool
from services.settings import Settings

ORCHESTRATOR = "orchestrator"
ORCHESTRATOR_INSTRUCTIONS = (
    "You lead a team and answer people's questions. The agents of your team are your tools; each description says "
    "what that agent knows or does. When a question, or a part of it, fits a description, hand that part to that "
    "agent, complete and in plain words: it sees nothing else of the conversation. If several fit, ask each of them. "
    "Wait for their replies and build your answer from them: keep names, numbers and quoted words exactly as they "
    "came, and add no facts of your own to them. If an agent reports an error, say plainly what could not be done. "
    "Answer yourself only what no agent of your team is there for. Use the language of the question, and be brief."
)


@dataclass(frozen=True, slots=True)
class TeamPlan:
    """*members*: one connected agent's definition per tool, in the catalogue's order. *hash*: of all that defines it."""

    tools: tuple[FunctionTool, ...]
    members: tuple[AgentDefinition, ...]
    model: str
    hash: str

    def orchestrator(self, members: Sequence[Agent]) -> AgentDefinition:
        """Return the orchestrator's definition, connected to *members*, given in the catalogue's order."""
        connected = tuple(
            ConnectedAgent(agent.id, tool.agent, tool.agent_description)
            for tool, agent in zip(self.tools, members, strict=True)
        )
        return AgentDefinition(
            name=ORCHESTRATOR,
            model=self.model,
            instructions=ORCHESTRATOR_INSTRUCTIONS,
            description="Hands questions to the agents of its team and composes their answers.",
            connected=connected,
        )


def plan_team(settings: Settings, catalogue: tuple[FunctionTool, ...]) -> TeamPlan:
    """Return the plan. Two processes with the same model, storage and catalogue get the same hash."""
    members = tuple(
        AgentDefinition(
            name=tool.agent,
            model=settings.model,
            instructions=instructions_for(tool, settings.storage_endpoint),
            description=tool.agent_description,
            functions=(
                QueueFunction(
                    name=tool.name,
                    description=tool.description,
                    parameters=tool.parameters,
                    input=QueueBinding(settings.storage_endpoint, tool.input_queue),
                    output=QueueBinding(settings.storage_endpoint, tool.output_queue),
                ),
            ),
        )
        for tool in catalogue
    )
    substance = json.dumps(
        [ORCHESTRATOR_INSTRUCTIONS, [asdict(member) for member in members]], sort_keys=True, default=dict
    )
    return TeamPlan(catalogue, members, settings.model, hashlib.sha256(substance.encode()).hexdigest()[:16])


def links_of(members: Sequence[Agent]) -> str:
    """Return a short text that changes when an orchestrator would be connected to other agents."""
    return hashlib.sha256(" ".join(agent.id for agent in members).encode()).hexdigest()[:16]
