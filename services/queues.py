"""Storage Queues as an operator sees them. REST: https://learn.microsoft.com/rest/api/storageservices/queue-service-rest-api

Looks only. Whoever receives a message hides it from its reader, and the answer in it never arrives.
"""

import base64
import binascii
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from typing import Any

from azure.core.exceptions import ResourceExistsError
from azure.core.pipeline import PipelineResponse
from azure.storage.queue import QueueClient, QueueMessage, QueueServiceClient

from services.errors import InvalidInput, NotFound, ShapeError
from services.models import PeekedMessage, QueueDepth, QueueSettings, QueueState
from services.queue_shapes import checked, name_of, require_xml
from services.resilience import Resilience

log = logging.getLogger(__name__)
DEEPEST = 200  # levels of JSON
POISON_SUFFIX = "-poison"  # the Functions host adds it after five failed deliveries
LEASE_PREFIX = (
    "relaydeck-lease-"  # our own, with one message that says who may clean up: nobody's work waits there
)
ORDER_PREFIX = (
    "relaydeck-order-"  # what the function app knows of the order of calls: functions/tools/ledger.py
)
STALLED_AFTER_S = 600.0
PEEK_MAX = 32
AT_ONCE = 8
PROBE_LIFE_S = 60
PROBE_TEXT = "e30="  # an empty JSON object in base64
NAME = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*")  # of a queue
DEPTH_HEADER = "x-ms-approximate-messages-count"


class QueueService:
    """Reads queues. Threads share it. Raises ServiceErrors only."""

    def __init__(
        self, client: QueueServiceClient, resilience: Resilience, now: Callable[[], datetime]
    ) -> None:
        self._client, self._resilience, self._now = client, resilience, now

    def list_names(self, prefix: str = "") -> list[str]:
        """Return the names of the queues that start with *prefix*, in order. One request per 5,000 queues."""
        return self._resilience.read("list queues", prefix, lambda: self._read_names(prefix))

    def list_depths(self, prefix: str = "") -> list[QueueDepth]:
        """Return the queues whose name starts with *prefix*, deepest first.

        Sends two requests per queue, those of at most 8 queues at the same time. A queue that is deleted meanwhile
        is left out.
        """
        depths = self.depths_of(self.list_names(prefix))
        return sorted((d for d in depths if d.state != "missing"), key=lambda d: (-d.messages, d.name))

    def depths_of(self, names: Sequence[str]) -> list[QueueDepth]:
        """Return the depth of each of *names*, in their order; state `missing` where there is no such queue."""
        if len(names) < 2:
            return [self.depth_of(name) for name in names]
        with ThreadPoolExecutor(min(AT_ONCE, len(names)), thread_name_prefix="queue-depth") as pool:
            return list(pool.map(self.depth_of, names))

    def depth_of(self, name: str) -> QueueDepth:
        """Return how much waits in *name*, and for how long. Two requests."""
        try:
            messages = self._resilience.read("read queue", name, lambda: self._read_count(name))
            waiting = self.peek(name, 1)
        except NotFound:
            return QueueDepth(name, 0, None, "missing")
        born = waiting[0].inserted_at if waiting else None
        age_s = max(0.0, (self._now() - born).total_seconds()) if born else None
        return QueueDepth(name, messages, age_s, judge(name, messages, age_s))

    def count(self, name: str) -> int:
        """Return about how many messages *name* holds, with those that a reader has taken. One request."""
        return self._resilience.read("read queue", name, lambda: self._read_count(name))

    def peek(self, queue: str, limit: int = PEEK_MAX) -> list[PeekedMessage]:
        """Return at most *limit* (1 to 32) waiting messages, oldest first, and leave them as they are. One request.

        Messages that a reader holds at this moment are not among them.
        """
        count = max(1, min(limit, PEEK_MAX))
        found = self._resilience.read("peek queue", queue, lambda: self._read_messages(queue, count))
        return [_as_peeked(message) for message in found]

    def peek_raw(self, queue: str, limit: int = PEEK_MAX) -> list[str]:
        """Return what peek() does, each message letter by letter as it lies there: base64 or not. One request."""
        count = max(1, min(limit, PEEK_MAX))
        found = self._resilience.read("peek queue", queue, lambda: self._read_messages(queue, count))
        return [_content_of(message) for message in found]

    def try_to_write(self, queue: str) -> None:
        """Return once a message was put into *queue* and taken out again; nobody can have seen it. Two requests.

        It is hidden from its first moment, and ends by itself within a minute should the second request fail.
        """
        client = self._queue(queue)
        put = self._resilience.once(
            "write to queue",
            queue,
            lambda: checked(
                client.send_message(
                    PROBE_TEXT, visibility_timeout=PROBE_LIFE_S - 1, time_to_live=PROBE_LIFE_S
                ),
                held=True,
            ),
        )
        self._resilience.delete(
            "take back a message",
            queue,
            lambda: client.delete_message(put.id, pop_receipt=str(put.pop_receipt)),
        )

    def ensure(self, names: Iterable[str]) -> tuple[str, ...]:
        """Create those of *names* that do not exist; return the ones this call created. One request each."""
        return tuple(
            name
            for name in names
            if self._resilience.read("create queue", name, lambda name=name: self._create(name))  # type: ignore[misc]  # binds name
        )

    def list_configured(self) -> list[QueueSettings]:
        """Return every queue with its metadata, by name. One request per 5,000 queues."""
        return self._resilience.read("list queues", "", self._read_configured)

    def create(self, wanted: QueueSettings) -> bool:
        """Return whether the queue was created; False: one of that name is there, and stays as it is. One request."""
        return self._resilience.read(
            "create queue", wanted.name, lambda: self._create(wanted.name, wanted.metadata)
        )

    def delete(self, name: str) -> bool:
        """Delete the queue with all that is in it; return False when it was gone before. One request."""
        return self._resilience.delete("delete queue", name, lambda: self._queue(name).delete_queue())

    def _queue(self, name: str) -> QueueClient:
        return self._client.get_queue_client(require_name(name))

    # One request each, inside the resilience wrapper ------------------------------------------------

    def _read_names(self, prefix: str) -> list[str]:
        taken: list[PipelineResponse[Any, Any]] = []
        names: list[str] = []
        pages = self._client.list_queues(name_starts_with=prefix or None, raw_response_hook=taken.append)
        for page in pages.by_page():
            require_xml(taken, "EnumerationResults")
            names += [name_of(queue) for queue in page]
        return [name for name in names if not name.startswith((LEASE_PREFIX, ORDER_PREFIX))]

    def _read_configured(self) -> list[QueueSettings]:
        taken: list[PipelineResponse[Any, Any]] = []
        found: list[QueueSettings] = []
        for page in self._client.list_queues(include_metadata=True, raw_response_hook=taken.append).by_page():
            require_xml(taken, "EnumerationResults")
            found += [QueueSettings(name_of(queue), dict(queue.metadata or {})) for queue in page]
        return found

    def _read_count(self, name: str) -> int:
        taken: list[PipelineResponse[Any, Any]] = []
        self._queue(name).get_queue_properties(raw_response_hook=taken.append)
        value = taken[-1].http_response.headers.get(DEPTH_HEADER, "")
        if not (value.isascii() and value.isdecimal()):
            raise ShapeError(
                f"header {DEPTH_HEADER}", "a number"
            )  # a proxy's page, not a queue: never shown as 0
        return int(value)

    def _read_messages(self, name: str, limit: int) -> list[QueueMessage]:
        taken: list[PipelineResponse[Any, Any]] = []
        found = self._queue(name).peek_messages(limit, raw_response_hook=taken.append)
        require_xml(taken, "QueueMessagesList")
        return [checked(message) for message in found]

    def _create(self, name: str, metadata: Mapping[str, str] | None = None) -> bool:
        taken: list[PipelineResponse[Any, Any]] = []
        given = dict(metadata) if metadata else None
        try:
            self._client.create_queue(require_name(name), metadata=given, raw_response_hook=taken.append)
        except ResourceExistsError as exc:
            if getattr(exc, "error_code", "") == "QueueBeingDeleted":
                raise
            return False
        return bool(taken[-1].http_response.status_code == 201)


def require_name(name: str) -> str:
    """Return *name* if a queue can have it. Raises InvalidInput: the SDK would take a slash in it for one of its own, and
    ask for something else.

    https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata
    """
    if not NAME.fullmatch(name):
        shown = name[:40] + ("…" if len(name) > 40 else "")
        raise InvalidInput(
            f"{shown!r} cannot be the name of a queue.",
            operation="find queue",
            resource=shown,
            hint="Names are 3 to 63 lower-case letters, digits and single hyphens.",
        )
    return name


def judge(name: str, messages: int, age_s: float | None) -> QueueState:
    """Return what the figures mean. Pure."""
    if name.endswith(POISON_SUFFIX) and messages:
        return "poison"
    if (age_s or 0) > STALLED_AFTER_S:
        return "stalled"
    return "flowing" if messages else "empty"


def decode(content: str) -> str:
    """Return the text in a message: from base64, as the Functions host writes it, else as it is."""
    with suppress(binascii.Error, ValueError):
        text = base64.b64decode(content.strip(), validate=True).decode("utf-8")
        if text and all(c.isprintable() or c.isspace() for c in text):  # words can happen to be valid base64
            return text
    return content


def parse_object(text: str) -> Mapping[str, object] | None:
    """Return the JSON object in *text*, None when it holds none, or one nested deeper than anybody means."""
    if _is_deep(text):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _is_deep(text: str) -> bool:
    """Return whether reading *text* would go so deep that the reader, and whatever ends meanwhile, runs out of stack."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth = 0
    for letter in text:
        depth += (letter in "[{") - (letter in "]}")
        if depth > DEEPEST:
            return True
    return False


def _content_of(message: QueueMessage) -> str:
    content = message.content
    return content if isinstance(content, str) else bytes(content or b"").decode("utf-8", "replace")


def _as_peeked(message: QueueMessage) -> PeekedMessage:
    text = _content_of(message)
    body = parse_object(text)
    encoded = False
    if body is None:
        plain = decode(text)
        encoded = plain != text
        text, body = plain, parse_object(plain)
    return PeekedMessage(
        id=str(message.id),
        inserted_at=message.inserted_on,
        expires_at=message.expires_on,
        dequeue_count=int(message.dequeue_count or 0),
        body=body,
        text=text,
        encoded=encoded,
    )
