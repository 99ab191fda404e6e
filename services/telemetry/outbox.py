"""A bounded buffer and the one thread that empties it. Putting never waits; what is lost is counted."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from services.telemetry.records import Record

log = logging.getLogger(__name__)
CAPACITY = 20_000
BATCH = 500
LINGER_S = 0.5  # how long records may gather into one request
FIRST_RETRY_S, RETRY_SLOWER, LAST_RETRY_S = 0.5, 2.0, 30.0
GIVE_UP_S = 600.0  # a batch that was refused for so long is let go, so that the next ones get their turn


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a batch. *failed*: refused for good. *retry*: nobody took it; it may be sent again.

    *status*: of the reply, None when none came. *retry_after_s*: the pause that it asked for, None when for none.
    """

    failed: int = 0
    retry: bool = False
    reason: str = ""
    status: int | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """Records since the start. *dropped*: for want of room or time. *failed*: refused by the service.

    *reason*: why the latest delivery failed, empty after one that did not. *failing_s*: for how long none succeeded.
    """

    waiting: int = 0
    sent: int = 0
    dropped: int = 0
    failed: int = 0
    reason: str = ""
    failing_s: float = 0.0


Send = Callable[[Sequence[Record]], Delivery]


class Outbox:
    """Thread-safe. Nothing leaves before attach(); the oldest give way when *capacity* is reached."""

    def __init__(
        self,
        capacity: int = CAPACITY,
        *,
        linger_s: float = LINGER_S,
        first_retry_s: float = FIRST_RETRY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._capacity, self._linger_s, self._first_retry_s = capacity, linger_s, first_retry_s
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[Record] = deque()
        self._in_hand = 0
        self._counts = Counts()
        self._failing_since_s: float | None = None
        self._hurry = self._closed = False
        self._thread: threading.Thread | None = None

    def put(self, records: Iterable[Record]) -> None:
        """Have *records* sent later. Never waits, never raises."""
        with self._changed:
            if self._closed:
                return
            self._waiting.extend(records)
            excess = len(self._waiting) - self._capacity
            for _ in range(excess):
                self._waiting.popleft()
            if excess > 0:
                self._count(dropped=excess)
            self._changed.notify_all()

    def attach(self, send: Send) -> None:
        """Begin to send by *send*, which may take its time and must not raise."""
        with self._changed:
            if self._closed or self._thread is not None:
                return
            self._thread = threading.Thread(
                target=self._serve, args=[send], name="telemetry-outbox", daemon=True
            )
            self._thread.start()

    def discard(self) -> None:
        """Take nothing more and forget what waits: there is nowhere to send it, by choice or by lack."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def counts(self) -> Counts:
        with self._changed:
            since_s = self._failing_since_s
            failing_s = 0.0 if since_s is None else self._clock() - since_s
            return replace(self._counts, waiting=len(self._waiting) + self._in_hand, failing_s=failing_s)

    def flush(self, timeout_s: float) -> bool:
        """Return whether everything put so far has left, or was given up, within *timeout_s*."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            done = self._changed.wait_for(
                lambda: self._closed or not (self._waiting or self._in_hand), timeout_s
            )
            self._hurry = False
            return done

    def close(self, timeout_s: float) -> bool:
        """Flush, then stop; what is left is dropped and counted. Returns within *timeout_s* whether nothing was."""
        with self._changed:
            if self._closed:
                return True
            running = self._thread is not None
        done = self.flush(timeout_s) if running else not self._waiting
        with self._changed:
            left = len(self._waiting) + self._in_hand
            self._closed = True
            self._waiting.clear()
            if left:
                self._count(dropped=left)
            self._changed.notify_all()
        if left:
            log.info("telemetry.dropped_at_end", extra={"records": left})
        return done

    def _serve(self, send: Send) -> None:
        while batch := self._take():
            self._deliver(send, batch)
            with self._changed:
                self._in_hand = 0
                self._changed.notify_all()

    def _take(self) -> list[Record]:
        """Return the next records, all of one kind, which go into one request; none when it is over."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._hurry and len(self._waiting) < BATCH:
                self._changed.wait_for(lambda: self._hurry or self._closed, self._linger_s)
            if not self._waiting:
                return []
            kind, batch, others = type(self._waiting[0]), list[Record](), list[Record]()
            while self._waiting and len(batch) < BATCH:
                one = self._waiting.popleft()
                (batch if type(one) is kind else others).append(one)
            self._waiting.extendleft(reversed(others))
            self._in_hand = len(batch)
            return batch

    def _deliver(self, send: Send, batch: Sequence[Record]) -> None:
        began_s, wait_s = self._clock(), self._first_retry_s
        while True:
            delivery = _send_safely(send, batch)
            if delivery.retry and self._clock() - began_s > GIVE_UP_S:
                delivery = Delivery(len(batch), reason=delivery.reason)
            if not self._settle(delivery, len(batch), wait_s):
                return
            wait_s = min(wait_s * RETRY_SLOWER, LAST_RETRY_S)

    def _settle(self, delivery: Delivery, size: int, wait_s: float) -> bool:
        """Count the outcome; return, after *wait_s*, whether the same batch is to be sent again."""
        with self._changed:
            if self._closed:
                return False  # close() has counted what was in hand
            self._note(delivery, sent=0 if delivery.retry else size - delivery.failed)
            if not delivery.retry:
                return False
            self._changed.wait_for(lambda: self._closed, wait_s)
            return not self._closed

    def _note(self, delivery: Delivery, *, sent: int) -> None:
        self._count(sent=sent, failed=delivery.failed)
        self._counts = replace(self._counts, reason=delivery.reason)
        if not delivery.reason:
            self._failing_since_s = None
        elif self._failing_since_s is None:
            self._failing_since_s = self._clock()
            log.info("telemetry.delivery_failed", extra={"reason": delivery.reason})

    def _count(self, sent: int = 0, dropped: int = 0, failed: int = 0) -> None:
        now = self._counts
        self._counts = replace(
            now, sent=now.sent + sent, dropped=now.dropped + dropped, failed=now.failed + failed
        )


def _send_safely(send: Send, batch: Sequence[Record]) -> Delivery:
    try:
        return send(batch)
    except Exception:
        log.exception("telemetry.send_broken")
        return Delivery(len(batch), reason="The exporter failed; the log holds the details.")
