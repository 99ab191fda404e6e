"""Who calls whom: orchestrators, connected agents, tools and queues as places and the lines between them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from services.inventory.agents_board import AgentBoard, AgentEntry, ToolEntry
from services.inventory.agents_use import Use, Uses

Column = Literal["orchestrator", "agent", "tool", "queue"]
COLUMNS: tuple[Column, ...] = ("orchestrator", "agent", "tool", "queue")
MOST_AGENTS = 24


@dataclass(frozen=True, slots=True)
class Place:
    """*is_broken*: it is named and does not exist. *note*: what more is known of it, in words."""

    key: str
    column: Column
    name: str
    is_broken: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """*kind* `wait`: how long messages wait in an input queue; `reply`: the way back, which nobody measures.
    *use*: None when no figure is known."""

    source: str
    target: str
    kind: Literal["call", "wait", "reply"]
    use: Use | None = None
    is_broken: bool = False


@dataclass(frozen=True, slots=True)
class DependencyMap:
    """*left_out*: how many agents are not drawn."""

    places: tuple[Place, ...]
    lines: tuple[Line, ...]
    left_out: int = 0

    def column(self, name: Column) -> tuple[Place, ...]:
        """Return the places of one column, from top to bottom."""
        return tuple(place for place in self.places if place.column == name)

    @property
    def broken(self) -> int:
        """Return how many places are broken."""
        return sum(place.is_broken for place in self.places)


@dataclass
class _Drawing:
    board: AgentBoard
    uses: Uses
    places: dict[str, Place] = field(default_factory=dict)
    lines: dict[tuple[str, str, str], Line] = field(default_factory=dict)

    def add_agent(self, entry: AgentEntry) -> str:
        column: Column = "orchestrator" if self.board.kind_of(entry) == "orchestrator" else "agent"
        self.places.setdefault(entry.id, Place(entry.id, column, entry.name, note=entry.id))
        return entry.id

    def add_tools(self, entry: AgentEntry) -> None:
        for tool in entry.tools:
            if tool.agent_id:
                self._add_connected(entry, tool)
            else:
                self._add_tool(entry, tool)

    def _add_connected(self, entry: AgentEntry, tool: ToolEntry) -> None:
        called, missing = self.board.by_id.get(tool.agent_id), self.board.is_missing(tool)
        if called is not None:
            key = self.add_agent(called)
        else:
            key, note = tool.agent_id, "no such agent" if missing else "not read yet"
            place = Place(key, "agent", tool.name, missing, f"{tool.agent_id}: {note}")
            self.places.setdefault(key, place)
        self._line(Line(entry.id, key, "call", self.uses.links.get((entry.id, tool.name)), missing))

    def _add_tool(self, entry: AgentEntry, tool: ToolEntry) -> None:
        queues = f"{tool.input_queue}|{tool.output_queue}"
        key = f"tool|{tool.kind}|{tool.name}|{queues if tool.queues else entry.id}"
        self.places.setdefault(key, Place(key, "tool", tool.name or tool.kind, note=tool.kind))
        self._line(Line(entry.id, key, "call", self.uses.tools.get((entry.id, tool.name))))
        missing = self.board.missing_queues(tool)
        for name, kind in ((tool.input_queue, "wait"), (tool.output_queue, "reply")):
            if name:
                self._add_queue(key, tool, name, kind, name in missing)  # type: ignore[arg-type]  # one of two literals

    def _add_queue(
        self, tool_key: str, tool: ToolEntry, name: str, kind: Literal["wait", "reply"], is_missing: bool
    ) -> None:
        key = f"queue|{tool.is_near}|{name}"
        note = "no such queue" if is_missing else "" if tool.is_near else "in another storage account"
        self.places.setdefault(key, Place(key, "queue", name, is_missing, note))
        use = self.uses.queues.get(name) if kind == "wait" else None
        self._line(Line(tool_key, key, kind, use, is_missing))

    def _line(self, line: Line) -> None:
        self.lines.setdefault((line.source, line.target, line.kind), line)


def map_of(
    board: AgentBoard, uses: Uses | None, chosen: Iterable[AgentEntry], most: int = MOST_AGENTS
) -> DependencyMap:
    """Return the map of *chosen* and all they call, those with something broken and the busiest first.

    *uses*: None: not known, so no line has a figure.
    """
    known = uses or Uses()
    ranked = sorted(chosen, key=lambda entry: _rank(entry, board, known))
    drawing, drawn = _Drawing(board, known), set[str]()
    left_out = 0
    for entry in ranked:
        needed = {entry.id, *(tool.agent_id for tool in entry.connected)} - drawn
        if drawn and len(drawn | needed) > most:
            left_out += entry.id not in drawn
            continue
        drawn |= needed
        for one in _with_connected(entry, board):
            drawing.add_agent(one)
            drawing.add_tools(one)
    return DependencyMap(_ordered(drawing), tuple(drawing.lines.values()), left_out)


def _rank(entry: AgentEntry, board: AgentBoard, uses: Uses) -> tuple[bool, bool, int, float]:
    use = uses.agents.get(entry.id)
    return (
        not board.broken(entry),
        board.kind_of(entry) != "orchestrator",
        -(use.calls if use else 0),
        -entry.created_at.timestamp(),
    )


def _with_connected(entry: AgentEntry, board: AgentBoard) -> Sequence[AgentEntry]:
    called = [board.by_id[tool.agent_id] for tool in entry.connected if tool.agent_id in board.by_id]
    return [entry, *(one for one in called if one.id != entry.id)]


def _ordered(drawing: _Drawing) -> tuple[Place, ...]:
    """Return the places column by column, each beside what calls it, so that few lines cross."""
    order: dict[str, float] = {}
    found: list[Place] = []
    for column in COLUMNS:
        places = [place for place in drawing.places.values() if place.column == column]
        ranks = {place.key: _mean_rank(place, drawing, order, number) for number, place in enumerate(places)}
        places.sort(key=lambda place: ranks[place.key])
        order |= {place.key: float(number) for number, place in enumerate(places)}
        found += places
    return tuple(found)


def _mean_rank(place: Place, drawing: _Drawing, order: dict[str, float], instead: int) -> float:
    above = [
        order[line.source]
        for line in drawing.lines.values()
        if line.target == place.key and line.source in order
    ]
    return sum(above) / len(above) if above else float(instead)


def rows_of(found: DependencyMap) -> dict[str, float]:
    """Return in which row each place stands, 0 at the top: in the middle of what it leads to, a row apart from others."""
    targets: dict[str, list[str]] = {}
    for line in found.lines:
        targets.setdefault(line.source, []).append(line.target)
    rows: dict[str, float] = {}
    for column in reversed(COLUMNS):
        places = found.column(column)
        wished: dict[str, float] = {}
        last = -1.0
        for place in places:
            known = [rows[key] for key in targets.get(place.key, ()) if key in rows]
            last = wished[place.key] = sum(known) / len(known) if known else last + 1.0
        taken = -1.0
        for place in sorted(places, key=lambda place: wished[place.key]):
            taken = rows[place.key] = max(wished[place.key], taken + 1.0)
    return rows
