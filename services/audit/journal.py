"""What a chain has written, kept on disk until the table has it: a restart goes on where the process ended."""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

from services.audit.record import Record, read_document
from services.ids import new_id

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LARGEST_BYTES: Final = 4 * 1024 * 1024
MOST_CHAINS: Final = 256
SUFFIX: Final = ".jsonl"
ASIDE: Final = ".unverified"


class Journal:
    """One chain's file, locked for this process. *last*: the newest record, None in a new chain. *waiting*: what the
    table has not confirmed. *why*: why this chain begins where it does."""

    def __init__(self, chain: str, file: Path | None, lock: IO[str] | None, why: str) -> None:
        self.chain, self._path, self._lock, self.why = chain, file, lock, why
        self.last: Record | None = None
        self.waiting: list[Record] = []
        self._file: IO[bytes] | None = None
        self._bytes = 0

    @property
    def is_kept(self) -> bool:
        """Whether it survives the process."""
        return self._path is not None

    def append(self, records: Sequence[Record]) -> None:
        """Return once *records* are on disk. Raises OSError: they may not be; go on with another chain."""
        self._write([{"record": record.document()} for record in records], sync=True)
        self.waiting += records
        self.last = records[-1]

    def confirm(self, seq: int) -> None:
        """Note that the table has everything up to *seq*. Raises OSError; then it is delivered again, which is no harm."""
        self.waiting = [record for record in self.waiting if record.seq > seq]
        self._write([{"confirmed": seq}], sync=False)
        if not self.waiting and self._bytes > LARGEST_BYTES:
            self._rewrite()

    def set_aside(self) -> None:
        """Close it, and have nobody go on with it: for a person to look at."""
        if self._path is not None:
            self._path.replace(self._path.with_suffix(ASIDE))
        self.close()

    def close(self) -> None:
        for file in (self._file, self._lock):
            if file is not None:
                file.close()
        self._file = self._lock = None

    def _write(self, lines: Sequence[object], *, sync: bool) -> None:
        if self._path is None:
            return
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
            self._bytes = self._path.stat().st_size
        data = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
        while data:
            written = self._file.write(data)
            self._bytes, data = self._bytes + written, data[written:]
        if sync:
            os.fsync(self._file.fileno())

    def _rewrite(self) -> None:
        """Put the last record and what waits into a file of their own: all a restart needs."""
        assert self._path is not None, "only a chain that is kept has a file to grow"
        kept = [*([self.last] if self.last and self.last not in self.waiting else []), *self.waiting]
        lines: list[object] = [{"record": record.document()} for record in kept]
        if self.last and self.last not in self.waiting:
            lines.insert(1, {"confirmed": self.last.seq})
        draft = self._path.with_suffix(".new")
        with draft.open("wb") as file:
            file.write(b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
        if self._file is not None:
            self._file.close()
            self._file = None
        draft.replace(self._path)

    def _load(self) -> None:
        """Read the file. A line that the end of a process tore was never sent: it is dropped."""
        assert self._path is not None
        confirmed = -1
        records: list[Record] = []
        for line in self._path.read_bytes().split(b"\n"):
            try:
                document = json.loads(line)
                if isinstance(document, dict) and isinstance(document.get("record"), dict):
                    records.append(read_document(document["record"]))
                elif isinstance(document, dict):
                    confirmed = max(confirmed, int(document.get("confirmed", -1)))
            except (ValueError, TypeError):
                continue
        self.last = records[-1] if records else None
        self.waiting = [record for record in records if record.seq > confirmed]
        self._rewrite()


def open_journal(folder: Path | None) -> Journal:
    """Return a chain of *folder* that no process writes now, else a new one; one in memory when there is no folder.

    Raises nothing: *why* tells when the folder cannot be used.
    """
    if folder is None:
        return in_memory("no folder is set")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.glob("*" + SUFFIX), key=lambda one: one.stat().st_mtime, reverse=True)[
            :MOST_CHAINS
        ]:
            if (lock := _take(path.with_suffix(".lock"))) is None:
                continue
            found = Journal(path.stem, path, lock, "")
            found._load()
            found.why = "" if found.last else "the journal before it was empty"
            return found
        chain = new_id("aud")
        lock = _take(folder / f"{chain}.lock")
        return Journal(chain, folder / (chain + SUFFIX), lock, "this folder had no chain to go on with")
    except OSError as exc:
        return in_memory(f"the folder cannot be used: {exc.strerror or type(exc).__name__}")


def in_memory(why: str) -> Journal:
    """Return a new chain that ends with the process."""
    return Journal(new_id("aud"), None, None, why)


def _take(path: Path) -> IO[str] | None:
    """Return the locked file, to be kept open; None: another process has it. The system drops the lock with its holder."""
    file = path.open("a+")
    try:
        if sys.platform == "win32":
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
