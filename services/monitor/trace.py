"""One answer, or any run, put together from telemetry and from the agent service."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast, get_args

from services.answers.service import AnswerService
from services.errors import NotFound, ServiceError
from services.models import Answer, AnswerState
from services.monitor import live, spans
from services.monitor.kql import Value
from services.monitor.logs import LogsService
from services.monitor.results import Ask, Result
from services.monitor.shapes import Bar, Trace, in_order
from services.monitor.spans import Span, spans_of
from services.monitor.verdict import hops, verdict

LOOK_BACK = timedelta(days=30)
MARGIN = timedelta(minutes=10)
NO_WORKSPACE = "No Log Analytics workspace is set: this comes from the agent service and the queues alone."
NOT_YET = "Telemetry does not hold this run (yet): it arrives minutes after an answer is final."
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_STATES = {"completed": "answered", "incomplete": "failed"}


class TraceService:
    """Finds and stitches. Threads share it. *logs*: None when there is no workspace to ask."""

    def __init__(self, answers: AnswerService, logs: LogsService | None, now: Callable[[], datetime]) -> None:
        self._answers, self._logs, self._now = answers, logs, now

    def read(self, run_id: str, thread_id: str = "") -> Trace:
        """Return the trace of a run that Relaydeck or anybody else has started.

        Sends up to two requests to the workspace, and those of AnswerService.conversation() where the thread is
        given or telemetry names it. An open run is followed from then on. Raises NotFound, and, when neither place
        could be read, the ServiceErrors of the agent service.
        """
        if not _ID.fullmatch(run_id):
            raise _no_run(run_id)
        result = self._spans(run_id)
        found = spans_of(result.rows) if result is not None else ()
        thread_id = thread_id or _named(found, run_id, "gen_ai.conversation.id")
        failure: ServiceError | None = None
        answer = None
        if thread_id:
            try:
                answer = self._answer(run_id, thread_id)
            except ServiceError as error:
                failure = error
        if found and not (answer is not None and answer.is_open):
            return self._stitched(run_id, thread_id, found, answer, result, failure)
        if answer is None:
            raise failure if failure is not None and not isinstance(failure, NotFound) else _no_run(run_id)
        return self.of_answer(answer, result)

    def of_answer(self, answer: Answer, telemetry: Result | None = None) -> Trace:
        """Return the trace as the agent service and the queues tell it, now. Sends nothing."""
        bars = in_order(live.bars_of(answer))
        if self._logs is None:
            notes: tuple[str, ...] = (NO_WORKSPACE,)
        elif telemetry is None or not telemetry.is_known or answer.is_open:
            notes = ()
        else:
            notes = (NOT_YET,)
        return Trace(
            answer.run_id,
            answer.thread_id,
            answer.state,
            answer.asked_at,
            answer.took_s,
            bars,
            hops(answer.state, bars),
            verdict(answer.state, answer.took_s, bars, answer),
            ("Agent service", "Storage queues"),
            notes,
            answer,
            telemetry=telemetry,
        )

    def _spans(self, run_id: str) -> Result | None:
        if self._logs is None:
            return None
        now = self._now()
        values: dict[str, Value] = {"start": now - LOOK_BACK, "end": now + MARGIN, "run": run_id}
        return self._logs.ask(Ask("trace_spans", values))[0]

    def _answer(self, run_id: str, thread_id: str) -> Answer | None:
        """Return what the thread tells of the run, also when it is the run of a connected agent."""
        answers = self._answers.conversation(thread_id).answers
        return next(
            (one for one in answers if one.run_id == run_id),
            next((one for one in answers if run_id in one.child_run_ids), None),
        )

    def _stitched(
        self,
        run_id: str,
        thread_id: str,
        found: tuple[Span, ...],
        answer: Answer | None,
        result: Result | None,
        failure: ServiceError | None,
    ) -> Trace:
        root = next((span for span in found if span.name == "answer"), found[0])
        own = tuple(span for span in found if span.operation == root.operation)
        others, unread = self._executions(own)
        bars, notes = spans.bars_of(own, others, root.at)
        bars = in_order(_filled(bars, own, answer))
        state = _state(root, answer)
        took_s = root.took_s if root.took_s is not None else answer.took_s if answer else None
        told = [*notes, *unread]
        if failure is not None:
            told.append(f"The conversation could not be read: {failure.message}")
        if len({span.operation for span in found}) > 1:
            told.append("This run appears in several traces; the one with its answer is shown.")
        if root.properties.get("relaydeck.demo") == "true":
            told.append("Demo data: this answer was generated and never asked.")
        return Trace(
            run_id,
            thread_id,
            state,
            root.at,
            took_s,
            bars,
            hops(state, bars),
            verdict(state, took_s, bars, answer, _deliveries(own, others, bars)),
            ("Log Analytics",) + (("Agent service",) if answer else ()),
            tuple(told),
            answer,
            result.rows if result else (),
            result,
        )

    def _executions(self, own: tuple[Span, ...]) -> tuple[tuple[Span, ...], tuple[str, ...]]:
        """Return function executions around the calls that have none in their trace; nothing is asked when all have."""
        parents = {span.parent for span in own if span.kind == "function"}
        calls = [span for span in own if span.is_call and span.id not in parents]
        if not calls or self._logs is None:
            return (), ()
        end = max(call.at + timedelta(seconds=call.took_s or 0.0) for call in calls)
        values: dict[str, Value] = {
            "start": min(call.at for call in calls) - MARGIN,
            "end": end + MARGIN,
            "tools": sorted({call.tool for call in calls}),
        }
        label = calls[0].operation + calls[0].id
        (result,) = self._logs.ask(Ask("trace_functions", values, label))
        if not result.is_known:
            return (), ("The function app's telemetry could not be read; its bars may be missing.",)
        return spans_of(result.rows), ()


def _named(found: tuple[Span, ...], run_id: str, name: str) -> str:
    return next(
        (
            span.properties[name]
            for span in found
            if span.properties.get(name) and span.properties.get("relaydeck.run.id") == run_id
        ),
        "",
    )


def _state(root: Span, answer: Answer | None) -> AnswerState:
    if answer is not None:
        return answer.state
    said = root.properties.get("relaydeck.outcome") or root.properties.get("relaydeck.run.status", "")
    said = _STATES.get(said, said)
    if said in get_args(AnswerState):
        return cast("AnswerState", said)
    return "failed" if root.failed else "answered"


def _filled(bars: tuple[Bar, ...], own: tuple[Span, ...], answer: Answer | None) -> tuple[Bar, ...]:
    """Return *bars* with arguments and output, which telemetry leaves out, from the steps of the run."""
    if answer is None:
        return bars
    calls = {span.id: span.properties.get("gen_ai.tool.call.id", "") for span in own}
    steps = {
        step.key.partition(":")[2]: step for step in answer.steps if step.kind in ("function", "delegate")
    }
    return tuple(
        replace(bar, arguments=bar.arguments or step.arguments, output=bar.output or step.output)
        if (step := steps.get(calls.get(bar.key, ""))) is not None
        else bar
        for bar in bars
    )


def _deliveries(own: tuple[Span, ...], others: tuple[Span, ...], bars: tuple[Bar, ...]) -> int:
    shown = {bar.key for bar in bars}
    counts = [
        span.properties.get("relaydeck.dequeue_count", "") for span in (*own, *others) if span.id in shown
    ]
    return max((int(count) for count in counts if count.isdecimal()), default=1)


def _no_run(run_id: str) -> NotFound:
    shown = run_id if len(run_id) <= 64 else run_id[:64] + "…"
    return NotFound(
        f"There is no run {shown!r} in the telemetry, nor in the conversation given.",
        operation="open trace",
        resource=shown,
        hint="Open it from its answer on the Ask page, or add &thread=… to the address.",
    )
