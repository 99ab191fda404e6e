"""`run.py demo` and the history of a first start, as whole processes: real questions, and an end that leaves nothing."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from commands.serve import HISTORY_FILE
from emulator.connection import is_alive, read_connection
from emulator.supervisor import ROOT, LocalAzure, LocalOptions, attach_or_start
from tests.contract.test_commands import Served
from tests.unit.test_supervisor import is_running
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="steers processes by POSIX signals")
LINE = re.compile(r"\d\d:\d\d:\d\d  (answered|failed|cancelled|expired) +[\d.]+ s")


@pytest.fixture
def azure(state: Path) -> Iterator[LocalAzure]:
    started = attach_or_start(LocalOptions(state))
    yield started
    started.stop()


def demo(state: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "commands", "demo", "--no-browser", *arguments],
        cwd=ROOT,
        env={**os.environ, "RELAYDECK_STATE_DIR": str(state), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_asks_real_questions_of_the_running_local_azure_and_ends_by_itself(
    azure: LocalAzure, state: Path
) -> None:
    """One line an answer, from the agents, queues and function that are there; Local Azure goes on after it."""
    process = demo(state, "--rate", "60", "--minutes", "0.2")
    out, err = process.communicate(timeout=90)

    told = [line for line in out.splitlines() if LINE.match(line)]
    assert process.returncode == 0 and err == ""
    assert len(told) >= 3 and any("answered" in line and "function" in line for line in told), out
    assert re.search(rf"Asked {len(told)}: \d+ answered", out)
    assert is_alive(azure.connection)


def test_ctrl_c_ends_what_it_started_and_leaves_no_process(state: Path) -> None:
    """Without a Relaydeck to attach to, it starts the whole of it, and takes it down again."""
    process = demo(state, "--rate", "60")
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if LINE.match(line):
            break
    found = read_connection(state)
    assert found is not None and is_alive(found)
    dashboard = json.loads((state / "dashboard.json").read_text())["pid"]

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert "Dashboard: http://127.0.0.1:" in "".join(lines) and "Asked" in out
    wait_for(lambda: not is_running(found.pid) and not is_running(dashboard), timeout_s=20)


def test_a_real_project_is_asked_only_when_that_is_said(tmp_path: Path) -> None:
    """It costs money there, and leaves threads behind."""
    process = demo(
        tmp_path,
        RELAYDECK_MODE="azure",
        PROJECT_ENDPOINT_ENT="https://contoso.services.ai.azure.com/api/projects/support",
        MODEL_DEPLOYMENT_NAME="gpt-4o",
        STORAGE_SERVICE_ENDPOINT="https://contoso.queue.core.windows.net",
    )
    out, err = process.communicate(timeout=60)

    assert process.returncode == 1 and out == ""
    assert "contoso.services.ai.azure.com" in err and "--yes-against-azure" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--rate", "1000"], "from 0.5 to 60"),
        (["--minutes", "nan"], "from 0.05 to 1440"),
        (["--rate", "fast"], "must be a number"),
    ],
    ids=["too-fast", "no-number", "no-word"],
)
def test_a_load_that_is_not_gentle_is_refused(tmp_path: Path, arguments: list[str], words: str) -> None:
    process = demo(tmp_path, *arguments)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 2 and words in err


@pytest.mark.timeout(300)  # it takes what nobody else wants of the machine
def test_a_first_start_brings_a_day_of_history_and_the_next_one_none(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the background, after the dashboard is there; a second start finds the mark."""
    monkeypatch.setenv("RELAYDECK_SEED", "on")
    served = Served(state)
    try:
        log_file = state / "logs" / "history.log"
        wait_for(lambda: log_file.exists() and bool(log_file.read_text()), timeout_s=150)
    finally:
        served.close()
    first, log = (state / HISTORY_FILE).read_text(), log_file.read_text()

    again = Served(state)
    again.close()

    assert json.loads(first)["answers"] > 250
    assert log.startswith("Told a day of demo history") and "rror" not in log
    assert (state / HISTORY_FILE).read_text() == first
    assert log_file.read_text() == log


def test_a_start_that_is_ended_at_once_takes_the_telling_with_it(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No process is left, and nothing says that it was done."""
    monkeypatch.setenv("RELAYDECK_SEED", "on")
    served = Served(state)
    pids = served.pids()

    served.process.send_signal(signal.SIGINT)

    assert served.process.wait(30) == 0
    served.close()
    assert [pid for pid in pids if is_running(pid)] == []
    assert not (state / HISTORY_FILE).exists()


def test_a_local_azure_that_ran_before_gets_no_history(
    azure: LocalAzure, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever started it fills it: `run.py local -- …` must find its own telemetry and no other."""
    monkeypatch.setenv("RELAYDECK_SEED", "on")
    served = Served(state)
    served.close()

    assert not (state / "logs" / "history.log").exists() and is_alive(azure.connection)
