"""What lies behind a message that was given up on: why, whose it is, whether anybody waits, where it belongs.

Whatever cannot be read is named in the look's `problems`; it never keeps the rest from being shown.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from services.agents.backend import TERMINAL, AgentBackend, QueueFunction
from services.answers.service import AnswerService
from services.errors import NotFound, ServiceError
from services.models import FunctionTool, PeekedMessage
from services.monitor.kql import MOST_ITEMS
from services.monitor.logs import LogsService
from services.monitor.owners import Owner, owners
from services.monitor.results import Ask, Row
from services.poison import reading
from services.poison.causes import causes, failures, judge
from services.poison.contract import Contract, contract_of
from services.poison.reading import Reading
from services.poison.shapes import Awaited, Destination, Failure, Look, PoisonMessage
from services.poison.store import Stored
from services.queues import POISON_SUFFIX, QueueService
from services.telemetry.context import trace_of

LOOK_BACK = timedelta(days=7)  # a message lives no longer unless it was told to
AHEAD = timedelta(minutes=10)  # clocks differ
FUNCTIONS_FRESH_S = 60.0
RUNS_MOST = 16
AT_ONCE = 4
OPEN = "open"


class Explainer:
    """Threads share it. *logs*: None when no workspace is set; then no exception is known, and fewer owners are."""

    def __init__(
        self,
        queues: QueueService,
        backend: AgentBackend,
        answers: AnswerService,
        logs: LogsService | None,
        catalogue: tuple[FunctionTool, ...],
        now: Callable[[], datetime],
    ) -> None:
        self._queues, self._backend, self._answers = queues, backend, answers
        self._logs, self._catalogue, self._now = logs, catalogue, now
        self._functions: tuple[datetime, tuple[QueueFunction, ...]] | None = None

    def destination(self, queue: str) -> Destination | None:
        """Return where the messages of the poison *queue* belong; None when nothing says so. Up to two requests."""
        return self._destination(queue, self._known_functions([]))

    def contract(self, queue: str) -> Contract | None:
        """Return the contract of the tool that reads *queue*. At most one request a minute."""
        return contract_of(queue, self._known_functions([]), self._catalogue)

    def look(self, queue: str, found: Sequence[Stored], about: int, *, whole: bool) -> Look:
        """Return *found* with all that is known of each. For the requests see PoisonDesk.look()."""
        problems: list[ServiceError] = []
        found = sorted(
            found, key=_age_order
        )  # what was taken and shown again has lost its place in the queue
        functions = self._known_functions(problems)
        destination = self._destination(queue, functions, problems)
        contract = contract_of(destination.queue, functions, self._catalogue) if destination else None
        readings = {one.id: reading.read(one.content) for one in found}
        source = destination.queue if destination else queue.removesuffix(POISON_SUFFIX)
        failed, runs, traces = self._asked(source, readings, problems)
        fails = failures(found, readings, failed)
        whose = self._owners(found, readings, runs, traces)
        states = self._states(whose, problems)
        messages = tuple(_message(one, readings[one.id], contract, fails, whose, states) for one in found)
        notes = self._notes(readings, whose, states)
        return Look(
            queue,
            messages,
            max(about, len(messages)),
            whole,
            self._now(),
            destination,
            contract,
            tuple(problems),
            notes,
        )

    def _notes(
        self, readings: Mapping[str, Reading], whose: Mapping[str, Owner], states: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Return what was not looked at, in words."""
        found = [] if self._logs else ["No Log Analytics workspace is set: no exception is known."]
        if len({one.correlation for one in readings.values()} - {""}) > MOST_ITEMS:
            found.append(f"The runs of {MOST_ITEMS} messages only were looked for.")
        if len({one.run_id for one in whose.values()} - states.keys()) and len(states) >= RUNS_MOST:
            found.append("Not every run was asked for its state.")
        return tuple(found)

    def _known_functions(self, problems: list[ServiceError]) -> tuple[QueueFunction, ...]:
        now = self._now()
        if self._functions is None or (now - self._functions[0]).total_seconds() >= FUNCTIONS_FRESH_S:
            try:
                self._functions = now, tuple(self._backend.list_functions())
            except ServiceError as error:
                problems.append(error)
        return self._functions[1] if self._functions else ()

    def _destination(
        self, queue: str, functions: Sequence[QueueFunction], problems: list[ServiceError] | None = None
    ) -> Destination | None:
        source = queue.removesuffix(POISON_SUFFIX)
        if any(tool.input_queue == source for tool in self._catalogue):
            return Destination(source, "catalogue")
        if any(function.input.queue == source for function in functions):
            return Destination(source, "agent")
        try:
            found = source in self._queues.list_names(source)
        except ServiceError as error:
            if problems is not None:
                problems.append(error)
            return None
        return Destination(source, "name") if found else None

    def _asked(
        self, source: str, readings: Mapping[str, Reading], problems: list[ServiceError]
    ) -> tuple[Sequence[Row], Sequence[Row], Sequence[Row]]:
        """Return the rows of poison_failures, message_runs and trace_runs. One request, none without a workspace."""
        if self._logs is None or not readings:
            return (), (), ()
        span = {"start": self._now() - LOOK_BACK, "end": self._now() + AHEAD}
        told = {one.correlation for one in readings.values() if one.correlation.isprintable()} - {""}
        correlations = sorted(told)[:MOST_ITEMS]  # one that no query can hold must not cost the others theirs
        traces = sorted({one.trace_id for one in readings.values()} - {""})[:MOST_ITEMS]
        asks = (
            Ask("poison_failures", {**span, "queue": source}, source),
            Ask("message_runs", {**span, "correlations": correlations}, f"poison {source}"),
            Ask("trace_runs", {**span, "traces": traces}, f"poison {source}"),
        )
        results = self._logs.ask(*asks)
        for result in results:
            if result.problem is not None and all(result.problem is not one for one in problems):
                problems.append(result.problem)
        failed, runs, of_traces = (result.rows for result in results)
        return failed, runs, of_traces

    def _owners(
        self,
        found: Sequence[Stored],
        readings: Mapping[str, Reading],
        runs: Sequence[Row],
        traces: Sequence[Row],
    ) -> dict[str, Owner]:
        """Return who sent each message. Sends nothing."""
        open_answers = self._answers.open_answers()
        told = {one.correlation for one in readings.values()} - {""}
        known = {one: answer for one in told if (answer := self._answers.of_message(one)) is not None}
        peeked = [_peeked(one, readings[one.id]) for one in found]
        whose = owners(peeked, open_answers, known, runs)
        by_trace = {
            str(row["trace_id"]): Owner(str(row["run_id"]), str(row["thread_id"] or ""), "exact")
            for row in traces
            if row["run_id"]
        }
        by_trace |= {
            trace_of(answer.id).trace_id: Owner(answer.run_id, answer.thread_id, "exact")
            for answer in open_answers
            if answer.run_id
        }
        for one in found:
            carried = by_trace.get(readings[one.id].trace_id)
            if carried is not None and (one.id not in whose or whose[one.id].certainty != "exact"):
                whose[one.id] = carried
        return whose

    def _states(self, whose: Mapping[str, Owner], problems: list[ServiceError]) -> dict[str, str]:
        """Return the state of each run, by its id: of the open answers here, else asked for, 16 at most."""
        wanted = {one.run_id: one.thread_id for one in whose.values()}
        known = {
            run_id: (OPEN if answer.is_open else answer.state)
            for run_id in wanted
            if (answer := self._answers.of_run(run_id)) is not None
        }
        asked = [one for one in wanted.items() if one[0] not in known and one[1]][:RUNS_MOST]
        if not asked:
            return known
        with ThreadPoolExecutor(min(AT_ONCE, len(asked)), thread_name_prefix="poison-runs") as pool:
            states = list(pool.map(lambda one: self._state(one[1], one[0]), asked))
        for (run_id, _), state in zip(asked, states, strict=True):
            if isinstance(state, ServiceError):
                problems.append(state)
            else:
                known[run_id] = state
        return known

    def _state(self, thread_id: str, run_id: str) -> str | ServiceError:
        try:
            return self._backend.get_run(thread_id, run_id).state
        except NotFound:
            return "deleted"
        except ServiceError as error:
            return error


def _age_order(one: Stored) -> float:
    return one.inserted_at.timestamp() if one.inserted_at else 0.0


def awaited(state: str) -> Awaited:
    """Return whether a run of *state* may still take an answer; the state is a word of ours or of the service's."""
    if not state:
        return "unknown"
    return "no" if state in TERMINAL or state in ("deleted", "answered") else "yes"


def _message(
    one: Stored,
    found: Reading,
    contract: Contract | None,
    fails: Mapping[str, Failure],
    whose: Mapping[str, Owner],
    states: Mapping[str, str],
) -> PoisonMessage:
    verdict, failure, owner = judge(found, contract), fails.get(one.id), whose.get(one.id)
    state = states.get(owner.run_id, "") if owner else ""
    return PoisonMessage(
        one.id,
        one.inserted_at,
        one.expires_at,
        one.dequeue_count,
        found,
        causes(found, verdict, failure),
        verdict,
        failure,
        owner,
        awaited(state),
        state,
    )


def _peeked(one: Stored, found: Reading) -> PeekedMessage:
    return PeekedMessage(one.id, one.inserted_at, one.expires_at, one.dequeue_count, found.body, found.text)
