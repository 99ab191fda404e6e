"""Queues as pairs: the input a function reads, the output an agent reads, and the poison of both. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from services.models import FunctionTool, QueueDepth
from services.queues import POISON_SUFFIX

PairState = Literal["idle", "flowing", "stalled", "poison", "incomplete"]
_INPUT = re.compile(r"(.+)-input")
_OUTPUT = re.compile(r"(.+)-output")


@dataclass(frozen=True, slots=True)
class Pair:
    """*input*, *output*: None when there is no such queue. *poison*: how many messages were given up on.
    *tool*, *agent*: empty for a pair that the catalogue does not know."""

    name: str
    tool: str
    agent: str
    input_queue: str
    output_queue: str
    input: QueueDepth | None
    output: QueueDepth | None
    poison: int

    @property
    def state(self) -> PairState:
        """Return the worst of it: `poison`, `stalled`, `incomplete` (a queue is missing), else whether anything
        lies there.
        """
        found = [one for one in (self.input, self.output) if one is not None]
        if self.poison:
            return "poison"
        if any(one.state == "stalled" for one in found):
            return "stalled"
        if len(found) < 2:
            return "incomplete"
        return "flowing" if any(one.messages for one in found) else "idle"


def pairs_of(catalogue: Iterable[FunctionTool], depths: Sequence[QueueDepth]) -> tuple[Pair, ...]:
    """Return the catalogue's pairs, then those whose queues are named alike (`x-input`, `x-output`); worst first."""
    by_name = {depth.name: depth for depth in depths}
    known = {tool.input_queue: (tool.name, tool.agent, tool.output_queue) for tool in catalogue}
    for name in sorted(by_name):
        if found := _INPUT.fullmatch(name):
            known.setdefault(name, ("", "", f"{found[1]}-output"))
        elif (found := _OUTPUT.fullmatch(name)) and f"{found[1]}-input" not in by_name:
            known.setdefault(f"{found[1]}-input", ("", "", name))
    pairs = [_pair(name, tool, agent, output, by_name) for name, (tool, agent, output) in known.items()]
    order: tuple[PairState, ...] = ("poison", "stalled", "flowing", "incomplete", "idle")
    return tuple(sorted(pairs, key=lambda pair: (order.index(pair.state), pair.name)))


def others_of(pairs: Iterable[Pair], depths: Iterable[QueueDepth]) -> tuple[QueueDepth, ...]:
    """Return the queues that belong to no pair."""
    taken = {
        name + suffix
        for pair in pairs
        for name in (pair.input_queue, pair.output_queue)
        for suffix in ("", POISON_SUFFIX)
    }
    return tuple(depth for depth in depths if depth.name not in taken)


def _pair(name: str, tool: str, agent: str, output: str, by_name: dict[str, QueueDepth]) -> Pair:
    poison = sum(
        depth.messages
        for queue in (name, output)
        if (depth := by_name.get(queue + POISON_SUFFIX)) is not None
    )
    short = tool or name.removesuffix("-input")
    return Pair(short, tool, agent, name, output, by_name.get(name), by_name.get(output), poison)
