"""The tools of an agent: how the model sees them, and what goes into and comes out of a function's queues."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, cast

import orjson

from emulator.foundry.documents import AZURE_FUNCTION, CALLABLE, CONNECTED, FUNCTION, Json
from emulator.model import Tool, ToolKind

MAX_MESSAGE_BYTES = 64 * 1024  # of one queue message, in base64
FindAgent = Callable[[str], Json | None]


class QueuedMessage(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def text(self) -> str: ...


class Queues(Protocol):
    """What the Agent Service needs of a storage account's queues. Methods raise WireError, as the REST API would."""

    def owns(self, endpoint: str) -> bool:
        """Return whether *endpoint* is the address of this account."""

    def put_message(self, queue: str, text: str, ttl_s: int | None = None) -> str:
        """Return the id of the new message."""

    def visible_messages(self, queue: str, limit: int) -> Sequence[QueuedMessage]:
        """Return the messages a receiver could get, oldest first, and leave them where they are."""

    def remove_message(self, queue: str, message_id: str) -> bool: ...

    def watch(self, queue: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback* whenever a message of *queue* becomes visible; return what ends that."""


class ToolFailedError(Exception):
    """A tool cannot be called at all; the run fails with this sentence."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a function put into its output queue. *output* is None when the reply lacks a Value."""

    correlation_id: str
    output: str | None


def callable_name(definition: Json) -> str:
    """Return the name by which the model calls a tool of the types in CALLABLE."""
    inner = definition[definition["type"]]
    found: str = (inner["function"] if definition["type"] == AZURE_FUNCTION else inner)["name"]
    return found


def find_tool(definitions: list[Json], name: str) -> Json | None:
    for definition in definitions:
        if definition["type"] in CALLABLE and callable_name(definition) == name:
            return definition
    return None


def model_tools(definitions: list[Json], find_agent: FindAgent) -> tuple[Tool, ...]:
    """Return the tools the model is offered. A connected agent brings along what it knows and can do."""
    return tuple(
        _model_tool(definition, find_agent) for definition in definitions if definition["type"] in CALLABLE
    )


def _model_tool(definition: Json, find_agent: FindAgent) -> Tool:
    kind, inner = cast(ToolKind, definition["type"]), definition[definition["type"]]
    if kind == CONNECTED:
        agent = find_agent(inner["id"])
        return Tool(
            inner["name"], inner.get("description") or "", kind, knowledge=_knowledge(agent) if agent else ""
        )
    function = inner if kind == FUNCTION else inner["function"]
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return Tool(function["name"], function.get("description") or "", kind, parameters)


def _knowledge(agent: Json) -> str:
    lines = [agent["instructions"] or ""]
    for tool in agent["tools"]:
        if tool["type"] in CALLABLE:
            inner = tool[tool["type"]]
            described = inner["function"] if tool["type"] == AZURE_FUNCTION else inner
            lines.append(f"{described['name']}: {described.get('description') or ''}")
    return "\n".join(line for line in lines if line)


# Queues ------------------------------------------------------------------------------------------------


def bound_queue(queues: Queues, definition: Json, binding: Literal["input_binding", "output_binding"]) -> str:
    """Return the queue's name. Raises ToolFailedError: the binding names another storage account."""
    queue = definition[AZURE_FUNCTION][binding]["storage_queue"]
    endpoint: str = queue["queue_service_endpoint"]
    name: str = queue["queue_name"]
    if not queues.owns(endpoint.rstrip("/")):
        raise ToolFailedError(
            f"The {binding} of the tool '{callable_name(definition)}' names the queue service {endpoint}, "
            "which is not part of Local Azure. Use the address in STORAGE_SERVICE_ENDPOINT."
        )
    return name


def named_queues(queues: Queues, arguments: Json) -> list[str]:
    """Return the queues of this account that *arguments* name by a full URI (as `outputqueueuri` does)."""
    found = []
    for value in arguments.values():
        if isinstance(value, str) and value.startswith(("https://", "http://")):
            endpoint, _, queue = value.rstrip("/").rpartition("/")
            if queue and queues.owns(endpoint):
                found.append(queue)
    return found


def envelope(name: str, arguments: Json, correlation_id: str) -> str:
    """Return the queue message that calls a function: base64 of the flat arguments and the CorrelationId.

    Raises ToolFailedError when it is larger than a queue takes.
    """
    message = base64.b64encode(orjson.dumps({**arguments, "CorrelationId": correlation_id})).decode()
    if len(message) > MAX_MESSAGE_BYTES:
        raise ToolFailedError(
            f"The arguments for the function '{name}' make a queue message of {len(message)} bytes; a queue "
            f"takes {MAX_MESSAGE_BYTES}. Ask for less at once, or pass a reference in place of the text."
        )
    return message


def read_reply(text: str) -> Reply:
    """Return what a message of an output queue says. Raises ValueError with the reason it says nothing."""
    try:
        document = orjson.loads(base64.b64decode(text.strip(), validate=True))
    except binascii.Error as exc:
        raise ValueError("it is not base64") from exc
    except orjson.JSONDecodeError as exc:
        raise ValueError("its base64 holds no JSON") from exc
    if not isinstance(document, dict) or not isinstance(document.get("CorrelationId"), str):
        raise ValueError("it has no CorrelationId")
    if "Value" not in document:
        return Reply(document["CorrelationId"], None)
    value = document["Value"]
    return Reply(document["CorrelationId"], value if isinstance(value, str) else orjson.dumps(value).decode())


def error_output(message: str) -> str:
    """Return *message* as tools report failures to the model."""
    return orjson.dumps({"error": message}).decode()


def read_arguments(text: str) -> Json | None:
    """Return the arguments of a call; None when *text* is no JSON object."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
