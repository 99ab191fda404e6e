"""Work that nobody waits for, one piece after another on one thread."""

import logging
import threading
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)


class Afterwards:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._pieces: deque[Callable[[], None]] = deque()
        self._busy = self._closed = False
        self._thread: threading.Thread | None = None

    def put(self, piece: Callable[[], None]) -> None:
        """Have *piece* done later; after close() it is dropped."""
        with self._changed:
            if self._closed:
                return
            self._pieces.append(piece)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="answer-afterwards", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def wait_idle(self, timeout_s: float) -> bool:
        """Return whether everything was done within *timeout_s*."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pieces and not self._busy, timeout_s)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._pieces.clear()
            self._changed.notify_all()

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._pieces or self._closed)
                if not self._pieces:
                    return
                piece, self._busy = self._pieces.popleft(), True
            try:
                piece()
            except Exception:
                log.exception("afterwards.failed")
