"""One answer while this process works on it: its journal, and what is needed to stop it."""

import threading
from dataclasses import dataclass, field
from typing import Literal

from services.agents.backend import Run, RunStream
from services.answers.events import ChildFound
from services.answers.journal import Journal
from services.errors import ServiceError
from services.models import OPEN_STATES, Answer
from services.telemetry.context import TraceContext, trace_of

StopReason = Literal["cancelled", "deadline", "closing"]


class StopNow(Exception):  # noqa: N818 - a signal between our own functions, not an error
    """The work on an answer ends here; *reason* says why."""

    def __init__(self, reason: StopReason) -> None:
        super().__init__(reason)
        self.reason: StopReason = reason


@dataclass(eq=False)
class Job:
    """*opid* marks everything this answer creates. *run*: set for an answer that takes up a run found in its thread.

    *owned*: whether the run is Relaydeck's, so that Relaydeck may stop it.
    """

    id: str
    journal: Journal
    question: str
    opid: str
    deadline_s: float
    token: str = ""
    run: Run | None = None
    owned: bool = True
    began_s: float = 0.0  # the deadline counts from here: waiting in our own line does not use it up
    children: dict[str, str] = field(default_factory=dict)  # run id -> thread id
    notice: str = ""  # what there is to say of the question itself
    trouble: ServiceError | None = None  # the failure that is being waited out
    made_thread: bool = False  # for this question: nothing was asked on it before
    waiting_for: str = ""  # what else was waited for, as a clause for the words at the deadline
    function_called: bool = False
    correlation_ids: dict[str, str] = field(default_factory=dict)  # call id -> CorrelationId of its message
    _stop: threading.Event = field(default_factory=threading.Event)
    _reason: StopReason | None = None
    _stream: RunStream | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def trace(self) -> TraceContext:
        return trace_of(self.id)

    @property
    def answer(self) -> Answer:
        return self.journal.answer

    @property
    def is_final(self) -> bool:
        return self.journal.answer.state not in OPEN_STATES

    @property
    def stop_reason(self) -> StopReason | None:
        return self._reason

    def add_child(self, step: str, thread_id: str, run_id: str) -> None:
        """Remember the run of a connected agent; *step*: the key of the delegation it belongs to."""
        if run_id not in self.children:
            self.children[run_id] = thread_id
            self.journal.record(ChildFound(self.journal.at_s(), step, thread_id, run_id))

    def left_s(self) -> float:
        """Return the seconds until the deadline, never negative."""
        return max(0.0, self.began_s + self.deadline_s - self.journal.at_s())

    def ask_to_stop(self, reason: StopReason) -> None:
        """Let the worker stop at its next look; the first reason counts."""
        with self._lock:
            if self._reason is None:
                self._reason = reason
            self._stop.set()

    def check(self) -> None:
        """Return when the work may go on. Raises StopNow."""
        if self._reason is not None:
            raise StopNow(self._reason)

    def pause(self, wait_s: float) -> None:
        """Return after *wait_s*. Raises StopNow at once when the answer is to stop."""
        self._stop.wait(wait_s)
        self.check()

    def attach(self, stream: RunStream | None) -> None:
        """Remember the stream in use, so that another thread can cut it; one that came too late is cut at once."""
        with self._lock:
            self._stream = stream
            late = self._reason is not None
        if stream is not None and late:
            stream.close()

    def cut_stream(self) -> None:
        with self._lock:
            stream = self._stream
        if stream is not None:
            stream.close()
