"""`run.py backup` and `run.py restore` as processes of their own: what they print where, what they exit with, and what is
left when they are killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from commands import backup, restore
from emulator.__main__ import _describe
from emulator.connection import write_connection
from emulator.supervisor import ROOT
from tests.contract.backup_support import Place, talk
from tests.contract.test_backup_oddities import MARKUP
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="steers processes by POSIX signals")


def start(place: Place, *arguments: str) -> "subprocess.Popen[str]":
    """Start the command on *place*, which it finds as it finds any Local Azure that runs: by its state folder."""
    emulator = place.lab.emulator
    write_connection(emulator.settings.state, _describe(emulator))
    given = {name: value for name, value in os.environ.items() if not name.startswith("RELAYDECK_")}
    return subprocess.Popen(
        [sys.executable, "-m", "commands", *arguments],
        cwd=ROOT,
        env={
            **given,
            "RELAYDECK_STATE_DIR": str(emulator.settings.state),
            "RELAYDECK_TELEMETRY": "off",
            "PYTHONPATH": str(ROOT),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Done:
    def __init__(self, place: Place, *arguments: str) -> None:
        with start(place, *arguments) as process:
            self.out, self.err = process.communicate(timeout=60)
        self.code = process.returncode
        assert "Traceback" not in self.out + self.err, self.err
        assert "\x1b" not in self.out + self.err


def test_a_project_moves_from_the_terminal(old: Place, new: Place, tmp_path: Path) -> None:
    """The report on stdout, the progress on stderr; --json is one document."""
    old.lab.client.create_agent(body={"model": old.seam.settings.model, "name": MARKUP})
    thread = talk(old, "One?", "Uno.")
    file = str(tmp_path / "b.zip")

    made = Done(old, "backup", file)
    planned = Done(new, "restore", file, "--dry-run")
    before = new.threads()
    done = Done(new, "restore", file, "--json")

    assert (made.code, planned.code, done.code) == (0, 0, 0), made.err + planned.err + done.err
    assert f"{file}: 1 agent, 1 thread with 2 messages, 0 queues" in made.out
    assert "none of these: runs" in made.out and "sha256" in made.out and "Reading it back" in made.err
    assert "Threads: 1 would be created" in planned.out and before == []
    document: dict[str, Any] = json.loads(done.out)
    assert new.conversation(document["ids"]["threads"][thread]) == [("user", "One?"), ("assistant", "Uno.")]
    assert done.err and Done(new, "restore", file).out.count("1 there already") == 2


@pytest.mark.parametrize("after", [1, 12], ids=["early", "half-way"])
def test_a_killed_restore_goes_on_and_doubles_nothing(
    old: Place, new: Place, tmp_path: Path, after: int
) -> None:
    """SIGKILL: no clean-up of ours runs; what the service did in that moment is found by its mark."""
    for number in range(24):
        talk(old, f"Question {number}?", f"Answer {number}.")
    old.back_up(tmp_path / "b.zip")
    new.seam.fail("foundry.create_thread", kind="slow", delay_s=0.3, skip=after, times=1000)
    with start(new, "restore", str(tmp_path / "b.zip")) as process:
        wait_for(lambda: new.seam.asked().count("foundry.create_thread") >= after)
        process.kill()
    new.lab.emulator.call(new.lab.emulator.faults.clear)
    survived = len(new.threads())

    done = Done(new, "restore", str(tmp_path / "b.zip"), "--json")

    ids = json.loads(done.out)["ids"]["threads"]
    assert done.code == 0 and after <= survived < 24
    assert sorted(one["id"] for one in new.threads()) == sorted(ids.values())
    assert {before: new.conversation(ids[before]) for before in ids} == {
        one["id"]: old.conversation(one["id"]) for one in old.threads()
    }


def test_a_back_up_that_is_stopped_leaves_the_older_file(old: Place, tmp_path: Path) -> None:
    """A service manager's SIGTERM: the half-written file is removed."""
    for number in range(40):
        talk(old, str(number))
    file = tmp_path / "b.zip"
    old.back_up(file)
    before = file.read_bytes()
    old.seam.fail("foundry.list_messages", kind="slow", delay_s=0.2, times=1000)
    with start(old, "backup", str(file)) as process:
        seen = len(old.seam.asked())
        wait_for(lambda: old.seam.asked(seen).count("foundry.list_messages") >= 4)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    old.lab.emulator.call(old.lab.emulator.faults.clear)

    assert process.returncode == 5 and "Nothing was written" in err and "Traceback" not in err
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("main", "arguments", "words"),
    [
        (backup.main, [], "arguments are required: FILE"),
        (backup.main, ["b.zip", "--threads", "-1"], "such as 500, or all"),
        (backup.main, ["b.zip", "--threads", "some"], "such as 500, or all"),
        (restore.main, [], "arguments are required: FILE"),
    ],
    ids=["no-file", "minus", "words", "no-file-to-restore"],
)
def test_a_command_line_that_cannot_be_used_exits_with_2(
    main: Callable[[list[str]], int], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert words in capsys.readouterr().err


def test_the_other_exit_codes_say_why(old: Place, new: Place, tmp_path: Path) -> None:
    """2 no back-up, 3 not complete, 4 a yes is needed, 1 not allowed, 6 busy: what a script can act on."""
    file = str(tmp_path / "b.zip")
    for place in (old, new):
        place.lab.client.create_agent(body={"model": "gpt-4o", "name": "same"})
    old.store_agent({"id": "asst_odd", "name": "odd", "model": "gpt-4o", "tools": [{"type": "oracle"}]})
    old.back_up(tmp_path / "b.zip")

    (tmp_path / "cut.zip").write_bytes(b"PK\x03\x04 cut off")
    unusable = Done(new, "restore", str(tmp_path / "cut.zip"))
    needs_yes = Done(new, "restore", file)
    incomplete = Done(new, "restore", file, "--yes")
    new.seam.fail("foundry.list_agents", status=403, code="Forbidden")
    denied = Done(new, "restore", file)
    old.seam.fail("foundry.list_agents", status=429, headers={"Retry-After": "86400"})
    busy = Done(old, "backup", file)

    assert (unusable.code, unusable.out) == (2, "")
    assert "it is cut off: its end is missing. Nothing was restored." in unusable.err
    assert needs_yes.code == 4 and "other agents called same" in needs_yes.err and "--yes" in needs_yes.err
    assert incomplete.code == 3 and "odd" in incomplete.out
    assert denied.code == 1 and "goes on from there" in denied.err
    assert busy.code == 6 and "Nothing was written" in busy.err
