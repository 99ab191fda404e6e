"""`run.py audit`: what it says of a trail, and what it exits with; as a process of its own where it starts something."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chaos.audit import opened
from commands import audit as command
from emulator.connection import read_connection
from emulator.supervisor import ROOT, LocalOptions, attach_or_start
from services.access import PROCESS
from tests.contract.audit_support import Place


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a Local Azure with five records; each command attaches to it."""
    found = tmp_path_factory.mktemp("audit") / "state"
    running = attach_or_start(LocalOptions(found))
    connection = read_connection(found)
    assert connection is not None
    place = Place(
        connection.url,
        connection.project_endpoint,
        connection.storage_endpoint,
        connection.ca_file,
        connection.token,
        connection.workspace_id,
        str(found),
    )
    with opened(place) as services:
        for number in range(2):
            services.trail.end(services.trail.begin(PROCESS, "delete agent", f"asst_{number}"), "done")
    yield found
    running.stop()


def audit(state: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    given = {name: value for name, value in os.environ.items() if not name.startswith("RELAYDECK_")}
    done = subprocess.run(
        [sys.executable, "-m", "commands", "audit", *arguments],
        cwd=ROOT,
        env={**given, "RELAYDECK_STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def exported(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("exported") / "trail.jsonl"
    done = audit(state, "export", str(file))
    assert (done.returncode, done.stderr) == (0, f"5 records are in {file}.\n")
    return file


def test_a_whole_trail_is_valid(state: Path) -> None:
    done = audit(state, "verify")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("VALID. 5 records in 1 chains are as they were written.\n")


Said = Callable[..., tuple[int, str]]


@pytest.fixture
def said(state: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Said:
    """What reads a file alone starts nothing, so it may as well run here: returns exit code and what was printed."""

    def run(*arguments: str, folder: Path = state) -> tuple[int, str]:
        monkeypatch.setenv("RELAYDECK_STATE_DIR", str(folder))
        code = command.main(list(arguments))
        return code, capsys.readouterr().out

    return run


def test_an_exported_trail_can_be_verified_without_the_workspace(said: Said, exported: Path) -> None:
    assert said("verify", "--file", str(exported))[0] == 0


def test_the_first_bad_record_is_named(said: Said, exported: Path, tmp_path: Path) -> None:
    tampered = tmp_path / "tampered.jsonl"
    tampered.write_text(exported.read_text().replace("asst_1", "asst_9"))

    code, words = said("verify", "--file", str(tampered))

    assert code == 1
    assert "record 3 (" in words
    assert "changed. Its hash does not fit what it holds." in words


def test_a_head_noted_elsewhere_shows_a_cut_end(said: Said, exported: Path, tmp_path: Path) -> None:
    lines = exported.read_text().splitlines()
    cut = tmp_path / "cut.jsonl"
    cut.write_text("\n".join(lines[:3]))
    last = json.loads(lines[-1])
    noted = f"{last['chain']}:{last['seq']}:{last['hash']}"

    assert said("verify", "--file", str(cut))[0] == 0
    code, words = said("verify", "--file", str(cut), "--head", noted, "--json")

    assert code == 1
    first_bad = json.loads(words)["first_bad"]
    assert (first_bad["seq"], first_bad["why"]) == (3, "truncated")


def test_what_cannot_be_told_has_an_exit_code_of_its_own(said: Said, exported: Path, tmp_path: Path) -> None:
    """A script must not take "no key" for "whole", nor for "broken"."""
    code, words = said("verify", "--file", str(exported), folder=tmp_path / "another-state")
    assert (code, "NOT VERIFIED" in words) == (2, True)
    assert said("verify", "--file", str(tmp_path / "nothing"))[0] == 2
    assert said("verify", "--from", "yesterday")[0] == 2
    assert said("nonsense")[0] == 2
