"""One queue as the host needs it: raw message texts, no SDK exceptions, nothing blocking the loop."""

import asyncio
import base64
import binascii
import concurrent.futures
import functools
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)
from azure.storage.queue import QueueMessage, QueueServiceClient

from emulator.clock import Clock
from emulator.functions_host.hostfile import Encoding

log = logging.getLogger(__name__)
RETRY_FROM_S = 0.1
RETRY_TO_S = 2.0
RETRY_WITHIN_S = 60.0
Trouble = Literal["missing", "refused", "unreachable", "gone"]
Result = TypeVar("Result")


class QueueTroubleError(Exception):
    """*kind*: the queue is missing, the request was refused, storage does not answer, or the message is gone."""

    def __init__(self, kind: Trouble, queue: str, reason: str) -> None:
        super().__init__(f"{queue}: {reason}")
        self.kind, self.queue, self.reason = kind, queue, reason


@dataclass(slots=True)
class Lease:
    """A message that this host has hidden from others. *pop_receipt* changes with every renewal."""

    message: QueueMessage
    pop_receipt: str

    @property
    def id(self) -> str:
        return str(self.message.id)

    @property
    def content(self) -> str:
        return self.message.content if isinstance(self.message.content, str) else ""

    @property
    def dequeue_count(self) -> int:
        return self.message.dequeue_count or 1


class Queue:
    """Every method sends one request on a thread of *pool*; it raises QueueTroubleError and nothing else."""

    def __init__(
        self, name: str, service: QueueServiceClient, pool: concurrent.futures.Executor, clock: Clock
    ) -> None:
        self.name = name
        self._client, self._pool, self._clock = service.get_queue_client(name), pool, clock

    async def receive(self, count: int, lease_s: int) -> list[Lease]:
        """Return up to *count* messages, hidden from other receivers for *lease_s*."""

        def receive() -> list[Lease]:
            pages = self._client.receive_messages(
                messages_per_page=count, visibility_timeout=lease_s
            ).by_page()
            return [Lease(message, str(message.pop_receipt)) for message in next(pages, [])]

        return await self._run(receive)

    async def renew(self, lease: Lease, lease_s: int) -> None:
        """Hide the message for *lease_s* from now on; 0 gives it back."""
        renew = functools.partial(
            self._client.update_message, lease.id, lease.pop_receipt, visibility_timeout=lease_s
        )
        lease.pop_receipt = str((await self._run(renew)).pop_receipt)

    async def delete(self, lease: Lease) -> None:
        await self._run(functools.partial(self._client.delete_message, lease.id, lease.pop_receipt))

    async def send(self, content: str) -> None:
        """Put *content*, already encoded. Makes the queue when it is missing: two requests more."""

        def send() -> None:
            try:
                self._client.send_message(content)
            except ResourceNotFoundError:
                self._create()
                self._client.send_message(content)

        await self._run(send)

    async def create(self) -> None:
        """Make the queue, unless it is there."""
        await self._run(self._create)

    async def check(self) -> None:
        """Return when the queue is there and this host may use it."""
        await self._run(self._client.get_queue_properties)

    async def persist(self, operation: Callable[[], Awaitable[None]]) -> None:
        """Return once *operation* succeeded, repeating it for up to a minute while storage does not answer.

        Raises QueueTroubleError: at once for anything else, or the last one.
        """
        until_s, delay_s = self._clock.now_s() + RETRY_WITHIN_S, RETRY_FROM_S
        while True:
            try:
                return await operation()
            except QueueTroubleError as exc:
                if exc.kind != "unreachable" or self._clock.now_s() + delay_s > until_s:
                    raise
            await self._clock.sleep(delay_s)
            delay_s = min(delay_s * 2, RETRY_TO_S)

    def _create(self) -> None:
        try:
            self._client.create_queue()
        except ResourceExistsError:
            return
        log.info("queue.created", extra={"queue": self.name})

    async def _run(self, function: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, function)
        except AzureError as exc:
            raise _translate(exc, self.name) from exc
        except (OSError, ValueError) as exc:  # a CA file that is not there, a body that is not XML
            raise QueueTroubleError("unreachable", self.name, str(exc)) from exc


def encode(text: str, encoding: Encoding) -> str:
    """Return *text* as it travels."""
    return base64.b64encode(text.encode()).decode() if encoding == "base64" else text


def decode(content: str, encoding: Encoding) -> str:
    """Return the text of a message. Raises ValueError when it is not in the encoding that host.json names."""
    if encoding == "none":
        return content
    try:
        raw = base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise ValueError("the message is not base64, which messageEncoding in host.json asks for") from exc
    return raw.decode(errors="replace")


def _translate(error: AzureError, queue: str) -> QueueTroubleError:
    code = str(getattr(error, "error_code", "") or "")
    reason = error.message.splitlines()[0] if error.message else type(error).__name__
    if isinstance(error, ClientAuthenticationError):
        return QueueTroubleError("refused", queue, reason)
    if not isinstance(error, HttpResponseError):
        return QueueTroubleError("unreachable", queue, reason)
    if code in ("MessageNotFound", "PopReceiptMismatch"):
        return QueueTroubleError("gone", queue, code)
    if isinstance(error, ResourceNotFoundError):
        return QueueTroubleError("missing", queue, code or reason)
    status = error.status_code or 0
    if status in (408, 409, 429) or status >= 500 or not status:  # 409: the queue is being deleted
        return QueueTroubleError("unreachable", queue, f"{status} {code or reason}")
    return QueueTroubleError("refused", queue, f"{status} {code or reason}")
