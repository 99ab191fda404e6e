"""The life of one message: checked, run, settled. Its lease is renewed at half time, whatever the function does.

The rules and the log lines are those of the queue extension (QueueListener, QueueProcessor):
github.com/Azure/azure-sdk-for-net, sdk/storage/Microsoft.Azure.WebJobs.Extensions.Storage.Queues
"""

import asyncio
import concurrent.futures
import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from emulator.clock import Clock
from emulator.functions_host.app import Output, QueueFunction
from emulator.functions_host.hostfile import HostFile
from emulator.functions_host.insights import INVOCATION, Invocation
from emulator.functions_host.invocation import Emitted, Runner, Trigger
from emulator.functions_host.storage import Lease, Queue, QueueTroubleError, decode, encode
from emulator.functions_host.timespans import render_timespan
from emulator.ids import Ids

log = logging.getLogger(__name__)
POISON_SUFFIX = "-poison"
Verdict = Literal["done", "retry", "poison", "release"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the workers of all functions share. *overran* hears of a function that outlived its time."""

    host_file: HostFile
    lease_s: int
    runner: Runner
    clock: Clock
    ids: Ids
    queue_of: Callable[[Output], Queue]
    wake: Callable[[str], None]
    overran: Callable[[str], None]


class Worker:
    """Handles the messages of one function. *poison* is None when the function itself reads a poison queue."""

    def __init__(
        self, function: QueueFunction, queue: Queue, poison: Queue | None, around: Surroundings
    ) -> None:
        self._function, self._queue, self._poison = function, queue, poison
        self._around, self._host_file = around, around.host_file
        self._running: set[concurrent.futures.Future[list[Emitted]]] = set()

    async def handle(self, lease: Lease) -> None:
        """Return once the message is deleted, given back or moved to the poison queue. Raises nothing."""
        renewing = asyncio.Lock()
        renewal = asyncio.create_task(self._renew(lease, renewing, self._around.clock.now_s()))
        try:
            verdict = await self._judge(lease)
            async with renewing:  # a renewal under way ends first: its pop receipt is the one that counts
                renewal.cancel()
            await self._settle(lease, verdict)
        except QueueTroubleError as exc:
            log.warning(
                "message.unsettled", extra={"message_id": lease.id, "queue": exc.queue, "reason": exc.reason}
            )
        except Exception:
            log.exception(
                "message.handling_failed", extra={"message_id": lease.id, "queue": self._queue.name}
            )
        finally:
            renewal.cancel()

    def release_waiting(self) -> None:
        """Give back the messages whose synchronous function has not begun."""
        if not self._function.is_async:
            for future in list(self._running):
                future.cancel()

    async def _judge(self, lease: Lease) -> Verdict:
        limit = self._host_file.max_dequeue_count
        if self._poison and lease.dequeue_count > limit:
            return "poison"  # the host that took it last died before it could tell
        try:
            text = decode(lease.content, self._host_file.message_encoding)
        except ValueError as exc:
            log.error("message.undecodable", extra={"message_id": lease.id, "reason": str(exc)})
            return "poison"
        if (verdict := await self._execute(lease, text)) != "retry":
            return verdict
        return "poison" if lease.dequeue_count >= limit else "retry"

    async def _execute(self, lease: Lease, text: str) -> Verdict:
        function, around = self._function, self._around
        invocation_id, started_s = around.ids.guid(), around.clock.now_s()
        INVOCATION.set(Invocation(function.name, invocation_id))  # every message has a task of its own
        log.info(
            "Executing 'Functions.%s' (Reason='New queue message detected on '%s'.', Id=%s)",
            function.name,
            self._queue.name,
            invocation_id,
        )
        log.info(
            "Trigger Details: MessageId: %s, DequeueCount: %d, InsertionTime: %s",
            lease.id,
            lease.dequeue_count,
            _render_time(lease.message.inserted_on),
        )
        verdict: Verdict = "retry"
        try:
            emitted = await self._run(lease, text, invocation_id)
            if emitted is not None:
                for one in emitted:
                    await self._emit(one)
            verdict = "done" if emitted is not None else "release"
        except TimeoutError:
            pass  # _run has said so
        except Exception as exc:  # noqa: BLE001 - whatever the function raises, the message is settled
            log.error(
                "Exception while executing function: Functions.%s. Result: Failure\nException: %s: %s\nStack: %s",
                function.name,
                type(exc).__name__,
                exc,
                "".join(traceback.format_tb(exc.__traceback__)),
            )
        log.log(
            logging.INFO if verdict == "done" else logging.ERROR,
            "Executed 'Functions.%s' (%s, Id=%s, Duration=%dms)",
            function.name,
            {"done": "Succeeded", "release": "Cancelled"}.get(verdict, "Failed"),
            invocation_id,
            (around.clock.now_s() - started_s) * 1000,
        )
        return verdict

    async def _run(self, lease: Lease, text: str, invocation_id: str) -> list[Emitted] | None:
        """Return what the function wrote; None when it was called off before it began. Raises TimeoutError too."""
        around, limit_s = self._around, self._host_file.function_timeout_s
        started_s = around.clock.now_s()
        trace_parent = f"00-{around.ids.token(32)}-{around.ids.token(16)}-01"
        future = around.runner.start(self._function, _trigger(lease, text), invocation_id, trace_parent)
        self._running.add(future)
        call = asyncio.wrap_future(future)
        timer = (
            asyncio.create_task(around.clock.sleep_until(started_s + limit_s))
            if limit_s is not None
            else None
        )
        watched: set[asyncio.Future[list[Emitted]] | asyncio.Task[None]] = {call, timer} if timer else {call}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if not call.done() and limit_s is not None:
                self._time_out(future, invocation_id, limit_s)
            return await call
        except asyncio.CancelledError:
            if not future.cancelled():
                raise
            return None
        finally:
            self._running.discard(future)
            if timer:
                timer.cancel()

    def _time_out(
        self, future: concurrent.futures.Future[list[Emitted]], invocation_id: str, limit_s: float
    ) -> None:
        log.error(
            "Timeout value of %s exceeded by function 'Functions.%s' (Id: '%s'). Initiating cancellation.",
            render_timespan(limit_s),
            self._function.name,
            invocation_id,
        )
        if not future.cancel() and not self._function.is_async:
            self._around.overran(self._function.name)
        raise TimeoutError

    async def _emit(self, emitted: Emitted) -> None:
        queue = self._around.queue_of(emitted.output)
        content = encode(emitted.text, self._host_file.message_encoding)
        await queue.persist(lambda: queue.send(content))
        self._around.wake(queue.name)

    async def _settle(self, lease: Lease, verdict: Verdict) -> None:
        """Two requests for poison, copy before delete: a failure between them repeats the message, never loses it."""
        queue, poison = self._queue, self._poison
        if verdict == "poison" and poison:
            log.error(
                "Message has reached MaxDequeueCount of %d. Moving message to queue '%s'.",
                self._host_file.max_dequeue_count,
                poison.name,
            )
            await poison.persist(lambda: poison.send(lease.content))
            self._around.wake(poison.name)
            verdict = "done"
        if verdict == "done":
            await queue.persist(lambda: queue.delete(lease))
            return
        hidden_s = 0 if verdict == "release" else round(self._host_file.visibility_timeout_s)
        await queue.persist(lambda: queue.renew(lease, hidden_s))

    async def _renew(self, lease: Lease, renewing: asyncio.Lock, leased_s: float) -> None:
        """*leased_s*: when the lease began; a slow start or reply must not make its renewal late."""
        clock, lease_s = self._around.clock, self._around.lease_s
        due_s = leased_s + lease_s / 2
        while True:
            await clock.sleep_until(due_s)
            async with renewing:
                asked_s = clock.now_s()
                try:
                    await self._queue.renew(lease, lease_s)
                    due_s = asked_s + lease_s / 2
                except QueueTroubleError as exc:
                    log.warning("lease.renewal_failed", extra={"message_id": lease.id, "reason": exc.reason})
                    if exc.kind == "gone":
                        return
                    due_s = asked_s + lease_s / 20


def _trigger(lease: Lease, text: str) -> Trigger:
    message = lease.message
    return Trigger(
        message_id=lease.id,
        text=text,
        dequeue_count=lease.dequeue_count,
        inserted_on=message.inserted_on,
        expires_on=message.expires_on,
        next_visible_on=message.next_visible_on,
        pop_receipt=lease.pop_receipt,
    )


def _render_time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds") if moment else "unknown"
