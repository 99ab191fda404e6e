"""Names and settings that a tool shares with the agents and with the Functions host."""

import functools
import json
import os
from pathlib import Path

STORAGE = "TOOL_STORAGE"
APP_ROOT = Path(__file__).parent.parent
HOST_DEFAULT_DEQUEUE_COUNT = 5
_OVERRIDE = "AzureFunctionsJobHost__extensions__queues__maxDequeueCount"


def input_queue(tool: str) -> str:
    """Return the queue that *tool* reads. A queue name has no underscore, so order_status becomes order-status."""
    return f"azure-function-{tool.replace('_', '-')}-input"


def output_queue(tool: str) -> str:
    """Return the queue that *tool* answers to when a question names no other."""
    return f"azure-function-{tool.replace('_', '-')}-output"


@functools.cache
def max_dequeue_count() -> int:
    """Return how often the host delivers a message before it gives up, from the host's own configuration.

    Raises ValueError when host.json is not JSON or the number is none.
    """
    if override := os.environ.get(_OVERRIDE):
        return int(override)
    try:
        host = json.loads((APP_ROOT / "host.json").read_text("utf-8"))
    except FileNotFoundError:
        return HOST_DEFAULT_DEQUEUE_COUNT
    queues = host.get("extensions", {}).get("queues", {})
    return int(queues.get("maxDequeueCount", HOST_DEFAULT_DEQUEUE_COUNT))
