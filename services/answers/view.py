"""From what the agent service tells about a run to the events of an answer. Stream and polling feed the same view."""

from typing import Protocol

from services.agents.backend import (
    BackendEvent,
    Call,
    MessageEnded,
    Run,
    RunChanged,
    RunStep,
    StepChanged,
    TextAdded,
    ThreadMessage,
)
from services.answers.events import (
    RunFound,
    StepBegan,
    StepEnded,
    StepFilled,
    TextGrew,
    TextSet,
    TokensCounted,
)
from services.answers.job import Job
from services.models import StepState

PLAN, WRITE = "plan", "write"
_STEP_STATES: dict[str, StepState] = {
    "completed": "done",
    "failed": "failed",
    "expired": "failed",
    "cancelled": "cancelled",
}


class HopListener(Protocol):
    """Who follows the calls of a run beyond the run itself."""

    def delegated(self, key: str, call: Call) -> None: ...

    def delegation_ended(self, key: str) -> None: ...

    def called(self, call: Call) -> None: ...

    def call_ended(self, call: Call) -> None: ...


class RunView:
    """Feeds one answer. Used by one thread at a time."""

    def __init__(self, job: Job, hops: HopListener, agent_name: str = "") -> None:
        self._job, self._hops, self.agent_name = job, hops, agent_name
        self._texts: dict[str, str] = {}
        self._known: set[str] = set()
        self._ended: set[str] = set()
        self._filled: dict[str, tuple[str, str | None]] = {}
        self.run: Run | None = job.run
        self.whole_text = False  # whether the text is the thread's own, not only what a stream brought

    def feed(self, event: BackendEvent) -> None:
        match event:
            case RunChanged(run=run):
                self._take_run(run)
            case StepChanged(step=step):
                self._take_step(step)
            case TextAdded(message_id=message_id, text=text):
                self._take_text(message_id, text)
            case MessageEnded(message=message):
                self._take_message(message)

    def set_messages(self, messages: list[ThreadMessage]) -> None:
        """Take the text from *messages* (newest first): those of this run, never merely the last."""
        if self.run is None:
            return
        texts = [
            message.text
            for message in reversed(messages)
            if message.role == "assistant" and message.run_id == self.run.id
        ]
        self.whole_text = True
        self._job.journal.record(TextSet(self._now(), "\n\n".join(texts)))

    def _now(self) -> float:
        return self._job.journal.at_s()

    def _take_run(self, run: Run) -> None:
        first = self.run is None or not self._known
        self.run = run
        record = self._job.journal.record
        if first:
            self._known.add(PLAN)
            record(
                RunFound(self._now(), run.id, run.agent_id, self.agent_name),
                StepBegan(self._now(), PLAN, None, "plan", self.agent_name),
            )
        if run.usage is not None:
            record(TokensCounted(self._now(), run.usage.prompt, run.usage.completion))

    def _take_step(self, step: RunStep) -> None:
        state = _STEP_STATES.get(step.state)
        if step.kind == "message":
            self._begin_writing()
            if state is not None:
                self._end(WRITE, state)
            return
        for call in step.calls:
            self._take_call(call, state)

    def _take_call(self, call: Call, step_state: StepState | None) -> None:
        if not call.id or not call.name:
            return  # a stream names a call bit by bit
        self._end(PLAN, "done")
        if call.kind == "connected_agent":
            self._take_delegation(call, step_state)
        elif call.kind == "azure_function":
            self._job.function_called = True
            self._hops.called(call)
            if call.output is not None or step_state is not None:
                self._hops.call_ended(call)

    def _take_delegation(self, call: Call, step_state: StepState | None) -> None:
        key = f"delegate:{call.id}"
        if key not in self._known:
            self._known.add(key)
            self._job.journal.record(StepBegan(self._now(), key, None, "delegate", call.name, call.arguments))
        if self._filled.get(key) != (call.arguments, call.output):
            self._filled[key] = (call.arguments, call.output)
            self._job.journal.record(StepFilled(self._now(), key, call.arguments, call.output))
        if call.child_run_id:
            self._job.add_child(key, call.child_thread_id, call.child_run_id)
        self._hops.delegated(key, call)
        if call.output is not None or step_state is not None:
            self._end(key, step_state or "done")
            self._hops.delegation_ended(key)

    def _take_text(self, message_id: str, text: str) -> None:
        self._begin_writing()
        if message_id not in self._texts and any(self._texts.values()):
            self._job.journal.record(TextGrew(self._now(), "\n\n"))
        self._texts[message_id] = self._texts.get(message_id, "") + text
        self._job.journal.record(TextGrew(self._now(), text))

    def _take_message(self, message: ThreadMessage) -> None:
        if message.role != "assistant" or (self.run and message.run_id not in ("", self.run.id)):
            return
        self._begin_writing()
        self._texts[message.id] = message.text
        self.whole_text = True
        self._job.journal.record(TextSet(self._now(), "\n\n".join(self._texts.values())))

    def _begin_writing(self) -> None:
        self._end(PLAN, "done")
        if WRITE not in self._known:
            self._known.add(WRITE)
            self._job.journal.record(StepBegan(self._now(), WRITE, None, "write", self.agent_name))

    def _end(self, key: str, state: StepState) -> None:
        if key in self._known and key not in self._ended:
            self._ended.add(key)
            self._job.journal.record(StepEnded(self._now(), key, state))
