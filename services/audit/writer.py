"""Puts records into this process's chain and the chain into the table: one thread, one request for all that waits.

What nobody waits for is in the chain at once and in the table LINGER_S later, or with what somebody does wait for: an
upload of its own would compete with the very work that the record before it has let begin.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, Protocol

from services.audit.journal import Journal, in_memory
from services.audit.keys import GENESIS, Keys
from services.audit.record import Draft, Record, chained
from services.errors import ServiceError, Unavailable

log = logging.getLogger(__name__)
BATCH: Final = 200
MOST_WAITING: Final = 2_000  # beyond it nothing new begins; results of what was done are kept all the same
HEAD_EVERY_S: Final = 60.0
HEAD_EVERY: Final = 100
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
CLOSE_S: Final = 5.0
LINGER_S: Final = 0.2
RECORDING: Final = "put on record"


class Upload(Protocol):
    """Sends rows to the table."""

    def __call__(self, make: Callable[[], Sequence[Mapping[str, object]]]) -> None:
        """Return once the table's service has taken them all. *make* is called for each attempt. Raises ServiceErrors."""


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain that the table has confirmed."""

    chain: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class WriterState:
    """*head*: None until a record was confirmed. *waiting*: records that the table has not confirmed. *problem*: why.
    *kept*: whether these survive the process; *note*: why not, or why the chain is a new one."""

    head: Head | None
    waiting: int
    problem: str
    kept: bool
    note: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    draft: Draft
    answer: "Future[Record]"
    awaited: bool


class Writer:
    """Threads share it. Nothing is opened, read or sent before the first put() or start()."""

    def __init__(
        self,
        open_journal: Callable[[], Journal],
        keys: Callable[[], Keys],
        upload: Upload,
        now: Callable[[], datetime],
        place: Mapping[str, str],
        on_head: Callable[[Head], None] = lambda _: None,
    ) -> None:
        """*place*: environment, instance and version. *on_head*: told how far the table has confirmed, once a minute.

        *open_journal* and *keys* are called once, by the thread. *keys* may raise ServiceErrors: then nothing is taken.
        """
        self._open, self._make_keys, self._upload, self._now = open_journal, keys, upload, now
        self._place, self._on_head = place, on_head
        self._journal: Journal | None = None
        self._left: list[Record] = []  # of a chain that had to be given up
        self._drafts: list[_Waiting] = []
        self._unsent: list[tuple[Record, Future[Record]]] = []
        self._due_s: float | None = None  # when what nobody waits for is sent; None: nothing lingers
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._problem: ServiceError | None = None
        self._pause_s, self._retry_at_s = FIRST_PAUSE_S, 0.0
        self._head: Head | None = None
        self._told: Head | None = None
        self._told_at_s = 0.0
        self._queued = self._waiting = 0  # not in the chain yet; in it, and not confirmed

    def start(self) -> None:
        """Go on where the process before this one ended, if it left something to send."""
        with self._wake:
            self._begin()

    def put(self, draft: Draft, *, must: bool = False, awaited: bool = False) -> Future[Record]:
        """Return the future of the record: done when the table has it; a ServiceError when that failed at first.

        Even then the record stays in the chain and is sent later. *must*: take it however much waits already. *awaited*:
        send it at once. Raises ServiceErrors: it was not taken, as MOST_WAITING records wait or the work is over.
        """
        answer: Future[Record] = Future()
        with self._wake:
            if self._stopping or (not must and self._waiting + self._queued >= MOST_WAITING):
                raise self._problem or _stopped()
            self._drafts.append(_Waiting(draft, answer, awaited))
            self._queued += 1
            self._begin()
            self._wake.notify_all()
        return answer

    def state(self) -> WriterState:
        journal = self._journal
        return WriterState(
            self._head,
            self._waiting + self._queued,
            self._problem.message if self._problem else "",
            journal is None or journal.is_kept,
            journal.why if journal else "",
        )

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Send what waits, for at most *timeout_s*, and tell the head. What is left stays on disk."""
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(timeout_s)

    # The thread -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        if self._thread is None and not self._stopping:
            self._thread = threading.Thread(target=self._work, name="audit-writer", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        try:
            self._keys = self._make_keys()
            self._journal = self._opened()
            while self._wait():
                with self._wake:
                    batch, self._drafts = self._drafts[:BATCH], self._drafts[BATCH:]
                self._carry_out(batch)
                self._tell_head()
            self._tell_head(at_once=True)
        except ServiceError as exc:
            log.error("audit.no_key", extra={"reason": exc.message})
            self._problem = exc
        except Exception:
            log.exception("audit.writer_broken")
            self._problem = Unavailable(
                "The audit trail has a defect; the log holds the details.", operation=RECORDING
            )
        finally:
            with self._wake:
                self._stopping = True
                batch, self._drafts = self._drafts, []
            for answer in (*(one.answer for one in batch), *(answer for _, answer in self._unsent)):
                answer.set_exception(self._problem or _stopped())
            if self._journal is not None:
                self._journal.close()

    def _opened(self) -> Journal:
        """Return the chain to go on with. One that somebody changed on disk, or whose key is not here, is put aside."""
        journal = self._open()
        while not all(self._keys.is_signed(one) for one in (*journal.waiting, *filter(None, [journal.last]))):
            log.error("audit.chain_abandoned", extra={"chain": journal.chain})
            self._left += [one for one in journal.waiting if self._keys.is_signed(one)]
            journal.set_aside()
            journal = self._open()
        self._waiting = len(journal.waiting) + len(self._left)
        return journal

    def _wait(self) -> bool:
        """Return True when there is something to do, False when the work is over."""
        with self._wake:
            while True:
                now_s = time.monotonic()
                if self._drafts:
                    return True
                lingers = self._due_s is not None and now_s < self._due_s and not self._stopping
                if self._waiting and self._problem is None and not lingers:
                    return True
                if self._stopping:
                    return False  # what could not be sent stays on disk
                if self._waiting and now_s >= self._retry_at_s and not lingers:
                    return True
                if self._head != self._told and now_s >= self._told_at_s + HEAD_EVERY_S:
                    return True
                self._wake.wait(self._sleep_s(now_s))

    def _sleep_s(self, now_s: float) -> float | None:
        moments = [self._retry_at_s if self._due_s is None else self._due_s] if self._waiting else []
        moments += [self._told_at_s + HEAD_EVERY_S] if self._head != self._told else []
        return max(0.01, min(moments) - now_s) if moments else None

    def _carry_out(self, batch: Sequence["_Waiting"]) -> None:
        """Put *batch* into the chain; send all that waits, unless it may linger."""
        records = self._chain([one.draft for one in batch]) if batch else []
        self._unsent += [(record, one.answer) for record, one in zip(records, batch, strict=True)]
        now_s = time.monotonic()
        with self._wake:
            self._queued -= len(batch)
            at_once = self._stopping or any(one.awaited for one in batch)
        if self._due_s is None and batch and not at_once and self._problem is None:
            self._due_s = now_s + LINGER_S
        if not at_once and self._due_s is not None and now_s < self._due_s:
            return
        self._due_s = None
        problem = self._send()
        told, self._unsent = self._unsent, []
        for record, answer in told:
            if problem is None:
                answer.set_result(record)
            else:
                answer.set_exception(problem)

    def _chain(self, drafts: Sequence[Draft]) -> list[Record]:
        """Return the records of *drafts*, signed and on disk, or in a new chain of this process where there is no disk."""
        assert self._journal is not None, "the thread opens it first"
        records = self._linked(self._journal, drafts)
        try:
            self._journal.append(records)
        except OSError as exc:
            log.error("audit.journal_failed", extra={"chain": self._journal.chain, "reason": str(exc)})
            self._left += self._journal.waiting
            self._journal.close()
            self._journal = in_memory(f"the chain before it cannot be kept on disk: {exc.strerror or exc}")
            records = self._linked(self._journal, drafts)
            self._journal.append(records)
        self._waiting = len(self._left) + len(self._journal.waiting)
        return records[-len(drafts) :]

    def _linked(self, journal: Journal, drafts: Sequence[Draft]) -> list[Record]:
        last, wanted = journal.last, list(drafts)
        if last is None:
            wanted.insert(0, Draft("epoch", "", self._now(), "begin chain", target=journal.why))
        made: list[Record] = []
        for draft in wanted:
            link = chained(
                draft,
                chain=journal.chain,
                seq=last.seq + 1 if last else 0,
                prev=last.hash if last else GENESIS,
                key_id=self._keys.id,
                place=self._place,
            )
            last = self._keys.sign(link)
            made.append(last)
        return made

    def _send(self) -> ServiceError | None:
        """Upload what waits; return why that failed. A part that did arrive is found and dropped by its second seal."""
        assert self._journal is not None, "the thread opens it first"
        while waiting := [*self._left, *self._journal.waiting][:BATCH]:
            try:
                self._upload(partial(self._rows, waiting))
            except ServiceError as exc:
                if self._problem is None:
                    log.error("audit.upload_failed", extra={"waiting": self._waiting, "reason": exc.message})
                self._problem = exc
                self._retry_at_s = time.monotonic() + self._pause_s
                self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
                return exc
            self._confirm(waiting)
        self._problem, self._pause_s = None, FIRST_PAUSE_S
        return None

    def _rows(self, records: Sequence[Record]) -> list[dict[str, object]]:
        return [self._keys.deliver(one, self._now()).row() for one in records]

    def _confirm(self, sent: Sequence[Record]) -> None:
        assert self._journal is not None, "the thread opens it first"
        self._left = [one for one in self._left if one not in sent]
        last = sent[-1]
        self._head = Head(last.chain, last.seq, last.hash)
        if last.chain == self._journal.chain:
            try:
                self._journal.confirm(last.seq)
            except OSError as exc:  # the next process sends them again
                log.warning("audit.confirm_failed", extra={"chain": last.chain, "reason": str(exc)})
        self._waiting = len(self._left) + len(self._journal.waiting)

    def _tell_head(self, *, at_once: bool = False) -> None:
        head, told, now_s = self._head, self._told, time.monotonic()
        if head is None or head == told:
            return
        far = told is None or told.chain != head.chain or head.seq - told.seq >= HEAD_EVERY
        if at_once or far or now_s >= self._told_at_s + HEAD_EVERY_S:
            self._told, self._told_at_s = head, now_s
            self._on_head(head)


def _stopped() -> ServiceError:
    return Unavailable("Relaydeck is stopping.", operation=RECORDING, sent=False)
