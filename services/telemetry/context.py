"""Trace context: how an answer, its log lines and the functions it calls find each other.

It travels as a declared tool parameter (https://www.w3.org/TR/trace-context/#traceparent-header): the run is told to
pass it on, the agents copy it, the function app continues the trace. Where it gets lost, nothing else does.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

PARAMETER = "traceparent"
TURN = (
    "conversation_turn"  # travels in the same way, with the calls of ordered tools (services/agents/turns.py)
)
CARRIED = frozenset({PARAMETER, TURN})  # what agents copy, and no question and no tool is about
DESCRIPTION = "Trace context; copy it unchanged when the conversation gives one."
_VALUE = r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
_TURN_VALUE = r"[A-Za-z0-9_-]{1,128}:[0-9]{1,9}:[0-9]{1,9}"
_AS_MEMBER = re.compile(
    rf',\s*"(?:{PARAMETER}|{TURN})"\s*:\s*"[^"]{{0,200}}"'
    rf'|"(?:{PARAMETER}|{TURN})"\s*:\s*"[^"]{{0,200}}"\s*,?\s*'
)
_IN_WORDS = re.compile(
    rf"""(?:\s|\\n)*[\[(]?`?(?:{PARAMETER}`?\s*[=:]?\s*(?:\\?["'`])?{_VALUE}"""
    rf"""|{TURN}`?\s*[=:]?\s*(?:\\?["'`])?{_TURN_VALUE})(?:\\?["'`])?[\])]?""",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class TraceContext:
    """*trace_id*: 32, *span_id*: 16 hexadecimal digits; the span is the answer's own."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"


def trace_of(answer_id: str) -> TraceContext:
    """Return the trace of *answer_id*: the same in every process, before and after a restart."""
    digest = hashlib.sha256(answer_id.encode()).hexdigest()
    return TraceContext(digest[:32], digest[32:48])


def span_id_of(answer_id: str, key: str) -> str:
    """Return the id of the span that is *key* within the answer: 16 hexadecimal digits."""
    return hashlib.sha256(f"{answer_id} {key}".encode()).hexdigest()[:16]


def instructions_for(context: TraceContext) -> str:
    """Return what a run is told, so that its calls carry *context*."""
    return passing_on(PARAMETER, context.traceparent)


def passing_on(parameter: str, value: str) -> str:
    """Return how a run is told to have its agents' calls carry *value* as *parameter*."""
    given = f"{parameter}='{value}'"
    return (
        f"When you call a tool that has a parameter {parameter}, pass {given} unchanged. When you hand something to "
        f"an agent, end it with a line of its own: {given}. Never mention {parameter} in an answer."
    )


def with_parameter(schema: Mapping[str, object]) -> dict[str, object]:
    """Return the JSON schema of a tool's parameters with the optional trace context declared in it."""
    properties = schema.get("properties")
    known = dict(properties) if isinstance(properties, Mapping) else {}
    return {**schema, "properties": {**known, PARAMETER: {"type": "string", "description": DESCRIPTION}}}


def without_trace(text: str) -> str:
    """Return *text*, a reply or the arguments of a call, as people should see it: without what it only carries."""
    if PARAMETER not in text and TURN not in text:
        return text
    return _IN_WORDS.sub("", _AS_MEMBER.sub("", text))


# The answer that the current thread works on, for log lines --------------------------------------------

_trace_id: ContextVar[str] = ContextVar("relaydeck_trace_id", default="")


def current_trace_id() -> str:
    """Return the trace id of the answer that this thread works on; empty when it works on none."""
    return _trace_id.get()


@contextmanager
def working_on(context: TraceContext) -> Iterator[None]:
    """Have log lines of this thread carry the trace id of *context*."""
    token = _trace_id.set(context.trace_id)
    try:
        yield
    finally:
        _trace_id.reset(token)
