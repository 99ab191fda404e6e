"""What the index reads next: new threads and open runs first, then what is unread, newest first, then what may have changed."""

import heapq
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Literal

from services.inventory.threads_records import ThreadInfo, unread_steps

JobKind = Literal["agents", "head", "sweep", "runs", "messages", "steps"]
MOST_THREADS: Final = 20_000
HEAD_EVERY_S: Final = 20.0
AGENTS_EVERY_S: Final = 300.0
MOST_AGENT_PAGES: Final = 10
SWEEP_EVERY_S: Final = 900.0
OPEN_EVERY_S: Final = 10.0
SOONEST_S, LATEST_S = 60.0, 6 * 3600.0  # between two readings of a thread in which nothing runs
IDLE_SHARE: Final = 0.25  # of the time since something last happened in it
FIRST_AGAIN_S: Final = 30.0  # after a failure; doubled with each one that follows
TURNS: Final[tuple[str, ...]] = ("fresh", "sweep", "fresh", "due", "fresh", "messages", "steps")


@dataclass(frozen=True, slots=True)
class Job:
    """One request. *after*: where the page begins."""

    kind: JobKind
    thread_id: str = ""
    run_id: str = ""
    after: str = ""


@dataclass(slots=True)
class Entry:
    """*stamp*: tells the newest date in the diary from older ones. *seen*: the sweep that met it last."""

    info: ThreadInfo
    seen: int
    stamp: int = 0
    failures: int = 0


class Plan:
    """The threads that are known, and when each is to be read. Not thread-safe. Times: seconds that never go back."""

    def __init__(self, calls_per_min: int) -> None:
        self.entries: dict[str, Entry] = {}
        self.parents: dict[
            str, tuple[str, str]
        ] = {}  # of a child thread: the thread and the run that began it
        self.listed = False  # whether the list of threads was read to its end once
        self.capped = False
        self._calls_per_min = calls_per_min
        self._head_s, self._agents_s, self._sweep_s = 0.0, 0.0, 0.0
        self._cursor: str | None = ""  # of the sweep under way; None: none is
        self._sweeping = 1
        self._met = 0
        self._heaps: dict[str, list[tuple[float, str, str, int]]] = {
            name: [] for name in ("open", "fresh", "due", "messages", "steps")
        }
        self._turn = itertools.cycle(TURNS)
        self._agents_after, self._agents_pages = "", 0
        self._busy: set[str] = set()
        self._queued: set[tuple[str, str, str]] = set()

    # What comes next --------------------------------------------------------------------------------

    def take(self, now_s: float) -> Job | None:
        """Return the next job, None when nothing is due. Each comes back by a done_… or by failed()."""
        job = self._urgent(now_s)
        if job is None:
            job = next((found for _ in TURNS if (found := self._of(next(self._turn), now_s))), None)
        if job is not None and job.kind in ("agents", "head", "sweep"):
            self._busy.add(job.kind)
        return job

    def next_s(self, now_s: float) -> float:
        """Return in how many seconds something is due."""
        dates = [heap[0][0] for name in ("open", "due") if (heap := self._heaps[name])]
        lists = (("agents", self._agents_s), ("head", self._head_s), ("sweep", self._sweep_s))
        dates += [
            due_s for name, due_s in lists if name not in self._busy and (self.listed or name != "head")
        ]
        return max(0.05, min(dates, default=now_s + 1.0) - now_s)

    def _urgent(self, now_s: float) -> Job | None:
        if self._agents_s <= now_s and "agents" not in self._busy:
            return Job("agents", after=self._agents_after)
        if self.listed and self._head_s <= now_s and "head" not in self._busy:
            return Job("head")
        return self._of("open", now_s)

    def _of(self, name: str, now_s: float) -> Job | None:
        if name == "sweep":
            return self._sweep(now_s)
        heap = self._heaps[name]
        timed = name in ("open", "due")
        while heap and (not timed or heap[0][0] <= now_s):
            _, thread_id, run_id, stamp = heapq.heappop(heap)
            self._queued.discard((name, thread_id, run_id))
            entry = self.entries.get(thread_id)
            if entry is None or (stamp and stamp != entry.stamp):
                continue
            if name in ("messages", "steps"):
                return Job("messages" if name == "messages" else "steps", thread_id, run_id)
            return Job("runs", thread_id)
        return None

    def _sweep(self, now_s: float) -> Job | None:
        if "sweep" in self._busy:
            return None
        if self._cursor is None:
            if self._sweep_s > now_s:
                return None
            self._cursor, self._sweeping, self._met = "", self._sweeping + 1, 0
        return Job("sweep", after=self._cursor)

    # What came of it --------------------------------------------------------------------------------

    def done_agents(self, after: str, now_s: float) -> None:
        self._busy.discard("agents")
        self._agents_pages = self._agents_pages + 1 if after else 0
        self._agents_after = after if self._agents_pages < MOST_AGENT_PAGES else ""
        self._agents_s = now_s if self._agents_after else now_s + AGENTS_EVERY_S

    def want_agents(self, now_s: float) -> None:
        """Read the names of the agents soon: one has come up that has none."""
        self._agents_s = min(self._agents_s, now_s + HEAD_EVERY_S)

    def done_head(self, threads: Iterable[ThreadInfo], more: bool, now_s: float) -> None:
        """Take up the newest threads. What they should hold and do not was deleted."""
        self._busy.discard("head")
        self._head_s = now_s + HEAD_EVERY_S
        found = list(threads)
        new = [info for info in found if self._meet(info)]
        oldest = min((info.created_at for info in found), default=None) if more else None
        met = {info.id for info in found}
        gone = [
            thread_id
            for thread_id, entry in self.entries.items()
            if thread_id not in met and (oldest is None or entry.info.created_at > oldest)
        ]
        if found or not more:
            for thread_id in gone:
                self.drop(thread_id)
        if more and new and len(new) == len(found) and self._cursor is None:
            self._sweep_s = now_s  # there may be more new ones behind them

    def done_sweep(self, threads: Iterable[ThreadInfo], after: str, now_s: float) -> None:
        """Take up a page of all threads. At the end, what no page had was deleted."""
        self._busy.discard("sweep")
        for info in threads:
            self._meet(info)
            self._met += 1
        if after and self._met < MOST_THREADS:
            self._cursor = after
            return
        for thread_id in [key for key, entry in self.entries.items() if entry.seen < self._sweeping]:
            self.drop(thread_id)
        self._cursor = None
        self.capped = bool(after)
        pages = len(self.entries) / 100
        self._sweep_s = now_s + max(SWEEP_EVERY_S, pages * 600.0 / self._calls_per_min)
        if not self.listed:
            self.listed, self._head_s = True, now_s + HEAD_EVERY_S

    def done_thread(self, info: ThreadInfo, now_s: float, now: datetime, *, ask: bool) -> None:
        """Take *info* as the newest; *ask*: its messages are to be read as well."""
        entry = self.entries.get(info.id)
        if entry is None:
            return
        entry.info, entry.failures = info, 0
        if ask:
            self._put("messages", -info.created_at.timestamp(), info.id)
        for run in unread_steps(info):
            self._put("steps", -run.created_at.timestamp(), info.id, run.id)
        if info.is_open:
            opened = len(self._heaps["open"]) + 1  # they may use half of the budget
            self._date(entry, "open", now_s + max(OPEN_EVERY_S, opened * 120.0 / self._calls_per_min))
        else:
            idle_s = max(0.0, now.timestamp() - info.active_s)
            self._date(entry, "due", now_s + min(LATEST_S, max(SOONEST_S, idle_s * IDLE_SHARE)))

    def done_messages(self, info: ThreadInfo) -> None:
        if entry := self.entries.get(info.id):
            entry.info = info

    def done_steps(self, info: ThreadInfo) -> None:
        if entry := self.entries.get(info.id):
            entry.info = info
            self._link(info)

    def failed(self, job: Job, problem: str, now_s: float, *, later: bool) -> None:
        """Have *job* done again. *later*: the fault may lie in this one thing; it waits, and longer each time."""
        self._busy.discard(job.kind)
        again_s = now_s + FIRST_AGAIN_S
        match job.kind:
            case "agents":
                self._agents_s, self._agents_after = again_s, ""
            case "head":
                self._head_s = again_s
            case "sweep" if later and job.after:  # the cursor may be the fault: from the beginning
                self._cursor, self._met = "", 0
        entry = self.entries.get(job.thread_id)
        if entry is None:
            return
        if later:
            entry.failures += 1
            entry.info = replace(entry.info, problem=problem)
            if job.kind == "runs":
                self._date(entry, "due", now_s + min(LATEST_S, FIRST_AGAIN_S * 2**entry.failures))
        elif job.kind == "runs":
            self._date(entry, "due", now_s)
        else:
            self._put(job.kind, 0.0, job.thread_id, job.run_id)

    def hurry(self, now_s: float) -> None:
        """Do now what was put off by a failure."""
        self._head_s, self._agents_s = min(self._head_s, now_s), min(self._agents_s, now_s)

    def touch(self, thread_id: str, now_s: float) -> None:
        """Read this thread soon: something has happened in it."""
        entry = self.entries.get(thread_id)
        if entry is None:
            self._head_s = min(self._head_s, now_s)
        elif entry.info.runs is not None:
            self._date(entry, "open", now_s)

    def drop(self, thread_id: str) -> None:
        """Forget a thread that was deleted."""
        entry = self.entries.pop(thread_id, None)
        self.parents.pop(thread_id, None)
        for link in entry.info.children if entry else ():
            self.parents.pop(link.thread_id, None)

    # Inside -----------------------------------------------------------------------------------------

    def _meet(self, info: ThreadInfo) -> bool:
        """Return whether the thread is new."""
        entry = self.entries.get(info.id)
        if entry is None:
            self.entries[info.id] = Entry(info, self._sweeping)
            self._put("fresh", -info.created_at.timestamp(), info.id)
            return True
        entry.seen = self._sweeping
        if (info.question and info.question != entry.info.question) or info.ours != entry.info.ours:
            entry.info = replace(entry.info, ours=info.ours, question=info.question or entry.info.question)
        return False

    def _link(self, info: ThreadInfo) -> None:
        for run in info.runs or ():
            for link in run.children or ():
                self.parents[link.thread_id] = (info.id, run.id)

    def _date(self, entry: Entry, name: str, due_s: float) -> None:
        entry.stamp += 1
        heapq.heappush(self._heaps[name], (due_s, entry.info.id, "", entry.stamp))

    def _put(self, name: str, order: float, thread_id: str, run_id: str = "") -> None:
        if (name, thread_id, run_id) not in self._queued:
            self._queued.add((name, thread_id, run_id))
            heapq.heappush(self._heaps[name], (order, thread_id, run_id, 0))

    def waiting_steps(self) -> int:
        """Return how many runs have steps that are still to be read, about."""
        return len(self._heaps["steps"])

    def threads(self) -> Iterator[ThreadInfo]:
        return (entry.info for entry in self.entries.values())
