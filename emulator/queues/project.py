"""The queues as the Foundry project's own identity uses them: what goes wrong there is scripted like any failure.

In Azure the project receives and sends under its own managed identity, which needs Storage Queue Data Contributor.
"""

import base64
import binascii
import re
from collections.abc import Callable, Sequence

import orjson

from emulator.faults import ODD, Fault, FaultScript, When
from emulator.ids import Ids
from emulator.queues.models import StoredMessage
from emulator.queues.service import QueuesService
from emulator.wire import WireError

PUT, GET = "project.put_message", "project.get_messages"
CROWD = "crowd-"  # begins the CorrelationId of a call that nobody of this project waits for
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class ProjectQueues:
    """Meets faults of the operations `project.put_message` and `project.get_messages`: those of the service (`late`,
    `lose`, …) as they are, all others as a refusal with their status.

    Somebody else's calls that a `crowd` put before ours are answered into our output queue; whoever sent them takes their
    replies, so nothing of them stays.
    """

    def __init__(self, queues: QueuesService, faults: FaultScript, ids: Ids) -> None:
        self._queues, self._faults, self._ids = queues, faults, ids
        self._strays = 0  # replies to somebody else that may still come

    def owns(self, endpoint: str) -> bool:
        return self._queues.owns(endpoint)

    def put_message(self, queue: str, text: str, ttl_s: int | None = None) -> str:
        faults = self._meet(PUT, queue)
        for _ in range(sum(fault.count for fault in faults if fault.kind == "crowd")):
            self._strays += 1
            self._queues.put_message(queue, _of_somebody_else(text, CROWD + self._ids.guid()), ttl_s)
        odd: dict[str, float] = {fault.kind: fault.delay_s for fault in faults}
        message_id = self._queues.put_message(queue, text, ttl_s, odd)
        _refuse(faults, "after")
        return message_id

    def visible_messages(self, queue: str, limit: int) -> list[StoredMessage]:
        _refuse(self._meet(GET, queue), "after")
        found = self._queues.visible_messages(queue, limit)
        if not self._strays:
            return found
        theirs = {message.id for message in found if _is_of_crowd(message.text)}
        for message_id in theirs:
            self._queues.remove_message(queue, message_id)
        self._strays = max(0, self._strays - len(theirs))
        return [message for message in found if message.id not in theirs]

    def remove_message(self, queue: str, message_id: str) -> bool:
        return self._queues.remove_message(queue, message_id)

    def watch(self, queue: str, callback: Callable[[], None]) -> Callable[[], None]:
        return self._queues.watch(queue, callback)

    def _meet(self, operation: str, queue: str) -> list[Fault]:
        faults = self._faults.meet(operation, f"/{queue}/messages") if self._faults else []
        _refuse(faults, "before")
        return faults


def _refuse(faults: Sequence[Fault], when: When) -> None:
    """Raise WireError when one of *faults*, of the wire, strikes then: after the effect, the call is sent and nobody knows."""
    for fault in faults:
        if fault.kind not in ODD and fault.when == when:
            raise WireError(fault.status, fault.code, fault.body or "The project's identity was refused.")


def _of_somebody_else(text: str, correlation_id: str) -> str:
    """Return the call *text* as another application would make it: it belongs to no trace of ours."""
    call = orjson.loads(base64.b64decode(text))
    kept = {
        name: value
        for name, value in call.items()
        if not (isinstance(value, str) and _TRACEPARENT.fullmatch(value))
    }
    return base64.b64encode(orjson.dumps({**kept, "CorrelationId": correlation_id})).decode()


def _is_of_crowd(text: str) -> bool:
    try:
        reply = orjson.loads(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False
    return isinstance(reply, dict) and str(reply.get("CorrelationId", "")).startswith(CROWD)
