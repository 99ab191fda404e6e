"""Trace context on its way through the built-in model: it passes on what it is told to, and thinks of nothing else.

A language model copies `traceparent` because instructions and schemas ask for it. The rules must not take its digits
for order numbers or sums, so it is taken out before planning and put into the calls afterwards.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import replace

from emulator.model import ModelRequest, Tool, Turn
from emulator.model.spotter import Json

PARAMETER = "traceparent"
_VALUE = r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
_GIVEN = re.compile(rf"{PARAMETER}\W{{0,6}}({_VALUE})", re.IGNORECASE)
_SENTENCE = re.compile(rf"[^.\n]*{PARAMETER}[^.\n]*\.?", re.IGNORECASE)


def find_context(request: ModelRequest) -> str:
    """Return the trace context that *request* gives; empty when it gives none. The latest one counts."""
    said = [turn.text for turn in reversed(request.conversation) if turn.role == "user"]
    return next((found[1] for text in (request.instructions, *said) if (found := _last(text))), "")


def without_context(request: ModelRequest) -> ModelRequest:
    """Return *request* as it would read if nobody had heard of trace context."""
    texts = (request.instructions, *(turn.text for turn in request.conversation))
    if not any(PARAMETER in text for text in texts) and not any(map(_declares, request.tools)):
        return request
    return replace(
        request,
        instructions=_SENTENCE.sub("", request.instructions).rstrip(),
        conversation=tuple(
            Turn(turn.role, _SENTENCE.sub("", turn.text).rstrip()) for turn in request.conversation
        ),
        tools=tuple(map(_undeclared, request.tools)),
        calls=tuple(replace(call, arguments=_unsaid(call.arguments)) for call in request.calls),
    )


def with_context(
    name: str, arguments: dict[str, Json], tools: Iterable[Tool], context: str
) -> dict[str, Json]:
    """Return the *arguments* of a call of *name* with *context*, where that tool has a place for it."""
    tool = next((one for one in tools if one.name == name), None)
    if not context or tool is None:
        return arguments
    if _declares(tool):
        return {**arguments, PARAMETER: context}
    query = arguments.get("query")
    if tool.kind == "connected_agent" and isinstance(query, str):
        return {**arguments, "query": f"{query}\n{PARAMETER}='{context}'"}
    return arguments


def _last(text: str) -> "re.Match[str] | None":
    found = None
    for found in _GIVEN.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    return found


def _declares(tool: Tool) -> bool:
    properties = (tool.parameters or {}).get("properties")
    return isinstance(properties, dict) and PARAMETER in properties


def _undeclared(tool: Tool) -> Tool:
    if not _declares(tool) or tool.parameters is None:
        return tool
    properties = tool.parameters["properties"]
    assert isinstance(properties, dict)
    kept = {name: value for name, value in properties.items() if name != PARAMETER}
    required = tool.parameters.get("required")
    parameters = {**tool.parameters, "properties": kept}
    if isinstance(required, list):
        parameters["required"] = [name for name in required if name != PARAMETER]
    return replace(tool, parameters=parameters)


def _unsaid(arguments: str) -> str:
    """Return *arguments* as the planner planned them."""
    if PARAMETER not in arguments:
        return arguments
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(found, dict):
        return arguments
    found.pop(PARAMETER, None)
    if isinstance(query := found.get("query"), str):
        found["query"] = _SENTENCE.sub("", query).rstrip()
    return json.dumps(found, ensure_ascii=False)
