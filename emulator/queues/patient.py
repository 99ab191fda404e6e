"""What the Agent Service's own storage client does about failures that may pass: it tries again, as Azure's clients do.

Source: learn.microsoft.com/dotnet/api/azure.core.retryoptions (5 retries; 408, 429, 500, 502, 503, 504)
"""

from collections.abc import Callable
from typing import TypeVar

from emulator.queues.models import StoredMessage
from emulator.queues.project import ProjectQueues
from emulator.wire import WireError

TRIES = 6
PASSING = frozenset({408, 429, 500, 502, 503, 504})
Result = TypeVar("Result")


class PatientQueues:
    """*queues*, each call repeated while it fails in a way that may pass. The waits between are left out.

    A message whose sending was not confirmed is sent again: it may then be there twice, as in Azure.
    """

    def __init__(self, queues: ProjectQueues) -> None:
        self._queues = queues

    def owns(self, endpoint: str) -> bool:
        return self._queues.owns(endpoint)

    def put_message(self, queue: str, text: str, ttl_s: int | None = None) -> str:
        return _insist(lambda: self._queues.put_message(queue, text, ttl_s))

    def visible_messages(self, queue: str, limit: int) -> list[StoredMessage]:
        return _insist(lambda: self._queues.visible_messages(queue, limit))

    def remove_message(self, queue: str, message_id: str) -> bool:
        return self._queues.remove_message(queue, message_id)

    def watch(self, queue: str, callback: Callable[[], None]) -> Callable[[], None]:
        return self._queues.watch(queue, callback)


def _insist(call: Callable[[], Result]) -> Result:
    for _ in range(TRIES - 1):
        try:
            return call()
        except WireError as exc:
            if exc.status not in PASSING:
                raise
    return call()
