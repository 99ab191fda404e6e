"""From the Agent Service's JSON to our own models. Nothing is believed before it has been looked at.

Shapes: https://learn.microsoft.com/rest/api/aifoundry/aiagents/
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from services.agents.backend import (
    Agent,
    AgentDefinition,
    AgentRecord,
    AgentTool,
    Call,
    CallKind,
    ConnectedAgent,
    QueueBinding,
    QueueFunction,
    Run,
    RunStep,
    Thread,
    ThreadMessage,
    Usage,
)
from services.agents.bindings import functions_of
from services.errors import ShapeError
from services.telemetry.context import without_trace

Json = Mapping[str, object]
KINDS: dict[str, CallKind] = {
    "connected_agent": "connected_agent",
    "azure_function": "azure_function",
    "function": "function",
}


def document(value: object, where: str = "the top") -> Json:
    """Return *value* if it is a JSON object. Raises ShapeError, as all below do."""
    if not isinstance(value, Mapping):
        raise ShapeError(where, "an object")
    return value


def text(source: Json, name: str) -> str:
    value = source.get(name)
    if not isinstance(value, str) or not value:
        raise ShapeError(name, "a text")
    return value


def optional_text(source: Json, name: str) -> str:
    """Return the text under *name*, empty when there is none; what is no text is rendered as JSON."""
    value = source.get(name)
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def moment(source: Json, name: str) -> datetime:
    found = optional_moment(source, name)
    if found is None:
        raise ShapeError(name, "a time")
    return found


def optional_moment(source: Json, name: str) -> datetime | None:
    value = source.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ShapeError(name, "a time in seconds")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError) as exc:
        raise ShapeError(name, "a time in seconds") from exc


def metadata(source: Json) -> dict[str, str]:
    value = source.get("metadata")
    if value is None:
        return {}
    return {str(key): str(content) for key, content in document(value, "metadata").items()}


def items(source: Json, name: str) -> Sequence[object]:
    value = source.get(name)
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ShapeError(name, "a list")
    return value


def page(value: object) -> tuple[list[Json], bool]:
    """Return the objects of a page of a list, and whether the service says that there are more."""
    source = document(value)
    if not isinstance(source.get("data"), list):
        raise ShapeError("data", "a list")
    return [document(one, "data") for one in items(source, "data")], source.get("has_more") is True


def agent(source: Json) -> Agent:
    connects_to, queues = _tool_targets(source)
    return Agent(
        id=text(source, "id"),
        name=optional_text(source, "name"),
        model=optional_text(source, "model"),
        created_at=moment(source, "created_at"),
        metadata=metadata(source),
        connects_to=connects_to,
        queues=queues,
    )


def agent_record(source: Json) -> AgentRecord:
    """Return the agent with its definition. A tool of an unknown kind, or one that lacks something, is kept as it is."""
    return AgentRecord(
        agent=agent(source),
        description=optional_text(source, "description"),
        instructions=optional_text(source, "instructions"),
        tools=tuple(agent_tool(one) for one in items(source, "tools")),
        source=source,
    )


def agent_tool(found: object) -> AgentTool:
    if not isinstance(found, Mapping):
        return AgentTool("not readable", "", source={"value": found})
    kind = optional_text(found, "type") or "without a kind"
    payload = found.get(kind)
    payload = payload if isinstance(payload, Mapping) else {}
    described = payload.get("function") if kind == "azure_function" else payload
    name = optional_text(described, "name") if isinstance(described, Mapping) else ""
    function = connected = None
    try:
        if kind == "azure_function":
            function = _queue_function(payload)
        elif kind == "connected_agent":
            connected = ConnectedAgent(text(payload, "id"), name, optional_text(payload, "description"))
    except ShapeError:  # somebody else's tool, in a form that says less than it should
        pass
    return AgentTool(kind, name, function, connected, found)


def _queue_function(payload: Json) -> QueueFunction:
    function = document(payload.get("function"), "function")
    return QueueFunction(
        text(function, "name"),
        optional_text(function, "description"),
        document(function.get("parameters") or {}, "parameters"),
        _binding(payload, "input_binding"),
        _binding(payload, "output_binding"),
    )


def _binding(payload: Json, name: str) -> QueueBinding:
    queue = document(document(payload.get(name), name).get("storage_queue"), "storage_queue")
    return QueueBinding(optional_text(queue, "queue_service_endpoint"), text(queue, "queue_name"))


def thread(source: Json) -> Thread:
    return Thread(text(source, "id"), moment(source, "created_at"), metadata(source))


def run(source: Json) -> Run:
    code, message = _failure(source)
    return Run(
        id=text(source, "id"),
        thread_id=text(source, "thread_id"),
        agent_id=optional_text(source, "assistant_id"),
        state=text(source, "status"),
        created_at=moment(source, "created_at"),
        completed_at=optional_moment(source, "completed_at"),
        metadata=metadata(source),
        error_code=code,
        error_message=message,
        usage=_usage(source),
        waits_for=_waits_for(source),
        functions=functions_of(source),
        started_at=_known_moment(source, "started_at"),
        ended_at=_ended_at(source),
        expires_at=_known_moment(source, "expires_at"),
        delegates=_delegates(source.get("tools")),
    )


def step(source: Json) -> RunStep:
    details = document(source.get("step_details") or {}, "step_details")
    is_message = (source.get("type") or details.get("type")) == "message_creation"
    written = document(details.get("message_creation") or {}, "message_creation")
    return RunStep(
        id=text(source, "id"),
        run_id=text(source, "run_id"),
        state=text(source, "status"),
        kind="message" if is_message else "calls",
        calls=tuple(call(document(one, "tool_calls")) for one in items(details, "tool_calls")),
        message_id=optional_text(written, "message_id"),
        error_message=_failure(source)[1],
        created_at=optional_moment(source, "created_at"),
        completed_at=optional_moment(source, "completed_at"),
    )


def call(source: Json) -> Call:
    """Return a tool call. The SDK has no class for the two kinds that matter most; the JSON has both."""
    kind = optional_text(source, "type")
    payload = source.get(kind)
    payload = payload if isinstance(payload, Mapping) else {}
    return Call(
        id=optional_text(source, "id"),
        kind=KINDS.get(kind, "other"),
        name=optional_text(payload, "name") or kind,
        arguments=without_trace(optional_text(payload, "arguments")),
        output=None if payload.get("output") is None else without_trace(optional_text(payload, "output")),
        child_thread_id=optional_text(payload, "thread_id"),
        child_run_id=optional_text(payload, "run_id"),
    )


def message(source: Json) -> ThreadMessage:
    return ThreadMessage(
        id=text(source, "id"),
        role="user" if source.get("role") == "user" else "assistant",
        text=without_trace("".join(_block_text(one) for one in items(source, "content"))),
        created_at=moment(source, "created_at"),
        run_id=optional_text(source, "run_id"),
        metadata=metadata(source),
    )


def delta_text(source: Json) -> str:
    """Return the text that a `thread.message.delta` adds."""
    delta = document(source.get("delta") or {}, "delta")
    return "".join(_block_text(one) for one in items(delta, "content"))


def agent_body(definition: AgentDefinition, tags: Mapping[str, str]) -> dict[str, object]:
    """Return the body of a create_agent request."""
    tools: list[dict[str, object]] = [
        {
            "type": "azure_function",
            "azure_function": {
                "function": {
                    "name": function.name,
                    "description": function.description,
                    "parameters": function.parameters,
                },
                **{
                    f"{way}_binding": {
                        "type": "storage_queue",
                        "storage_queue": {
                            "queue_service_endpoint": binding.endpoint,
                            "queue_name": binding.queue,
                        },
                    }
                    for way, binding in (("input", function.input), ("output", function.output))
                },
            },
        }
        for function in definition.functions
    ]
    tools += [
        {
            "type": "connected_agent",
            "connected_agent": {"id": other.agent_id, "name": other.name, "description": other.description},
        }
        for other in definition.connected
    ]
    body: dict[str, object] = {
        "model": definition.model,
        "name": definition.name,
        "instructions": definition.instructions,
        "tools": tools,
        "metadata": dict(tags),
    }
    if definition.description:
        body["description"] = definition.description
    return body


def _tool_targets(source: Json) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the ids of the agents and the names of the queues that the tools name. Tools of other kinds have neither."""
    agents, queues = list[str](), list[str]()
    for tool in items(source, "tools"):
        kind = tool.get("type") if isinstance(tool, Mapping) else None
        body = tool.get(kind) if isinstance(tool, Mapping) and isinstance(kind, str) else None
        if not isinstance(body, Mapping):
            continue
        if kind == "connected_agent":
            agents.append(optional_text(body, "id"))
        for way in ("input_binding", "output_binding"):
            binding = body.get(way)
            queue = binding.get("storage_queue") if isinstance(binding, Mapping) else None
            if isinstance(queue, Mapping):
                queues.append(optional_text(queue, "queue_name"))
    return tuple(filter(None, agents)), tuple(filter(None, queues))


def _ended_at(source: Json) -> datetime | None:
    """Return when a run ended, by whichever of its ends. The service names none for one that expired."""
    names = ("completed_at", "failed_at", "cancelled_at", "incomplete_at")
    ends = [end for name in names if (end := _known_moment(source, name)) is not None]
    if not ends and source.get("status") == "expired":
        return _known_moment(source, "expires_at")
    return min(ends, default=None)


def _known_moment(source: Json, name: str) -> datetime | None:
    """Return a time that is only shown: a run is none the worse for one in another shape."""
    try:
        return optional_moment(source, name)
    except ShapeError:
        return None


def _delegates(tools: object) -> bool:
    return isinstance(tools, list) and any(
        isinstance(tool, Mapping) and tool.get("type") == "connected_agent" for tool in tools
    )


def _failure(source: Json) -> tuple[str, str]:
    if isinstance(error := source.get("last_error"), Mapping):
        return optional_text(error, "code"), optional_text(error, "message")
    if isinstance(details := source.get("incomplete_details"), Mapping):
        return optional_text(details, "reason"), ""
    return "", ""


def _usage(source: Json) -> Usage | None:
    usage = source.get("usage")
    if not isinstance(usage, Mapping):
        return None
    prompt, completion = usage.get("prompt_tokens"), usage.get("completion_tokens")
    return Usage(prompt, completion) if isinstance(prompt, int) and isinstance(completion, int) else None


def _waits_for(source: Json) -> tuple[CallKind, ...]:
    action = source.get("required_action")
    wanted = action.get("submit_tool_outputs") if isinstance(action, Mapping) else None
    if not isinstance(wanted, Mapping):
        return ()
    return tuple(call(document(one, "required_action")).kind for one in items(wanted, "tool_calls"))


def _block_text(block: object) -> str:
    content = document(block, "content").get("text")
    if isinstance(content, Mapping):
        return optional_text(content, "value")
    return content if isinstance(content, str) else ""
