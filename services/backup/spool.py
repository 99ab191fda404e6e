"""Lines waiting for their turn: the first of them in memory, many in a temporary file."""

import json
import tempfile
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from services.backup.models import Json

IN_MEMORY_BYTES = 256 * 1024


def line_of(document: Json) -> bytes:
    return (
        json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass") + b"\n"
    )


class Spool:
    """The lines of one thing. Not shared by threads; handed from one to the next."""

    def __init__(self, owner: "Spools") -> None:
        self._owner = owner
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115 - see close()
        self.lines = 0

    def add(self, document: Json) -> None:
        self.add_line(line_of(document))

    def add_line(self, line: bytes) -> None:
        self._file.write(line)
        self.lines += 1

    def __iter__(self) -> Iterator[bytes]:
        """Yield all lines from the first; as often as wanted, one time after the other."""
        self._file.seek(0)
        return iter(self._file)

    def close(self) -> None:
        self._file.close()
        self._owner.forget(self)


class Spools:
    """Makes spools, and closes those that are left when the work ends, however it does. Threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[Spool] = set()

    def new(self) -> Spool:
        spool = Spool(self)
        with self._lock:
            self._open.add(spool)
        return spool

    def forget(self, spool: Spool) -> None:
        with self._lock:
            self._open.discard(spool)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for spool in list(self._open):
            spool.close()
