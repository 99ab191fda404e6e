"""One thread at a time: read whole, continued elsewhere, exported, deleted."""

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeVar

from services.actions import Actions, Change
from services.agents.backend import TERMINAL, AgentBackend, Page, Run, RunStep, Thread, ThreadMessage
from services.answers.record import TITLE, is_ours
from services.errors import Conflict, InvalidInput, NotFound, ServiceError
from services.inventory.threads import ThreadIndex
from services.inventory.threads_records import shortened
from services.inventory.threads_times import Stretch, stretches

log = logging.getLogger(__name__)
T = TypeVar("T")
READERS: Final = 4
Deleted = Literal["deleted", "gone"]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much of a thread is read: *pages* of 100 messages and of 100 runs, the steps of the latest *steps* runs."""

    pages: int
    steps: int


SHOWN: Final = Extent(pages=2, steps=10)
WHOLE: Final = Extent(pages=50, steps=200)


@dataclass(frozen=True, slots=True)
class RunDetail:
    """*steps*: None when they were not read: the run is too old for that, or they could not be."""

    run: Run
    agent: str
    steps: tuple[RunStep, ...] | None
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class ThreadDetail:
    """A thread with what lies in it, oldest first. *complete*: False when messages or runs were left out. *unread*: how
    many of them have a shape that is not known. *title*: the first question, empty when there is none."""

    thread: Thread
    title: str
    ours: bool
    messages: tuple[ThreadMessage, ...]
    runs: tuple[RunDetail, ...]
    complete: bool
    unread: int
    read_at: datetime

    @property
    def is_open(self) -> bool:
        """Return whether one of the runs that were read has not ended."""
        return any(one.run.state not in TERMINAL for one in self.runs)


class ThreadService:
    """Threads share it. *marks*: the metadata of what is ours here."""

    def __init__(
        self,
        backend: AgentBackend,
        index: ThreadIndex,
        actions: Actions,
        marks: Mapping[str, str],
        now: Callable[[], datetime],
    ) -> None:
        self._backend, self._index, self._actions = backend, index, actions
        self._marks, self._now = marks, now

    def read(self, thread_id: str, extent: Extent = SHOWN) -> ThreadDetail:
        """Return the thread as it is now. Three requests, one more for each further 100 messages or runs, and one for each
        run whose steps are read. Raises NotFound (it was deleted) and the other ServiceErrors."""
        backend = self._backend
        try:
            thread = backend.get_thread(thread_id)
        except NotFound:
            self._index.forget(thread_id)
            raise
        runs, more_runs, unread_runs = _all(lambda after: backend.page_runs(thread_id, after), extent.pages)
        told, more_told, unread = _all(lambda after: backend.page_messages(thread_id, after), extent.pages)
        steps = self._steps(runs[: extent.steps])
        names = self._index.agent_names()
        first = next((message.text for message in told if message.role == "user"), "")
        return ThreadDetail(
            thread,
            shortened(thread.metadata.get(TITLE, "") or first),
            is_ours(thread.metadata, self._marks),
            tuple(told),
            tuple(
                RunDetail(
                    run,
                    names.get(run.agent_id, "") or run.agent_id,
                    steps.get(run.id),
                    stretches(run, steps.get(run.id) or ()),
                )
                for run in reversed(runs)
            ),
            not more_runs and not more_told,
            unread + unread_runs,
            self._now(),
        )

    def delete(self, thread_id: str) -> Deleted:
        """Return `deleted`, or `gone` when there was no such thread any more. At most three requests.

        Raises InvalidInput: it does not carry our tag. Raises Conflict: a run of it is open. Raises AccessDenied and the
        other ServiceErrors; after those the thread may still be there.
        """
        deleted = self._actions.perform(
            "delete thread", thread_id, lambda: self._delete(thread_id), change=Change
        )
        self._index.forget(thread_id)
        return "gone" if deleted is None else "deleted"

    def _delete(self, thread_id: str) -> dict[str, object] | None:
        """Return what was deleted, as far as it tells without its messages; None when it was gone before."""
        try:
            thread = self._backend.get_thread(thread_id)
            if not is_ours(thread.metadata, self._marks):
                raise self._foreign(thread_id)
            newest = self._backend.page_runs(thread_id).found[:1]
        except NotFound:
            return None
        if newest and newest[0].state not in TERMINAL:
            raise Conflict(
                f"Thread {thread_id} was not deleted: its run {newest[0].id} is still {newest[0].state}.",
                operation="delete thread",
                resource=thread_id,
                hint="Stop the answer on the Ask page, or wait for its end, and delete the thread then.",
            )
        self._backend.delete_thread(thread_id)
        return {"id": thread.id, "metadata": dict(thread.metadata), "runs": [run.id for run in newest]}

    def _foreign(self, thread_id: str) -> InvalidInput:
        row = self._index.get(thread_id)
        hint = "Delete it with the program that made it."
        if row is not None and row.parent is not None:
            hint = f"A connected agent worked in it for thread {row.parent[0]}; look at that one."
        environment = self._marks.get("environment", "")
        return InvalidInput(
            f"Thread {thread_id} was not deleted: it does not carry Relaydeck's tag of the environment '{environment}'.",
            operation="delete thread",
            resource=thread_id,
            hint=hint,
        )

    def _steps(self, runs: Sequence[Run]) -> dict[str, tuple[RunStep, ...]]:
        if not runs:
            return {}
        with ThreadPoolExecutor(READERS, "thread-steps") as pool:
            found = pool.map(self._steps_of, runs)
            return {run.id: steps for run, steps in zip(runs, found, strict=True) if steps is not None}

    def _steps_of(self, run: Run) -> tuple[RunStep, ...] | None:
        try:
            return self._backend.page_steps(run.thread_id, run.id).found
        except ServiceError as exc:
            log.info("thread.steps_missed", extra={"run": run.id, "reason": exc.message})
            return None


def _all(read: Callable[[str], Page[T]], pages: int) -> tuple[list[T], bool, int]:
    """Return what at most *pages* pages hold, whether there is more, and how much was not understood."""
    found: list[T] = []
    after, unread = "", 0
    for _ in range(pages):
        page = read(after)
        found += page.found
        unread += page.unread
        after = page.after
        if not after:
            break
    return found, bool(after), unread
