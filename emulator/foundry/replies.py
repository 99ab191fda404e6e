"""Sends calls of Azure Functions into their input queues and picks their replies out of the output queues.

A reply is matched by CorrelationId alone. One that belongs to no call stays in its queue, as evidence, and is
logged once; a second or a late one of a call we made is taken out and logged.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import Literal

from emulator.clock import Clock
from emulator.foundry.documents import Json
from emulator.foundry.store import Record, Store
from emulator.foundry.tools import (
    Queues,
    ToolFailedError,
    bound_queue,
    callable_name,
    envelope,
    error_output,
    named_queues,
    read_reply,
)
from emulator.ids import Ids
from emulator.wire import WireError

log = logging.getLogger(__name__)
SCANNED = 10_000  # messages of one output queue: evidence piles up in front of what is waited for
REPEAT_S = 1.0  # between two attempts while the state cannot be saved
Verdict = Literal["delivered", "late", "duplicate"]
Deliver = Callable[[Json, str], Verdict]


class ReplyDesk:
    """*deliver(call, output)*: hands a reply to the run that waits; the call names thread, run, step and id."""

    def __init__(self, queues: Queues, store: Store, clock: Clock, ids: Ids, deliver: Deliver) -> None:
        self._queues, self._store, self._deliver = queues, store, deliver
        self._clock, self._ids = clock, ids
        self._watched: dict[str, Callable[[], None]] = {}
        self._left: dict[str, set[str]] = {}
        self._repeats: dict[str, asyncio.Task[None]] = {}

    def start(self) -> None:
        """Take up the replies that came while nobody looked. Call it once the open runs stand ready."""
        for queue in dict.fromkeys(
            name for call in self._store.shelf("call") for name in call.document["queues"]
        ):
            self._watch(queue)
            self._ring(queue)

    def stop(self) -> None:
        for end in self._watched.values():
            end()
        for repeat in self._repeats.values():
            repeat.cancel()
        self._watched.clear()
        self._left.clear()
        self._repeats.clear()

    def prepare(self, definition: Json, arguments: Json, place: Json) -> Record:
        """Return the record of a call to come; nothing is sent yet.

        *place*: thread_id, run_id, step_id and call_id. Raises ToolFailedError: foreign account, queue missing,
        message too large.
        """
        inbound = bound_queue(self._queues, definition, "input_binding")
        outbound = bound_queue(self._queues, definition, "output_binding")
        name = callable_name(definition)
        for queue in (inbound, outbound):
            self._require(queue, name)
        correlation_id = self._ids.guid()
        envelope(name, arguments, correlation_id)
        listening = list(dict.fromkeys([outbound, *named_queues(self._queues, arguments)]))
        document = {"id": correlation_id, "tool": name, "queue": inbound, "queues": listening, **place}
        return Record("call", "", document)

    def send(self, correlation_id: str, arguments: Json) -> None:
        """Put a prepared call into its queue and listen for the reply.

        Sent again under the same CorrelationId, it still gets one reply. Raises ToolFailedError when the queue
        refuses it.
        """
        record = self._store.find("call", correlation_id)
        if record is None:
            raise ToolFailedError(f"The call {correlation_id} is not on record any more.")
        call = record.document
        for name in call["queues"]:
            self._watch(name)
        try:
            message_id = self._queues.put_message(
                call["queue"], envelope(call["tool"], arguments, correlation_id)
            )
        except WireError as exc:
            raise ToolFailedError(
                f"The queue '{call['queue']}' did not take the call: {exc.code}: {exc.message}"
            ) from exc
        log.info(
            "call.sent",
            extra={"queue": call["queue"], "message_id": message_id, "correlation_id": correlation_id},
        )

    def scan(self, queue: str) -> None:
        """Take every reply that lies visible in *queue* and belongs to a call of ours."""
        try:
            messages = self._queues.visible_messages(queue, SCANNED)
        except WireError as exc:  # the queue was deleted: its calls wait on, until their runs expire
            log.warning("replies.unreadable", extra={"queue": queue, "reason": exc.code})
            return
        left = self._left.setdefault(queue, set())
        left &= {message.id for message in messages}
        for message in messages:
            if message.id not in left and not self._take(queue, message.id, message.text):
                left.add(message.id)

    def _take(self, queue: str, message_id: str, text: str) -> bool:
        """Return whether the message was a reply of ours, and is gone from the queue now."""
        seen = {"queue": queue, "message_id": message_id}
        try:
            reply = read_reply(text)
        except ValueError as exc:
            log.warning("reply.left", extra={**seen, "reason": str(exc)})
            return False
        call = self._store.find("call", reply.correlation_id)
        if call is None or queue not in call.document["queues"]:
            reason = "its CorrelationId is of no call" if call is None else "its call reads other queues"
            log.warning(
                "reply.left", extra={**seen, "correlation_id": reply.correlation_id, "reason": reason}
            )
            return False
        output = reply.output
        if output is None:
            output = error_output("The function's reply has no Value.")
        # Stored first, taken out second: a crash in between makes a duplicate, not a loss.
        verdict = self._deliver(call.document, output)
        self._queues.remove_message(queue, message_id)
        log.info(f"reply.{verdict}", extra={**seen, "correlation_id": reply.correlation_id})
        return True

    def _watch(self, queue: str) -> None:
        if queue not in self._watched:
            self._watched[queue] = self._queues.watch(queue, lambda: self._ring(queue))

    def _ring(self, queue: str) -> None:
        if queue not in self._watched:  # a last ring may come after stop()
            return
        try:
            self.scan(queue)
        except sqlite3.OperationalError as exc:
            log.error("replies.unsaved", extra={"queue": queue, "reason": str(exc)})
            self._repeats[queue] = asyncio.get_running_loop().create_task(self._ring_later(queue))

    async def _ring_later(self, queue: str) -> None:
        await self._clock.sleep(REPEAT_S)
        self._ring(queue)

    def _require(self, queue: str, tool: str) -> None:
        try:
            self._queues.visible_messages(queue, 1)
        except WireError as exc:
            raise ToolFailedError(
                f"The queue '{queue}' of the tool '{tool}' cannot be used: {exc.code}: {exc.message} "
                "Create the queue before the agent runs."
            ) from exc
