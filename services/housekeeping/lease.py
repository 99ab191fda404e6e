"""A lease that one process at a time holds: a queue with a single message.

Whoever receives the message holds the lease for as long as it stays hidden, and renews it by hiding it longer. A holder
that dies lets go by doing nothing. docs/decisions/005 tells why. The only place that receives messages: from the lease's
own queue, which is no tool's.

REST: https://learn.microsoft.com/rest/api/storageservices/get-messages
"""

import logging
import os
import random
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from azure.core.exceptions import ResourceExistsError
from azure.core.pipeline import PipelineResponse
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from services.errors import AccessDenied, Conflict, InvalidInput, NotFound, ServiceError, ShapeError
from services.queue_shapes import checked, require_xml, text_of
from services.queues import DEPTH_HEADER, LEASE_PREFIX
from services.resilience import Resilience

log = logging.getLogger(__name__)
T = TypeVar("T")
HELD_S = 60
RENEWALS = 3  # in the time that the lease is held for: two may fail
NEVER_EXPIRES = -1
TRIES, LONGEST_PAUSE_S, SETTLING_S = 5, 0.4, 0.3
ROLE = "Without a lease nothing is deleted. Ask for the role Storage Queue Data Contributor on the queue {queue}."


class _ContendedError(Conflict):
    settling_s = 0.0


def _contended(queue: str, settling_s: float = 0.0) -> _ContendedError:
    error = _ContendedError(
        "Several Relaydecks wanted to clean up at the same moment.",
        operation="take the lease",
        resource=queue,
        hint="Try again.",
    )
    error.settling_s = settling_s
    return error


class Lease:
    """One process's claim. Threads may call lost() and release(); one thread acquires."""

    def __init__(
        self, client: QueueServiceClient, resilience: Resilience, environment: str, held_s: int = HELD_S
    ) -> None:
        name = re.sub("[^a-z0-9]+", "-", environment.lower()).strip("-")  # as names of queues may be
        self.queue = f"{LEASE_PREFIX}{name or 'unnamed'}"
        self._client, self._resilience, self._held_s = client, resilience, held_s
        self._message: QueueMessage | None = None
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._lost = self._seen_empty = False
        self._held_until_s = 0.0

    def acquire(self) -> None:
        """Return once the lease is held; it is renewed in the background until release().

        Sends three requests, and two more the first time. Raises Conflict when another process holds it (who, is in the
        words), AccessDenied when this identity may not (the role is in the hint), and the other ServiceErrors.
        """
        with self._lock:
            if self._message is not None:
                raise Conflict(
                    "This Relaydeck is cleaning up already.", operation="take the lease", resource=self.queue
                )
            self._over, self._lost, self._seen_empty = threading.Event(), False, False
            try:
                self._message = self._take_patiently()
            except AccessDenied as error:
                error.hint = ROLE.format(queue=self.queue)
                raise
        threading.Thread(target=self._renew, args=[self._over], name="cleanup-lease", daemon=True).start()

    def lost(self) -> bool:
        """Return whether somebody else may hold it by now: then stop. A process that was paused finds out here first."""
        return self._lost or time.monotonic() > self._held_until_s

    def release(self) -> None:
        """Let others take it at once. Never raises: else it runs out by itself."""
        with self._lock:
            message, self._message = self._message, None
            self._over.set()
        if message is None or self._lost:
            return
        try:
            self._call("release the lease", lambda: self._hide(message, 0))
        except ServiceError as error:
            log.info("lease.not_released", extra={"queue": self.queue, "reason": error.message})

    # How --------------------------------------------------------------------------------------------

    def _take_patiently(self) -> QueueMessage:
        """Try again after those failures that two who began at the same moment cause each other."""
        for tried in range(TRIES):
            try:
                return self._take()
            except _ContendedError as error:
                log.info("lease.contended", extra={"queue": self.queue, "tried": tried})
                if tried == TRIES - 1:
                    raise
                wait_s = random.uniform(0, LONGEST_PAUSE_S) + error.settling_s  # noqa: S311 - parts two, guards nothing
                self._over.wait(wait_s)
        raise AssertionError("the last try returns or raises")

    def _take(self) -> QueueMessage:
        try:
            message = self._receive()
        except NotFound:
            self._call("make the lease", self._make)
            message = self._receive()
        count = self._call("look at the lease", self._count)
        if message is None and count == 0 and not self._seen_empty:
            self._seen_empty = True
            raise _contended(self.queue, SETTLING_S)  # its maker is about to put the message in
        if message is None and count == 0:  # its maker died before it could
            self._call("make the lease", self._put)
            message, count = self._receive(), self._call("look at the lease", self._count)
        if message is None:
            raise Conflict(
                f"Another Relaydeck of this environment is cleaning up: {self._holder()}.",
                operation="take the lease",
                resource=self.queue,
                hint="Wait until it is done; if it died, its lease runs out within a minute.",
            )
        if count > 1:  # two processes put one in at the same time: nobody holds both, so nobody holds it
            self._call("give the lease up", lambda: self._queue().delete_message(message))
            raise _contended(self.queue)
        self._tell_holder()
        return message

    def _receive(self) -> QueueMessage | None:
        """Return the message, None when it is hidden. Not repeated when its effect is open: it may be hidden now."""
        until_s = time.monotonic() + self._held_s  # before it is sent: on the safe side
        message = self._resilience.once("take the lease", self.queue, self._received)
        self._held_until_s = until_s
        return message

    def _received(self) -> QueueMessage | None:
        taken: list[PipelineResponse[Any, Any]] = []
        message = self._queue().receive_message(
            visibility_timeout=self._held_s, raw_response_hook=taken.append
        )
        require_xml(taken, "QueueMessagesList")
        return None if message is None else checked(message, held=True)

    def _renew(self, over: threading.Event) -> None:
        missed = 0
        while not over.wait(self._held_s / RENEWALS):
            with self._lock:
                if over.is_set() or self._message is None:
                    return
                message = self._message
                try:
                    self._message = self._hidden(message)
                    missed = 0
                except ServiceError as error:
                    missed += 1
                    gone = isinstance(error, NotFound | Conflict | InvalidInput)  # the receipt is another's
                    if gone or missed >= RENEWALS - 1:
                        log.warning("lease.lost", extra={"queue": self.queue, "reason": error.message})
                        self._lost = True
                        return

    def _hidden(self, message: QueueMessage) -> QueueMessage:
        until_s = time.monotonic() + self._held_s
        renewed = self._call("renew the lease", lambda: self._hide(message, self._held_s))
        self._held_until_s = until_s
        return renewed

    def _hide(self, message: QueueMessage, seconds: int) -> QueueMessage:
        renewed = self._queue().update_message(message, visibility_timeout=seconds)
        text_of(renewed.pop_receipt, "the receipt of a message")
        return renewed

    def _make(self) -> None:
        try:
            self._client.create_queue(self.queue)
        except ResourceExistsError as exc:
            if getattr(exc, "error_code", "") == "QueueBeingDeleted":
                raise
            return
        self._put()

    def _put(self) -> None:
        self._queue().send_message("lease", time_to_live=NEVER_EXPIRES)

    def _count(self) -> int:
        """Return how many messages there are, the hidden ones too: never less than there are."""
        taken: list[PipelineResponse[Any, Any]] = []
        self._queue().get_queue_properties(raw_response_hook=taken.append)
        value = taken[-1].http_response.headers.get(DEPTH_HEADER, "")
        if not value.isdecimal():
            raise ShapeError(f"header {DEPTH_HEADER}", "a number")
        return int(value)

    def _tell_holder(self) -> None:
        """Say who holds it, for the words that others are told. Nothing depends on it."""
        holder = {"holder": f"{socket.gethostname()}-{os.getpid()}"}
        try:
            self._call("name the holder", lambda: self._queue().set_queue_metadata(holder))
        except ServiceError as error:
            log.info("lease.holder_not_told", extra={"reason": error.message})

    def _holder(self) -> str:
        try:
            found = self._call("look at the lease", lambda: self._queue().get_queue_properties().metadata)
        except ServiceError:
            return "which one is not known"
        return str((found or {}).get("holder", "")) or "which one is not known"

    def _queue(self) -> QueueClient:
        return self._client.get_queue_client(self.queue)

    def _call(self, operation: str, fn: Callable[[], T]) -> T:
        return self._resilience.read(operation, self.queue, fn)
