"""What the index hands out: how far it is, rows of threads, open runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.errors import ServiceError
from services.inventory.threads_records import ThreadInfo

Phase = Literal["idle", "indexing", "current", "paused", "failing"]


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """How far the index is. *phase*: `idle` before anybody asked, `paused` since nobody asks any more, `failing` while
    it waits *resumes_s* because of *problem*. *threads*: known; *whole*: that is all of them; *capped*: there are more,
    which are left alone. *read*: of these, those whose runs are known; *settled*: the others cannot be read. *steps_left*: runs whose child threads are still
    to be found. *unread*: things of a shape that is not known. *calls*: sent in the last minute, of *calls_per_min*.
    *as_of*: when the list of threads was read last, None: not yet."""

    phase: Phase
    threads: int
    read: int
    settled: bool
    whole: bool
    capped: bool
    runs: int
    open_runs: int
    steps_left: int
    unread: int
    calls: int
    calls_per_min: int
    as_of: datetime | None
    problem: ServiceError | None
    resumes_s: float


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended, as it was read at *read_at*. *since*: when it was created. *expires_at*: None when
    the service does not tell."""

    run_id: str
    thread_id: str
    agent_id: str
    agent: str
    state: str
    since: datetime
    expires_at: datetime | None
    ours: bool
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class ThreadRow:
    """A thread with what surrounds it. *parent*: the thread and the run that began it, None when it is no child as far as
    is known. *agents*: by name where known."""

    thread: ThreadInfo
    agents: tuple[str, ...]
    parent: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class FoundThreads:
    """*rows*: one page of those that match. *total*: all of the kind that is known."""

    rows: tuple[ThreadRow, ...]
    matching: int
    total: int
