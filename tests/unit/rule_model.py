"""What the tests of the rule-based model share: runs it as the service would, with tool outputs given by the test."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.clock import Clock
from emulator.control import Pace
from emulator.model import (
    CallWanted,
    FinishedCall,
    ModelEvent,
    ModelRequest,
    TextPiece,
    Tool,
    ToolKind,
    Turn,
    TurnEnded,
)
from emulator.model.rules import RuleModel

Outputs = Mapping[str, str] | Callable[[str, dict[str, Any]], str]
MOST_ROUNDS = 12


@dataclass(frozen=True, slots=True)
class Outcome:
    """*calls*: name and arguments in order; *rounds*: in which model turn each was made."""

    text: str
    calls: tuple[tuple[str, dict[str, Any]], ...]
    rounds: tuple[int, ...]
    ended: TurnEnded

    @property
    def called(self) -> list[str]:
        return [name for name, _ in self.calls]


def agent(name: str, description: str = "", knowledge: str = "") -> Tool:
    return Tool(name, description, "connected_agent", None, knowledge)


def function(
    name: str,
    description: str = "",
    /,
    *,
    kind: ToolKind = "function",
    required: Sequence[str] | None = None,
    **parameters: object,
) -> Tool:
    """Return a tool. A parameter given as text is a string so described; all are required unless *required* says otherwise."""
    properties = {
        key: value if isinstance(value, dict) else {"type": "string", "description": value}
        for key, value in parameters.items()
    }
    needed = list(parameters) if required is None else list(required)
    return Tool(name, description, kind, {"type": "object", "properties": properties, "required": needed})


def request(
    question: str,
    instructions: str = "You are a helpful assistant.",
    tools: Sequence[Tool] = (),
    before: Sequence[str] = (),
    **more: Any,
) -> ModelRequest:
    """Return a request; *before*: earlier turns, the user's first."""
    turns = [
        Turn("user" if at % 2 == 0 else "assistant", text) for at, text in enumerate([*before, question])
    ]
    return ModelRequest("local-rules", instructions, tuple(turns), tuple(tools), **more)


def events(asked: ModelRequest) -> list[ModelEvent]:
    """Return the events of one model turn, taken without an event loop: at zero pace the model never waits."""
    turned = RuleModel(Pace(), Clock()).turn(asked)
    found: list[ModelEvent] = []
    while True:
        step = turned.__anext__().__await__()
        try:
            next(step)
        except StopIteration as done:
            found.append(done.value)
        except StopAsyncIteration:
            return found
        else:
            raise AssertionError("the model waited although its pace is zero")


def run(
    question: str,
    instructions: str = "You are a helpful assistant.",
    tools: Sequence[Tool] = (),
    outputs: Outputs | None = None,
    before: Sequence[str] = (),
    **more: Any,
) -> Outcome:
    """Return what a whole run does: turns until the model answers. A run that never answers fails the test."""
    asked = request(question, instructions, tools, before, **more)
    finished: list[FinishedCall] = []
    seen: set[tuple[str, str]] = set()
    for number in range(MOST_ROUNDS):
        turned = events(ModelRequest(**{**_fields(asked), "calls": tuple(finished)}))
        wanted = [event for event in turned if isinstance(event, CallWanted)]
        ended = turned[-1]
        assert isinstance(ended, TurnEnded)
        if not wanted:
            text = "".join(event.text for event in turned if isinstance(event, TextPiece))
            calls = tuple((call.name, json.loads(call.arguments)) for call in finished)
            return Outcome(text, calls, tuple(call.round for call in finished), ended)
        for call in wanted:
            assert (call.name, call.arguments) not in seen, f"made the same call twice: {call}"
            seen.add((call.name, call.arguments))
            finished.append(FinishedCall(call.name, call.arguments, _output(outputs, call), number))
    raise AssertionError(f"no answer after {MOST_ROUNDS} rounds: {finished}")


def _output(outputs: Outputs | None, call: CallWanted) -> str:
    if outputs is None:
        return ""
    if callable(outputs):
        return outputs(call.name, json.loads(call.arguments))
    return outputs.get(call.name, "")


def _fields(asked: ModelRequest) -> dict[str, Any]:
    return {name: getattr(asked, name) for name in ModelRequest.__slots__}
