"""The supervisor: parts come up, come back, give up, and never outlive the process that started them."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.supervisor import RESTARTS, ROOT, Part, PartFailedError, Supervisor
from tests.waiting import wait_for

SERVES = """
import json, os, sys
print("before", flush=True)
print(json.dumps({"ready": True, "pid": os.getpid()}), flush=True)
print("after", flush=True)
sys.stdin.read()
"""
DIES_AFTER_READY = 'import json; print(json.dumps({"ready": True}), flush=True); raise SystemExit("worn out")'
NEVER_READY = 'raise SystemExit("the database is gone")'


def part(tmp_path: Path, script: str, *, restarts: bool = True) -> Part:
    return Part("The part", [sys.executable, "-c", script], tmp_path / "part.log", restarts=restarts)


def is_running(pid: int) -> bool:
    """Return whether it runs. One that ended and was not asked how does not."""
    if sys.platform == "win32":
        found = subprocess.check_output(["tasklist", "/FI", f"PID eq {pid}", "/NH"], text=True)
        return str(pid) in found
    if sys.platform == "darwin":
        done = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, check=False)
        return done.stdout.strip()[:1] not in (b"", b"Z")
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def failures() -> list[PartFailedError]:
    return []


@pytest.fixture
def supervisor(failures: list[PartFailedError]) -> Iterator[Supervisor]:
    made = Supervisor(failures.append)
    yield made
    made.stop()


def test_start_returns_when_the_part_is_ready_and_stop_when_it_is_gone(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    supervisor.start(part(tmp_path, SERVES))
    pid = supervisor.pid("The part")
    assert is_running(pid)

    supervisor.stop()

    assert not is_running(pid)


def test_what_a_part_prints_lands_in_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    """The ready line is for us; everything else is for whoever looks for the cause of a failure."""
    supervisor.start(part(tmp_path, SERVES))

    assert wait_for(lambda: (text := (tmp_path / "part.log").read_text()).endswith("after\n") and text) == (
        "before\nafter\n"
    )


def test_a_killed_part_comes_back(
    supervisor: Supervisor, tmp_path: Path, failures: list[PartFailedError]
) -> None:
    supervisor.start(part(tmp_path, SERVES))
    first = supervisor.pid("The part")

    os.kill(first, getattr(signal, "SIGKILL", signal.SIGTERM))  # on Windows this one ends at once, too

    assert wait_for(lambda: (pid := supervisor.pid("The part")) != first and is_running(pid))
    assert failures == []


def test_a_part_that_keeps_dying_is_given_up_with_its_last_words(
    supervisor: Supervisor, tmp_path: Path, failures: list[PartFailedError]
) -> None:
    """An endless restart loop would hide the reason and eat a core."""
    doomed = part(tmp_path, DIES_AFTER_READY)
    supervisor.start(doomed)

    wait_for(lambda: failures)

    assert len(doomed.started_at) == RESTARTS + 1
    assert "worn out" in str(failures[0])


def test_a_part_that_may_not_restart_ends_everything_at_once(
    supervisor: Supervisor, tmp_path: Path, failures: list[PartFailedError]
) -> None:
    supervisor.start(part(tmp_path, DIES_AFTER_READY, restarts=False))

    wait_for(lambda: failures)

    assert "ended with code 1" in str(failures[0])


def test_a_part_that_does_not_start_says_why(supervisor: Supervisor, tmp_path: Path) -> None:
    with pytest.raises(PartFailedError, match="the database is gone"):
        supervisor.start(part(tmp_path, NEVER_READY))


@pytest.mark.skipif(sys.platform == "win32", reason="uses POSIX process states")
def test_no_part_outlives_a_killed_parent(tmp_path: Path) -> None:
    """SIGKILL gives the parent no chance to stop anything: the pipe that closes with it must do."""
    parent = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        from emulator.supervisor import Part, Supervisor
        supervisor = Supervisor()
        supervisor.start(Part("The part", [sys.executable, "-c", {SERVES!r}], Path({str(tmp_path / "part.log")!r})))
        print(supervisor.pid("The part"), flush=True)
        sys.stdin.read()
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdin is not None
    pid = int(process.stdout.readline())

    process.kill()
    process.wait()

    assert wait_for(lambda: not is_running(pid))
    process.stdout.close()
    process.stdin.close()
