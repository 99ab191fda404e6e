"""The poison desk's look: what was given up on, why, whose it is, and whether anybody still waits.

look() peeks at the first 32 and changes nothing. look_through() sees more, and must take what it shows for a moment.
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from services.actions import Actions
from services.errors import NotFound
from services.poison.explain import Explainer
from services.poison.shapes import Look
from services.poison.store import BATCH, PoisonStore, Stored, require_poison
from services.queues import QueueService

WHOLE_MOST = 1_024
WHOLE_BYTES = 8 * 1024 * 1024  # of contents; what is kept for a viewer is some times that


class PoisonDesk:
    """Threads share it. *explainer*: also tells where messages belong."""

    def __init__(
        self,
        store: PoisonStore,
        queues: QueueService,
        explainer: Explainer,
        actions: Actions,
        now: Callable[[], datetime],
    ) -> None:
        self._store, self._queues, self._actions = store, queues, actions
        self.explainer, self.now = explainer, now

    def look(self, queue: str) -> Look:
        """Return the first 32 messages, oldest first, left as they are.

        Three requests to the queue, one to the workspace, one a minute for the agents' definitions, and one for each run
        whose state is not known here, 16 at most. Raises what the queue raises; any other failure is in `problems`.
        """
        require_poison(queue)
        about = self._queues.depth_of(queue)
        if about.state == "missing":
            raise NotFound(
                f"There is no queue {queue}.",
                operation="peek queue",
                resource=queue,
                status=404,
                hint="The Functions host makes it when it gives up on the first message.",
            )
        return self.explainer.look(queue, self._store.peek(queue), about.messages, whole=False)

    def look_through(self, queue: str, most: int = WHOLE_MOST) -> Look:
        """Return all messages, *most* and some 8 MB at most. Each is hidden until all are read, a minute at most if this
        process ends before it can show them again; its count of deliveries grows by one.

        One request per 32 messages to take them and one each to show them again; the rest as look().
        """
        require_poison(queue)

        def read() -> list[Stored]:
            held: list[Stored] = []
            try:
                while _is_room(held, most) and (
                    batch := self._store.take(queue, min(BATCH, most - len(held)))
                ):
                    held += batch
            finally:
                self._store.give_back(queue, held)
            return held

        found = self._actions.perform("look through queue", queue, read)
        about = self._queues.depth_of(queue).messages
        unique = {one.id: one for one in found}
        return self.explainer.look(queue, list(unique.values()), about, whole=_is_room(found, most))


def _is_room(held: Sequence[Stored], most: int) -> bool:
    return len(held) < most and sum(len(one.content) for one in held) < WHOLE_BYTES
