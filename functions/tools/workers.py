"""What the worker processes of one instance keep from each other: the question that one of them works on.

A lock on one byte of a file, which one the question decides. The operating system lets go of it when its holder dies.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)
PLACES = 2**31 - 1  # two questions that share one wait for each other, and that is all


class Workers:
    """Threads share it; it tells processes apart, not the threads of one. *path*: None keeps nobody out."""

    def __init__(self, path: Path | None) -> None:
        """Raises OSError: the file cannot be made."""
        usable = path is not None and sys.platform != "win32"  # there one process serves the app
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600) if path is not None and usable else None

    @contextmanager
    def alone(self, key: bytes) -> Iterator[None]:
        """Return once no other process holds *key*. A lock that cannot be had lets everybody pass."""
        place = int.from_bytes(key[:8], "big") % PLACES
        held = self._hold(place)
        try:
            yield
        finally:
            if held:
                self._release(place)

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _hold(self, place: int) -> bool:
        if self._file is None or sys.platform == "win32":
            return False
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX, 1, place)
        except OSError as exc:
            log.warning("workers.not_locked reason=%s", exc)
            return False
        return True

    def _release(self, place: int) -> None:
        if self._file is not None and sys.platform != "win32":
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)
