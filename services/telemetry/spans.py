"""From a finished answer to the spans of its trace. Pure: the same answer gives the same spans, ids included.

The names and properties are the contract with the queries; docs/telemetry.md lists them. What is not known is left
out, never written as zero.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.answers.events import AnswerEvent, ChildFound, RunFound
from services.models import Answer, FunctionTool, Step
from services.telemetry.context import CARRIED, TraceContext, span_id_of, trace_of
from services.telemetry.records import EventRecord, SpanKind, SpanRecord, milliseconds

PROVIDER = "azure.ai.agents"
CORRELATION_ID = "CorrelationId"
HASH_LENGTH = 16
_ORCHESTRATOR = "orchestrator"


@dataclass(frozen=True, slots=True)
class AnswerReport:
    """A final answer with all that is known of it. *run_state*: the service's own word for its run, empty: unknown.

    *correlation_ids*: by the id of the call whose message was seen. *record_content*: whether texts may be told.
    """

    answer: Answer
    events: tuple[AnswerEvent, ...]
    environment: str
    model: str
    run_state: str = ""
    correlation_ids: Mapping[str, str] = field(default_factory=dict)
    record_content: bool = False


def spans_of(report: AnswerReport) -> tuple[SpanRecord, ...]:
    """Return the spans of *report*, the answer's own first; none when nobody knows when it was asked or how it ended."""
    answer = report.answer
    if answer.asked_at is None or answer.took_s is None:
        return ()
    return tuple(_Trace(report, answer.asked_at, answer.took_s).spans())


def events_of(report: AnswerReport) -> tuple[EventRecord, ...]:
    """Return one event for each lifecycle stage that has ended."""
    answer = report.answer
    if answer.asked_at is None:
        return ()
    trace, zero_ns = trace_of(answer.id), _nanoseconds(answer.asked_at)
    return tuple(
        EventRecord(
            "lifecycle.stage",
            zero_ns + _ns(stage.started_s),
            {
                "relaydeck.answer.id": answer.id,
                "relaydeck.environment": report.environment,
                "relaydeck.stage": stage.name,
                "relaydeck.took_ms": milliseconds(stage.took_s),
                "relaydeck.failed": str(stage.failed).lower(),
            },
            trace.trace_id,
            trace.span_id,
        )
        for stage in answer.stages
        if stage.took_s is not None
    )


def argument_hash(arguments: str) -> str:
    """Return what identifies a call by its arguments; empty when they are no JSON object.

    The first 16 hexadecimal digits of the SHA-256 of their JSON with sorted keys and without blanks, without
    CorrelationId and what is only carried along. The function app computes the same.
    """
    try:
        found = json.loads(arguments or "{}")
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, dict):
        return ""
    kept = {name: value for name, value in found.items() if name not in {CORRELATION_ID, *CARRIED}}
    text = json.dumps(kept, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH]


class _Trace:
    def __init__(self, report: AnswerReport, asked_at: datetime, took_s: float) -> None:
        self._report, self._answer, self._took_s = report, report.answer, took_s
        self._zero_ns = _nanoseconds(asked_at)
        self._trace: TraceContext = trace_of(report.answer.id)
        self._run = next((one for one in report.events if isinstance(one, RunFound)), None)
        self._children = {one.step: one for one in report.events if isinstance(one, ChildFound)}

    def spans(self) -> Iterator[SpanRecord]:
        answer = self._answer
        yield SpanRecord(
            "answer",
            "server",
            self._trace.trace_id,
            self._trace.span_id,
            None,
            self._zero_ns,
            self._zero_ns + _ns(self._took_s),
            _known(self._of_answer()),
            answer.state == "answered",
        )
        parent = self._trace.span_id
        if self._run is not None:
            parent = self._id(_ORCHESTRATOR)
            yield self._orchestrator(self._run)
        for step in answer.steps:
            if step.kind in ("plan", "write"):
                yield self._turn(step, parent)
            elif step.kind == "delegate":
                yield self._delegation(step, parent)
        for call_id in self._calls():
            yield from self._call(call_id, parent)

    def _of_answer(self) -> dict[str, str | None]:
        answer, parts, run = self._answer, self._answer.parts, self._run
        calls = [step for step in answer.steps if step.kind in ("wait", "function")]
        content = self._report.record_content
        return {
            "relaydeck.answer.id": answer.id,
            "relaydeck.environment": self._report.environment,
            "relaydeck.outcome": answer.state,
            "relaydeck.problem": answer.problem.title if answer.problem else "",
            "gen_ai.conversation.id": answer.thread_id or None,
            "relaydeck.run.id": answer.run_id or None,
            "gen_ai.agent.name": (run.agent_name or None) if run else None,
            "gen_ai.agent.id": run.agent_id if run else None,
            "gen_ai.request.model": self._report.model or None,
            **self._usage(),
            "relaydeck.first_token_ms": _ms(answer.first_token_s),
            "relaydeck.model_ms": _ms(parts.model_s) if parts else None,
            "relaydeck.queue_wait_ms": _ms(parts.queue_wait_s) if parts else None,
            "relaydeck.function_ms": _ms(parts.function_s) if parts else None,
            "relaydeck.certainty": parts.certainty if parts else None,
            "relaydeck.tools": _names(calls),
            "relaydeck.agents": _names([step for step in answer.steps if step.kind == "delegate"]),
            "gen_ai.input.messages": _message("user", answer.question) if content else None,
            "gen_ai.output.messages": _message("assistant", answer.text) if content else None,
        }

    def _usage(self) -> dict[str, str | None]:
        tokens = self._answer.tokens
        return {
            "gen_ai.usage.input_tokens": str(tokens.prompt) if tokens else None,
            "gen_ai.usage.output_tokens": str(tokens.completion) if tokens else None,
        }

    def _orchestrator(self, run: RunFound) -> SpanRecord:
        stage = next((one for one in self._answer.stages if one.name == "execution"), None)
        start_s = min(run.at_s, stage.started_s if stage else run.at_s)
        attributes = {
            **self._agent(run.agent_name, run.run_id),
            "gen_ai.agent.id": run.agent_id or None,
            "gen_ai.conversation.id": self._answer.thread_id or None,
            "gen_ai.request.model": self._report.model or None,
            "relaydeck.run.status": self._report.run_state or None,
            **self._usage(),
        }
        name = f"invoke_agent {run.agent_name}".strip()
        ok = self._answer.state == "answered"
        return self._span(
            name, "client", _ORCHESTRATOR, self._trace.span_id, start_s, self._took_s, attributes, ok
        )

    def _turn(self, step: Step, parent: str) -> SpanRecord:
        attributes = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": self._report.model or None,
            "gen_ai.agent.name": step.name or None,
            "relaydeck.turn": step.kind,
        }
        name = f"chat {self._report.model}".strip()
        return self._of_step(step, name, "client", parent, attributes)

    def _delegation(self, step: Step, parent: str) -> SpanRecord:
        child = self._children.get(step.key)
        attributes = {
            **self._agent(step.name, child.run_id if child else ""),
            "gen_ai.conversation.id": child.thread_id if child else None,
            "relaydeck.parent_run.id": self._answer.run_id or None,
            "gen_ai.tool.call.id": _call_id(step.key),
        }
        return self._of_step(step, f"invoke_agent {step.name}", "client", parent, attributes)

    def _agent(self, name: str, run_id: str) -> dict[str, str | None]:
        return {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.agent.name": name or None,
            "relaydeck.run.id": run_id or None,
        }

    def _calls(self) -> list[str]:
        found = (_call_id(step.key) for step in self._answer.steps if step.kind in ("wait", "function"))
        return list(dict.fromkeys(found))

    def _call(self, call_id: str, orchestrator: str) -> Iterator[SpanRecord]:
        """Yield the span of one function call and, below it, each wait in the input queue that was seen to end."""
        steps = [one for one in self._answer.steps if _call_id(one.key) == call_id and one.kind != "delegate"]
        functions = [one for one in steps if one.kind == "function"]
        first, last = steps[0], (functions or steps)[-1]
        parent = orchestrator if first.parent is None else self._id(first.parent)
        key, end_s = f"call:{call_id}", self._end_s(last)
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.tool.name": first.name,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": call_id,
            "relaydeck.correlation_id": self._report.correlation_ids.get(call_id),
            "relaydeck.argument_hash": argument_hash(last.arguments or first.arguments) or None,
            "relaydeck.certainty": last.certainty or first.certainty,
            "relaydeck.timed": None if last.took_s is not None else "false",
            "gen_ai.tool.call.arguments": last.arguments if self._report.record_content else None,
            "gen_ai.tool.call.result": last.output if self._report.record_content else None,
        }
        name = f"execute_tool {first.name}"
        yield self._span(
            name, "client", key, parent, first.started_s, end_s, attributes, last.state == "done"
        )
        queue = FunctionTool(first.name, "", {}, "", "", "").input_queue
        for step in steps:
            if step.kind == "wait" and step.took_s is not None:
                hop = {
                    "relaydeck.hop": "queue_wait_in",
                    "messaging.destination.name": queue,
                    "gen_ai.tool.name": step.name,
                    "relaydeck.certainty": step.certainty,
                }
                yield self._of_step(step, f"queue_wait {queue}", "internal", self._id(key), hop)

    def _of_step(
        self, step: Step, name: str, kind: SpanKind, parent: str, attributes: Mapping[str, str | None]
    ) -> SpanRecord:
        timed = {"relaydeck.timed": None if step.took_s is not None else "false"}
        ok = step.state == "done"
        return self._span(
            name, kind, step.key, parent, step.started_s, self._end_s(step), {**attributes, **timed}, ok
        )

    def _end_s(self, step: Step) -> float:
        """Return when *step* ended; for one that nobody saw end (`relaydeck.timed` says so) the answer's own end."""
        if step.took_s is None:
            return max(step.started_s, self._took_s)
        return step.started_s + step.took_s

    def _span(
        self,
        name: str,
        kind: SpanKind,
        key: str,
        parent: str,
        start_s: float,
        end_s: float,
        attributes: Mapping[str, str | None],
        ok: bool,
    ) -> SpanRecord:
        shared = {"relaydeck.answer.id": self._answer.id, "relaydeck.environment": self._report.environment}
        start_ns, end_ns = self._zero_ns + _ns(start_s), self._zero_ns + _ns(max(start_s, end_s))
        return SpanRecord(
            name,
            kind,
            self._trace.trace_id,
            self._id(key),
            parent,
            start_ns,
            end_ns,
            _known({**shared, **attributes}),
            ok,
        )

    def _id(self, key: str) -> str:
        return span_id_of(self._answer.id, key)


def _call_id(key: str) -> str:
    """Return the call's id in a step's key: `function:call_1` and `function:call_1:2` (its second delivery)."""
    _, _, rest = key.partition(":")
    found, _, delivery = rest.rpartition(":")
    return found if found and delivery.isdecimal() else rest


def _known(attributes: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value is not None}


def _names(steps: list[Step]) -> str:
    return ",".join(dict.fromkeys(step.name for step in steps))


def _message(role: str, text: str) -> str:
    """Return *text* as the generative AI conventions write a message."""
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}], ensure_ascii=False)


def _ms(seconds: float | None) -> str | None:
    return None if seconds is None else milliseconds(seconds)


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1000
