"""How an answer ends: with its reply, with a problem in words, or because it was told to."""

import logging
import threading

from services.agents.backend import TERMINAL, Run, RunChanged
from services.answers import problems, record
from services.answers.events import Closed, PartsMeasured, Settled, StageEnded
from services.answers.facts import queue_facts
from services.answers.hops import HopWatch
from services.answers.job import Job, StopReason
from services.answers.patience import FIRST_POLL_S, RUNS_LOOKED_AT, insist, note, with_opid
from services.answers.ports import Context
from services.answers.view import RunView
from services.errors import NotFound, ServiceError
from services.models import AnswerState, Problem

log = logging.getLogger(__name__)
MESSAGES_READ = 100
SETTLE_S = 1.0
UNLOCK_S = 5.0
STATES: dict[str, AnswerState] = {
    "completed": "answered",
    "cancelled": "cancelled",
    "expired": "expired",
    "failed": "failed",
    "incomplete": "failed",
}


class Ending:
    """The end of one answer. Only close() may be called from another thread than the worker's."""

    def __init__(self, context: Context, job: Job, view: RunView, hops: HopWatch) -> None:
        self._context, self._backend = context, context.backend
        self._job, self._view, self._hops = job, view, hops

    @property
    def reference(self) -> str:
        return self._view.run.id if self._view.run is not None else self._job.id

    @property
    def run_state(self) -> str:
        """Return the service's latest word for the run; empty when there is none."""
        return self._view.run.state if self._view.run is not None else ""

    def close(self, state: AnswerState, problem: Problem | None) -> None:
        """Make the answer final; the first call counts. Its parts come with it, unless a watcher still looks."""
        now_s, busy = self._job.journal.at_s(), self._hops.busy
        closed = Closed(now_s, state, problem, measuring=busy)
        if busy or self._job.is_final or not self._measures:
            self._job.journal.record(closed)
        else:
            parts = self._hops.parts(self._job.began_s, now_s)
            self._job.journal.record(closed, PartsMeasured(now_s, parts))

    @property
    def _measures(self) -> bool:
        """Whether the times can be known: there is a run, and it was followed from its beginning."""
        return self._view.run is not None and self._job.run is None

    def conclude(self, run: Run) -> None:
        """Close the answer as the terminal *run* says, with the whole text as the thread holds it. Raises StopNow."""
        if self._job.journal.answer.notice != self._job.notice:
            note(self._job, "")  # what there was to wait for is over
        if not self._view.whole_text:
            self._view.set_messages(
                insist(self._job, self._backend.list_messages, run.thread_id, MESSAGES_READ)
            )
        self._close_as(run)

    def stop(self, reason: StopReason) -> None:
        """Close the answer because it was told to stop: by a person, by its deadline, by the end of the process."""
        if reason == "closing":
            self.close("failed", problems.shutting_down(self.reference))
            return
        if reason == "deadline" and not self._job.owned:
            self.close("failed", problems.unwatched(self._job.deadline_s, self.reference))
            return
        ended = self.halt()
        if ended is not None and ended.state in TERMINAL - {"cancelled"}:
            self._conclude_late(ended)
        elif reason == "cancelled":
            self.close("cancelled", None)
        else:
            self.close("failed", self._deadline_problem())

    def fail(self, error: ServiceError) -> None:
        log.warning("answer.failed", extra={"answer": self._job.id, "reason": error.message})
        self.close("failed", problems.from_service_error(error, self.reference))

    def halt(self) -> Run | None:
        """Tell the run and the runs of connected agents to stop; return the main run as it is now, None: unknown.

        When it is not known whether a run was started, the thread is asked for it.
        """
        job, thread_id = self._job, self._job.answer.thread_id
        main, stopped, missed = self._view.run, list[str](), list[str]()
        try:
            if main is None and thread_id:
                main = with_opid(job, self._backend.list_runs(thread_id, RUNS_LOOKED_AT))
                if main is not None:
                    self._view.feed(RunChanged(main))
            if main is not None and main.state not in TERMINAL:
                main = self._backend.cancel_run(main.thread_id, main.id)
                self._view.run = main
                stopped.append("the run")
        except ServiceError as exc:
            missed.append(f"the run ({exc.message})")
        if children := self._halt_children(missed):
            stopped.append(f"{children} run{'s' if children > 1 else ''} of connected agents")
        note(job, _stop_words(stopped, missed))
        return main

    def settle(self) -> None:
        """Measure the parts; then wait, a little, until a run that was told to stop has let go of its thread."""
        self._hops.settle(SETTLE_S)
        took_s, now_s = self._job.answer.took_s, self._job.journal.at_s()
        if took_s is not None and self._measures:
            self._job.journal.record(PartsMeasured(now_s, self._hops.parts(self._job.began_s, took_s)))
        self._job.journal.record(Settled(now_s))
        if self._job.stop_reason in ("cancelled", "deadline") and self._job.owned:
            self._await_unlock()

    def keep_record(self) -> None:
        """Write the times on the run, for other processes and later days; a failure costs the times, not the answer."""
        run, failed = self._view.run, False
        mine = (
            self._job.run is None
        )  # of a run taken up from its thread, another process knows the times better
        if run is not None and mine and self._context.team_mode == "pooled":
            try:
                entries = {**run.metadata, **record.write(self._job.answer)}
                self._backend.update_run(run.thread_id, run.id, entries)
            except ServiceError as exc:
                failed = True
                log.warning("answer.record_failed", extra={"answer": self._job.id, "reason": exc.message})
        self._job.journal.record(StageEnded(self._job.journal.at_s(), "cleanup", failed))

    def _close_as(self, run: Run) -> None:
        facts = queue_facts(self._context.queues, self._hops.tools) if run.state == "expired" else ()
        problem = problems.from_run(run, facts, called=self._job.function_called)
        self.close(STATES.get(run.state, "failed"), problem)

    def _conclude_late(self, run: Run) -> None:
        """The run ended before it could be stopped: what it said counts."""
        self._view.feed(RunChanged(run))
        try:
            self._view.set_messages(self._backend.list_messages(run.thread_id, MESSAGES_READ))
        except ServiceError as exc:
            self.fail(exc)
            return
        self._close_as(run)

    def _deadline_problem(self) -> Problem:
        if self._view.run is None and self._job.trouble is not None:
            return problems.from_service_error(self._job.trouble, self.reference)
        facts = queue_facts(self._context.queues, self._hops.tools)
        waiting = self._job.waiting_for if self._view.run is None else ""
        return problems.at_deadline(self._job.deadline_s, self.reference, facts, waiting=waiting)

    def _halt_children(self, missed: list[str]) -> int:
        stopped = 0
        for run_id, thread_id in list(self._job.children.items()):
            try:
                state = self._backend.cancel_run(thread_id, run_id).state
                stopped += state not in ("completed", "failed", "expired")
            except NotFound:
                continue
            except ServiceError as exc:
                missed.append(f"{run_id} ({exc.message})")
        return stopped

    def _await_unlock(self) -> None:
        pause, waited_s, run = threading.Event(), 0.0, self._view.run
        while run is not None and run.state not in TERMINAL and waited_s < UNLOCK_S:
            try:
                run = self._backend.get_run(run.thread_id, run.id)
            except ServiceError:
                return
            if run.state not in TERMINAL:
                pause.wait(FIRST_POLL_S)
                waited_s += FIRST_POLL_S


def _stop_words(stopped: list[str], missed: list[str]) -> str:
    words = f"Stopped: {' and '.join(stopped)}." if stopped else ""
    if missed:
        words += f" Could not be told to stop: {', '.join(missed)}."
    return words.strip() or "Nothing was running any more."
