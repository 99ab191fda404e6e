"""The agents of a project as a board: who they are, whose they are, who calls whom, what is broken. Pure."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from services.agents.backend import AgentRecord, AgentTool
from services.agents.plan import ORCHESTRATOR
from services.errors import ServiceError
from services.inventory.agents_drift import Standing, Wanted

Kind = Literal["orchestrator", "connected", "single"]
Owner = Literal["pooled", "per_query", "elsewhere", "foreign"]
BoardState = Literal["indexing", "ready", "partial", "failed"]
OURS: frozenset[Owner] = frozenset({"pooled", "per_query"})
EXCERPT = 400  # of the instructions; the whole is read when an agent is opened
LONGEST_NAME = 256


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """*agent_id*: of a connected agent. *input_queue*, *output_queue*: of a function tool. *is_near*: whether both lie
    in the storage account that Relaydeck looks at; only then can it tell whether they exist."""

    kind: str
    name: str
    agent_id: str = ""
    input_queue: str = ""
    output_queue: str = ""
    is_near: bool = False

    @property
    def queues(self) -> tuple[str, ...]:
        """Return its queues, input first; none for a tool that has none."""
        return tuple(filter(None, (self.input_queue, self.output_queue)))


@dataclass(frozen=True, slots=True)
class AgentEntry:
    """One agent, as small as an index of thousands needs it.

    *owner*: `pooled`, `per_query`: ours; `elsewhere`: made by Relaydeck for another environment; `foreign`: not made by
    Relaydeck. *role*, *definition*: what its tags say, empty without them. *substance*: hash of
    model, instructions, description and tools. *standing*: how it stands to what the present settings would make, None
    for what is not ours. *differences*: in words, of one that was changed.
    """

    id: str
    name: str
    model: str
    created_at: datetime
    owner: Owner
    environment: str
    role: str
    definition: str
    description: str
    excerpt: str
    characters: int
    tools: tuple[ToolEntry, ...]
    substance: str
    standing: Standing | None
    differences: tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Return whether Relaydeck made it, in this environment."""
        return self.owner in OURS

    @property
    def connected(self) -> tuple[ToolEntry, ...]:
        """Return those of its tools that are agents."""
        return tuple(tool for tool in self.tools if tool.agent_id)


@dataclass(frozen=True, slots=True)
class AgentBoard:
    """What is known of the agents. *entries*: newest first. *read_at*: when the reading they come from ended; None while
    none has. *state* `indexing`: the first reading is under way; `partial`: not all were read, *problem* says
    why; `failed`: none was.

    *so_far*: how many the reading under way has found; None when none is under way. *queues*: the names of all queues of
    our storage account, None when they could not be read.
    """

    state: BoardState
    entries: tuple[AgentEntry, ...] = ()
    read_at: datetime | None = None
    so_far: int | None = None
    problem: ServiceError | None = None
    queues: frozenset[str] | None = None
    queues_problem: ServiceError | None = None
    callers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    by_id: Mapping[str, AgentEntry] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        """Whether an agent that is not here does not exist."""
        return self.state == "ready"

    def kind_of(self, entry: AgentEntry) -> Kind:
        """Return what it is to others: `orchestrator` asks agents, `connected` is asked by one, `single` is
        neither.
        """
        if entry.connected or entry.role == ORCHESTRATOR:
            return "orchestrator"
        return "connected" if self.callers.get(entry.id) else "single"

    def callers_of(self, entry: AgentEntry) -> tuple[AgentEntry, ...]:
        """Return the agents that have *entry* as a tool."""
        return tuple(self.by_id[one] for one in self.callers.get(entry.id, ()))

    def is_missing(self, tool: ToolEntry) -> bool:
        """Whether *tool* names an agent that there is not."""
        return bool(tool.agent_id) and self.is_whole and tool.agent_id not in self.by_id

    def missing_queues(self, tool: ToolEntry) -> tuple[str, ...]:
        """Return the queues of *tool* that do not exist; none where that is not known."""
        if self.queues is None or not tool.is_near:
            return ()
        return tuple(name for name in tool.queues if name not in self.queues)

    def broken(self, entry: AgentEntry) -> tuple[str, ...]:
        """Return in words what *entry* needs and what is not there."""
        found = [f"the agent {tool.name or tool.agent_id}" for tool in entry.tools if self.is_missing(tool)]
        found += [f"the queue {name}" for tool in entry.tools for name in self.missing_queues(tool)]
        return tuple(dict.fromkeys(found))


def linked(entries: Iterable[AgentEntry]) -> tuple[Mapping[str, tuple[str, ...]], Mapping[str, AgentEntry]]:
    """Return who calls whom, by the called agent's id, and all entries by their ids."""
    by_id = {entry.id: entry for entry in entries}
    callers: dict[str, list[str]] = {}
    for entry in by_id.values():
        for tool in entry.connected:
            callers.setdefault(tool.agent_id, []).append(entry.id)
    return {agent: tuple(dict.fromkeys(found)) for agent, found in callers.items()}, by_id


def entry_of(record: AgentRecord, wanted: Wanted) -> AgentEntry:
    """Return what the board keeps of an agent, long texts cut; compared with *wanted* where it is ours."""
    tags, agent = record.agent.metadata, record.agent
    owner = owner_of(tags, wanted.environment)
    standing, differences = wanted.compare(record) if owner in OURS else (None, ())
    return AgentEntry(
        id=agent.id,
        name=agent.name[:LONGEST_NAME],
        model=agent.model,
        created_at=agent.created_at,
        owner=owner,
        environment=tags.get("environment", "") if owner != "foreign" else "",
        role=tags.get("role", "") if owner != "foreign" else "",
        definition=tags.get("definition", "") if owner != "foreign" else "",
        description=record.description[:EXCERPT],
        excerpt=record.instructions[:EXCERPT],
        characters=len(record.instructions),
        tools=tuple(tool_entry(tool, wanted.storage_endpoint) for tool in record.tools),
        substance=substance_of(record),
        standing=standing,
        differences=differences,
    )


def owner_of(tags: Mapping[str, str], environment: str) -> Owner:
    kind = tags.get("relaydeck", "")
    if not kind:
        return "foreign"
    if kind not in OURS or tags.get("environment") != environment:
        return "elsewhere"
    return "pooled" if kind == "pooled" else "per_query"


def tool_entry(tool: AgentTool, storage_endpoint: str) -> ToolEntry:
    if tool.connected is not None:
        return ToolEntry(tool.kind, tool.name[:LONGEST_NAME], agent_id=tool.connected.agent_id)
    if tool.function is None:
        return ToolEntry(tool.kind, tool.name[:LONGEST_NAME])
    bound = (tool.function.input, tool.function.output)
    ours = storage_endpoint.rstrip("/").lower()
    return ToolEntry(
        tool.kind,
        tool.function.name,
        input_queue=bound[0].queue,
        output_queue=bound[1].queue,
        is_near=all(one.endpoint.rstrip("/").lower() == ours for one in bound),
    )


def substance_of(record: AgentRecord) -> str:
    """Return the same short text for agents that are defined alike: connected agents count by their names."""
    tools = [
        ["connected_agent", tool.name, tool.connected.description]
        if tool.connected is not None
        else tool.source
        for tool in record.tools
    ]
    whole = json.dumps(
        [record.agent.model, record.instructions, record.description, tools], sort_keys=True, default=str
    )
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def previous_of(entry: AgentEntry, entries: Sequence[AgentEntry]) -> tuple[AgentEntry, ...]:
    """Return what *entry* can be compared with: agents of the same role, or name, that are defined otherwise.

    One for each definition, the newest first; those that are older than *entry* before those that are newer.
    """
    found: dict[str, AgentEntry] = {}
    for other in entries:
        same = other.role == entry.role if entry.role else bool(entry.name) and other.name == entry.name
        comparable = same and other.is_ours == entry.is_ours and other.id != entry.id
        if comparable and other.substance != entry.substance:
            found.setdefault(other.substance, other)
    return tuple(sorted(found.values(), key=lambda other: other.created_at > entry.created_at))
