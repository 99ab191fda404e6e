"""A conversation as its thread tells it: every answer found by its run, never by being the last message."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from services.agents.backend import (
    TERMINAL,
    AgentBackend,
    Run,
    RunStep,
    Thread,
    ThreadMessage,
)
from services.answers import problems, record
from services.answers.ending import STATES
from services.answers.events import (
    AnswerEvent,
    Asked,
    Began,
    ChildFound,
    Closed,
    PartsMeasured,
    RunFound,
    StepBegan,
    StepEnded,
    StepFilled,
    TextSet,
    TokensCounted,
)
from services.answers.fold import fold
from services.answers.questions import title_of
from services.answers.restored import restored_answers
from services.backup.marks import origin_of
from services.errors import ServiceError
from services.models import Answer, StepKind, StepState

log = logging.getLogger(__name__)
ANSWERS_MOST = 50
MESSAGES_MOST = 200
STEPS_FOR_LATEST = 10  # older answers are shown without steps: each costs a request or more
READERS = 4
CACHED_RUNS = 500
_Steps = tuple[tuple[RunStep, ...], tuple["ChildStep", ...]]


@dataclass(frozen=True, slots=True)
class ChildStep:
    """A step of a connected agent's run; *call_id*: the delegation that started that run."""

    call_id: str
    step: RunStep


@dataclass(frozen=True, slots=True)
class Found:
    """One run of a thread with what belongs to it."""

    run: Run
    question: str
    text: str
    steps: tuple[RunStep, ...] = ()
    children: tuple[ChildStep, ...] = ()

    @property
    def answer_id(self) -> str:
        stored = self.run.metadata.get(record.ANSWER, "")
        return stored if stored.startswith("ans_") and len(stored) < 80 else f"ans_{self.run.id}"


@dataclass(frozen=True, slots=True)
class Past:
    """*found*: oldest first. *complete*: False when older ones were left out. *restored*: what came from a back-up."""

    thread: Thread
    found: tuple[Found, ...]
    complete: bool
    restored: tuple[Answer, ...] = ()

    @property
    def title(self) -> str:
        stored = self.thread.metadata.get(record.TITLE, "")
        asked = [*(one.question for one in self.restored), *(one.question for one in self.found)]
        return stored or next(map(title_of, filter(None, asked)), "Conversation")


class History:
    """Reads threads. Steps of ended runs do not change any more and are kept for the next look."""

    def __init__(self, backend: AgentBackend) -> None:
        self._backend = backend
        self._steps: OrderedDict[str, tuple[RunStep, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, thread_id: str, known_runs: Iterable[str] = ()) -> Past:
        """Return what *thread_id* holds; steps are not read for *known_runs*.

        Sends three requests, and one or more for each of the latest STEPS_FOR_LATEST ended runs not seen before.
        Raises NotFound and the other ServiceErrors.
        """
        thread = self._backend.get_thread(thread_id)
        runs = self._backend.list_runs(thread_id, ANSWERS_MOST + 1)
        messages = list(reversed(self._backend.list_messages(thread_id, MESSAGES_MOST)))
        restored = restored_answers(thread_id, messages)
        complete = len(runs) <= ANSWERS_MOST and not (restored and len(messages) == MESSAGES_MOST)
        runs = list(reversed(runs[:ANSWERS_MOST]))
        known = set(known_runs)
        wanted = [run for run in runs if run.state in TERMINAL and run.id not in known]
        steps = self._read_steps(wanted[-STEPS_FOR_LATEST:])
        found = []
        ours = [message for message in messages if origin_of(message.metadata) is None]
        for run, question in zip(runs, questions_of(runs, ours), strict=True):
            own, children = steps.get(run.id, ((), ()))
            found.append(Found(run, question, text_of(run, messages), own, children))
        return Past(thread, tuple(found), complete, restored)

    def _read_steps(self, runs: Sequence[Run]) -> dict[str, _Steps]:
        if not runs:
            return {}
        with ThreadPoolExecutor(READERS, "answer-history") as pool:
            return dict(zip((run.id for run in runs), pool.map(self._steps_of, runs), strict=True))

    def _steps_of(self, run: Run) -> _Steps:
        own = self._cached(run.thread_id, run.id)
        children = (
            ChildStep(call.id, step)
            for one in own
            for call in one.calls
            if call.child_run_id
            for step in self._cached(call.child_thread_id, call.child_run_id)
        )
        return own, tuple(children)

    def _cached(self, thread_id: str, run_id: str) -> tuple[RunStep, ...]:
        with self._lock:
            if (kept := self._steps.get(run_id)) is not None:
                self._steps.move_to_end(run_id)
                return kept
        try:
            steps = tuple(self._backend.list_steps(thread_id, run_id))
        except ServiceError as exc:
            log.info("history.steps_missed", extra={"run": run_id, "reason": exc.message})
            return ()
        with self._lock:
            self._steps[run_id] = steps
            while len(self._steps) > CACHED_RUNS:
                self._steps.popitem(last=False)
        return steps


def questions_of(runs: Sequence[Run], messages: Sequence[ThreadMessage]) -> list[str]:
    """Return the question of each run. Both oldest first; ours are found by opid, others by their place."""
    by_opid = {
        opid: message
        for message in messages
        if message.role == "user" and (opid := message.metadata.get(record.OPID))
    }
    taken = {message.id for message in by_opid.values()}
    texts = []
    for run in runs:
        message = by_opid.get(run.metadata.get(record.OPID, ""))
        if message is None:
            message = _before(run, messages, taken)
        if message is not None:
            taken.add(message.id)
        texts.append(message.text if message is not None else "")
    return texts


def _before(run: Run, messages: Sequence[ThreadMessage], taken: set[str]) -> ThreadMessage | None:
    """Return the last user message that nobody claims before the run's own reply, or else before its beginning."""
    reply = next(
        (at for at, one in enumerate(messages) if one.run_id == run.id and one.role == "assistant"), None
    )
    earlier = (
        messages[:reply] if reply is not None else [m for m in messages if m.created_at <= run.created_at]
    )
    return next((m for m in reversed(earlier) if m.role == "user" and m.id not in taken), None)


def text_of(run: Run, messages: Sequence[ThreadMessage]) -> str:
    """Return what *run* wrote, from messages oldest first."""
    return "\n\n".join(m.text for m in messages if m.role == "assistant" and m.run_id == run.id)


def rebuild(found: Found) -> Answer:
    """Return the answer of an ended run. Its times are as stored on the run, else in the service's whole seconds."""
    return fold(_events(found))


def unsent(thread: Thread) -> tuple[Answer, ...]:
    """Return the answer that *thread* was made for, failed, since nothing was ever asked in it; empty when it was made
    for none. Its question is what the thread's title holds of it."""
    answer_id = thread.metadata.get(record.ANSWER, "")
    if not answer_id.startswith("ans_"):
        return ()
    asked = Asked(0.0, answer_id, thread.metadata.get(record.TITLE, ""), thread.id, thread.created_at)
    return (fold((asked, Closed(0.0, "failed", problems.unsent(answer_id), timed=False))),)


def _events(found: Found) -> Iterable[AnswerEvent]:
    run, times = found.run, record.read(found.run.metadata)
    took_s = times.took_s if times.took_s is not None else _offset_s(run.completed_at, run)
    yield Asked(0.0, found.answer_id, found.question, run.thread_id, run.created_at)
    yield Began(0.0)
    yield RunFound(0.0, run.id, run.agent_id)
    for step in found.steps:
        yield from _step_events(step, run, found.children, None)
    if found.text:
        yield TextSet(times.first_token_s or 0.0, found.text, timed=times.first_token_s is not None)
    if run.usage is not None:
        yield TokensCounted(0.0, run.usage.prompt, run.usage.completion)
    calls = (
        call for step in (*found.steps, *(child.step for child in found.children)) for call in step.calls
    )
    problem = problems.from_run(run, called=any(call.kind == "azure_function" for call in calls))
    yield Closed(took_s or 0.0, STATES.get(run.state, "failed"), problem, timed=took_s is not None)
    if times.parts is not None:
        yield PartsMeasured(0.0, times.parts)


def _step_events(
    step: RunStep, run: Run, children: Sequence[ChildStep], parent: str | None
) -> Iterable[AnswerEvent]:
    began_s, ended_s = _offset_s(step.created_at, run), _offset_s(step.completed_at, run)
    at_s, end_s = began_s or 0.0, ended_s or 0.0
    timed = began_s is not None and ended_s is not None
    state: StepState = "done" if step.state == "completed" else "failed"
    if step.kind == "message" and parent is None:
        yield StepBegan(at_s, f"write:{step.id}", None, "write", "")
        yield StepEnded(end_s, f"write:{step.id}", state, timed=timed)
    for call in step.calls:
        if call.kind not in ("connected_agent", "azure_function"):
            continue
        kind: StepKind = "delegate" if call.kind == "connected_agent" else "function"
        key = f"{kind}:{call.id}"
        yield StepBegan(at_s, key, parent, kind, call.name, call.arguments)
        yield StepFilled(at_s, key, output=call.output)
        if call.child_run_id:
            yield ChildFound(at_s, key, call.child_thread_id, call.child_run_id)
        for child in children:
            if child.call_id == call.id:
                yield from _step_events(child.step, run, (), key)
        yield StepEnded(end_s, key, state, timed=timed)


def _offset_s(at: datetime | None, run: Run) -> float | None:
    return None if at is None else max(0.0, (at - run.created_at).total_seconds())
