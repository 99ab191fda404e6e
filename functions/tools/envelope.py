"""The messages that travel: what an agent asks, and what a tool answers.

Question, flat (classic agents):  {"query": "...", "CorrelationId": "42"}
Question, nested (newer agents):  {"function_args": {"query": "..."}, "CorrelationId": "42"}
Answer to either:                 {"Value": "...", "CorrelationId": "42"}
https://learn.microsoft.com/azure/ai-foundry/agents/how-to/tools/azure-functions
"""

import json
from dataclasses import dataclass

CORRELATION_ID = "CorrelationId"
NESTED = "function_args"
TRACE_CONTEXT = "traceparent"  # declared as a parameter of every tool; no tool is to see it
TURN = "conversation_turn"  # declared as a parameter of ordered tools; no tool is to see it either
MAX_ENCODED_BYTES = 64 * 1024  # of one queue message; base64 makes four bytes of three
MAX_REPLY_BYTES = MAX_ENCODED_BYTES // 4 * 3
MAX_CORRELATION_ID_CHARACTERS = 512

Arguments = dict[str, object]
CorrelationId = str | int


class ToolError(Exception):
    """An expected fault. Its text is the answer: one or two sentences that the agent can pass on."""


class UnanswerableError(Exception):
    """The message cannot be answered, because nothing says to whom. The host gives it up to the poison queue."""


@dataclass(frozen=True, slots=True)
class Question:
    """*fault*: why the arguments cannot be used, in words; None when they can.

    *trace*: the trace context, *turn*: the place in the conversation (tools/turns.py); "" for none.
    """

    correlation_id: CorrelationId
    arguments: Arguments
    fault: str | None = None
    trace: str = ""
    turn: str = ""


def parse(body: bytes) -> Question:
    """Return the question in *body*, from either envelope. Raises UnanswerableError."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise UnanswerableError(f"The message is not JSON ({type(exc).__name__}).") from exc
    if not isinstance(payload, dict):
        raise UnanswerableError(f"The message must be a JSON object, not {kind(payload)}.")
    correlation_id = _correlation_id(payload)
    if NESTED not in payload:
        return _question(correlation_id, {name: payload[name] for name in payload if name != CORRELATION_ID})
    nested = payload[NESTED]
    if not isinstance(nested, dict):
        return Question(correlation_id, {}, f"{NESTED} must be a JSON object, not {kind(nested)}.")
    return _question(correlation_id, nested)


def _question(correlation_id: CorrelationId, arguments: Arguments) -> Question:
    kept = {name: value for name, value in arguments.items() if name not in (TRACE_CONTEXT, TURN)}
    trace, turn = _carried(arguments, TRACE_CONTEXT), _carried(arguments, TURN)
    return Question(correlation_id, kept, trace=trace, turn=turn)


def _carried(arguments: Arguments, name: str) -> str:
    value = arguments.get(name)
    return value.strip() if isinstance(value, str) else ""


def render(value: str, correlation_id: CorrelationId) -> str:
    """Return the answer as ASCII JSON text. Raises ToolError when the queue would not take it."""
    reply = json.dumps({"Value": value, CORRELATION_ID: correlation_id})
    if len(reply) > MAX_REPLY_BYTES:
        raise ToolError(
            f"The result is too long to send: {len(reply):,} bytes, and an answer holds {MAX_REPLY_BYTES:,}. "
            "Ask for less."
        )
    return reply


def render_error(text: str) -> str:
    """Return the value of an answer that reports a fault."""
    return json.dumps({"error": text})


def text_argument(arguments: Arguments, name: str) -> str:
    """Return the argument *name*, without surrounding blanks. Raises ToolError when it is missing, no text or empty."""
    if name not in arguments or arguments[name] is None:
        raise ToolError(f"The parameter {name} is missing. Call the function again with {name}.")
    value = arguments[name]
    if not isinstance(value, str):
        raise ToolError(f"The parameter {name} must be text, not {kind(value)}.")
    if not value.strip():
        raise ToolError(f"The parameter {name} is empty. Call the function again with {name}.")
    return value.strip()


def shorten(text: str, limit: int = 60) -> str:
    """Return *text* on one line, printable, cut to *limit* characters: fit to be quoted in an error."""
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def kind(value: object) -> str:
    """Return what JSON calls *value*."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "an array" if isinstance(value, list) else "an object"


def _correlation_id(payload: dict[str, object]) -> CorrelationId:
    value = payload.get(CORRELATION_ID)
    if value is None or value == "":
        raise UnanswerableError(f"The message has no {CORRELATION_ID}, so there is nobody to answer.")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise UnanswerableError(f"{CORRELATION_ID} must be text or a whole number, not {kind(value)}.")
    if len(str(value)) > MAX_CORRELATION_ID_CHARACTERS:
        raise UnanswerableError(
            f"{CORRELATION_ID} is longer than {MAX_CORRELATION_ID_CHARACTERS} characters."
        )
    return value
