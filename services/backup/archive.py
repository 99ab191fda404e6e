"""The file of a back-up, being written: a zip of JSON lines and a manifest, complete or not there at all."""

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from services.backup.manifest import document_of, sealed
from services.backup.models import MANIFEST, Manifest, MemberFacts
from services.errors import InvalidInput


class MemberWriter:
    """Lines of one member, counted and hashed as they pass."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash = stream, hashlib.sha256()
        self._size_bytes = self._lines = 0

    def write(self, line: bytes) -> None:
        self._stream.write(line)
        self._hash.update(line)
        self._size_bytes += len(line)
        self._lines += 1

    def facts(self) -> MemberFacts:
        return MemberFacts(self._hash.hexdigest(), self._size_bytes, self._lines)


class ArchiveWriter:
    """Writes beside *path* under another name; commit() puts it in place. Left without commit(), nothing remains.

    Raises InvalidInput: the file cannot be written there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.members: dict[str, MemberFacts] = {}
        with writing(path):
            # Only its owner may read it: it holds conversations.
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
            self.part = Path(name)
            self._file = os.fdopen(handle, "w+b")
            self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED)

    @contextlib.contextmanager
    def member(self, name: str) -> Iterator[MemberWriter]:
        with writing(self._path), self._zip.open(name, "w", force_zip64=True) as stream:
            writer = MemberWriter(stream)
            yield writer
        self.members[name] = writer.facts()

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and everything else to the disk; the file is complete then, under its other name."""
        with writing(self._path):
            self._zip.writestr(MANIFEST, json.dumps(sealed(document_of(manifest)), indent=1))
            self._zip.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def commit(self) -> None:
        with writing(self._path):
            self.part.replace(self._path)
        if os.name != "nt":
            with contextlib.suppress(OSError):  # not every file system can; the file itself is on the disk
                folder = os.open(self._path.parent, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A full disk shows again when what is buffered is written.
        with contextlib.suppress(OSError, ValueError):
            self._zip.close()
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self.part.unlink(missing_ok=True)


def hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise InvalidInput(
            f"Could not write {path}: {exc.strerror or exc}. Nothing was left there.",
            operation="write back-up",
            resource=str(path),
            code="NotWritable",
            hint="Choose a folder that exists, may be written and has room.",
        ) from exc
