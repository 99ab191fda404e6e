"""Waiting things out in words: a busy or absent service, and a conversation that another run holds."""

from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, Protocol, TypeVar

from services.agents.backend import TERMINAL, AgentBackend, Run
from services.answers import record
from services.answers.events import Noted
from services.answers.job import Job
from services.answers.narration import seconds
from services.errors import Throttled, Unavailable


class Marked(Protocol):
    """What carries metadata."""

    @property
    def metadata(self) -> Mapping[str, str]: ...


Given = ParamSpec("Given")
Made = TypeVar("Made", bound=Marked)
Result = TypeVar("Result")
FIRST_POLL_S, POLL_SLOWER, LAST_POLL_S = 0.1, 1.3, 2.0
FIRST_RETRY_S, LAST_RETRY_S = 0.25, 3.0
RUNS_LOOKED_AT = 20


def note(job: Job, text: str) -> None:
    """Tell whoever watches *job*; an empty *text* takes the last note back, not what was said of the question."""
    job.journal.record(Noted(job.journal.at_s(), f"{job.notice} {text}".strip()))


def insist(job: Job, call: Callable[Given, Result], *arguments: Given.args, **named: Given.kwargs) -> Result:
    """Return what *call* returns for *arguments*, tried again while the service is busy or away.

    Raises StopNow when the answer is to stop, the last error when there is no time for another try, and every
    other ServiceError at once.
    """
    wait_s = FIRST_RETRY_S
    while True:
        job.check()
        try:
            result = call(*arguments, **named)
        except (Throttled, Unavailable) as exc:
            wait_s = wait_out(job, exc, wait_s)
            continue
        recovered(job)
        return result


def make(
    job: Job,
    create: Callable[[Mapping[str, str]], Made],
    marks: Mapping[str, str],
    latest: Callable[[], Sequence[Made]],
) -> Made:
    """Return what *create* makes with *marks*, tried again as insist() does, but never made twice.

    Before each further try it is looked for, by its opid, among the *latest*: an earlier one may have made it.
    """
    wait_s = FIRST_RETRY_S
    while True:
        job.check()
        try:
            result = create(marks)
        except (Throttled, Unavailable) as exc:
            wait_s = wait_out(job, exc, wait_s)
            made = insist(job, latest)
            found = next((one for one in made if one.metadata.get(record.OPID) == marks[record.OPID]), None)
            if found is None:
                continue
            result = found
        recovered(job)
        return result


def recovered(job: Job) -> None:
    """Take back what was said of a failure that is over."""
    if job.trouble is not None:
        job.trouble = None
        note(job, "")


def wait_out(job: Job, error: Throttled | Unavailable, wait_s: float) -> float:
    """Return the wait to use next time. Raises *error*: there is no time left for another try."""
    pause_s = error.retry_after_s or wait_s
    job.trouble = error
    if pause_s >= job.left_s():
        raise error
    reason = "is busy" if isinstance(error, Throttled) else "does not answer"
    note(job, f"The agent service {reason}; next try in {seconds(pause_s)}.")
    job.pause(pause_s)
    return min(wait_s * 2, LAST_RETRY_S)


def wait_for_lock(job: Job, backend: AgentBackend) -> None:
    """Return once no run holds the thread of *job*. Raises StopNow, at the deadline at the latest."""
    thread_id, wait_s = job.answer.thread_id, FIRST_POLL_S
    while True:
        runs = insist(job, backend.list_runs, thread_id, RUNS_LOOKED_AT)
        holder = next((run for run in runs if run.state not in TERMINAL), None)
        if holder is None:
            note(job, "")
            job.pause(FIRST_POLL_S)
            return
        job.waiting_for = f"another run ({holder.id}) held the conversation"
        note(job, f"Another run ({holder.id}) is at work in this conversation; this question is next.")
        job.pause(wait_s)
        wait_s = min(wait_s * POLL_SLOWER, LAST_POLL_S)


def look_up(job: Job, backend: AgentBackend) -> Run | None:
    """Return the run that was made although its reply was lost; None: there is none. Raises StopNow."""
    return with_opid(job, insist(job, backend.list_runs, job.answer.thread_id, RUNS_LOOKED_AT))


def with_opid(job: Job, runs: list[Run]) -> Run | None:
    return next((run for run in runs if run.metadata.get(record.OPID) == job.opid), None)
