"""What only travels through the built-in model: it passes on what it is told to, and thinks of nothing else.

A language model copies `traceparent` (and, for tools whose calls are kept in order, `conversation_turn`) because
instructions and schemas ask for it. The rules must not take its digits for order numbers or sums, so it is taken out
before planning and put into the calls afterwards.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from emulator.model import ModelRequest, Tool, Turn
from emulator.model.spotter import Json

_VALUES = {
    "traceparent": r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
    "conversation_turn": r"[\w-]{1,128}:[0-9]{1,9}:[0-9]{1,9}",
}
_GIVEN = {name: re.compile(rf"{name}\W{{0,6}}({value})", re.IGNORECASE) for name, value in _VALUES.items()}
_SENTENCE = re.compile(rf"[^.\n]*(?:{'|'.join(_VALUES)})[^.\n]*\.?", re.IGNORECASE)


def find_context(request: ModelRequest) -> dict[str, str]:
    """Return what *request* gives to pass on, by parameter. Of each, the latest one counts."""
    said = [turn.text for turn in reversed(request.conversation) if turn.role == "user"]
    found = {}
    for name, pattern in _GIVEN.items():
        given = next((one[1] for text in (request.instructions, *said) if (one := _last(pattern, text))), "")
        if given:
            found[name] = given
    return found


def without_context(request: ModelRequest) -> ModelRequest:
    """Return *request* as it would read if nobody had heard of what is to be passed on."""
    texts = (request.instructions, *(turn.text for turn in request.conversation))
    if not any(name in text for text in texts for name in _VALUES) and not any(map(_declared, request.tools)):
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
    name: str, arguments: dict[str, Json], tools: Iterable[Tool], context: Mapping[str, str]
) -> dict[str, Json]:
    """Return the *arguments* of a call of *name* with *context*, where that tool has a place for it."""
    tool = next((one for one in tools if one.name == name), None)
    if not context or tool is None:
        return arguments
    given: dict[str, Json] = {one: context[one] for one in _declared(tool) if one in context}
    query = arguments.get("query")
    if not given and tool.kind == "connected_agent" and isinstance(query, str):
        lines = "".join(f"\n{one}='{value}'" for one, value in context.items())
        return {**arguments, "query": query + lines}
    return {**arguments, **given}


def _last(pattern: "re.Pattern[str]", text: str) -> "re.Match[str] | None":
    found = None
    for found in pattern.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    return found


def _declared(tool: Tool) -> list[str]:
    """Return the parameters of *tool* that only travel."""
    properties = (tool.parameters or {}).get("properties")
    return [name for name in _VALUES if isinstance(properties, dict) and name in properties]


def _undeclared(tool: Tool) -> Tool:
    names = _declared(tool)
    if not names or tool.parameters is None:
        return tool
    properties = tool.parameters["properties"]
    assert isinstance(properties, dict)
    kept = {name: value for name, value in properties.items() if name not in names}
    required = tool.parameters.get("required")
    parameters = {**tool.parameters, "properties": kept}
    if isinstance(required, list):
        parameters["required"] = [name for name in required if name not in names]
    return replace(tool, parameters=parameters)


def _unsaid(arguments: str) -> str:
    """Return *arguments* as the planner planned them."""
    if not any(name in arguments for name in _VALUES):
        return arguments
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    if not isinstance(found, dict):
        return arguments
    for name in _VALUES:
        found.pop(name, None)
    if isinstance(query := found.get("query"), str):
        found["query"] = _SENTENCE.sub("", query).rstrip()
    return json.dumps(found, ensure_ascii=False)
