"""What is no back-up is refused in words, and nothing is written: the file is checked whole before anything is sent."""

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.backup.manifest import sealed
from services.backup.models import AGENTS, MANIFEST, QUEUES, THREADS
from services.errors import InvalidInput
from services.models import QueueSettings
from tests.contract.backup_files import Members, edit_manifest, put, rewritten, swap
from tests.contract.backup_support import Place


@pytest.fixture
def good(old: Place, tmp_path: Path) -> Path:
    """A sound back-up with a little of everything."""
    old.lab.agent()
    thread = old.lab.thread("One?", "Two?")
    old.seam.queues.create(QueueSettings("orders", {}))
    old.back_up(tmp_path / "good.zip")
    assert thread.id
    return tmp_path / "good.zip"


def refused(new: Place, path: Path) -> InvalidInput:
    """Return why *path* is refused; nothing was sent for it."""
    before = len(new.seam.asked())
    with pytest.raises(InvalidInput) as caught:
        new.restore(path, beside=True)
    assert len(new.seam.asked()) == before
    assert "Nothing was restored" in caught.value.message
    return caught.value


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999], ids=lambda share: f"{share:.1%}")
def test_a_file_that_is_cut_off_is_refused(good: Path, new: Place, kept: float) -> None:
    """A copy that was interrupted, wherever it was."""
    content = good.read_bytes()
    cut = good.with_name("cut.zip")
    cut.write_bytes(content[: int(len(content) * kept)])

    error = refused(new, cut)

    assert error.code == "Truncated" and "cut off" in error.message


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "NotABackup"), (b"hello", "NotABackup"), (b"\x1f\x8b" + b"\x00" * 90, "NotABackup")],
    ids=["empty", "text", "gzip"],
)
def test_what_is_no_zip_is_refused(tmp_path: Path, new: Place, content: bytes, code: str) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(content)
    assert refused(new, path).code == code


def test_another_programs_zip_is_refused(tmp_path: Path, new: Place) -> None:
    path = tmp_path / "b.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    assert refused(new, path).code == "NotABackup"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, new: Place) -> None:
    error = refused(new, tmp_path / "none.zip")
    assert error.code == "NoFile" and "none.zip" in error.message
    assert refused(new, tmp_path).code == "NotReadable"


@pytest.mark.parametrize(
    "change",
    [
        swap(THREADS, b"Two?", b"Tvo?"),
        swap(AGENTS, b"Repeat.", b"Cheat.."),
        put(QUEUES, b'{"name":"orders","metadata":{}}\n{"name":"more","metadata":{}}\n'),
        put(AGENTS, b""),
        edit_manifest(counts={"agents": 1, "threads": 1, "messages": 99, "queues": 1}),
        edit_manifest(
            source={"project_endpoint": "x", "storage_endpoint": "https://evil", "environment": "e"}
        ),
        edit_manifest(version=0),
        edit_manifest(version="1"),
    ],
    ids=["message", "instructions", "more", "less", "counts", "source", "version", "version-text"],
)
def test_what_was_altered_is_refused(good: Path, new: Place, change: Callable[[Members], None]) -> None:
    """By a hash of each member, and one of the manifest itself."""
    assert refused(new, rewritten(good, change)).code == "Altered"


def test_every_flipped_byte_is_noticed_or_harmless(good: Path, new: Place) -> None:
    """A bad disk: whatever it damages, what is restored is what was backed up, or nothing."""
    content = good.read_bytes()
    bad = good.with_name("bad.zip")
    for place in range(0, len(content), 61):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        bad.write_bytes(damaged)
        try:
            report = new.restore(bad, dry_run=True)
        except InvalidInput:
            continue
        assert (report.count("agent", "planned"), report.count("thread", "planned")) == (1, 1), place


def test_a_newer_format_is_named(good: Path, new: Place) -> None:
    """Even when nothing else of it can be understood."""

    def change(members: Members) -> None:
        members[MANIFEST] = json.dumps({"format": "relaydeck-backup", "version": 2, "new": [1]}).encode()
        members["more.bin"] = b"new"

    error = refused(new, rewritten(good, change))

    assert error.code == "NewerVersion" and "format 2; this one reads 1" in error.message


@pytest.mark.parametrize(
    "name",
    ["../../evil.jsonl", "/etc/evil", "..\\evil", "agents.jsonl/../x", "C:evil", "extra.jsonl", "a/"],
    ids=["up", "absolute", "backslash", "through", "drive", "extra", "folder"],
)
def test_a_member_of_another_name_is_refused(good: Path, new: Place, name: str, tmp_path: Path) -> None:
    """Members are never unpacked to files; one that tries to be tells who made the file."""
    before = sorted(tmp_path.parent.rglob("*evil*"))
    error = refused(new, rewritten(good, put(name, b"x")))
    assert error.code == "StrangeMember"
    assert sorted(tmp_path.parent.rglob("*evil*")) == before


def test_a_member_that_is_there_twice_is_refused(good: Path, new: Place) -> None:
    """Which of the two is read differs from program to program."""
    bad = good.with_name("bad.zip")
    shutil.copy(good, bad)
    with zipfile.ZipFile(bad, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(AGENTS, b"")
    assert refused(new, bad).code == "StrangeMember"


def test_a_missing_member_is_refused(good: Path, new: Place) -> None:
    assert refused(new, rewritten(good, lambda members: members.__delitem__(QUEUES))).code == "StrangeMember"


def test_a_bomb_is_refused_by_what_it_says(good: Path, new: Place) -> None:
    """100 MB of nothing in 100 kB."""
    error = refused(new, rewritten(good, put(THREADS, bytes(100_000_000))))
    assert error.code == "TooLarge" and "0.1 GB" in error.message


def test_a_bomb_that_lies_about_its_size_is_refused(good: Path, new: Place) -> None:
    """Its directory says 10 bytes: no more than these are ever read."""
    bomb = rewritten(good, put(THREADS, b"{" * 90_000_000))
    content = bytearray(bomb.read_bytes())
    for size in re.finditer(re.escape((90_000_000).to_bytes(4, "little")), bytes(content)):
        content[size.start() : size.end()] = (10).to_bytes(4, "little")
    bomb.write_bytes(content)
    assert refused(new, bomb).code == "Altered"


def test_a_line_without_end_is_refused(good: Path, new: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines are read whole: a limit keeps one from filling the memory. (Lower here, for the test's own sake.)"""
    monkeypatch.setattr("services.backup.reader.LINE_BYTES", 1000)
    line = json.dumps({"id": "asst_1", "instructions": "x" * 2000}).encode() + b"\n"
    assert refused(new, rewritten(good, put(AGENTS, line), reseal=True)).code == "TooLarge"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        (AGENTS, "no json"),
        (AGENTS, "[1]"),
        (AGENTS, '{"id": "../../etc"}'),
        (AGENTS, '{"id": "asst_1", "metadata": {"a": 1}}'),
        (AGENTS, '{"id": "asst_1", "tools": "all"}'),
        (AGENTS, '{"id": "asst_1", "temperature": NaN}'),
        (AGENTS, '{"id": "asst_1", "tools": ' + "[" * 100_000 + "]" * 100_000 + "}"),
        (AGENTS, '{"id": "asst_1"}\n{"id": "asst_1"}'),
        (THREADS, '{"id": "thread_1", "created_at": 1, "messages": 5}'),
        (THREADS, '{"id": "thread_1", "created_at": "now", "messages": 0}'),
        (THREADS, '{"id": "thread_1", "created_at": 1, "messages": 1}\n{"id": "msg_1", "role": 7}'),
        (QUEUES, '{"name": "../agents", "metadata": {}}'),
        (QUEUES, '{"name": "Orders", "metadata": {}}'),
        (QUEUES, '{"name": "orders", "metadata": {"a": "b\\r\\nx-ms-version: 1"}}'),
        (QUEUES, '{"name": "orders", "metadata": {"a b": "c"}}'),
    ],
    ids=lambda value: value[:40] if value.endswith(("}", "]", "n")) else value,
)
def test_a_line_that_is_none_is_refused_by_its_number(good: Path, new: Place, name: str, line: str) -> None:
    """With hashes that fit: whoever can write the file can renew them, so each line is held to its form as well."""
    error = refused(new, rewritten(good, put(name, line.encode() + b"\n"), reseal=True))
    assert error.code == "Altered"


@pytest.mark.parametrize(
    "changed",
    [
        {"members": {}},
        {"counts": None},
        {"created_at": "today"},
        {"id": "../x"},
        {"source": {"a": "b"}},
        {"left_out": 7},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_a_manifest_of_another_shape_is_refused(good: Path, new: Place, changed: dict[str, Any]) -> None:
    def change(members: Members) -> None:
        members[MANIFEST] = json.dumps(sealed({**json.loads(members[MANIFEST]), **changed})).encode()

    assert refused(new, rewritten(good, change)).code == "Altered"


def test_another_file_is_never_replaced(old: Place, tmp_path: Path) -> None:
    """A slip of the hand must not cost somebody's report."""
    path = tmp_path / "report.docx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    before = path.read_bytes()

    with pytest.raises(InvalidInput) as caught:
        old.back_up(path)

    assert caught.value.code == "NotABackup" and path.read_bytes() == before


def test_a_folder_that_is_not_there_is_named(old: Place, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        old.back_up(tmp_path / "none" / "b.zip")
    assert caught.value.code == "NotWritable" and "none" in caught.value.message


@pytest.mark.parametrize("at", ["zipfile._ZipWriteFile.write", "os.fsync"], ids=["writing", "at-the-end"])
def test_a_full_disk_leaves_the_older_back_up(
    good: Path, old: Place, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """What was written up to then is removed."""
    before = good.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(at, full)
    with pytest.raises(InvalidInput) as caught:
        old.back_up(good)

    assert "No space left on device" in caught.value.message
    assert good.read_bytes() == before and list(good.parent.iterdir()) == [good]
