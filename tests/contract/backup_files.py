"""Back-ups that somebody has changed, for the tests of what is refused."""

import json
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from services.backup.manifest import sealed
from services.backup.models import AGENTS, MANIFEST, QUEUES, THREADS

Members = dict[str, bytes]


def rewritten(good: Path, change: Callable[[Members], None], *, reseal: bool = False) -> Path:
    """Return a copy of *good* whose members *change* has altered. *reseal*: as whoever knows the format could."""
    with zipfile.ZipFile(good) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    if reseal:
        members[MANIFEST] = json.dumps(honest(members)).encode()
    bad = good.with_name("bad.zip")
    with zipfile.ZipFile(bad, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return bad


def honest(members: Members) -> dict[str, object]:
    """Return a manifest that fits altered members: hashes are no signature, and the rest of the checks must hold."""
    manifest = json.loads(members[MANIFEST])
    for name in (AGENTS, THREADS, QUEUES):
        content = members.get(name, b"")
        manifest["members"][name] = {
            "sha256": sha256(content).hexdigest(),
            "size_bytes": len(content),
            "lines": content.count(b"\n"),
        }
    return sealed(manifest)


def edit_manifest(**changed: object) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        members[MANIFEST] = json.dumps({**json.loads(members[MANIFEST]), **changed}).encode()

    return change


def swap(name: str, before: bytes, after: bytes) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        assert before in members[name]
        members[name] = members[name].replace(before, after)

    return change


def put(name: str, content: bytes) -> Callable[[Members], None]:
    return lambda members: members.update({name: content})
