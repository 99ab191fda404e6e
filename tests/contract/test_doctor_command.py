"""`run.py doctor` as a process of its own: what it prints, and what it exits with."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from commands.stack import Control
from emulator.supervisor import ROOT, LocalOptions, attach_or_start
from services.doctor.catalogue import CHECKS


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Control]]:
    state = tmp_path_factory.mktemp("doctor") / "state"
    running = attach_or_start(LocalOptions(state))
    yield state, Control(running)
    running.stop()


class Done:
    def __init__(self, state: Path, *arguments: str, **environ: str) -> None:
        given = {name: value for name, value in os.environ.items() if not name.startswith("RELAYDECK_")}
        done = subprocess.run(
            [sys.executable, "-m", "commands", "doctor", *arguments],
            cwd=ROOT,
            env={**given, "RELAYDECK_STATE_DIR": str(state), **environ},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        self.out, self.err, self.code = done.stdout, done.stderr, done.returncode
        assert "Traceback" not in self.out + self.err
        assert "\x1b" not in self.out + self.err


def test_a_sound_installation_exits_with_0_and_the_probe_shows_its_hops(azure: tuple[Path, Control]) -> None:
    done = Done(azure[0], "--probe")

    assert done.code == 0, done.out + done.err
    for hop in ("Enqueued", "Picked up", "Executed", "Output read", "Run advanced"):
        assert hop in done.out
    assert "all the way" in done.out and "conversations" in done.out
    assert all(check.title in done.out for check in CHECKS)
    assert "0 failed" not in done.out and " ok (" in done.out


def test_json_is_one_document_and_what_failed_exits_with_1(azure: tuple[Path, Control]) -> None:
    azure[1].fail(operation="foundry.list_threads", status=403, code="Forbidden")
    done = Done(azure[0], "--json")
    document: dict[str, Any] = json.loads(done.out)

    findings = {one["id"]: one for one in document["findings"]}
    assert (done.code, document["state"], document["probe"]) == (1, "failed", None)
    assert findings["role-threads"]["state"] == "failed"
    assert findings["role-threads"]["command"].startswith("az role assignment create")
    assert findings["role-agents"]["state"] == "ok"


def test_broken_settings_are_told_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    """Nothing can start; Doctor is what one types then."""
    done = Done(tmp_path, "--probe", RELAYDECK_TEAM_SIZE="99")

    assert done.code == 1
    assert "RELAYDECK_TEAM_SIZE has a value that cannot be used" in done.out
    assert "Packages" in done.out and "The probe was not sent" in done.out


def test_an_unknown_option_exits_with_2(tmp_path: Path) -> None:
    assert Done(tmp_path, "--nonsense").code == 2
