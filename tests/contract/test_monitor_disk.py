"""Telemetry on disk: restarts, kills, damage and a full disk. None of it stops anything else."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.storage.queue import QueueServiceClient

from emulator.monitor.service import FILE_NAME
from emulator.server import Emulator, EmulatorSettings
from tests.contract.monitor_support import dependency, message, rows, track

# Runs Local Azure as a process whose files may not grow past sys.argv[2] bytes: what a full disk does to a write.
SERVER = """
import resource, sys, time
from pathlib import Path
from emulator.server import Emulator, EmulatorSettings
with Emulator(EmulatorSettings(state=Path(sys.argv[1]))) as emulator:
    emulator.monitor._store.opened.wait()
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
    print(emulator.http_url, emulator.connection_string, emulator.ca_file, flush=True)
    time.sleep(120)
"""


@dataclass(frozen=True, slots=True)
class Other:
    """A Local Azure in another process, as far as track() must know it."""

    http_url: str
    clock: object
    connection_string: str
    ca_file: str


def health(emulator: Emulator) -> dict[str, object]:
    with urllib.request.urlopen(f"{emulator.http_url}/_emulator/health", timeout=10) as reply:
        found = json.load(reply)
    assert isinstance(found, dict)
    return found


def test_telemetry_survives_a_restart(state: Path) -> None:
    """The history of yesterday is what the charts are for."""
    with Emulator(EmulatorSettings(state=state)) as emulator:
        track(emulator, [message("before")])
    with Emulator(EmulatorSettings(state=state)) as emulator:
        track(emulator, [message("after")])

        assert rows(emulator, "AppTraces | project Message | order by Message asc") == [["after"], ["before"]]


def test_what_was_accepted_survives_a_kill(state: Path) -> None:
    """An answer of 200 means: on disk."""
    with another(state, limit=-1) as other:
        for number in range(20):
            assert track(other, [message(str(number))]).status == 200  # type: ignore[arg-type]  # it has what track() needs

    with Emulator(EmulatorSettings(state=state)) as emulator:
        assert rows(emulator, "AppTraces | count") == [[20]]


@pytest.mark.parametrize("where", ["head", "middle", "cut", "text"])
def test_a_damaged_file_is_set_aside_with_a_message(state: Path, where: str) -> None:
    """Nothing is deleted, a new file takes its place, and the health page names the old one."""
    with Emulator(EmulatorSettings(state=state)) as emulator:
        for number in range(5):
            track(
                emulator,
                [dependency(f"{n}", properties={"x": "y" * 500}) for n in range(number * 400)] or [message()],
            )
    file = state / FILE_NAME
    data = bytearray(file.read_bytes())
    if where == "text":
        data = bytearray(b"This is no database." * 1000)
    elif where == "cut":
        data = data[: len(data) // 2]
    else:
        start = 0 if where == "head" else 4096
        data[start : start + 12_288] = os.urandom(12_288)
    file.write_bytes(bytes(data))

    with Emulator(EmulatorSettings(state=state)) as emulator:
        assert track(emulator, [message("new")]).status == 200
        assert rows(emulator, "AppTraces | project Message") == [["new"]]
        found = health(emulator)

    assert isinstance(found["set_aside"], list)
    (aside,) = found["set_aside"]
    assert aside.startswith(f"{FILE_NAME}.damaged-")
    assert (state / aside).read_bytes() == bytes(data)


def test_a_damaged_log_costs_only_what_it_held(state: Path) -> None:
    """The rows of earlier days lie in the file, not in the write-ahead log."""
    with Emulator(EmulatorSettings(state=state)) as emulator:
        track(emulator, [message("old")])
    (state / f"{FILE_NAME}.wal").write_bytes(os.urandom(50_000))

    with Emulator(EmulatorSettings(state=state)) as emulator:
        assert rows(emulator, "AppTraces | project Message") == [["old"]]
        assert track(emulator, [message("new")]).status == 200


def test_a_file_that_cannot_be_opened_stops_nothing_else(state: Path) -> None:
    """Telemetry is refused in words, so that exporters keep it; queues go on."""
    (state / FILE_NAME).mkdir(parents=True)
    with Emulator(EmulatorSettings(state=state)) as emulator:
        refused = track(emulator, [message()])
        works = health(emulator)
        make_queue(emulator.connection_string, str(emulator.ca_file))

    assert refused.status == 500
    assert FILE_NAME in refused.document["errors"][0]["message"]
    assert FILE_NAME in str(works["telemetry"])


@pytest.mark.skipif(sys.platform == "win32", reason="the limit of a file's size is a matter of POSIX")
def test_a_full_disk_refuses_in_words_and_keeps_what_it_had(state: Path) -> None:
    """500 with the reason, nothing lost that was accepted, and the queues still work."""
    accepted = 0
    with another(state, limit=6_000_000) as other:
        for _ in range(60):
            items = [dependency(f"{n}", properties={"x": os.urandom(400).hex()}) for n in range(400)]
            answer = track(other, items)  # type: ignore[arg-type]  # it has what track() needs
            if answer.status != 200:
                break
            accepted += 400
        make_queue(other.connection_string, other.ca_file)

    assert answer.status == 500
    assert "cannot save telemetry" in answer.document["errors"][0]["message"]
    with Emulator(EmulatorSettings(state=state)) as emulator:
        assert rows(emulator, "AppDependencies | count") == [[accepted]]
        assert track(emulator, [message()]).status == 200


def make_queue(connection_string: str, ca_file: str) -> None:
    with QueueServiceClient.from_connection_string(
        connection_string, connection_verify=ca_file, retry_total=0
    ) as queues:
        queues.create_queue("orders").send_message("x")


@contextlib.contextmanager
def another(state: Path, limit: int) -> Iterator[Other]:
    """Yield a Local Azure in a process of its own; at the end it is killed. *limit*: of a file's bytes; -1: none."""
    from emulator.clock import Clock

    command = [sys.executable, "-W", "ignore", "-c", SERVER, str(state), str(limit)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            http_url, connection_string, ca_file = process.stdout.readline().split()
            yield Other(http_url, Clock(), connection_string, ca_file)
        finally:
            process.send_signal(signal.SIGKILL)
