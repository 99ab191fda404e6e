"""The file of a back-up, being read: everything is checked before anything of it is used.

A back-up is refused when it is cut off, altered, of a newer version, larger unpacked than a back-up can be, or holds
anything but the members it must hold. No member is ever unpacked to a file of its own name.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self, TypeVar

from services.backup import records
from services.backup.manifest import UnreadableError, manifest_of, parse
from services.backup.models import (
    AGENTS,
    MANIFEST,
    MEMBERS,
    QUEUES,
    THREADS,
    Counts,
    Json,
    Manifest,
    MemberFacts,
    ThreadRecord,
)
from services.backup.records import DamagedError
from services.errors import InvalidInput
from services.models import QueueSettings

T = TypeVar("T")
MANIFEST_BYTES = 16 << 20
LINE_BYTES = 64 << 20  # the service's longest message in the longest way to write it, twice
UNPACKED_BYTES = 64 << 30
SMALL_BYTES = 64 << 20  # up to here anything may be packed as tightly as it goes
PACKED_TIMES = 250
HINT = "Take another copy of the back-up."
NEWER_HINT = "Restore it with the Relaydeck that made it, or a newer one."


class BackUpFile:
    """An open back-up. *manifest*: checked against itself only until verify() has returned."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._reading():
            self._file = path.open("rb")
        try:
            with self._reading():
                self._zip = self._open()
            self.manifest: Manifest = self._read_manifest()
        except BaseException:
            self._file.close()
            raise

    def verify(self) -> None:
        """Return if every byte and line is what the manifest says. Reads the whole file once.

        Raises InvalidInput, as the constructor does.
        """
        counted = Counts()
        self._once(str(one["id"]) for one in self._count(self.agents(), counted, "agents"))
        threads = self._count((thread for thread, _ in self._threads(counted)), counted, "threads")
        self._once(thread.id for thread in threads)
        self._once(one.name for one in self._count(self.queues(), counted, "queues"))
        if counted != self.manifest.counts:
            self._refuse("its contents are not those that its manifest counts", "Altered")

    def agents(self) -> Iterator[Json]:
        for number, line in self._lines(AGENTS):
            with self._damage(AGENTS, number):
                yield records.agent(records.parse(line))

    def queues(self) -> Iterator[QueueSettings]:
        for number, line in self._lines(QUEUES):
            with self._damage(QUEUES, number):
                yield records.queue(records.parse(line))

    def threads(self) -> Iterator[tuple[ThreadRecord, Iterator[bytes]]]:
        """Yield each thread with the lines of its messages; read those before the next thread."""
        return self._threads(Counts())

    def _threads(self, counted: Counts) -> Iterator[tuple[ThreadRecord, Iterator[bytes]]]:
        lines = self._lines(THREADS)
        for number, line in lines:
            with self._damage(THREADS, number):
                thread = records.thread(records.parse(line))
            messages = self._messages(lines, thread, counted)
            yield thread, messages
            for _ in messages:  # those that nobody wanted
                pass

    def _messages(
        self, lines: Iterator[tuple[int, bytes]], thread: ThreadRecord, counted: Counts
    ) -> Iterator[bytes]:
        for _ in range(thread.messages):
            number, line = next(lines, (0, b""))
            if not number:
                self._refuse(f"messages of {thread.id} are missing", "Altered")
            with self._damage(THREADS, number):
                records.message(records.parse(line))
            counted.messages += 1
            yield line

    def _lines(self, name: str) -> Iterator[tuple[int, bytes]]:
        """Yield the lines of a member, numbered from 1; at its end, check its length and hash."""
        facts = self.manifest.members[name]
        digest, size_bytes, number = hashlib.sha256(), 0, 0
        with self._reading(), self._zip.open(name) as stream:
            while line := stream.readline(LINE_BYTES + 1):
                size_bytes, number = size_bytes + len(line), number + 1
                if len(line) > LINE_BYTES:
                    self._refuse(f"line {number} of {name} is longer than any line can be", "TooLarge")
                if size_bytes > facts.size_bytes:
                    self._refuse(f"{name} is larger than its manifest says", "Altered")
                digest.update(line)
                yield number, line
        if MemberFacts(digest.hexdigest(), size_bytes, number) != facts:
            self._refuse(f"{name} is not what its manifest says: its hash differs", "Altered")

    # Opening ----------------------------------------------------------------------------------------

    def _open(self) -> zipfile.ZipFile:
        begins_as_zip = self._file.read(4) == b"PK\x03\x04"
        try:
            return zipfile.ZipFile(self._file)
        except zipfile.BadZipFile as exc:
            if begins_as_zip:
                self._refuse("it is cut off: its end is missing", "Truncated", exc)
            self._refuse("it is no back-up of Relaydeck", "NotABackup", exc)

    def _read_manifest(self) -> Manifest:
        entries = self._zip.infolist()
        names = [entry.filename for entry in entries]
        if MANIFEST not in names:
            self._refuse("it is no back-up of Relaydeck: it has no manifest", "NotABackup")
        entry = self._zip.getinfo(MANIFEST)
        if entry.file_size > MANIFEST_BYTES:
            self._refuse("its manifest is larger than a manifest can be", "TooLarge")
        with self._reading(), self._zip.open(entry) as stream:
            content = stream.read(MANIFEST_BYTES + 1)
        try:
            document = parse(content)
            self._check_entries(entries)
            return manifest_of(document)
        except UnreadableError as exc:
            self._refuse(str(exc), exc.code, exc, NEWER_HINT if exc.code == "NewerVersion" else HINT)

    def _check_entries(self, entries: list[zipfile.ZipInfo]) -> None:
        names = sorted(entry.filename for entry in entries)
        if names != sorted([*MEMBERS, MANIFEST]):
            odd = next((name for name in names if name not in (*MEMBERS, MANIFEST)), "")
            told = f"it holds {odd[:80]!r}" if odd else "a part of it is missing or there twice"
            self._refuse(f"{told}, which no back-up does", "StrangeMember")
        unpacked = sum(entry.file_size for entry in entries)
        packed = sum(entry.compress_size for entry in entries)
        if unpacked > UNPACKED_BYTES or unpacked > max(SMALL_BYTES, PACKED_TIMES * packed):
            self._refuse(
                f"it would unpack to {unpacked / 1e9:,.1f} GB out of {packed / 1e6:,.1f} MB", "TooLarge"
            )
        if any(entry.flag_bits & 1 for entry in entries):
            self._refuse("it is encrypted, which no back-up is", "StrangeMember")

    # Refusing ---------------------------------------------------------------------------------------

    def _refuse(self, why: str, code: str, exc: BaseException | None = None, hint: str = HINT) -> NoReturn:
        raise InvalidInput(
            f"Could not use {self._path}: {why}. Nothing was restored.",
            operation="read back-up",
            resource=str(self._path),
            code=code,
            hint=hint,
        ) from exc

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as exc:
            self._refuse("there is no such file", "NoFile", exc, "Check the name.")
        except OSError as exc:
            self._refuse(str(exc.strerror or exc), "NotReadable", exc, "Check the name and its permissions.")
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as exc:  # the last: encrypted
            self._refuse("it is damaged", "Altered", exc)

    @contextmanager
    def _damage(self, name: str, number: int) -> Iterator[None]:
        try:
            yield
        except DamagedError as exc:
            self._refuse(f"line {number} of {name} is damaged: {exc}", "Altered", exc)

    @staticmethod
    def _count(found: Iterator[T], counted: Counts, name: str) -> Iterator[T]:
        for one in found:
            setattr(counted, name, getattr(counted, name) + 1)
            yield one

    def _once(self, ids: Iterator[str]) -> None:
        seen: set[str] = set()
        for one in ids:
            if one in seen:
                self._refuse(f"it holds {one} twice", "Altered")
            seen.add(one)

    def close(self) -> None:
        self._zip.close()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
