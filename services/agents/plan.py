"""What a team consists of, derived from the settings and the catalogue alone. Sends nothing."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from services.agents.backend import (
    Agent,
    AgentDefinition,
    ConnectedAgent,
    QueueBinding,
    QueueFunction,
)
from services.agents.catalogue import instructions_for
from services.agents.turns import one_at_a_time, with_turn
from services.models import FunctionTool
from services.settings import Settings
from services.telemetry.context import with_parameter

ORCHESTRATOR = "orchestrator"
ORCHESTRATOR_INSTRUCTIONS = (
    "You lead a team and answer people's questions. The agents of your team are your tools; each description says "
    "what that agent knows or does. When a question, or a part of it, fits a description, hand that part to that "
    "agent, complete and in plain words: it sees nothing else of the conversation. If several fit, ask each of them. "
    "Wait for their replies and build your answer from them: keep names, numbers and quoted words exactly as they "
    "came, and add no facts of your own to them. Report plainly what could not be done when an agent returns an "
    "error. Use the language of the question, and be brief."
)
ORCHESTRATOR_DESCRIPTION = "Hands questions to the agents of its team and composes their answers."


@dataclass(frozen=True, slots=True)
class TeamPlan:
    """*members*: one connected agent's definition per tool, in the catalogue's order. *instructions*: the
    orchestrator's. *hash*: of all that defines it."""

    tools: tuple[FunctionTool, ...]
    members: tuple[AgentDefinition, ...]
    model: str
    instructions: str
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
            instructions=self.instructions,
            description=ORCHESTRATOR_DESCRIPTION,
            connected=connected,
        )


def plan_team(settings: Settings, catalogue: tuple[FunctionTool, ...]) -> TeamPlan:
    """Return the plan. Two processes with the same model, storage and catalogue get the same hash."""
    members = tuple(
        AgentDefinition(
            name=tool.agent,
            model=settings.model,
            instructions=instructions_for(tool, settings.storage_endpoint)
            + (one_at_a_time(tool) if tool.ordered else ""),
            description=tool.agent_description,
            functions=(
                QueueFunction(
                    name=tool.name,
                    description=tool.description,
                    parameters=_parameters(tool, settings),
                    input=QueueBinding(settings.storage_endpoint, tool.input_queue),
                    output=QueueBinding(settings.storage_endpoint, tool.output_queue),
                ),
            ),
        )
        for tool in catalogue
    )
    instructions = orchestrator_instructions(catalogue)
    substance = json.dumps([instructions, [asdict(one) for one in members]], sort_keys=True, default=dict)
    digest = hashlib.sha256(substance.encode()).hexdigest()[:16]
    return TeamPlan(catalogue, members, settings.model, instructions, digest)


def _parameters(tool: FunctionTool, settings: Settings) -> Mapping[str, object]:
    """Return the tool's own parameters and those that its calls carry along."""
    parameters = with_turn(tool.parameters) if tool.ordered else tool.parameters
    return with_parameter(parameters) if settings.trace_context else parameters


def orchestrator_instructions(catalogue: tuple[FunctionTool, ...]) -> str:
    """Return the orchestrator's instructions. The last one is for questions that are nobody's: it says what to ask."""
    names = [tool.agent.replace("_", " ") for tool in catalogue]
    team = ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
    offer = f"My team can help with questions for {team}."
    if example := next((tool.examples[0] for tool in reversed(catalogue) if tool.examples), ""):
        offer += f" Ask, for instance: {example}"
    return f'{ORCHESTRATOR_INSTRUCTIONS} If a question fits no description at all, answer with "{offer}"'


def links_of(members: Sequence[Agent]) -> str:
    """Return a short text that changes when an orchestrator would be connected to other agents."""
    return links_of_ids(agent.id for agent in members)


def links_of_ids(ids: Iterable[str]) -> str:
    return hashlib.sha256(" ".join(ids).encode()).hexdigest()[:16]
