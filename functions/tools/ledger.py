"""What every instance of the function app knows of the conversations of an ordered tool: one message in a queue.

Receiving that message hides it, so whoever has it is alone; updating it writes the new content and lets go of it in
one request that only the latest receipt may send. A holder that dies lets go after HOLD_S by doing nothing. The
message never expires. A tool has SHARDS such queues, and a conversation always the same one of them, so that
conversations seldom wait for each other. It is held for the moment of a change, never while a tool runs.
"""

import hashlib
import json
import logging
import random
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

from tools.turns import Done, Held, Running, State

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

log = logging.getLogger(__name__)
T = TypeVar("T")
SHARDS = 4
HOLD_S = 10  # a change takes some hundredths of a second
PATIENCE_S = 20.0  # longer than a holder that died keeps the ledger
TIMEOUT_S = 10
KEPT_S = 7 * 24 * 3600  # as long as a message of the input queue may live
MAX_BYTES = 40_000  # a queue takes 48 KiB before base64
NEVER_EXPIRES = -1
MOST_COPIES = 32
PREFIX = "relaydeck-order-"


class LedgerBusyError(Exception):
    """The ledger could not be had in time. The host delivers the message again."""


class Ledger:
    """One shard. Threads share it; it holds no state of its own."""

    def __init__(self, client: "QueueClient", now: Callable[[], float] = time.time) -> None:
        self._client, self._now = client, now
        self._lock = threading.Lock()  # the threads of this process queue up here, not at the service

    def change(self, conversation: str, work: Callable[[State], T]) -> T:
        """Return what *work* returns, once what it did to the state of *conversation* is written.

        *work* may be called again, on a fresh state or on what it made of it before: a lost reply does not tell.
        Sends three requests, more when others are at it. Raises LedgerBusyError, and AzureError when the queue may
        not be used, or does not answer for PATIENCE_S.
        """
        from azure.core.exceptions import AzureError

        until_s = time.monotonic() + PATIENCE_S
        with self._lock:
            while True:
                trouble: AzureError | None = None
                try:
                    if (done := self._try(conversation, work)) is not None:
                        return done[0]
                except AzureError as exc:
                    if 400 <= int(getattr(exc, "status_code", None) or 0) < 500:
                        raise
                    trouble = exc
                if time.monotonic() >= until_s:
                    raise trouble or LedgerBusyError(f"The ledger {self._client.queue_name} was never free.")
                time.sleep(random.uniform(0.01, 0.06))  # noqa: S311 - parts two, guards nothing

    def _try(self, conversation: str, work: Callable[[State], T]) -> tuple[T] | None:
        """Return what *work* returned; None when the ledger was not to be had, or was lost before it was written."""
        taken = self._take()
        if taken is None:
            return None
        states = read(str(taken.content))
        found = work(states.setdefault(key_of(conversation), State()))
        return (found,) if self._put_back(taken, write(states, self._now())) else None

    def _take(self) -> "QueueMessage | None":
        """Return the message, this process being the only one that has it; None while somebody else has it."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            received = self._client.receive_messages(
                messages_per_page=MOST_COPIES, visibility_timeout=HOLD_S, timeout=TIMEOUT_S
            )
            found = list(next(received.by_page(), ()))  # one request; the next page would be another
            there = self._count()
        except ResourceNotFoundError:
            self._make()
            return None
        if not there:
            self._client.send_message(write({}, self._now()), time_to_live=NEVER_EXPIRES, timeout=TIMEOUT_S)
            return None
        if len(found) < there or not found:
            for message in found:
                self._put_back(message, str(message.content))
            return None
        return found[0] if len(found) == 1 else self._merged(found)

    def _merged(self, found: "list[QueueMessage]") -> "QueueMessage | None":
        """Two who found the queue empty have both put one in: what they say is brought together in the first."""
        states: dict[str, State] = {}
        for message in found:
            for key, state in read(str(message.content)).items():
                if key not in states or states[key].at_s < state.at_s:
                    states[key] = state
        if self._put_back(
            found[0], write(states, self._now())
        ):  # first: else what the others say could get lost
            for message in found[1:]:
                self._client.delete_message(message, timeout=TIMEOUT_S)
            log.info("ledger.merged queue=%s messages=%d", self._client.queue_name, len(found))
        return None

    def _put_back(self, message: "QueueMessage", content: str) -> bool:
        """Return whether *content* is written: False when the message was held too long, and is another's."""
        from azure.core.exceptions import HttpResponseError

        try:
            self._client.update_message(message, visibility_timeout=0, content=content, timeout=TIMEOUT_S)
        except HttpResponseError as exc:
            if exc.status_code in (400, 404):
                log.warning("ledger.lost queue=%s reason=%s", self._client.queue_name, exc.error_code)  # type: ignore[attr-defined]  # storage sets it
                return False
            raise
        return True

    def _count(self) -> int:
        """Return how many messages there are, hidden ones too; never less than there are."""
        return int(self._client.get_queue_properties(timeout=TIMEOUT_S).approximate_message_count or 0)

    def _make(self) -> None:
        from azure.core.exceptions import ResourceExistsError

        try:
            self._client.create_queue(timeout=TIMEOUT_S)
        except ResourceExistsError as exc:
            log.info("ledger.made_by_another queue=%s reason=%s", self._client.queue_name, exc.error_code)  # type: ignore[attr-defined]  # storage sets it


def queue_of(tool: str, conversation: str) -> str:
    """Return the queue that holds the ledger of *conversation*."""
    shard = int(key_of(conversation)[:4], 16) % SHARDS
    return f"{PREFIX}{tool.replace('_', '-')}-{shard}"


def key_of(conversation: str) -> str:
    return hashlib.sha256(conversation.encode()).hexdigest()[:16]


def read(content: str) -> dict[str, State]:
    """Return the states by key. Raises ValueError or KeyError when a person has changed the message."""
    return {key: _state(found) for key, found in json.loads(content).items()}


def write(states: dict[str, State], now_s: float) -> str:
    """Return *states* as text that a queue takes: without what is old, and, when it is too much, without the oldest."""
    kept = {key: state for key, state in states.items() if now_s - state.at_s < KEPT_S}
    text = _text(kept)
    for key in sorted(kept, key=lambda one: kept[one].at_s) if len(text) > MAX_BYTES else ():
        if kept[key].running is None and not kept[key].held:
            del kept[key]
            text = _text(kept)
            if len(text) <= MAX_BYTES:
                break
    return text


def _text(states: dict[str, State]) -> str:
    return json.dumps({key: asdict(state) for key, state in states.items()}, separators=(",", ":"))


def _state(found: dict[str, object]) -> State:
    running, held, done = found["running"], found["held"], found["done"]
    assert isinstance(held, dict) and isinstance(done, list)
    return State(
        settled=int(str(found["settled"])),
        ran=int(str(found["ran"])),
        at_s=float(str(found["at_s"])),
        running=Running(**running) if isinstance(running, dict) else None,
        held={int(number): Held(**one) for number, one in held.items()},
        done=[Done(**one) for one in done],
    )
