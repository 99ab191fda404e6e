"""The whole session stays on this machine: see tests/loopback_only. An attempt to leave fails the session, by name."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.loopback_only import sitecustomize as guard

FOLDER = Path(__file__).parent / "loopback_only"


def begin() -> None:
    """Guard this process and all that it starts. A record that is already named, by whoever started us, is kept."""
    if guard.RECORD not in os.environ:
        handle, name = tempfile.mkstemp(prefix="relaydeck-attempts-", suffix=".jsonl")
        os.close(handle)
        os.environ[guard.RECORD] = name
    paths = [str(FOLDER), *filter(None, [os.environ.get("PYTHONPATH", "")])]
    if str(FOLDER) not in os.environ.get("PYTHONPATH", "").split(os.pathsep):
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    guard.install()


def attempts() -> list[dict[str, object]]:
    """Return what tried to leave since the session began, of this process and its children."""
    record = Path(os.environ[guard.RECORD])
    return (
        [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
        if record.exists()
        else []
    )


@contextmanager
def attempted_on_purpose() -> Iterator[list[dict[str, object]]]:
    """For tests of the guard itself: what is tried inside is put into the list and taken out of the record."""
    record = Path(os.environ[guard.RECORD])
    before, found = record.read_bytes(), list[dict[str, object]]()
    try:
        yield found
    finally:
        found += [json.loads(line) for line in record.read_bytes()[len(before) :].splitlines()]
        record.write_bytes(before)
