"""run.py as a stranger meets it: what it says when a step fails, and that it does nothing twice."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

import run
from emulator.supervisor import ROOT

NOWHERE = "http://127.0.0.1:9/simple"


def python(
    *arguments: str, cwd: Path = ROOT, environment: Mapping[str, str] = {}
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        ("error: failed to connect: Temporary failure in name resolution", "HTTPS_PROXY"),
        ("OSError: [Errno 28] No space left on device", "free 1.5 GB"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the "
            "package versions, please update the hashes. Otherwise, examine the package contents carefully; someone "
            "may have tampered with them.\n    orjson==3.13.0 from https://index/orjson-3.13.0.whl:\n"
            + "        Expected     or efa1\n" * 40
            + "             Got        89bc",
            "Do not go on; check the package index in use.\norjson==3.13.0",
        ),
        ("error: Hash mismatch for `orjson==3.13.0`", "Do not go on"),
        ("something nobody has seen", "something nobody has seen"),
    ],
    ids=["no-network", "disk-full", "tampered-by-pip", "tampered-by-uv", "unknown"],
)
def test_a_failed_installation_says_what_to_do(words: str, advice: str) -> None:
    assert advice in run.explain_install(words)


def test_an_unreachable_index_ends_the_set_up_in_words(tmp_path: Path) -> None:
    """The first five minutes on a train: no traceback, no half-made environment taken for a whole one."""
    for name in ("run.py", "requirements.txt", "requirements-uv.txt"):
        shutil.copy(ROOT / name, tmp_path)
    no_network = {
        "PIP_INDEX_URL": NOWHERE,
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
    }

    done = python("run.py", cwd=tmp_path, environment={**no_network, "UV_INDEX_URL": NOWHERE})

    assert done.returncode == run.EXIT_SETUP
    assert "The package index cannot be reached" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / ".venv").glob(".installed-*"))
    assert not (tmp_path / ".venv.lock").exists()


def test_an_environment_counts_as_installed_only_for_the_lock_file_it_was_made_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a pull with new requirements the next start must install them."""
    monkeypatch.setattr(run, "VENV", tmp_path)
    lock = tmp_path / "requirements.txt"
    lock.write_text("one==1")
    run.stamp(lock).write_text(run.fingerprint(lock))
    assert run.is_installed(lock)

    lock.write_text("one==2")

    assert not run.is_installed(lock)


def test_an_unknown_command_names_the_ones_there_are() -> None:
    done = python("-m", "commands", "dance")

    assert done.returncode == 2
    assert "no command 'dance'" in done.stderr
    assert "ask" in done.stderr


def test_help_is_there_before_anything_is_installed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "run.py", tmp_path)

    done = python("run.py", "--help", cwd=tmp_path)

    assert done.returncode == 0
    assert "python3 run.py test" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        done = python(
            "-m",
            "commands",
            "serve",
            "--port",
            str(port),
            environment={"RELAYDECK_STATE_DIR": str(tmp_path / "state")},
        )

    assert done.returncode == 3
    assert f"Port {port} is taken" in done.stderr
    assert not (tmp_path / "state").exists()


def test_variables_of_a_local_azure_that_does_not_run_are_not_printed(tmp_path: Path) -> None:
    """`eval "$(… --print-env)"` must fail loudly, not set addresses of yesterday."""
    done = python(
        "-m", "commands", "local", "--print-env", environment={"RELAYDECK_STATE_DIR": str(tmp_path)}
    )

    assert done.returncode == 1
    assert done.stdout == ""
    assert "Start it" in done.stderr


def test_a_command_that_does_not_exist_starts_nothing(tmp_path: Path) -> None:
    done = python(
        "-m",
        "commands",
        "local",
        "--",
        "no-such-program",
        environment={"RELAYDECK_STATE_DIR": str(tmp_path / "state")},
    )

    assert done.returncode == 127
    assert "no-such-program" in done.stderr
    assert not (tmp_path / "state").exists()
