"""Audit records as a file: one JSON object a line, each delivery of each record, in the order of the chains."""

import json
from collections.abc import Iterable, Iterator
from typing import IO

from services.audit.record import Record, read_document
from services.errors import InvalidInput


def lines(records: Iterable[Record]) -> Iterator[str]:
    """Yield each record as a line without its end."""
    for record in records:
        yield json.dumps(record.document(), ensure_ascii=True, separators=(",", ":"))


def read(file: IO[str]) -> Iterator[Record]:
    """Yield the records of *file*; a line of which nothing can be made is a record that nothing fits.

    Raises InvalidInput: a line is not JSON at all, so this is no such file.
    """
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except ValueError as exc:
            raise InvalidInput(
                f"Line {number:,} is not a record: {exc}.",
                operation="read the audit file",
                hint="Name a file that `run.py audit export` has written.",
            ) from exc
        yield read_document(document if isinstance(document, dict) else {})
