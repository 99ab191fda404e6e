"""How agents, their tools and the queues did, from the rows of `agent_use`: told apart by who led the answer. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.agents.plan import ORCHESTRATOR
from services.inventory.agents_board import AgentBoard, AgentEntry
from services.monitor.overview import in_seconds, number, share, whole
from services.monitor.results import Row

Link = tuple[str, str]  # an agent's id, and the name by which it calls something


@dataclass(frozen=True, slots=True)
class Use:
    """*p95_s*: None when no duration is known; *is_bound*: it is no more than that, for it comes from several figures.
    *tokens*: prompt and completion, None when not told. *demo*: from demo history, for there is nothing else yet.
    """

    calls: int = 0
    failed: int = 0
    p95_s: float | None = None
    is_bound: bool = False
    input_tokens: float | None = None
    output_tokens: float | None = None
    oldest: datetime | None = None
    newest: datetime | None = None
    demo: bool = False

    @property
    def success_share(self) -> float | None:
        """Return the share of calls that did not fail, 0 to 1; None without a call."""
        return share(self.calls - self.failed, self.calls)

    @property
    def tokens(self) -> float | None:
        """Return tokens in and out together; None when either is not known."""
        if self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Gone:
    """An agent that telemetry tells of and that is not there any more."""

    agent_id: str
    name: str
    use: Use


@dataclass(frozen=True, slots=True)
class Uses:
    """*agents*: by id. *links*: a connected agent called by an orchestrator; *tools*: a tool called by an agent, both
    by the caller's id and the called name. *queues*: waits in an input queue, by its name. *leaders*: the ids under which
    telemetry knows the orchestrators that called an agent, by that agent's id."""

    agents: Mapping[str, Use] = field(default_factory=dict)
    links: Mapping[Link, Use] = field(default_factory=dict)
    tools: Mapping[Link, Use] = field(default_factory=dict)
    queues: Mapping[str, Use] = field(default_factory=dict)
    gone: tuple[Gone, ...] = ()
    leaders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, entry: AgentEntry, *, is_told: bool = True) -> Use | None:
        """Return how *entry* did; None when nobody tells.

        An agent of ours that no row tells of was not called, if *is_told*: if Relaydeck sends telemetry. About those of
        others nothing is known: theirs may go elsewhere, or nowhere.
        """
        found = self.agents.get(entry.id)
        if found is None and entry.is_ours and is_told:
            return Use()
        return found


def uses_of(rows: Iterable[Row], board: AgentBoard) -> Uses:
    """Return who did what. Demo history, whose agents never were, stands in for the present team until it is used."""
    real, demo = _Tally(board), _Tally(board, present_leader(board))
    for row in rows:
        (demo if row["demo"] else real).add(row)
    return Uses(
        {**demo.agents, **real.agents},
        {**demo.links, **real.links},
        {**demo.tools, **real.tools},
        {**demo.queues, **real.queues},
        tuple(sorted(real.gone, key=lambda one: -one.use.calls)),
        {**demo.leaders, **real.leaders},
    )


def present_leader(board: AgentBoard) -> AgentEntry | None:
    """Return the orchestrator that questions go to: the oldest of the present definition; None without one."""
    found = [
        entry
        for entry in board.entries
        if entry.owner == "pooled" and entry.role == ORCHESTRATOR and entry.standing != "other"
    ]
    return min(found, key=lambda entry: entry.created_at, default=None)


class _Tally:
    """*leader*: who stands in for every orchestrator that is told of; None: each is itself."""

    def __init__(self, board: AgentBoard, leader: AgentEntry | None = None) -> None:
        self._board, self._leader = board, leader
        self.agents: dict[str, Use] = {}
        self.links: dict[Link, Use] = {}
        self.tools: dict[Link, Use] = {}
        self.queues: dict[str, Use] = {}
        self.gone: list[Gone] = []
        self.leaders: dict[str, tuple[str, ...]] = {}

    def add(self, row: Row) -> None:
        use, name = _use(row), str(row["name"] or "")
        match row["part"]:
            case "agent":
                self._add_agent(str(row["agent_id"] or ""), name, use)
            case "connected":
                self._add_connected(str(row["leader_id"] or ""), name, use)
            case "tool":
                self._add_tool(str(row["leader_id"] or ""), str(row["agent"] or ""), name, use)
            case "queue":
                _merge(self.queues, name, use)

    def _add_agent(self, told_id: str, name: str, use: Use) -> None:
        entry = self._leader or self._board.by_id.get(told_id)
        if entry is None:
            if self._board.is_whole and not use.demo:
                self.gone.append(Gone(told_id, name, use))
            return
        _merge(self.agents, entry.id, use)
        self._led_by(entry.id, told_id)

    def _add_connected(self, leader_id: str, name: str, use: Use) -> None:
        leader = self._leader or self._board.by_id.get(leader_id)
        agent_id = _connected(leader, name)
        if leader is not None:
            _merge(self.links, (leader.id, name), use)
        if agent_id:
            _merge(self.agents, agent_id, use)
            self._led_by(agent_id, leader_id)

    def _add_tool(self, leader_id: str, caller: str, name: str, use: Use) -> None:
        leader = self._leader or self._board.by_id.get(leader_id)
        agent_id = _connected(leader, caller)
        if not agent_id and leader is not None and any(tool.name == name for tool in leader.tools):
            agent_id = leader.id
        if agent_id:
            _merge(self.tools, (agent_id, name), use)

    def _led_by(self, agent_id: str, leader_id: str) -> None:
        known = self.leaders.get(agent_id, ())
        self.leaders[agent_id] = tuple(dict.fromkeys((*known, leader_id)))


def _connected(leader: AgentEntry | None, name: str) -> str:
    """Return the id of the agent that *leader* calls by *name*; empty when there is none."""
    if leader is None or not name:
        return ""
    return next((tool.agent_id for tool in leader.connected if tool.name == name), "")


Key = str | Link


def _merge(found: dict[Key, Use] | dict[str, Use] | dict[Link, Use], key: Key, use: Use) -> None:
    known: dict[Key, Use] = found  # type: ignore[assignment]  # each caller gives keys of its own kind
    known[key] = together(known[key], use) if key in known else use


def together(one: Use, other: Use) -> Use:
    """Return both as one. A percentile of both is at most the larger of theirs."""
    durations = [use.p95_s for use in (one, other) if use.p95_s is not None]
    return replace(
        one,
        calls=one.calls + other.calls,
        failed=one.failed + other.failed,
        p95_s=max(durations, default=None),
        is_bound=one.is_bound or other.is_bound or len(durations) > 1,
        input_tokens=_sum(one.input_tokens, other.input_tokens),
        output_tokens=_sum(one.output_tokens, other.output_tokens),
        oldest=min(filter(None, (one.oldest, other.oldest)), default=None),
        newest=max(filter(None, (one.newest, other.newest)), default=None),
    )


def _sum(one: float | None, other: float | None) -> float | None:
    known = [value for value in (one, other) if value is not None]
    return sum(known) if known else None


def _use(row: Row) -> Use:
    oldest, newest, told = row["oldest"], row["newest"], whole(row["counted"])
    return Use(
        whole(row["calls"]),
        whole(row["failed"]),
        in_seconds(row["p95_ms"]),
        False,
        number(row["input_tokens"]) if told else None,
        number(row["output_tokens"]) if told else None,
        oldest if isinstance(oldest, datetime) else None,
        newest if isinstance(newest, datetime) else None,
        bool(row["demo"]),
    )
