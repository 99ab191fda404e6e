"""Who is answered when: so many at once, one at a time per thread, first come first served, and a limit on waiting."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from services.answers.events import Lined
from services.answers.job import Job
from services.errors import Throttled, Unavailable

log = logging.getLogger(__name__)


class Lanes:
    """Runs jobs on threads of its own. *work* gets one job and must not raise."""

    def __init__(self, work: Callable[[Job], None], max_running: int, max_waiting: int) -> None:
        self._work, self._max_running, self._max_waiting = work, max_running, max_waiting
        self._changed = threading.Condition()
        self._waiting: list[Job] = []
        self._running: list[Job] = []
        self._ready: deque[Job] = deque()  # running already, for the next free worker
        self._idle = 0
        self._workers: list[threading.Thread] = []
        self._closed = False

    def submit(self, job: Job) -> None:
        """Take *job*; it starts now or waits its turn. Raises Throttled: too many wait. Raises Unavailable: closed."""
        with self._changed:
            if self._closed:
                raise Unavailable("Relaydeck is shutting down.", operation="ask", sent=False)
            if not self._may_start(job) and len(self._waiting) >= self._max_waiting:
                raise Throttled(
                    f"{len(self._running)} questions are being answered and {len(self._waiting)} wait; "
                    f"at most {self._max_waiting} may wait. This one would have been number "
                    f"{len(self._waiting) + 1} and was not taken.",
                    operation="ask",
                    hint="Ask again in a moment; nothing was sent.",
                )
            self._waiting.append(job)
            self._promote()
            if self._idle < len(self._ready) and len(self._workers) < self._max_running:
                self._hire()

    def withdraw(self, job: Job) -> bool:
        """Return whether *job* was still waiting; it is then out of the line and will not run."""
        with self._changed:
            if job not in self._waiting:
                return False
            self._waiting.remove(job)
            self._promote()
            return True

    def wait_idle(self, timeout_s: float) -> bool:
        """Return whether nothing runs or waits within *timeout_s*."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running and not self._waiting, timeout_s)

    def close(self) -> list[Job]:
        """Take no more jobs; return those that wait (they never start) and those that run."""
        with self._changed:
            self._closed = True
            left = [*self._waiting, *self._running]
            self._waiting.clear()
            self._changed.notify_all()
            return left

    def _hire(self) -> None:
        worker = threading.Thread(target=self._serve, name=f"answers-{len(self._workers)}", daemon=True)
        self._workers.append(worker)
        worker.start()

    def _serve(self) -> None:
        while (job := self._next()) is not None:
            try:
                self._work(job)
            except Exception:  # the lane must outlive any defect of the work
                log.exception("answer.worker_failed", extra={"answer": job.id})
            finally:
                with self._changed:
                    self._running.remove(job)
                    self._promote()

    def _next(self) -> Job | None:
        with self._changed:
            self._idle += 1
            try:
                self._changed.wait_for(lambda: self._ready or self._closed)
                return self._ready.popleft() if self._ready else None
            finally:
                self._idle -= 1

    def _promote(self) -> None:
        """Give every job that may start to the workers, and tell the others their places."""
        for job in list(self._waiting):
            if self._may_start(job):
                self._waiting.remove(job)
                self._running.append(job)
                self._ready.append(job)
        for position, job in enumerate(self._waiting):
            ahead = self._same_thread_ahead(job) or position + 1
            job.journal.record(Lined(job.journal.at_s(), ahead))
        self._changed.notify_all()

    def _may_start(self, job: Job) -> bool:
        return len(self._running) < self._max_running and not self._same_thread_ahead(job)

    def _same_thread_ahead(self, job: Job) -> int:
        thread_id = job.answer.thread_id
        if not thread_id:
            return 0
        earlier = self._waiting[: self._waiting.index(job)] if job in self._waiting else self._waiting
        return sum(other.answer.thread_id == thread_id for other in (*self._running, *earlier))
