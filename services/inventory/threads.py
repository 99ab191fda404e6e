"""ThreadIndex: every thread and run of the project, found in the background, shared by all who look."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.agents.backend import Agent, AgentBackend, Page, Run, RunStep, Thread, ThreadMessage
from services.errors import InvalidInput, NotFound, ServiceError, Throttled, Unavailable, UnexpectedReply
from services.inventory.threads_budget import CallBudget
from services.inventory.threads_plan import Job, Plan
from services.inventory.threads_records import (
    ThreadInfo,
    from_listing,
    with_messages,
    with_runs,
    with_steps,
)
from services.inventory.threads_search import ThreadQuery, agents_of, search
from services.inventory.threads_views import FoundThreads, IndexStatus, OpenRun, Phase, ThreadRow

log = logging.getLogger(__name__)
READERS: Final = 4
IDLE_AFTER_S: Final = 600.0
FIRST_PAUSE_S, LONGEST_PAUSE_S, REFUSED_PAUSE_S = 2.0, 120.0, 60.0
KEPT_SEARCHES: Final = 16
KEPT_NAMES: Final = 5_000
Reply = Page[Agent] | Page[Thread] | Page[Run] | Page[ThreadMessage] | Page[RunStep]


@dataclass(frozen=True, slots=True)
class _Counts:
    """*settled*: every thread has been read, or cannot be."""

    version: int
    threads: int
    read: int
    settled: bool
    runs: int
    open_runs: int


class ThreadIndex:
    """Threads share it. Nothing it offers sends a request: reading goes on in threads of its own, within the budget, from
    the first time that somebody asks until ten minutes after the last.

    *marks*: the metadata of what is ours here. *hot*: ids of the threads that this process is working in; they are read
    again as soon as it is done. *backend*: one that does not repeat calls by itself, or the budget would not hold.
    """

    def __init__(
        self,
        backend: AgentBackend,
        marks: Mapping[str, str],
        now: Callable[[], datetime],
        *,
        calls_per_min: int,
        hot: Callable[[], Iterable[str]] = tuple,
        clock: Callable[[], float] = time.monotonic,
        readers: int = READERS,
    ) -> None:
        self._backend, self._marks, self._now, self._clock, self._hot = backend, marks, now, clock, hot
        self._plan, self._budget = Plan(calls_per_min), CallBudget(calls_per_min)
        self._changed = threading.Condition()
        self._names: dict[str, str] = {}
        self._searches: OrderedDict[tuple[ThreadQuery, int], list[str]] = OrderedDict()
        self._version, self._failures = 0, 0
        self._unread: dict[tuple[str, str, str], int] = {}  # by what was read, so that nothing counts twice
        self._resume_s, self._asked_s = 0.0, float("-inf")
        self._problem: ServiceError | None = None
        self._as_of: datetime | None = None
        self._was_hot: frozenset[str] = frozenset()
        self._readers, self._workers = readers, list[threading.Thread]()
        self._counted: _Counts | None = None
        self._closed = False

    # What is known ----------------------------------------------------------------------------------

    def status(self) -> IndexStatus:
        """Return how far it is. Starts the reading, as everything below does."""
        with self._changed:
            self._wanted()
            now_s = self._clock()
            known = self._count()
            return IndexStatus(
                self._phase(known),
                known.threads,
                known.read,
                known.settled and self._plan.listed,
                self._plan.listed,
                self._plan.capped,
                known.runs,
                known.open_runs,
                self._plan.waiting_steps(),
                sum(self._unread.values()),
                self._budget.spent(now_s),
                self._budget.calls_per_min,
                self._as_of,
                self._problem,
                max(0.0, self._resume_s - now_s),
            )

    def find(self, query: ThreadQuery, page: int = 1, size: int = 50) -> FoundThreads:
        """Return page number *page*, from 1, of the threads that match, in the order of the query."""
        with self._changed:
            self._wanted()
            ids = self._search(query)
            everything = self._search(ThreadQuery(kind=query.kind))
            start = max(0, page - 1) * size
            rows = tuple(self._row(thread_id) for thread_id in ids[start : start + size])
            return FoundThreads(rows, len(ids), len(everything))

    def get(self, thread_id: str) -> ThreadRow | None:
        """Return a thread by its id; None when it is not known (yet, or any more)."""
        with self._changed:
            self._wanted()
            return self._row(thread_id) if thread_id in self._plan.entries else None

    def known(self) -> tuple[ThreadInfo, ...]:
        """Return all threads that are known, in no order."""
        with self._changed:
            self._wanted()
            return tuple(self._plan.threads())

    def open_runs(self) -> tuple[OpenRun, ...]:
        """Return the runs that had not ended when they were read last, oldest first. Each is read again every 10 s, or as
        often as half of the budget allows."""
        with self._changed:
            self._wanted()
            found = [
                OpenRun(
                    run.id,
                    one.id,
                    run.agent_id,
                    self._names.get(run.agent_id, ""),
                    run.state,
                    run.created_at,
                    run.expires_at,
                    one.ours,
                    one.read_at,
                )
                for one in self._plan.threads()
                if one.open_runs
                for run in one.runs or ()
                if run.is_open
            ]
        return tuple(sorted(found, key=lambda run: run.since))

    def agent_names(self) -> Mapping[str, str]:
        """Return the names of the agents by id, as far as they are known."""
        with self._changed:
            return {agent_id: name for agent_id, name in self._names.items() if name}

    # What others tell it ----------------------------------------------------------------------------

    def touch(self, thread_id: str) -> None:
        """Have this thread read soon: something has happened in it."""
        with self._changed:
            self._plan.touch(thread_id, self._clock())
            self._changed.notify()

    def forget(self, thread_id: str) -> None:
        """Take out a thread that was deleted; look soon whether those of its connected agents went with it."""
        with self._changed:
            entry = self._plan.entries.get(thread_id)
            for link in entry.info.children if entry else ():
                self._plan.touch(link.thread_id, self._clock())
            self._plan.drop(thread_id)
            self._version += 1

    def try_again(self) -> None:
        """End the pause after a failure."""
        with self._changed:
            self._resume_s, self._failures = 0.0, 0
            self._plan.hurry(self._clock())
            self._changed.notify_all()

    def resume(self) -> None:
        """End the pause after a failure that passes, for whoever knows that the service answers again."""
        if self._failures and isinstance(self._problem, Unavailable | UnexpectedReply):
            self.try_again()

    def close(self) -> None:
        """Stop reading; what is known stays. A call under way ends by itself."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # Reading ----------------------------------------------------------------------------------------

    def advance(self) -> float:
        """Send the next request when one is due and the budget allows it; return how long to wait before the next one.

        The index's own threads call it, and tests do in their place. Never raises.
        """
        with self._changed:
            now_s = self._clock()
            job, wait_s = self._next(now_s)
            if job is None:
                return wait_s
            self._budget.spend(now_s)
        try:
            reply: Reply | ServiceError = self._read(job)
        except ServiceError as error:
            reply = error
        except Exception as error:
            log.exception("index.broken", extra={"job": job.kind, "thread": job.thread_id})
            reply = UnexpectedReply(
                f"What came back could not be read: {error}", operation=f"index {job.kind}"
            )
        with self._changed:
            self._version += 1
            if isinstance(reply, ServiceError):
                self._fail(job, reply)
            else:
                self._take(job, reply)
        return 0.0

    def _next(self, now_s: float) -> tuple[Job | None, float]:
        if now_s - self._asked_s > IDLE_AFTER_S or self._closed:
            return None, IDLE_AFTER_S
        if self._resume_s > now_s:
            return None, self._resume_s - now_s
        if wait_s := self._budget.wait_s(now_s):
            return None, wait_s
        hot = frozenset(self._hot())
        for thread_id in hot ^ self._was_hot:
            self._plan.touch(thread_id, now_s)
        self._was_hot = hot
        job = self._plan.take(now_s)
        return job, 0.0 if job else min(1.0, self._plan.next_s(now_s))

    def _read(self, job: Job) -> Reply:
        match job.kind:
            case "agents":
                return self._backend.page_agents(job.after)
            case "head" | "sweep":
                return self._backend.page_threads(job.after)
            case "runs":
                return self._backend.page_runs(job.thread_id)
            case "messages":
                return self._backend.page_messages(job.thread_id)
            case "steps":
                return self._backend.page_steps(job.thread_id, job.run_id)

    def _take(self, job: Job, page: Reply) -> None:
        now_s, plan = self._clock(), self._plan
        what = ("list" if job.kind in ("head", "sweep") else job.kind, job.thread_id + job.after, job.run_id)
        self._unread.pop(what, None)
        if page.unread:
            self._unread[what] = page.unread
        self._failures, self._problem = 0, None
        entry = plan.entries.get(job.thread_id)
        match job.kind:
            case "agents":
                self._name(one for one in page.found if isinstance(one, Agent))
                plan.done_agents(page.after, now_s)
            case "head" | "sweep":
                threads = [from_listing(one, self._marks) for one in page.found if isinstance(one, Thread)]
                self._as_of = self._now()
                if job.kind == "head":
                    plan.done_head(threads, bool(page.after), now_s)
                else:
                    plan.done_sweep(threads, page.after, now_s)
            case "runs" if entry:
                runs = Page(tuple(one for one in page.found if isinstance(one, Run)), page.after)
                info, ask = with_runs(entry.info, runs, self._now())
                plan.done_thread(info, now_s, self._now(), ask=ask)
                if strange := set(info.agent_ids) - self._names.keys():
                    self._names.update(dict.fromkeys(strange, ""))  # looked for once: it may be gone for good
                    plan.want_agents(now_s)
            case "messages" if entry:
                found = tuple(one for one in page.found if isinstance(one, ThreadMessage))
                plan.done_messages(with_messages(entry.info, Page(found, page.after)))
            case "steps" if entry:
                steps = [one for one in page.found if isinstance(one, RunStep)]
                plan.done_steps(with_steps(entry.info, job.run_id, steps))

    def _fail(self, job: Job, error: ServiceError) -> None:
        """A thread that is gone is dropped; a fault of one thread is its own; all else has everything wait."""
        now_s = self._clock()
        if isinstance(error, NotFound) and job.thread_id and job.kind == "runs":
            self._plan.drop(job.thread_id)
            return
        own = isinstance(error, NotFound | InvalidInput | UnexpectedReply)
        self._plan.failed(job, error.message, now_s, later=own or isinstance(error, Unavailable))
        if own and job.thread_id:
            return
        self._failures += 1
        self._problem = error
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** min(self._failures - 1, 10))
        if isinstance(error, Throttled | Unavailable):
            pause_s = max(pause_s, min(LONGEST_PAUSE_S, error.retry_after_s or 0.0))
        else:
            pause_s = max(pause_s, REFUSED_PAUSE_S)
        self._resume_s = max(self._resume_s, now_s + pause_s)
        log.warning(
            "index.paused", extra={"job": job.kind, "reason": str(error), "pause_s": round(pause_s, 1)}
        )

    # Inside -----------------------------------------------------------------------------------------

    def _wanted(self) -> None:
        """Somebody looks: go on reading, or begin."""
        was_idle = self._clock() - self._asked_s > IDLE_AFTER_S
        self._asked_s = self._clock()
        if self._closed or not was_idle:
            return
        while len(self._workers) < self._readers:
            worker = threading.Thread(target=self._work, name=f"index-{len(self._workers)}", daemon=True)
            self._workers.append(worker)
            worker.start()
        self._changed.notify_all()

    def _work(self) -> None:
        while not self._closed:
            wait_s = self.advance()
            if wait_s > 0:
                with self._changed:
                    if not self._closed:
                        self._changed.wait(wait_s)

    def _count(self) -> "_Counts":
        if self._counted is None or self._counted.version != self._version:
            threads = list(self._plan.threads())
            read = [one for one in threads if one.runs is not None]
            self._counted = _Counts(
                self._version,
                len(threads),
                len(read),
                len(read) == len(threads) or all(one.problem for one in threads if one.runs is None),
                sum(len(one.runs or ()) for one in read),
                sum(one.open_runs for one in read),
            )
        return self._counted

    def _phase(self, known: "_Counts") -> Phase:
        if self._closed:
            return "paused"
        if self._problem is not None:
            return "failing"
        if self._as_of is None:
            return "idle"
        return "current" if known.settled and self._plan.listed else "indexing"

    def _name(self, agents: Iterable[Agent]) -> None:
        for agent in agents:
            self._names.pop(agent.id, None)
            self._names[agent.id] = agent.name
        while len(self._names) > KEPT_NAMES:
            self._names.pop(next(iter(self._names)))

    def _search(self, query: ThreadQuery) -> list[str]:
        key = (query, self._version)
        found = self._searches.get(key)
        if found is None:
            threads = list(self._plan.threads())
            found = search(threads, query, self._plan.parents, self._names, self._now())
            self._searches[key] = found
            while len(self._searches) > KEPT_SEARCHES:
                self._searches.popitem(last=False)
        return found

    def _row(self, thread_id: str) -> ThreadRow:
        info = self._plan.entries[thread_id].info
        return ThreadRow(info, agents_of(info, self._names), self._plan.parents.get(thread_id))
