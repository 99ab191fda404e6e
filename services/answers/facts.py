"""What lies in a function tool's queues, for the words that explain why no reply came."""

import logging
from collections.abc import Iterable

from services.answers.ports import Queues
from services.answers.problems import QueueFacts
from services.errors import ServiceError
from services.models import FunctionTool

log = logging.getLogger(__name__)
POISON = "-poison"


def queue_facts(queues: Queues, tools: Iterable[str]) -> tuple[QueueFacts, ...]:
    """Return the facts of each of *tools*; a queue that cannot be read has None. A few requests per tool."""
    return tuple(_facts(queues, tool) for tool in tools)


def _facts(queues: Queues, name: str) -> QueueFacts:
    tool = FunctionTool(name, "", {}, "", "", "")
    try:
        depths = queues.list_depths(tool.input_queue.removesuffix("-input"))
    except ServiceError as exc:
        log.info("queues.facts_failed", extra={"tool": name, "reason": exc.message})
        return QueueFacts(name, tool.input_queue, None, None, None)
    found = {depth.name: depth.messages for depth in depths}
    # A queue that was never made holds nothing: the host makes the poison queue when it first needs it.
    poison = found.get(tool.input_queue + POISON, 0)
    return QueueFacts(
        name, tool.input_queue, found.get(tool.input_queue), found.get(tool.output_queue), poison
    )
