"""AnswerService: questions in, answers out. What pages and terminal call."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from services.agents.backend import TERMINAL, Thread
from services.answers import problems
from services.answers.afterwards import Afterwards
from services.answers.alarms import Alarms
from services.answers.events import AnswerEvent, Asked, Closed, Noted, RunFound
from services.answers.history import Found, History, rebuild, unsent
from services.answers.job import Job
from services.answers.journal import Journal
from services.answers.lanes import Lanes
from services.answers.ports import Context
from services.answers.questions import Question, check_question, notice_of, title_of
from services.answers.record import ANSWER, TITLE, is_ours
from services.answers.registry import Registry
from services.answers.runner import Runner
from services.errors import NotFound
from services.ids import new_id
from services.models import Answer, Conversation, ThreadSummary

log = logging.getLogger(__name__)
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
STOP_WAIT_S = 5.0
CLOSE_WAIT_S = 3.0
THREADS_SCANNED = 100
REATTACHED_MOST = 64


class AnswerService:
    """Thread-safe; one per process. Every answer is worked on by threads of this service, never by the caller's."""

    def __init__(self, context: Context, now: Callable[[], datetime]) -> None:
        self._context, self._now = context, now
        self._registry = Registry()
        self._alarms, self._afterwards = Alarms(), Afterwards()
        self._runner = Runner(context, self._alarms, self._afterwards.put)
        self._lanes = Lanes(self._runner.run, context.max_running, context.max_waiting)
        self._history = History(context.backend)
        self._reattached = threading.Semaphore(REATTACHED_MOST)

    # Asking ------------------------------------------------------------------------------------------

    def ask(self, question: str, thread_id: str = "", token: str = "") -> Answer:
        """Return the new answer at once; it is worked on in the background. The same *token* gives the same answer.

        *thread_id* continues a conversation, also one that another program began. Sends a request only to see
        whether a thread this process does not know exists. Raises InvalidInput (empty, too long), NotFound (no such
        thread), Throttled (too many wait), Unavailable (shutting down).
        """
        checked = check_question(question)
        if (known := self._registry.with_token(token)) is not None:
            return known.answer
        if thread_id and not self._registry.of_thread(thread_id):
            self._thread(thread_id)
        job = self._new_job(checked, thread_id, token)
        return self._context.actions.perform("ask question", job.id, lambda: self._put_in_line(job))

    def _put_in_line(self, job: Job) -> Answer:
        first = self._registry.add(job)
        if first is not job:
            return first.answer
        try:
            self._lanes.submit(job)
        except Exception:
            self._registry.remove(job)
            raise
        return job.answer

    def cancel(self, answer_id: str) -> Answer:
        """Return the answer once its run and the runs of its connected agents were told to stop; `notice` says which.

        An answer that is final stays as it is; one that completes meanwhile is answered. Raises NotFound, AccessDenied.
        """
        job = self._job(answer_id)
        if job.is_final:
            return job.answer
        return self._context.actions.perform("cancel run", job.id, lambda: self._cancel(job))

    def _cancel(self, job: Job) -> Answer:
        job.ask_to_stop("cancelled")
        if self._lanes.withdraw(job):
            at_s = job.journal.at_s()
            job.journal.record(
                Noted(at_s, "Taken out of the line; nothing was sent."), Closed(at_s, "cancelled")
            )
            if self._context.observer is not None:
                self._context.observer.answered(job.answer, job.journal.recorded())
            return job.answer
        job.cut_stream()
        self._alarms.after(STOP_WAIT_S, lambda: job.journal.record(Closed(job.journal.at_s(), "cancelled")))
        job.journal.wait_final(STOP_WAIT_S)
        return job.answer

    # Watching ----------------------------------------------------------------------------------------

    def get(self, answer_id: str) -> Answer | None:
        """Return the answer as it is now; None when this process does not know it (any more): see conversation()."""
        job = self._registry.get(answer_id)
        return None if job is None else job.answer

    def open_answers(self) -> tuple[Answer, ...]:
        """Return the answers that this process works on, oldest first. No request; it knows of no other process's."""
        found = [job.answer for job in self._registry.open_jobs() if not job.is_final]
        return tuple(
            sorted(found, key=lambda answer: answer.asked_at.timestamp() if answer.asked_at else 0.0)
        )

    def of_run(self, run_id: str) -> Answer | None:
        """Return the answer of a run, or of a connected agent's run; None: this process does not know it. Sends nothing."""
        job = self._registry.with_child_run(run_id)
        return None if job is None else job.answer

    def of_thread(self, thread_id: str) -> tuple[Answer, ...]:
        """Return the answers of a conversation that this process knows, in the order they were asked. No request."""
        return tuple(job.answer for job in self._registry.of_thread(thread_id)) if thread_id else ()

    def correlations_of(self, run_id: str) -> Mapping[str, str]:
        """Return the CorrelationIds that this process saw on messages of a run, by the id of the call. No request."""
        job = self._registry.with_child_run(run_id)
        return {} if job is None else dict(job.correlation_ids)

    def of_message(self, correlation_id: str) -> Answer | None:
        """Return the answer whose message with this CorrelationId this process saw in a queue; None: it saw none."""
        job = self._registry.with_correlation(correlation_id) if correlation_id else None
        return None if job is None else job.answer

    def wait(self, answer_id: str, version: int, timeout_s: float) -> Answer:
        """Return the answer once its version is not *version*, or as it is after *timeout_s*. Raises NotFound."""
        return self._job(answer_id).journal.wait(version, timeout_s)

    def finish(self, answer_id: str, timeout_s: float) -> Answer:
        """Return the answer once nothing more comes, or as it is after *timeout_s*; nothing on the way wakes the caller.

        Raises NotFound.
        """
        return self._job(answer_id).journal.wait_settled(timeout_s)

    def events(self, answer_id: str, cursor: int = 0) -> Iterator[AnswerEvent]:
        """Yield what happens, from event number *cursor* on, until nothing more comes. Raises NotFound."""
        return self._job(answer_id).journal.events(cursor)

    def recorded(self, answer_id: str) -> tuple[AnswerEvent, ...]:
        """Return everything that has happened so far. Raises NotFound."""
        return self._job(answer_id).journal.recorded()

    # The past ----------------------------------------------------------------------------------------

    def conversation(self, thread_id: str) -> Conversation:
        """Return the conversation of *thread_id*: from the thread itself, and live where this process works on it.

        Open runs found there are taken up and followed. A question that its process took and never sent is `failed`.
        At most the latest 50 answers. A thread that was deleted
        is shown as far as this process remembers it. Raises NotFound and the other ServiceErrors.
        """
        live = self._registry.of_thread(thread_id)
        try:
            _check_id(thread_id)
            past = self._history.read(thread_id, [job.answer.run_id for job in live])
        except NotFound:
            if not live:
                raise _no_thread(thread_id) from None
            answers = tuple(job.answer for job in live)
            return Conversation(thread_id, title_of(answers[0].question), answers[0].asked_at, answers)
        told = [self._answer_of(found) for found in past.found]
        shown = {answer.id for answer in told}
        told += [job.answer for job in live if job.id not in shown]
        if not (told or past.restored) and is_ours(past.thread.metadata, self._context.marks):
            told += unsent(past.thread)
        told.sort(key=lambda answer: answer.asked_at or past.thread.created_at)
        # What was restored came first, whatever the clock of the project that it comes from said.
        shown_all = (*past.restored, *told)
        return Conversation(thread_id, past.title, past.thread.created_at, shown_all, past.complete)

    def thread_of(self, answer_id: str) -> str:
        """Return the conversation of an answer, also of one that another process was asked; empty: there is none.

        Sends one request for an answer that this process does not know: it looks at the latest 100 threads. Raises
        ServiceErrors.
        """
        if (known := self.get(answer_id)) is not None:
            return known.thread_id
        if not _ID.fullmatch(answer_id):
            return ""
        return next(
            (
                thread.id
                for thread in self._context.backend.list_threads(THREADS_SCANNED)
                if thread.metadata.get(ANSWER) == answer_id and is_ours(thread.metadata, self._context.marks)
            ),
            "",
        )

    def reattach(self, thread_id: str) -> tuple[Answer, ...]:
        """Return the answers of the open runs of *thread_id*, now followed by this process."""
        return tuple(answer for answer in self.conversation(thread_id).answers if answer.is_open)

    def recent_threads(self, limit: int = 20) -> tuple[ThreadSummary, ...]:
        """Return the latest threads that Relaydeck made in this environment, newest first. Looks at 100."""
        threads = self._context.backend.list_threads(THREADS_SCANNED)
        ours = [thread for thread in threads if is_ours(thread.metadata, self._context.marks)]
        return tuple(_summary(thread) for thread in ours[:limit])

    def known_threads(self) -> frozenset[str]:
        """Return the ids of the threads that answers of this process belong to. No request."""
        return self._registry.threads()

    # The end -----------------------------------------------------------------------------------------

    def drain(self, timeout_s: float) -> bool:
        """Return whether every answer was final and every record written within *timeout_s*."""
        until_s = time.monotonic() + timeout_s
        idle = self._lanes.wait_idle(timeout_s)
        return self._afterwards.wait_idle(max(0.0, until_s - time.monotonic())) and idle

    def close(self) -> None:
        """Stop working. Runs that were started go on in the service; conversation() finds them after a restart."""
        self._lanes.close()
        for job in self._registry.open_jobs():
            job.ask_to_stop("closing")
            job.cut_stream()
        self._lanes.wait_idle(CLOSE_WAIT_S)
        for job in self._registry.open_jobs():
            job.journal.record(Closed(job.journal.at_s(), "failed", problems.shutting_down(job.id)))
        self._afterwards.wait_idle(CLOSE_WAIT_S)
        self._afterwards.close()
        self._alarms.close()

    # Inside ------------------------------------------------------------------------------------------

    def _new_job(self, question: Question, thread_id: str, token: str) -> Job:
        answer_id = new_id("ans")
        journal = Journal(Asked(0.0, answer_id, question.text, thread_id, self._now()))
        job = Job(answer_id, journal, question.text, new_id("op"), self._context.deadline_s, token)
        job.notice = notice_of(question)
        if job.notice:
            journal.record(Noted(0.0, job.notice))
        return job

    def _answer_of(self, found: Found) -> Answer:
        job = self._registry.with_run(found.run.id)
        if job is None and found.run.state not in TERMINAL:
            job = self._follow(found)
        return rebuild(found) if job is None else job.answer

    def _follow(self, found: Found) -> Job:
        """Take up a run that another process, or an earlier life of this one, has started."""
        run, answer_id = found.run, found.answer_id
        age_s = max(0.0, (self._now() - run.created_at).total_seconds())
        journal = Journal(Asked(0.0, answer_id, found.question, run.thread_id, run.created_at), age_s=age_s)
        journal.record(RunFound(0.0, run.id, run.agent_id))  # known from the start: it is found by its run
        owned = is_ours(run.metadata, self._context.marks)
        job = Job(
            answer_id, journal, found.question, new_id("op"), self._context.deadline_s, run=run, owned=owned
        )
        known = self._registry.add(job)
        if known is job:
            threading.Thread(
                target=self._run_followed, args=[job], name="answer-followed", daemon=True
            ).start()
        return known

    def _run_followed(self, job: Job) -> None:
        with self._reattached:
            self._runner.run(job)

    def _job(self, answer_id: str) -> Job:
        job = self._registry.get(answer_id)
        if job is None:
            raise NotFound(
                "This answer is not known here (any more).",
                operation="find answer",
                resource=answer_id,
                hint="Open its conversation: it is read from the thread.",
            )
        return job

    def _thread(self, thread_id: str) -> Thread:
        try:
            _check_id(thread_id)
            return self._context.backend.get_thread(thread_id)
        except NotFound as exc:
            raise _no_thread(thread_id) from exc


def _check_id(thread_id: str) -> None:
    """Raise NotFound for what cannot be a thread's id: nothing of it goes into an address."""
    if not _ID.fullmatch(thread_id):
        raise _no_thread(thread_id)


def _no_thread(thread_id: str) -> NotFound:
    shown = thread_id if len(thread_id) <= 64 else thread_id[:64] + "…"
    return NotFound(
        f"There is no conversation {shown!r} in this project. It was deleted, or belongs to another project.",
        operation="open conversation",
        resource=shown,
        hint="Start a new conversation, or choose one of the recent ones.",
    )


def _summary(thread: Thread) -> ThreadSummary:
    return ThreadSummary(thread.id, thread.metadata.get(TITLE, "") or "Untitled", thread.created_at)
