"""Turns what the other services do into platform metrics. Knows of them only what the protocols below say."""

from collections.abc import Mapping
from typing import Any, Protocol

from emulator.front import Observation
from emulator.monitor.counting import PlatformMetrics
from emulator.queues.models import QueueLevel

# A JSON object of the Agent Service.
Json = dict[str, Any]
ENDED = frozenset({"cancelled", "failed", "completed", "expired", "incomplete"})
_ERRORS: Mapping[int, str] = {
    401: "AuthenticationError",
    403: "AuthorizationError",
    429: "ClientThrottlingError",
    500: "ServerOtherError",
    503: "ServerBusyError",
    504: "ServerTimeoutError",
}


class Queues(Protocol):
    def level(self) -> QueueLevel:
        """Return how many queues and unexpired messages there are, and the bytes these hold."""


class QueueTraffic:
    """Counts each request that the queue service met."""

    def __init__(self, counted: PlatformMetrics) -> None:
        self._counted = counted

    def see(self, seen: Observation) -> None:
        service, _, operation = seen.operation.partition(".")
        if service != "queues":
            return
        call = {
            "GeoType": "Primary",
            "ApiName": "".join(part.capitalize() for part in operation.split("_")),
            "Authentication": _authentication(seen),
        }
        count = self._counted.count
        count("Transactions", 1, ResponseType=_response_type(seen.status), **call)
        count("Ingress", len(seen.request.body), **call)
        count("Availability", 0 if seen.status == 0 or seen.status >= 500 else 100, **call)
        if seen.sent_bytes is not None:
            count("Egress", seen.sent_bytes, **call)
        if 200 <= seen.status < 400:
            count("SuccessServerLatency", seen.server_ms, **call)
            count("SuccessE2ELatency", seen.total_ms, **call)


class QueueLevels:
    """Samples what the queues hold, as the service's own hourly metrics do."""

    def __init__(self, counted: PlatformMetrics, queues: Queues) -> None:
        self._counted, self._queues = counted, queues

    def sample(self) -> None:
        level = self._queues.level()
        self._counted.count("QueueCount", level.queues)
        self._counted.count("QueueMessageCount", level.messages)
        self._counted.count("QueueCapacity", level.size_bytes)


class AgentActivity:
    """Counts what becomes of the Agent Service's objects, at the moment it is stored."""

    def __init__(self, counted: PlatformMetrics) -> None:
        self._count = counted.count

    def see(self, kind: str, before: Json | None, after: Json | None, model: str) -> None:
        """*before*, *after*: the object's document; None when there is none. *model*: of the run the object belongs to."""
        if before is None or after is None:
            self._appeared_or_went(kind, after or before or {}, "Created" if before is None else "Deleted")
        if after is None or not (kind in ("run", "step") and _ended(after) and not _ended(before)):
            return
        agent = {"AgentId": str(after.get("assistant_id", "")), "ModelName": model}
        if kind == "run":
            self._run_ended(after, agent)
        else:
            for call in after["step_details"].get("tool_calls", ()):
                self._count("AgentToolCalls", 1, ToolName=_tool_name(call), **agent)

    def _appeared_or_went(self, kind: str, document: Json, event: str) -> None:
        if kind == "agent":
            self._count("AgentEvents", 1, EventType=event)
        elif kind == "thread":
            self._count("AgentThreads", 1, EventType=event)
        elif kind == "message" and document.get("role") == "user":
            self._count("AgentMessages", 1, EventType=event, ThreadId=str(document["thread_id"]))

    def _run_ended(self, run: Json, agent: dict[str, str]) -> None:
        self._count(
            "AgentRuns",
            1,
            RunStatus=str(run["status"]),
            StatusCode="200",
            ThreadId=str(run["thread_id"]),
            **agent,
        )
        if usage := run.get("usage"):
            self._count("AgentInputTokens", usage["prompt_tokens"], TokenType="Input", **agent)
            self._count("AgentOutputTokens", usage["completion_tokens"], TokenType="Output", **agent)


def _ended(document: Json | None) -> bool:
    return document is not None and document.get("status") in ENDED


def _tool_name(call: Json) -> str:
    held = call.get(call["type"])
    return str(held.get("name") or call["type"]) if isinstance(held, dict) else str(call["type"])


def _authentication(seen: Observation) -> str:
    kind = seen.request.header("authorization").partition(" ")[0].lower()
    if kind == "bearer":
        return "OAuth"
    if kind.startswith("sharedkey"):
        return "AccountKey"
    return "SAS" if "sig=" in seen.request.query_string else "Anonymous"


def _response_type(status: int) -> str:
    if 200 <= status < 400:
        return "Success"
    if status == 0:
        return "NetworkError"
    return _ERRORS.get(status, "ServerOtherError" if status >= 500 else "ClientOtherError")
