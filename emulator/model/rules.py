"""The built-in model: one turn, planned by rules. The same request always gets the same answer."""

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from emulator.model import CallWanted, FinishedCall, ModelEvent, ModelRequest, TextPiece, Tool, TurnEnded
from emulator.model.asked import analyse
from emulator.model.chain import failed
from emulator.model.compose import Composer
from emulator.model.instructions import read_instructions
from emulator.model.plan import Planner
from emulator.model.questions import Part, read_question
from emulator.model.routing import Router
from emulator.model.steps import Call, Step, key_of
from emulator.model.structured import Material, render, wants_json
from emulator.model.text import count_tokens
from emulator.model.tracing import find_context, with_context, without_context

if TYPE_CHECKING:
    from emulator.clock import Clock
    from emulator.control import Pace

MAX_CALLS_PER_RUN = 32
MAX_ROUNDS = 8
_PIECE = re.compile(r"\s*\S+\s*")
_EMPTY = "There is no question here: the last message is empty. Ask me something."


@dataclass(frozen=True, slots=True)
class Decision:
    """Either *calls*, or the *text* of the reply."""

    calls: tuple[Call, ...] = ()
    text: str = ""


class RuleModel:
    """Implements Model without a language model. *pace* is read at every turn."""

    def __init__(self, pace: "Pace", clock: "Clock") -> None:
        self._pace, self._clock = pace, clock

    async def turn(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Yield the calls that are still needed, else the reply word by word; then TurnEnded."""
        if self._pace.think_s > 0:
            await self._clock.sleep(self._pace.think_s)
        decision = decide(without_context(request), self._clock.now().date())
        context, prompt_tokens = find_context(request), count_prompt(request)
        if decision.calls:
            spent = 0
            for call in decision.calls:
                given = with_context(call.name, call.arguments, request.tools, context)
                arguments = json.dumps(given, ensure_ascii=False)
                spent += count_tokens(call.name) + count_tokens(arguments)
                yield CallWanted(call.name, arguments)
            yield TurnEnded(prompt_tokens, spent, "tool_calls")
            return
        text, cut = shorten(decision.text, request.max_completion_tokens)
        for piece in _PIECE.findall(text):
            if self._pace.token_s > 0:
                await self._clock.sleep(self._pace.token_s)
            yield TextPiece(piece)
        yield TurnEnded(prompt_tokens, count_tokens(text), "length" if cut else "stop")


def decide(request: ModelRequest, today: date) -> Decision:
    """Return what to do next for *request*."""
    question = read_question(request.conversation)
    instructions = read_instructions(request.instructions)
    choice = _choice(request.tool_choice, request.tools)
    router = Router(request.tools, instructions) if request.tools and choice != "none" else None
    planner = Planner(request, question, instructions, router, today)
    steps = planner.steps() if question.message else []
    if choice not in ("none", "auto") and not request.calls:
        forced = planner.best() if choice == "required" else planner.forced(choice)
        if forced and forced.calls:
            return Decision(calls=_limited(forced.calls, request))
    if (calls := _open_calls(steps, request)) and router is not None:
        return Decision(calls=calls)
    steps = _with_unplanned(steps, request)
    composer = Composer(request, instructions, analyse(question.message))
    text = composer.reply(steps) if steps else _EMPTY
    if wants_json(request.response_format) or instructions.style.json:
        material = Material(
            text, composer.facts(steps), question.message, request.calls, instructions.facts, today
        )
        text = render(request.response_format, instructions.style.json_keys, material)
    return Decision(text=text)


def _choice(tool_choice: object, tools: tuple[Tool, ...]) -> str:
    """Return "auto", "none", "required" or the name of the tool that must be called first."""
    if isinstance(tool_choice, str):
        return tool_choice if tool_choice in ("none", "required") else "auto"
    if not isinstance(tool_choice, dict):
        return "auto"
    kind = tool_choice.get("type")
    held = tool_choice.get(kind) if isinstance(kind, str) else None
    name = held.get("name") if isinstance(held, dict) else tool_choice.get("name")
    if isinstance(held, dict) and not name and isinstance(inner := held.get("function"), dict):
        name = inner.get("name")
    if isinstance(name, str) and name:
        return name
    same_kind = [tool.name for tool in tools if tool.kind == kind]
    return same_kind[0] if len(same_kind) == 1 else "required" if same_kind else "auto"


def _open_calls(steps: list[Step], request: ModelRequest) -> tuple[Call, ...]:
    """Return the calls that are still to be made now: none twice, none that waits for another."""
    finished = {key_of(call.name, call.arguments) for call in request.calls}
    called = {call.name for call in request.calls}
    wanted: dict[tuple[str, str], Call] = {}
    for step in steps:
        if step.waits_for and step.waits_for not in called:
            continue
        for call in step.calls:
            again = (
                any(name == call.name for name, _ in finished) and step.waits_for and call.key not in finished
            )
            if call.key not in finished and not (again and _done_before(step, request)):
                wanted.setdefault(call.key, call)
    return _limited(tuple(wanted.values()), request)


def _done_before(step: Step, request: ModelRequest) -> bool:
    """Return whether a step that waited has made its call already, with other arguments."""
    return bool(step.profile) and any(call.name == step.calls[0].name for call in request.calls)


def _limited(calls: tuple[Call, ...], request: ModelRequest) -> tuple[Call, ...]:
    if len({call.round for call in request.calls}) >= MAX_ROUNDS:
        return ()
    room = max(0, MAX_CALLS_PER_RUN - len(request.calls))
    return calls[: min(room, 1)] if not request.parallel_tool_calls else calls[:room]


def _with_unplanned(steps: list[Step], request: ModelRequest) -> list[Step]:
    """Add a step for calls that no step speaks of: forced ones, and failed ones that others built on."""
    planned = {call.key for step in steps for call in step.calls}
    answered = any(step.kind == "call" for step in steps)
    loose = [call for call in request.calls if key_of(call.name, call.arguments) not in planned]
    told = [call for call in loose if not answered or failed(call.output)]
    if not told:
        return steps
    text = steps[0].part.text if steps else ""
    made = Step(Part(text, analyse(text)), "call", calls=tuple(_as_call(call) for call in told))
    return [*(step for step in steps if step.kind not in ("unknown", "talk")), made]


def _as_call(call: FinishedCall) -> Call:
    try:
        arguments = json.loads(call.arguments or "{}")
    except (ValueError, RecursionError):
        arguments = None
    return Call(call.name, arguments if isinstance(arguments, dict) else {})


def shorten(text: str, max_tokens: int | None) -> tuple[str, bool]:
    """Return *text* within *max_tokens*, cut after a whole word where one fits, and whether it was cut."""
    if max_tokens is None or count_tokens(text) <= max_tokens:
        return text, False
    kept = text.encode("utf-8", "replace")[: max(0, max_tokens) * 4].decode("utf-8", "ignore")
    cuts_word = not kept[-1:].isspace() and not text[len(kept) : len(kept) + 1].isspace()
    whole = kept.rsplit(None, 1)[0] if cuts_word and len(kept.split()) > 1 else kept
    return whole.rstrip(), True


def count_prompt(request: ModelRequest) -> int:
    """Return an estimate of the tokens the request would cost a language model."""
    texts = [request.instructions, *(turn.text for turn in request.conversation)]
    for tool in request.tools:
        texts.extend((tool.name, tool.description))
        if tool.parameters:
            texts.append(json.dumps(tool.parameters, default=str))
    for call in request.calls:
        texts.extend((call.name, call.arguments, call.output))
    return sum(count_tokens(text) for text in texts)
