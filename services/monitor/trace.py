"""One answer, or any run, put together from telemetry and from the agent service."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

from services.answers.service import AnswerService
from services.errors import NotFound, ServiceError
from services.models import Answer
from services.monitor import outsiders, stitch
from services.monitor.kql import Value
from services.monitor.logs import LogsService
from services.monitor.outsiders import Link
from services.monitor.results import Ask, Result
from services.monitor.shapes import Trace
from services.monitor.spans import Span, spans_of

LOOK_BACK = timedelta(days=30)
MARGIN = timedelta(minutes=10)
MOST_TOOLS = 100
UNREAD = "The function app's telemetry could not be read; its bars may be missing."
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class TraceService:
    """Finds and stitches. Threads share it. *logs*: None when there is no workspace to ask."""

    def __init__(self, answers: AnswerService, logs: LogsService | None, now: Callable[[], datetime]) -> None:
        self._answers, self._logs, self._now = answers, logs, now

    def read(self, run_id: str, thread_id: str = "") -> Trace:
        """Return the trace of a run that Relaydeck or anybody else has started.

        Sends up to two requests to the workspace, and those of AnswerService.conversation() where the thread is
        given or telemetry names it. An open run is followed from then on. Raises NotFound, and, when neither place
        could be read, the ServiceErrors of the agent service or of the workspace.
        """
        if not _ID.fullmatch(run_id):
            raise _no_run(run_id)
        result = self._spans(run_id)
        found = spans_of(result.rows) if result is not None else ()
        thread_id = thread_id or _named(found, run_id, "gen_ai.conversation.id")
        failure: ServiceError | None = None
        answer = None
        if thread_id and not any(span.is_demo for span in found):  # made up: the service never knew it
            try:
                answer = self._answer(run_id, thread_id)
            except ServiceError as error:
                failure = error
        if answer is None and not found:
            raise _nowhere(run_id, result, failure)
        return self._told(run_id, thread_id, found, answer, result, failure)

    def again(self, known: Trace) -> Trace:
        """Return *known* with what telemetry tells by now. Up to two requests to the workspace, no other."""
        result = self._spans(known.run_id)
        found = spans_of(result.rows) if result is not None else ()
        return self._told(known.run_id, known.thread_id, found, known.answer, result, None)

    def of_answer(self, answer: Answer, telemetry: Result | None = None) -> Trace:
        """Return the trace as the agent service and the queues tell it, now. Sends nothing."""
        return stitch.of_answer(answer, telemetry, has_workspace=self._logs is not None)

    def _told(
        self,
        run_id: str,
        thread_id: str,
        found: tuple[Span, ...],
        answer: Answer | None,
        result: Result | None,
        failure: ServiceError | None,
    ) -> Trace:
        if found and not (answer is not None and answer.is_open):
            own = stitch.trace_of(found)
            others, notes = self._executions(own)
            return stitch.of_spans(run_id, thread_id, found, others, answer, result, failure, notes)
        assert answer is not None, "one of the two is known"
        if answer.is_open:
            return self.of_answer(answer, result)
        links, notes = self._links(answer)
        return stitch.of_answer(
            answer, result, has_workspace=self._logs is not None, links=links, notes=notes
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

    def _executions(self, own: tuple[Span, ...]) -> tuple[tuple[Span, ...], tuple[str, ...]]:
        """Return function executions around the calls that have none in their trace; nothing is asked when all have."""
        calls = stitch.calls_without_function(own)
        return self._around(calls) if calls else ((), ())

    def _links(self, answer: Answer) -> tuple[dict[str, Link], tuple[str, ...]]:
        calls = outsiders.calls_of(answer)
        if not calls:
            return {}, ()
        executions, notes = self._around(calls)
        return outsiders.links(calls, executions), notes

    def _around(self, calls: tuple[Span, ...]) -> tuple[tuple[Span, ...], tuple[str, ...]]:
        if self._logs is None:
            return (), ()
        end = max(call.at + timedelta(seconds=call.took_s or 0.0) for call in calls)
        values: dict[str, Value] = {
            "start": min(call.at for call in calls) - MARGIN,
            "end": end + MARGIN,
            "tools": sorted({call.tool for call in calls})[:MOST_TOOLS],
        }
        label = calls[0].operation + calls[0].id
        (result,) = self._logs.ask(Ask("trace_functions", values, label))
        return (spans_of(result.rows), ()) if result.is_known else ((), (UNREAD,))


def _named(found: tuple[Span, ...], run_id: str, name: str) -> str:
    return next(
        (
            span.properties[name]
            for span in found
            if span.properties.get(name) and span.properties.get("relaydeck.run.id") == run_id
        ),
        "",
    )


def _nowhere(run_id: str, result: Result | None, failure: ServiceError | None) -> ServiceError:
    """Return why there is nothing to show: what could not be read is not what is not there."""
    if failure is not None and not isinstance(failure, NotFound):
        return failure
    if result is not None and not result.is_known and result.problem is not None:
        return result.problem
    return _no_run(run_id)


def _no_run(run_id: str) -> NotFound:
    shown = run_id if len(run_id) <= 64 else run_id[:64] + "…"
    return NotFound(
        f"There is no run {shown!r} in the telemetry, nor in the conversation given.",
        operation="open trace",
        resource=shown,
        hint="Open it from its answer on the Ask page, or add &thread=… to the address.",
    )
