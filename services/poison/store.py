"""Poison queues on the wire: the only place where messages are taken, and only from queues of what was given up on.

Nobody works on those, so that taking from them for a moment holds up nobody: a message that is taken is hidden for
HELD_S and then comes back by itself, whatever becomes of this process. What is taken and not needed is given back at once.
REST: https://learn.microsoft.com/rest/api/storageservices/operations-on-messages
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from azure.core.pipeline import PipelineResponse
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from services.errors import AccessDenied, InvalidInput, ServiceError
from services.queue_shapes import checked, require_xml, storable, text_of
from services.queues import NAME, POISON_SUFFIX, require_name
from services.resilience import Resilience

HELD_S = 60  # long enough for a batch at a second a request, short for somebody who waits after a crash
BATCH = 32  # the most the service gives at once
AT_ONCE = 8
SENDING = "send message"
READER = "Storage Queue Data Reader"
PROCESSOR = "Storage Queue Data Message Processor"
SENDER = "Storage Queue Data Message Sender"
CONTRIBUTOR = "Storage Queue Data Contributor"


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the queue has it. *receipt*: proves that we hold it; empty when it was only looked at. *inserted_at*,
    *expires_at*: UTC, whole seconds; None when not told."""

    id: str
    inserted_at: datetime | None
    expires_at: datetime | None
    dequeue_count: int
    content: str
    receipt: str = ""


class PoisonStore:
    """Threads share it. Raises ServiceErrors only, and names the role that is missing where one is."""

    def __init__(self, client: QueueServiceClient, resilience: Resilience) -> None:
        self._client, self._resilience = client, resilience

    def peek(self, queue: str) -> list[Stored]:
        """Return the first 32 messages, oldest first, and leave them as they are. One request."""
        require_poison(queue)
        with naming_role(READER, queue):
            return self._resilience.read("peek queue", queue, lambda: self._peek(queue))

    def take(self, queue: str, count: int = BATCH) -> list[Stored]:
        """Return at most *count* (1 to 32) messages, hidden from everybody else for HELD_S. One request.

        A lost reply leaves what it took hidden for as long; the request is repeated and takes others.
        """
        require_poison(queue)
        with naming_role(PROCESSOR, queue):
            return self._resilience.read("take from queue", queue, lambda: self._take(queue, count))

    def give_back(self, queue: str, held: Sequence[Stored]) -> int:
        """Show *held* again; return how many could not be, which then come back after HELD_S. One request each, 8 at
        the same time."""
        if not held:
            return 0
        with ThreadPoolExecutor(min(AT_ONCE, len(held)), thread_name_prefix="give-back") as pool:
            return sum(pool.map(lambda one: not self._gave_back(queue, one), held))

    def remove(self, queue: str, held: Stored) -> None:
        """Delete a message that is held; one that is gone already is fine. One request.

        Raises InvalidInput when it is not held any more: it was shown again, and somebody else has taken it.
        """
        require_poison(queue)
        client = self._queue(queue)
        with naming_role(PROCESSOR, queue):
            self._resilience.delete(
                "delete message", queue, lambda: client.delete_message(held.id, held.receipt)
            )

    def send(self, queue: str, content: str) -> str:
        """Put *content*, as it is to be stored; return the new message's id. One request, repeated only when it
        certainly had no effect. Raises InvalidInput, without a request, when a queue cannot hold it."""
        storable(content, SENDING, queue)

        def put() -> str:
            return text_of(self._queue(queue).send_message(content).id, "the id of a message")

        with naming_role(SENDER, queue):
            return self._resilience.once(SENDING, queue, put)

    def clear(self, queue: str) -> None:
        """Delete all messages. A queue of many takes several requests: the service gives up on each after 30 s."""
        require_poison(queue)
        with naming_role(CONTRIBUTOR, queue):
            self._resilience.delete("purge queue", queue, self._queue(queue).clear_messages)

    def _queue(self, queue: str) -> QueueClient:
        return self._client.get_queue_client(require_name(queue))

    def _peek(self, queue: str) -> list[Stored]:
        taken: list[PipelineResponse[Any, Any]] = []
        found = self._queue(queue).peek_messages(BATCH, raw_response_hook=taken.append)
        require_xml(taken, "QueueMessagesList")
        return [_stored(checked(message)) for message in found]

    def _take(self, queue: str, count: int) -> list[Stored]:
        taken: list[PipelineResponse[Any, Any]] = []
        pages = self._queue(queue).receive_messages(
            messages_per_page=max(1, min(count, BATCH)),
            visibility_timeout=HELD_S,
            raw_response_hook=taken.append,
        )
        found = list(next(pages.by_page(), []))
        require_xml(taken, "QueueMessagesList")
        return [_stored(checked(message, held=True)) for message in found]

    def _gave_back(self, queue: str, held: Stored) -> bool:
        def show() -> None:
            self._queue(queue).update_message(held.id, held.receipt, visibility_timeout=0)

        with suppress(ServiceError):  # it comes back by itself
            self._resilience.read("give message back", queue, show)
            return True
        return False


@contextmanager
def naming_role(role: str, queue: str) -> Iterator[None]:
    """Have a refusal say which role would have been needed, and on what."""
    try:
        yield
    except AccessDenied as error:
        if error.status == 403:
            error.hint = (
                f"The identity in use needs the role {role} on the queue {queue} (or its storage account). "
                "A new role takes up to ten minutes."
            )
        raise


def require_poison(queue: str) -> None:
    """Raise InvalidInput: taking from any other queue would hide a message from the one who waits for it."""
    if not NAME.fullmatch(queue) or not queue.endswith(POISON_SUFFIX):
        raise InvalidInput(
            f"{queue[:80]} is no poison queue.",
            operation="take from queue",
            resource=queue[:80],
            hint=f"Only queues whose name ends with {POISON_SUFFIX} are worked on here: nobody else reads those.",
        )


def _stored(message: QueueMessage) -> Stored:
    content = message.content
    return Stored(
        str(message.id),
        message.inserted_on,
        message.expires_on,
        int(message.dequeue_count or 0),
        content if isinstance(content, str) else bytes(content or b"").decode("utf-8", "replace"),
        str(message.pop_receipt or ""),
    )
