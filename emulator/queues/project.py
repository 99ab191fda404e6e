"""The queues as the Foundry project's own identity uses them: what a missing role keeps from it is scripted like any failure.

In Azure the project receives and sends under its own managed identity, which needs Storage Queue Data Contributor.
"""

from collections.abc import Callable

from emulator.faults import FaultScript
from emulator.queues.models import StoredMessage
from emulator.queues.service import QueuesService
from emulator.wire import WireError

PUT, GET = "project.put_message", "project.get_messages"


class ProjectQueues:
    """Meets faults of the operations `project.put_message` and `project.get_messages`, of kind `status`."""

    def __init__(self, queues: QueuesService, faults: FaultScript) -> None:
        self._queues, self._faults = queues, faults

    def owns(self, endpoint: str) -> bool:
        return self._queues.owns(endpoint)

    def put_message(self, queue: str, text: str, ttl_s: int | None = None) -> str:
        self._meet(PUT)
        return self._queues.put_message(queue, text, ttl_s)

    def visible_messages(self, queue: str, limit: int) -> list[StoredMessage]:
        self._meet(GET)
        return self._queues.visible_messages(queue, limit)

    def remove_message(self, queue: str, message_id: str) -> bool:
        return self._queues.remove_message(queue, message_id)

    def watch(self, queue: str, callback: Callable[[], None]) -> Callable[[], None]:
        return self._queues.watch(queue, callback)

    def _meet(self, operation: str) -> None:
        fault = self._faults.take(operation) if self._faults else None
        if fault is not None:
            raise WireError(fault.status, fault.code, fault.body or "The project's identity was refused.")
