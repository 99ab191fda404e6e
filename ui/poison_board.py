"""What lies in poison queues as it was looked at last, shared by all viewers."""

import threading
from collections import OrderedDict
from collections.abc import Callable

from services.errands import Errands
from services.errors import ServiceError
from services.poison.shapes import Look
from ui import formats, patience
from ui.kept import GONE

POISON_FRESH_S = 30.0
POISON_WHOLE_KEPT_S = 300.0
POISON_QUEUES_KEPT = 8


class PoisonBoard:
    """Keeps the last look at each poison queue; who asks while one is read anew waits for it and shares it.

    *look*: looks at one. *changed*: called once what was known of a queue no longer holds.
    """

    def __init__(self, look: Callable[[str], Look], changed: Callable[[], None]) -> None:
        self._fetch, self._changed = look, changed
        self._lock = threading.Lock()
        self._looks: OrderedDict[str, Look] = OrderedDict()
        self._errands: Errands[Look] = Errands()
        self._changes = 0

    def read(self, queue: str) -> Look:
        """Return the look at *queue*: the one held, or a new one once that is half a minute old (five minutes, when all
        of it was gone through). Raises ServiceErrors."""
        held = self._looks.get(queue)
        if held is not None:
            kept_s = POISON_WHOLE_KEPT_S if held.whole else POISON_FRESH_S
            if (formats.since_s(held.read_at) or 0.0) < kept_s:
                return held
        what = "What lies in this queue"
        errand = self._errands.send((queue, self._changes), what, lambda: self._look(queue))
        try:
            return errand.wait(patience.left_s())
        except ServiceError as error:
            if held is None or isinstance(error, GONE):
                raise
            patience.tell(patience.Old(what, held.read_at, error))
            return held

    def _look(self, queue: str) -> Look:
        before = self._changes
        look = self._fetch(queue)
        return self.put(look) if before == self._changes else look  # begun before a change: not kept

    def put(self, look: Look) -> Look:
        with self._lock:
            self._looks[look.queue] = look
            self._looks.move_to_end(look.queue)
            while len(self._looks) > POISON_QUEUES_KEPT:
                self._looks.popitem(last=False)
        return look

    def held(self, queue: str) -> Look | None:
        """Return the look at *queue* that is held, however old. Sends nothing."""
        return self._looks.get(queue)

    def forget(self, queue: str) -> None:
        """Read *queue*, and how much lies in all queues, anew when they are drawn next."""
        with self._lock:
            self._changes += 1
            self._looks.pop(queue, None)
        self._changed()
