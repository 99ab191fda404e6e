"""Works one answer off, from the thread to the reply, whatever happens on the way."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from services.agents import turns
from services.agents.backend import TERMINAL, Agent, RunChanged, RunStream, StepChanged
from services.answers import problems, record
from services.answers.alarms import Alarms
from services.answers.ending import Ending
from services.answers.events import Began, Settled, StageBegan, StageEnded, ThreadFound
from services.answers.hops import HopWatch
from services.answers.job import Job, StopNow
from services.answers.patience import (
    FIRST_POLL_S,
    FIRST_RETRY_S,
    LAST_POLL_S,
    POLL_SLOWER,
    insist,
    look_up,
    make,
    note,
    recovered,
    wait_for_lock,
    wait_out,
)
from services.answers.ports import Context, Sight
from services.answers.questions import title_of
from services.answers.view import RunView
from services.errors import Conflict, NotFound, ServiceError, Throttled, Unavailable
from services.models import StageName
from services.telemetry.context import instructions_for, working_on

log = logging.getLogger(__name__)
THREADS_LOOKED_AT = 100  # others make threads meanwhile, and ours must be among the latest still
SILENCE_S = 10.0  # after so much silence of the stream the run itself is looked at
FORCE_AFTER_S = 3.0  # an answer that was told to stop is final by then, whatever its worker hangs on


class ClientToolWanted(Exception):  # noqa: N818 - handled a few lines further up the stack
    """The agent asks this program to run a function; only functions behind queues are run."""


class Runner:
    """Used by many workers at once; holds nothing of a single answer. *after* takes work off the worker's hands."""

    def __init__(self, context: Context, alarms: Alarms, after: Callable[[Callable[[], None]], None]) -> None:
        self._context, self._alarms, self._after = context, alarms, after

    def run(self, job: Job) -> None:
        """Return once *job* is final and everything made for it alone is gone. Never raises."""
        with working_on(job.trace):
            self._run(job)

    def _run(self, job: Job) -> None:
        context = self._context
        sight = context.sight or Sight(context.backend, context.queues)
        hops = HopWatch(job, sight.backend, sight.queues, context.catalogue, context.tool_wait_s)
        view = RunView(job, hops)
        ending = Ending(context, job, view, hops)
        began_s = job.journal.at_s()
        job.journal.record(Began(began_s))
        if job.run is None:
            job.began_s = began_s
        alarms = self._arm(job, ending)
        try:
            with ExitStack() as made:
                self._answer_safely(job, view, ending, made)
                ending.settle()
                job.journal.record(StageBegan(job.journal.at_s(), "cleanup"))
        except ServiceError as exc:
            log.warning("answer.cleanup_failed", extra={"answer": job.id, "reason": exc.message})
            note(job, f"Something made for this question alone could not be deleted: {exc.message}")
            job.journal.record(StageEnded(job.journal.at_s(), "cleanup", failed=True))
        except Exception:
            log.exception("answer.cleanup_failed", extra={"answer": job.id})
            job.journal.record(StageEnded(job.journal.at_s(), "cleanup", failed=True))
        finally:
            for alarm in alarms:
                self._alarms.stop(alarm)
            hops.stop()
            ending.close("failed", problems.internal(job.id))
            job.journal.record(Settled(job.journal.at_s()))
        self._after(lambda: self._finish(job, ending))

    def _finish(self, job: Job, ending: Ending) -> None:
        """Keep the record and tell of the answer. One taken up from its thread is told by the process that asked."""
        with working_on(job.trace):
            ending.keep_record()
            observer = self._context.observer
            if observer is not None and job.run is None:
                recorded = job.journal.recorded()
                observer.answered(job.answer, recorded, ending.run_state, job.correlation_ids)

    def _answer_safely(self, job: Job, view: RunView, ending: Ending, made: ExitStack) -> None:
        try:
            if job.run is None:
                self._ask(job, view, ending, made)
            else:
                view.feed(RunChanged(job.run))
            self._poll(job, view)
            assert view.run is not None
            ending.conclude(view.run)
            if not job.run:
                job.journal.record(StageEnded(job.journal.at_s(), "execution"))
        except StopNow as stop:
            ending.stop(stop.reason)
        except ClientToolWanted:
            ending.halt()
            ending.close("failed", problems.client_tool(ending.reference))
        except ServiceError as exc:
            ending.fail(exc)
        except Exception:
            log.exception("answer.failed", extra={"answer": job.id})
            ending.close("failed", problems.internal(job.id))
        job.journal.record(StageEnded(job.journal.at_s(), "execution", failed=True))

    # The way of a question ---------------------------------------------------------------------------

    def _ask(self, job: Job, view: RunView, ending: Ending, made: ExitStack) -> None:
        """Return once *view* knows the run; it may still be open. Raises StopNow."""
        with _stage(job, "creation"):
            if not job.answer.thread_id:
                self._make_thread(job, view, made)
        with _stage(job, "configuration"):
            agent = self._orchestrator(job, made)
        view.agent_name = agent.name
        job.journal.record(StageBegan(job.journal.at_s(), "execution"))
        stream = self._start(job, view, agent)
        if stream is not None:
            self._read(job, view, ending, stream)
        if view.run is not None:
            return
        found = look_up(job, self._context.backend)
        if found is None:
            raise Unavailable(
                "The stream ended before it named its run, and the conversation holds no such run.",
                operation="start run",
                resource=job.answer.thread_id,
            )
        view.feed(RunChanged(found))

    def _make_thread(self, job: Job, view: RunView, made: ExitStack) -> None:
        backend, alone = self._context.backend, self._context.team_mode == "per_query"
        marks = {**self._context.marks, record.OPID: job.opid, record.TITLE: title_of(job.question)}
        marks[record.ANSWER] = job.id  # finds the thread of an answer whose process is gone
        if alone:
            marks |= self._context.thread_marks
        thread = make(job, backend.create_thread, marks, lambda: backend.list_threads(THREADS_LOOKED_AT))
        job.made_thread = True
        job.journal.record(ThreadFound(job.journal.at_s(), thread.id))

        def clean_up() -> None:
            # Without a run nothing was ever asked on it. A process that ends cannot tell: the thread is then what says so.
            if alone or (view.run is None and job.stop_reason != "closing"):
                backend.delete_thread(thread.id)

        made.callback(clean_up)

    def _orchestrator(self, job: Job, made: ExitStack) -> Agent:
        team = self._context.team
        if self._context.team_mode == "per_query":
            return made.enter_context(team.per_query_team())
        return insist(job, team.orchestrator)

    def _start(self, job: Job, view: RunView, agent: Agent) -> RunStream | None:
        """Return the stream of the new run; None when the run was found instead: then *view* knows it."""
        context, thread_id, wait_s = self._context, job.answer.thread_id, FIRST_RETRY_S
        marks = {**context.marks, record.OPID: job.opid, record.ANSWER: job.id}
        told = instructions_for(job.trace) if context.trace_runs else ""
        ordered = turns.ordered_agents(context.catalogue)
        resolved_again = context.team_mode == "per_query"
        while True:
            job.check()
            said, marked = told, marks
            try:
                if ordered:  # each time: another run may have ended while this one waited
                    turn = insist(job, turns.next_turn, context.backend, thread_id, ordered, job.made_thread)
                    said = f"{told} {turns.instructions_for(turn)}".strip()
                    marked = {**marks, turns.MARK: turn.mark}
                stream = context.backend.start_run(
                    thread_id, agent.id, job.question, marked, said, one_at_a_time=bool(ordered)
                )
            except NotFound:
                if resolved_again:
                    raise
                insist(job, context.backend.get_thread, thread_id)  # NotFound: it is the thread that is gone
                resolved_again = True
                context.team.forget()
                agent = insist(job, context.team.orchestrator)
            except Conflict:
                wait_for_lock(job, context.backend)
            except (Throttled, Unavailable) as exc:
                if (found := look_up(job, context.backend)) is not None:
                    view.feed(RunChanged(found))
                    return None
                wait_s = wait_out(job, exc, wait_s)
            else:
                recovered(job)
                return stream

    def _read(self, job: Job, view: RunView, ending: Ending, stream: RunStream) -> None:
        """Feed *view* from *stream* until it ends or breaks. Raises StopNow."""
        heard = _Heard(job)
        self._watch_silence(job, view, heard)
        try:
            job.attach(stream)
            for event in stream:
                heard.now()
                view.feed(event)
                if view.run is None:
                    continue
                if "function" in view.run.waits_for:
                    raise ClientToolWanted
                if view.run.state == "completed" and view.whole_text:
                    ending.conclude(view.run)  # nobody waits for the last bytes of the stream
        except ServiceError as exc:
            job.check()
            log.info("answer.stream_broken", extra={"answer": job.id, "reason": exc.message})
        finally:
            heard.over = True
            job.attach(None)
            stream.close()
        if view.run is None or view.run.state not in TERMINAL:
            view.whole_text = False  # more may have been written after the stream was lost
        job.check()

    def _poll(self, job: Job, view: RunView) -> None:
        """Ask for the run until it is terminal. Raises StopNow."""
        wait_s, backend, looked = FIRST_POLL_S, self._context.backend, False
        while (run := view.run) is not None and run.state not in TERMINAL:
            if looked:
                job.pause(wait_s)
                wait_s = min(wait_s * POLL_SLOWER, LAST_POLL_S)
            looked = True
            latest = insist(job, backend.get_run, run.thread_id, run.id)
            view.feed(RunChanged(latest))
            for step in insist(job, backend.list_steps, run.thread_id, run.id):
                view.feed(StepChanged(step))
            if "function" in latest.waits_for and job.owned:
                raise ClientToolWanted

    # Time --------------------------------------------------------------------------------------------

    def _watch_silence(self, job: Job, view: RunView, heard: "_Heard") -> None:
        """Cut a stream that stays silent although its run has ended: such streams have been met."""

        def look() -> None:
            if heard.over or (run := view.run) is None:
                return
            try:
                state = self._context.backend.get_run(run.thread_id, run.id).state
            except ServiceError:
                return  # the stream's own time limit ends it
            if state in TERMINAL and heard.silent_s() >= SILENCE_S:
                job.cut_stream()

        def ring() -> None:
            if heard.over:
                return
            if heard.silent_s() >= SILENCE_S:
                threading.Thread(target=look, name="answer-silence", daemon=True).start()
            self._alarms.after(SILENCE_S, ring)

        self._alarms.after(SILENCE_S, ring)

    def _arm(self, job: Job, ending: Ending) -> list[int]:
        def late() -> None:
            job.ask_to_stop("deadline")
            job.cut_stream()

        def much_too_late() -> None:
            reference = job.answer.run_id or job.id
            ending.close("failed", problems.at_deadline(job.deadline_s, reference, ()))

        left_s = job.left_s()
        return [
            self._alarms.after(left_s, late),
            self._alarms.after(left_s + FORCE_AFTER_S, much_too_late),
        ]


class _Heard:
    """When a stream was last heard of. Written by one thread, read by others."""

    def __init__(self, job: Job) -> None:
        self._job, self._last_s, self.over = job, job.journal.at_s(), False

    def now(self) -> None:
        self._last_s = self._job.journal.at_s()

    def silent_s(self) -> float:
        return self._job.journal.at_s() - self._last_s


@contextmanager
def _stage(job: Job, name: StageName) -> Iterator[None]:
    job.journal.record(StageBegan(job.journal.at_s(), name))
    try:
        yield
    except BaseException:
        job.journal.record(StageEnded(job.journal.at_s(), name, failed=True))
        raise
    job.journal.record(StageEnded(job.journal.at_s(), name))
