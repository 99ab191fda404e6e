"""Whether an agent can do what it is there for: each check with its verdict and what it was told from. Pure."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from services.agents.backend import AgentRecord, ConnectedAgent, QueueFunction
from services.inventory.agents_board import AgentBoard, AgentEntry
from services.inventory.agents_drift import Wanted

Verdict = Literal["ok", "wrong", "doubtful", "unknown"]
OUTPUT_URI = "outputqueueuri"
ENVELOPE = ("CorrelationId", "Value")
LONG_INSTRUCTIONS = 32_000
_CONNECTED_NAME = re.compile(r"[a-zA-Z_]+")
_QUEUE_URI = re.compile(r"https?://[^\s'\"`<>)\]]+")


@dataclass(frozen=True, slots=True)
class Check:
    """*about*: the tool or the agent it is about; empty: the agent itself. *told*: what it was told from."""

    verdict: Verdict
    about: str
    told: str


def checks_of(record: AgentRecord, board: AgentBoard, wanted: Wanted) -> tuple[Check, ...]:
    """Return all checks, those that failed first."""
    found = [*_of_agent(record, board, wanted)]
    for tool in record.tools:
        if tool.function is not None:
            found += _of_function(record, tool.function, board, wanted)
        elif tool.connected is not None:
            found += _of_connected(record, tool.connected, board)
        elif tool.kind in ("azure_function", "connected_agent"):
            found.append(
                Check("wrong", tool.name or tool.kind, "The definition lacks what the service needs.")
            )
        else:
            found.append(
                Check(
                    "unknown",
                    tool.name or tool.kind,
                    f"Relaydeck does not know tools of the kind {tool.kind}.",
                )
            )
    order: tuple[Verdict, ...] = ("wrong", "doubtful", "unknown", "ok")
    return tuple(sorted(found, key=lambda check: order.index(check.verdict)))


def _of_agent(record: AgentRecord, board: AgentBoard, wanted: Wanted) -> Iterator[Check]:
    if not record.agent.name:
        yield Check("doubtful", "", "It has no name: logs and charts can tell it by its id only.")
    if not record.instructions.strip():
        yield Check("doubtful", "", "It has no instructions.")
    elif len(record.instructions) > LONG_INSTRUCTIONS:
        yield Check(
            "doubtful",
            "",
            f"Its instructions have {len(record.instructions):,} characters, and every run pays for them in tokens.",
        )
    entry = board.by_id.get(record.agent.id)
    if entry is not None and entry.is_ours:
        yield _of_standing(*wanted.compare(record), entry)


def _of_standing(standing: str, differences: tuple[str, ...], entry: AgentEntry) -> Check:
    if standing == "present":
        return Check("ok", "", "It is what the present settings would make.")
    if standing == "other":
        return Check("doubtful", "", f"It was made of another definition ({entry.definition or 'untold'}).")
    return Check("wrong", "", f"It was changed since it was made: {'; '.join(differences)}.")


def _of_function(
    record: AgentRecord, function: QueueFunction, board: AgentBoard, wanted: Wanted
) -> Iterator[Check]:
    yield _of_schema(function)
    if function.input.queue == function.output.queue:
        yield Check(
            "wrong", function.name, "Its input and its output are the same queue: it would answer itself."
        )
    yield from _of_queues(function, board, wanted)
    if OUTPUT_URI in _properties(function.parameters):
        yield _of_output_uri(record.instructions, function)
    tool = wanted.tool_of(function.name)
    if tool is None:
        yield Check("unknown", function.name, "The catalogue has no such function; another app may serve it.")
    elif (function.input.queue, function.output.queue) != (tool.input_queue, tool.output_queue):
        yield Check(
            "wrong",
            function.name,
            f"The function app reads {tool.input_queue} and writes {tool.output_queue}, not these queues.",
        )


def _of_schema(function: QueueFunction) -> Check:
    parameters = function.parameters
    properties, required = _properties(parameters), parameters.get("required") or []
    if parameters.get("type", "object") != "object" or not isinstance(
        parameters.get("properties", {}), Mapping
    ):
        return Check("wrong", function.name, "Its parameters are not the JSON schema of an object.")
    unknown = (
        [name for name in required if name not in properties] if isinstance(required, list | tuple) else []
    )
    if unknown:
        return Check(
            "wrong", function.name, f"It requires what it does not describe: {', '.join(map(str, unknown))}."
        )
    if taken := [name for name in ENVELOPE if name in properties]:
        return Check("wrong", function.name, f"The envelope has a field {taken[0]} of its own.")
    count = len(properties)
    return Check(
        "ok",
        function.name,
        f"Its parameters are a JSON schema with {count} propert{'y' if count == 1 else 'ies'}.",
    )


def _of_queues(function: QueueFunction, board: AgentBoard, wanted: Wanted) -> Iterator[Check]:
    ours = wanted.storage_endpoint.rstrip("/").lower()
    for way, bound in (("input", function.input), ("output", function.output)):
        if bound.endpoint.rstrip("/").lower() != ours:
            yield Check(
                "doubtful",
                function.name,
                f"Its {way} queue is in another storage account ({bound.endpoint or 'none named'}).",
            )
        elif board.queues is None:
            yield Check(
                "unknown", function.name, f"Whether the queue {bound.queue} exists could not be read."
            )
        elif bound.queue not in board.queues:
            yield Check("wrong", function.name, f"Its {way} queue {bound.queue} does not exist.")
        else:
            yield Check("ok", function.name, f"Its {way} queue {bound.queue} exists.")


def _of_output_uri(instructions: str, function: QueueFunction) -> Check:
    address = f"{function.output.endpoint.rstrip('/')}/{function.output.queue}"
    named = [found.rstrip(".,;:") for found in _QUEUE_URI.findall(instructions)]
    if address in named:
        return Check("ok", function.name, "The instructions name the output queue that the tool is bound to.")
    if named:
        return Check(
            "wrong", function.name, f"The instructions name {named[0]}, the tool is bound to {address}."
        )
    return Check(
        "doubtful",
        function.name,
        "The instructions do not say what to pass as the address of the output queue.",
    )


def _of_connected(record: AgentRecord, other: ConnectedAgent, board: AgentBoard) -> Iterator[Check]:
    about = other.name or other.agent_id
    if other.agent_id == record.agent.id:
        yield Check("wrong", about, "It calls itself.")
    elif (called := board.by_id.get(other.agent_id)) is not None:
        yield Check("ok", about, f"The agent {other.agent_id} exists.")
        if called.connected:
            yield Check("doubtful", about, "It calls further agents: the service allows two levels.")
    elif board.is_whole:
        yield Check("wrong", about, f"The agent {other.agent_id} does not exist.")
    else:
        yield Check(
            "unknown", about, f"Whether the agent {other.agent_id} exists is not known: not all were read."
        )
    if not _CONNECTED_NAME.fullmatch(other.name):
        yield Check("wrong", about, "Its name may hold letters and _ only, or no run can call it.")
    if not other.description.strip():
        yield Check("doubtful", about, "It has no description: the model cannot know when to call it.")


def _properties(parameters: Mapping[str, object]) -> Mapping[str, object]:
    found = parameters.get("properties")
    return found if isinstance(found, Mapping) else {}
