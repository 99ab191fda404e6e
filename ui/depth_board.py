"""All queues as they were looked at last, shared by all viewers."""

import threading
from collections.abc import Callable, Sequence

from services.models import QueueDepth
from ui.kept import Kept, Reading

DEPTHS_FRESH_S = 4.0


class DepthBoard:
    """Keeps the last reading of all queues (*look*); who asks while it is read anew waits for it and shares it."""

    def __init__(self, look: Callable[[], Sequence[QueueDepth]]) -> None:
        self._kept: Kept[[], Sequence[QueueDepth]] = Kept(
            "The list of queues", look, fresh_s=DEPTHS_FRESH_S, most=1
        )

    def begin(self, patience_s: float) -> threading.Event | None:
        """Have it read while something else is waited for. Who reads next shares it, and meets its failure if it fails.

        Returns what is set once that is over; None when it is not due.
        """
        return self._kept.begin(None, max(DEPTHS_FRESH_S, patience_s))

    def read(self, patience_s: float) -> Reading[Sequence[QueueDepth]]:
        """Return all queues, read no longer than *patience_s* (at the least DEPTHS_FRESH_S) ago, and when. Raises ServiceErrors."""
        return self._kept.read(None, max(DEPTHS_FRESH_S, patience_s))

    def known(self, age_s: float) -> Reading[Sequence[QueueDepth]] | None:
        """Return all queues as they were read last, if that is no longer than *age_s* ago; else None. Sends nothing."""
        return self._kept.known(None, age_s)

    def held(self) -> Sequence[QueueDepth] | None:
        """Return what was read last, however old; None when nothing was. Sends nothing."""
        return self._kept.held()

    def forget(self) -> None:
        """Read them anew when they are drawn next."""
        self._kept.clear()
