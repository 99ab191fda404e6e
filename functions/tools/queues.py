"""Names and settings that a tool shares with the agents and with the Functions host."""

import functools
import json
import os
from pathlib import Path

STORAGE = "TOOL_STORAGE"
APP_ROOT = Path(__file__).parent.parent
HOST_DEFAULT_DEQUEUE_COUNT = 5
HOST_DEFAULT_TIMEOUT_S = 1800.0  # of plans that do not scale to zero; the others end functions sooner
_OVERRIDE = "AzureFunctionsJobHost__{}"


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
    if override := os.environ.get(_OVERRIDE.format("extensions__queues__maxDequeueCount")):
        return int(override)
    return int(str(_queues_section().get("maxDequeueCount", HOST_DEFAULT_DEQUEUE_COUNT)))


@functools.cache
def function_timeout_s() -> float:
    """Return how long the host lets a function run. Raises ValueError when host.json does not say it as it should."""
    text = os.environ.get(_OVERRIDE.format("functionTimeout")) or _host_file().get("functionTimeout", "")
    return _seconds(str(text)) if text else HOST_DEFAULT_TIMEOUT_S


@functools.cache
def comes_again_s() -> float:
    """Return how long the host hides a message whose function failed. Raises ValueError as function_timeout_s does."""
    override = os.environ.get(_OVERRIDE.format("extensions__queues__visibilityTimeout"))
    text = override or _queues_section().get("visibilityTimeout", "")
    return _seconds(str(text)) if text else 0.0


def _host_file() -> dict[str, object]:
    try:
        found = json.loads((APP_ROOT / "host.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}


def _queues_section() -> dict[str, object]:
    extensions = _host_file().get("extensions", {})
    queues = extensions.get("queues", {}) if isinstance(extensions, dict) else {}
    return queues if isinstance(queues, dict) else {}


def _seconds(timespan: str) -> float:
    """*timespan*: hours:minutes:seconds, with days and a dot before them perhaps."""
    hours, minutes, seconds = timespan.split(":")
    days, _, hours = hours.rpartition(".")
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
