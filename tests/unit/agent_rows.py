"""Agents and rows of telemetry for tests of what is made of them."""

from datetime import UTC, datetime, timedelta

from services.inventory.agents_board import AgentBoard, AgentEntry, ToolEntry, linked
from services.monitor.results import Row

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def function(name: str = "foo", near: bool = True) -> ToolEntry:
    return ToolEntry(
        "azure_function", name, input_queue=f"{name}-in", output_queue=f"{name}-out", is_near=near
    )


def calls(agent_id: str, name: str) -> ToolEntry:
    return ToolEntry("connected_agent", name, agent_id=agent_id)


def entry(agent_id: str, *tools: ToolEntry, **changed: object) -> AgentEntry:
    known: dict[str, object] = {
        "id": agent_id,
        "name": agent_id.removeprefix("asst_"),
        "model": "gpt-4o",
        "created_at": NOW - timedelta(hours=1),
        "owner": "pooled",
        "environment": "local",
        "role": "",
        "definition": "abc",
        "description": "",
        "excerpt": "Do it.",
        "characters": 6,
        "tools": tools,
        "substance": agent_id,
        "standing": "present",
    }
    return AgentEntry(**{**known, **changed})  # type: ignore[arg-type]  # fields by name


def board(*entries: AgentEntry, queues: set[str] | None = None, **changed: object) -> AgentBoard:
    callers, by_id = linked(entries)
    known: dict[str, object] = {
        "state": "ready",
        "entries": entries,
        "read_at": NOW,
        "queues": None if queues is None else frozenset(queues),
        "callers": callers,
        "by_id": by_id,
    }
    return AgentBoard(**{**known, **changed})  # type: ignore[arg-type]  # fields by name


def team() -> AgentBoard:
    """An orchestrator, the agent it calls, and that agent's tool with both queues."""
    leader = entry("asst_lead", calls("asst_foo", "foo_bot"), role="orchestrator", name="orchestrator")
    return board(leader, entry("asst_foo", function(), name="foo_bot"), queues={"foo-in", "foo-out"})


def row(part: str, name: str, **told: object) -> Row:
    known: dict[str, object] = {
        "part": part,
        "name": name,
        "leader_id": "",
        "agent": "",
        "agent_id": "",
        "demo": False,
        "calls": 1,
        "failed": 0,
        "p95_ms": 1000.0,
        "counted": 0,
        "input_tokens": 0.0,
        "output_tokens": 0.0,
        "oldest": NOW - timedelta(minutes=10),
        "newest": NOW,
    }
    return {**known, **told}  # type: ignore[dict-item]  # cells by name
