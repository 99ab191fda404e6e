"""What one question of the made-up day leaves behind: an answer made of events, and what its function would tell."""

import json
import random
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from services.agents.backend import Run
from services.answers import problems
from services.answers.events import (
    AnswerEvent,
    Asked,
    Began,
    ChildFound,
    Closed,
    PartsMeasured,
    RunFound,
    StageBegan,
    StageEnded,
    StepBegan,
    StepEnded,
    StepFilled,
    TextSet,
    ThreadFound,
    TokensCounted,
)
from services.answers.fold import fold
from services.answers.parts import HopTimes, Interval, measure
from services.demo.world import DEADLINE_S, EXPIRY_S, Ending, Visit
from services.models import AnswerState, FunctionTool, Problem
from services.telemetry.context import trace_of
from services.telemetry.spans import AnswerReport

ORCHESTRATOR = "orchestrator"
_LETTERS = string.ascii_letters + string.digits
_STATES: dict[Ending, tuple[AnswerState, str]] = {
    "throttled": ("failed", "failed"),
    "poison": ("failed", "cancelled"),
    "expired": ("expired", "expired"),
    "cancelled": ("cancelled", "cancelled"),
}
_BUSY = "Rate limit is exceeded. Try again in 20 seconds."


@dataclass(frozen=True, slots=True)
class Execution:
    """One delivery of a message, as the function app saw it. *arguments* and *correlation_id*: None when the message
    could not be read. *traceparent*: empty when it did not come through."""

    tool: str
    queue: str
    began_ns: int
    ended_ns: int
    outcome: str
    delivery: int
    inserted_at: datetime
    message_id: str
    invocation_id: str
    correlation_id: str | None
    arguments: Mapping[str, object] | None
    traceparent: str


@dataclass(frozen=True, slots=True)
class Story:
    """*report*: what the dashboard would tell of the answer. *executions*: what the function app would."""

    report: AnswerReport
    executions: tuple[Execution, ...]


class Author:
    """Writes the stories of one day that began at *zero*. Ids say that they are made up: `run_Demo…`."""

    def __init__(
        self,
        chance: random.Random,
        zero: datetime,
        tools: Mapping[str, FunctionTool],
        environment: str,
        model: str,
    ) -> None:
        self._chance, self._zero, self._tools = chance, zero, tools
        self._environment, self._model = environment, model
        self._agent_id = self._id("asst")

    def write(self, visit: Visit) -> Story:
        page = _Page(self, visit)
        events = tuple(page.events())
        report = AnswerReport(
            fold(events),
            events,
            self._environment,
            self._model,
            _STATES.get(visit.ending, ("answered", "completed"))[1],
            {page.call_id: page.correlation_id} if page.is_seen else {},
        )
        return Story(report, tuple(self._executions(page)))

    def _executions(self, page: "_Page") -> Iterator[Execution]:
        visit, tool = page.visit, page.tool
        if tool is None or visit.sent_s is None:
            return
        message_id, readable = self.guid(), visit.ending != "poison"
        for number, one in enumerate(visit.deliveries, 1):
            yield Execution(
                tool.name,
                tool.input_queue,
                self._at_ns(one.began_s),
                self._at_ns(one.ended_s),
                one.outcome,
                number,
                self.at(visit.sent_s).replace(microsecond=0),  # Storage gives whole seconds
                message_id,
                self.guid(),
                page.correlation_id if readable else None,
                json.loads(visit.sample.arguments) if readable else None,
                trace_of(page.answer_id).traceparent if readable else "",
            )

    def at(self, at_s: float) -> datetime:
        return self._zero + timedelta(seconds=at_s)

    def agent(self) -> str:
        return self._agent_id

    def tool_of(self, name: str) -> FunctionTool | None:
        return self._tools.get(name)

    def chance(self) -> float:
        return self._chance.random()

    def guid(self) -> str:
        digits = f"{self._chance.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def answer_id(self) -> str:
        return f"ans_{self._chance.getrandbits(80):020x}"

    def new(self, kind: str) -> str:
        return self._id(kind)

    def _id(self, kind: str) -> str:
        return f"{kind}_Demo" + "".join(self._chance.choices(_LETTERS, k=20))

    def _at_ns(self, at_s: float) -> int:
        return round(self.at(at_s).timestamp() * 1e6) * 1000


class _Page:
    """The events of one visit, in seconds since it was asked."""

    def __init__(self, author: Author, visit: Visit) -> None:
        self.visit, self._author = visit, author
        self.tool = author.tool_of(visit.sample.tool)
        self.answer_id, self.call_id = author.answer_id(), author.new("call")
        self._thread_id, self._run_id = author.new("thread"), author.new("run")
        self._child_thread_id, self._child_run_id = author.new("thread"), author.new("run")
        self._delegation = f"delegate:{author.new('call')}"
        self.correlation_id = author.guid()
        self.is_seen = author.chance() < 0.9 and visit.sent_s is not None and visit.ending != "poison"
        self._times = HopTimes(certainty="strong" if self.is_seen else "guess")

    def events(self) -> Iterator[AnswerEvent]:
        visit, asked_at = self.visit, self._author.at(self.visit.asked_s).astimezone(UTC)
        yield Asked(0.0, self.answer_id, visit.sample.text, "", asked_at)
        yield Began(0.002)
        yield StageBegan(0.002, "creation")
        yield ThreadFound(0.012, self._thread_id)
        yield StageEnded(0.012, "creation")
        yield StageBegan(0.012, "configuration")
        yield StageEnded(0.016, "configuration")
        yield StageBegan(0.016, "execution")
        yield RunFound(visit.begin_s, self._run_id, self._author.agent(), ORCHESTRATOR)
        yield StepBegan(visit.begin_s, "plan", None, "plan", ORCHESTRATOR)
        planned_s = visit.begin_s + visit.plan_s
        if visit.ending == "throttled":
            yield from self._end(planned_s)
            return
        yield StepEnded(planned_s, "plan")
        if self.tool is None:
            yield from self._write(planned_s)
            return
        yield from self._delegate(self.tool, planned_s)

    def _delegate(self, tool: FunctionTool, at_s: float) -> Iterator[AnswerEvent]:
        visit = self.visit
        query = json.dumps({"query": visit.sample.text})
        yield StepBegan(at_s, self._delegation, None, "delegate", tool.agent, query)
        yield ChildFound(at_s, self._delegation, self._child_thread_id, self._child_run_id)
        yield StageBegan(at_s, "monitoring")
        yield from self._call(tool, at_s + visit.call_s)
        if visit.ending in _STATES:
            return
        read_s = self._times.runs[-1].end_s
        yield StepEnded(read_s + visit.reply_s, self._delegation)
        yield from self._write(read_s + visit.reply_s)

    def _call(self, tool: FunctionTool, sent_s: float) -> Iterator[AnswerEvent]:
        """Yield the waits and executions as they are seen from outside; an answer that ends early sees part of them."""
        visit, at_s, sure = self.visit, sent_s, self._times.certainty
        over_s = {"poison": DEADLINE_S, "expired": EXPIRY_S, "cancelled": sent_s + 1.5}.get(visit.ending)
        for number, one in enumerate(visit.deliveries, 1):
            suffix = f":{number}" if number > 1 else ""
            wait, function = f"wait:{self.call_id}{suffix}", f"function:{self.call_id}{suffix}"
            began_s, ended_s = one.began_s - visit.asked_s, one.ended_s - visit.asked_s
            yield StepBegan(at_s, wait, self._delegation, "wait", tool.name, visit.sample.arguments)
            if over_s is not None and began_s >= over_s:
                break
            yield StepEnded(began_s, wait, "done", sure, began_s - at_s)
            yield StepBegan(
                began_s, function, self._delegation, "function", tool.name, visit.sample.arguments
            )
            last = number == len(visit.deliveries)
            if last and visit.ending in _STATES:
                break
            end_s = ended_s + (0.05 + 0.3 * self._author.chance() if last else 0.0)
            self._times = replace(
                self._times,
                waits=(*self._times.waits, Interval(at_s, began_s)),
                runs=(*self._times.runs, Interval(began_s, end_s)),
            )
            if last:
                yield StepFilled(end_s, function, visit.sample.arguments, "")
            yield StepEnded(end_s, function, "done" if last else "failed", sure, end_s - began_s)
            at_s = end_s
        if over_s is not None:
            self._times = replace(self._times, known=False)
            yield from self._end(over_s)

    def _write(self, at_s: float) -> Iterator[AnswerEvent]:
        visit = self.visit
        began_s = at_s + 0.4 * visit.write_s
        yield StepBegan(began_s, "write", None, "write", ORCHESTRATOR)
        yield TextSet(began_s, "…")
        yield StepEnded(at_s + visit.write_s, "write")
        yield from self._end(at_s + visit.write_s)

    def _end(self, at_s: float) -> Iterator[AnswerEvent]:
        visit, words = self.visit, self.visit.sample.words
        state = _STATES.get(visit.ending, ("answered", ""))[0]
        if state == "answered":
            calls = 2 if self.tool is not None else 0
            yield TokensCounted(at_s, 354 + 200 * calls + len(visit.sample.text), 10 + 8 * calls + words)
        yield Closed(at_s, state, self._problem())
        if self.tool is None or visit.ending == "throttled":
            yield PartsMeasured(at_s, measure([], 0.002, at_s, complete=True))
        else:
            yield PartsMeasured(at_s, measure([self._times], 0.002, at_s, complete=True))
        yield StageEnded(at_s, "execution", state in ("failed", "expired"))
        if self.tool is not None and visit.ending != "throttled":
            yield StageEnded(at_s, "monitoring")
        yield StageBegan(at_s, "cleanup")
        yield StageEnded(at_s + 0.004, "cleanup")

    def _problem(self) -> Problem | None:
        """Return what Relaydeck says of such an end, in its own words."""
        if self.visit.ending == "throttled":
            return problems.from_run(self._run("failed", "rate_limit_exceeded", _BUSY))
        if self.tool is None:
            return None
        given_up = 1 if self.visit.ending == "poison" else 0
        facts = [problems.QueueFacts(self.tool.name, self.tool.input_queue, 0, 0, given_up)]
        if self.visit.ending == "expired":
            return problems.from_run(self._run("expired"), facts)
        if self.visit.ending == "poison":
            return problems.at_deadline(DEADLINE_S, self._run_id, facts)
        return None

    def _run(self, state: str, code: str = "", message: str = "") -> Run:
        asked_at = self._author.at(self.visit.asked_s)
        return Run(
            self._run_id, self._thread_id, self._author.agent(), state, asked_at, None, {}, code, message
        )
