"""Whether an agent of ours is still what the present settings and catalogue would make. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from services.agents.backend import AgentDefinition, AgentRecord, AgentTool, ConnectedAgent, QueueFunction
from services.agents.plan import ORCHESTRATOR, ORCHESTRATOR_DESCRIPTION, TeamPlan
from services.models import FunctionTool

Standing = Literal["present", "changed", "other"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the present settings would make. *storage_endpoint*: of the account whose queues Relaydeck looks at."""

    plan: TeamPlan
    environment: str
    storage_endpoint: str

    def definition_of(self, role: str) -> AgentDefinition | None:
        """Return what an agent of *role* would be made as; None for a role that there is not any more.

        The orchestrator's connected agents have no ids in it: those follow from who is there.
        """
        if role == ORCHESTRATOR:
            connected = tuple(
                ConnectedAgent("", tool.agent, tool.agent_description) for tool in self.plan.tools
            )
            return AgentDefinition(
                ORCHESTRATOR,
                self.plan.model,
                self.plan.instructions,
                ORCHESTRATOR_DESCRIPTION,
                connected=connected,
            )
        return next(
            (
                made
                for tool, made in zip(self.plan.tools, self.plan.members, strict=True)
                if tool.name == role
            ),
            None,
        )

    def tool_of(self, role: str) -> FunctionTool | None:
        """Return the function tool behind *role*; None for the orchestrator, and for a tool that is gone."""
        return next((tool for tool in self.plan.tools if tool.name == role), None)

    def compare(self, record: AgentRecord) -> tuple[Standing, tuple[str, ...]]:
        """Return `present`, `changed` with what differs in words, or `other`: made of another definition."""
        tags = record.agent.metadata
        if tags.get("definition") != self.plan.hash:
            return "other", ()
        wanted = self.definition_of(tags.get("role", ""))
        if wanted is None:
            return "changed", ("its role is none of the catalogue",)
        found = tuple(differences(record, wanted))
        return ("changed", found) if found else ("present", ())


def differences(record: AgentRecord, wanted: AgentDefinition) -> Iterator[str]:
    """Yield in words what of *record* is not as *wanted*. What the service adds by itself does not count."""
    for name, found, should in (
        ("name", record.agent.name, wanted.name),
        ("model", record.agent.model, wanted.model),
    ):
        if found != should:
            yield f"{name}: {found or 'none'} in place of {should}"
    if record.instructions != wanted.instructions:
        yield "instructions"
    if record.description != wanted.description:
        yield "description"
    yield from _tool_differences(record.tools, wanted)


def _tool_differences(tools: tuple[AgentTool, ...], wanted: AgentDefinition) -> Iterator[str]:
    functions = {function.name: function for function in wanted.functions}
    connected = {other.name: other for other in wanted.connected}
    for tool in tools:
        if (function := functions.pop(tool.name, None)) is not None and tool.function is not None:
            if parts := ", ".join(_function_differences(tool.function, function)):
                yield f"tool {tool.name}: {parts}"
        elif (other := connected.pop(tool.name, None)) is not None and tool.connected is not None:
            if tool.connected.description != other.description:
                yield f"connected agent {tool.name}: description"
        else:
            yield f"an added tool: {tool.name or tool.kind}"
    for name in (*functions, *connected):
        yield f"without {name}"


def _function_differences(found: QueueFunction, wanted: QueueFunction) -> Iterator[str]:
    if found.description != wanted.description:
        yield "description"
    if not holds(found.parameters, wanted.parameters):
        yield "parameters"
    for way, is_bound, should in (
        ("input", found.input, wanted.input),
        ("output", found.output, wanted.output),
    ):
        if is_bound.queue != should.queue:
            yield f"{way} queue {is_bound.queue} in place of {should.queue}"
        if is_bound.endpoint.rstrip("/").lower() != should.endpoint.rstrip("/").lower():
            yield f"{way} queue in another storage account"


def holds(found: object, wanted: object, *, only: bool = False) -> bool:
    """Whether *found* has all that *wanted* says, whatever it says beside it; lists must be equal.

    *only*: and nothing else. Holds for the properties of a schema: an added one is passed on to the function.
    """
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping) or (only and found.keys() != wanted.keys()):
            return False
        return all(
            name in found and holds(found[name], value, only=name == "properties" and not only)
            for name, value in wanted.items()
        )
    return found == wanted
