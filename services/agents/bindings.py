"""The function tools that a run, or an agent, carries, with the queues they are bound to."""

from collections.abc import Mapping, Sequence

from services.agents.backend import QueueBinding, QueueFunction


def functions_of(source: Mapping[str, object]) -> tuple[QueueFunction, ...]:
    """Return the function tools in the `tools` of *source*; those that lack a name or a queue are left out."""
    tools = source.get("tools")
    if not isinstance(tools, Sequence) or isinstance(tools, str):
        return ()
    return tuple(found for tool in tools if (found := _function(tool)) is not None)


def _function(tool: object) -> QueueFunction | None:
    payload = _inner(tool, "azure_function")
    described = _inner(payload, "function")
    name, inbound, outbound = (
        described.get("name"),
        _binding(payload, "input_binding"),
        _binding(payload, "output_binding"),
    )
    if not isinstance(name, str) or not name or inbound is None or outbound is None:
        return None
    return QueueFunction(
        name, str(described.get("description") or ""), _inner(described, "parameters"), inbound, outbound
    )


def _binding(payload: Mapping[str, object], name: str) -> QueueBinding | None:
    queue = _inner(_inner(payload, name), "storage_queue")
    found = queue.get("queue_name")
    if not isinstance(found, str) or not found:
        return None
    return QueueBinding(str(queue.get("queue_service_endpoint") or ""), found)


def _inner(source: object, name: str) -> Mapping[str, object]:
    found = source.get(name) if isinstance(source, Mapping) else None
    return found if isinstance(found, Mapping) else {}
