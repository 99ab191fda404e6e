"""The answers this process knows. A cache of live streams: the lasting record of an answer is its thread and run."""

import threading
from collections import OrderedDict

from services.answers.job import Job

FINISHED_KEPT = 500


class Registry:
    """Open answers stay; of the finished ones the latest *finished_kept* do. Thread-safe."""

    def __init__(self, finished_kept: int = FINISHED_KEPT) -> None:
        self._kept = finished_kept
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._by_token: dict[str, str] = {}

    def add(self, job: Job) -> Job:
        """Return *job*, now known, or the one that came earlier with the same token or for the same run."""
        with self._lock:
            if job.token and (known := self._jobs.get(self._by_token.get(job.token, ""))):
                return known
            if job.run is not None and (known := self._with_run(job.run.id)):
                return known
            self._jobs[job.id] = job
            if job.token:
                self._by_token[job.token] = job.id
            self._forget_old()
            return job

    def remove(self, job: Job) -> None:
        with self._lock:
            self._drop(job)

    def get(self, answer_id: str) -> Job | None:
        with self._lock:
            job = self._jobs.get(answer_id)
            if job is not None:
                self._jobs.move_to_end(answer_id)
            return job

    def with_token(self, token: str) -> Job | None:
        with self._lock:
            return self._jobs.get(self._by_token.get(token, "")) if token else None

    def with_run(self, run_id: str) -> Job | None:
        with self._lock:
            return self._with_run(run_id)

    def with_child_run(self, run_id: str) -> Job | None:
        """Return the answer whose run, or that of a connected agent below it, is *run_id*."""
        with self._lock:
            return self._with_run(run_id) or self._with_child(run_id)

    def with_correlation(self, correlation_id: str) -> Job | None:
        """Return the answer that a message with this CorrelationId was seen to belong to."""
        with self._lock:
            return next(
                (job for job in self._jobs.values() if correlation_id in list(job.correlation_ids.values())),
                None,
            )

    def of_thread(self, thread_id: str) -> list[Job]:
        """Return the answers of *thread_id*, in the order they were asked."""
        with self._lock:
            found = [job for job in self._jobs.values() if job.answer.thread_id == thread_id]
        return sorted(found, key=lambda job: job.answer.asked_at.timestamp() if job.answer.asked_at else 0.0)

    def threads(self) -> frozenset[str]:
        """Return the ids of the threads that the known answers belong to."""
        with self._lock:
            return frozenset(job.answer.thread_id for job in self._jobs.values() if job.answer.thread_id)

    def open_jobs(self) -> list[Job]:
        with self._lock:
            return [job for job in self._jobs.values() if job.answer.is_open]

    def _with_run(self, run_id: str) -> Job | None:
        return next((job for job in self._jobs.values() if job.answer.run_id == run_id), None)

    def _with_child(self, run_id: str) -> Job | None:
        return next((job for job in self._jobs.values() if run_id in job.answer.child_run_ids), None)

    def _drop(self, job: Job) -> None:
        self._jobs.pop(job.id, None)
        if job.token and self._by_token.get(job.token) == job.id:
            del self._by_token[job.token]

    def _forget_old(self) -> None:
        finished = [job for job in self._jobs.values() if not job.answer.is_open]
        for job in finished[: max(0, len(finished) - self._kept)]:
            self._drop(job)
