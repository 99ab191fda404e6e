"""Polls one input queue and hands its messages to a worker, never more of them than host.json allows."""

import asyncio
import contextlib
import logging

from emulator.functions_host.backoff import PollBackoff
from emulator.functions_host.hostfile import HostFile
from emulator.functions_host.storage import Lease, Queue, QueueTroubleError, Trouble
from emulator.functions_host.worker import Worker

log = logging.getLogger(__name__)
TROUBLED_MAX_S = 1.0


class Listener:
    """*wanted* are the queues to make when they are missing; empty leaves that to whoever sends."""

    def __init__(
        self,
        queue: Queue,
        worker: Worker,
        host_file: HostFile,
        lease_s: int,
        backoff: PollBackoff,
        wanted: tuple[Queue, ...] = (),
    ) -> None:
        self.queue, self.worker = queue, worker
        self.trouble: Trouble | None = None
        self._batch, self._threshold, self._lease_s = (
            host_file.batch_size,
            host_file.new_batch_threshold,
            lease_s,
        )
        self._backoff, self._wanted = backoff, wanted
        self._uncreated = bool(wanted)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = asyncio.Event()
        self._signal = asyncio.Event()  # set: stop waiting, look at the queue again

    async def reach(self) -> None:
        """Make or look at the queues, and take nothing yet: *trouble* tells how it went."""
        try:
            await self._make_queues()
            await self.queue.check()
        except QueueTroubleError as exc:
            self._note(exc.kind, exc.reason)

    async def run(self) -> None:
        """Poll until stop()."""
        while not self._stopped.is_set():
            leases = await self._poll()
            if self._stopped.is_set():
                await self._give_back(leases)
                return
            for lease in leases:
                task = asyncio.create_task(self.worker.handle(lease))
                self._tasks.add(task)
                task.add_done_callback(self._finished)
            if leases:
                self._backoff.reset()
                await self._wait_for_room()
            else:
                await self._pause(self._backoff.next_delay_s())

    def wake(self) -> None:
        """Poll now: a function of this host has just written to the queue."""
        self._signal.set()

    def stop(self) -> None:
        """Take no more messages, and give back those whose function has not begun."""
        self._stopped.set()
        self._signal.set()
        self.worker.release_waiting()

    async def drained(self) -> None:
        """Return once every message taken is settled."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    async def _poll(self) -> list[Lease]:
        try:
            await self._make_queues()
            leases = await self.queue.receive(self._batch, self._lease_s)
        except QueueTroubleError as exc:
            self._note(exc.kind, exc.reason)
            self._uncreated = exc.kind == "missing" and bool(self._wanted)
            return []
        self._note(None, "")
        return leases

    async def _give_back(self, leases: list[Lease]) -> None:
        """Leave what a poll brought after stop() to other hosts, at once."""
        for lease in leases:
            try:
                await self.queue.renew(lease, 0)
            except QueueTroubleError as exc:
                log.warning("message.unsettled", extra={"message_id": lease.id, "reason": exc.reason})

    async def _make_queues(self) -> None:
        if self._uncreated:
            for queue in self._wanted:
                await queue.create()
            self._uncreated = False

    def _note(self, trouble: Trouble | None, reason: str) -> None:
        """Log a change of state once, not every poll."""
        if trouble == self.trouble:
            return
        if trouble:
            log.warning(f"queue.{trouble}", extra={"queue": self.queue.name, "reason": reason})
        else:
            log.info("queue.reached", extra={"queue": self.queue.name})
        self.trouble = trouble

    async def _wait_for_room(self) -> None:
        while len(self._tasks) > self._threshold and not self._stopped.is_set():
            await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def _pause(self, delay_s: float) -> None:
        if self.trouble:
            delay_s = min(delay_s, TROUBLED_MAX_S)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._signal.wait(), delay_s)
        self._signal.clear()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
