"""`run.py faults` as a process of its own: what it switches, what it prints, and what it exits with."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.supervisor import ROOT, LocalAzure, LocalOptions, attach_or_start


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    azure = attach_or_start(LocalOptions(tmp_path_factory.mktemp("faults") / "state"))
    yield azure
    azure.stop()


def faults(state: Path, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
    given = {name: value for name, value in os.environ.items() if not name.startswith("RELAYDECK_")}
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "commands", "faults", *arguments],
        cwd=ROOT,
        env={**given, "RELAYDECK_STATE_DIR": str(state), "RELAYDECK_TELEMETRY": "off", **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_terminal_switches_and_another_sees_it(local: LocalAzure) -> None:
    """Nothing is kept in the process that switched: Local Azure itself knows."""
    state = Path(local.connection.ca_file).parents[1]
    on = faults(state, "on", "cold", "start", "--intensity", "45", "--for", "600")
    assert (on.returncode, on.stderr) == (0, "")
    assert "cold start: on, 10 min 0 s left, 45 s" in on.stdout

    listed = {one["name"]: one for one in json.loads(faults(state, "list", "--json").stdout)}
    assert (listed["cold start"]["on"], listed["cold start"]["intensity"]) == (True, 45)
    assert not listed["poison"]["on"]

    cleared = faults(state, "clear")
    assert "Switched off: cold start." in cleared.stderr


def test_a_name_that_there_is_none_of_is_told_with_those_there_are(local: LocalAzure) -> None:
    done = faults(Path(local.connection.ca_file).parents[1], "on", "earthquake")
    assert done.returncode == 2
    assert "no scenario 'earthquake'" in done.stderr and "throttled model" in done.stderr


def test_without_a_local_azure_none_is_started(tmp_path: Path) -> None:
    done = faults(tmp_path / "state", "list")
    assert done.returncode == 6
    assert "Local Azure does not run here" in done.stderr
    assert not (tmp_path / "state").exists()


def test_on_azure_nothing_is_staged(tmp_path: Path) -> None:
    places = {
        "RELAYDECK_MODE": "azure",
        "PROJECT_ENDPOINT_ENT": "https://x.services.ai.azure.com/api/projects/y",
        "MODEL_DEPLOYMENT_NAME": "gpt",
        "STORAGE_SERVICE_ENDPOINT": "https://contosotools.queue.core.windows.net",
    }
    done = faults(tmp_path / "state", "on", "poison", **places)
    assert done.returncode == 1
    assert "nothing in Azure is made to fail on purpose" in done.stderr
