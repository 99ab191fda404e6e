"""`run.py poison` as a process of its own: what it prints where, and what it exits with."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from azure.storage.queue import QueueServiceClient

from commands import poison as command
from emulator.connection import read_connection
from emulator.server import Emulator
from emulator.supervisor import ROOT, LocalOptions, attach_or_start
from services.clients import LocalCredential
from tests.contract.poison_support import LOOSE, Bench, call, encoded, open_bench

POISON, SOURCE = "boxes-poison", "boxes"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a Local Azure; each command attaches to it."""
    found = tmp_path_factory.mktemp("poison") / "state"
    running = attach_or_start(LocalOptions(found))
    yield found
    running.stop()


@pytest.fixture(scope="module")
def storage(state: Path) -> Iterator[QueueServiceClient]:
    connection = read_connection(state)
    assert connection is not None
    with QueueServiceClient(
        connection.storage_endpoint, LocalCredential(connection.token), connection_verify=connection.ca_file
    ) as client:
        yield client


def poison(state: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    given = {name: value for name, value in os.environ.items() if not name.startswith("RELAYDECK_")}
    done = subprocess.run(
        [sys.executable, "-m", "commands", "poison", *arguments],
        cwd=ROOT,
        env={**given, "RELAYDECK_STATE_DIR": str(state)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_what_was_given_up_on_is_sent_back(state: Path, storage: QueueServiceClient) -> None:
    content = base64.b64encode(b'{"n": 1, "CorrelationId": "c"}').decode()
    storage.create_queue(POISON).send_message(content)
    storage.create_queue(SOURCE)

    done = poison(state, "replay", POISON, "--yes")

    assert (done.returncode, done.stdout) == (0, "1 message replayed to boxes.\n")
    assert [one.content for one in storage.get_queue_client(SOURCE).peek_messages()] == [content]


def test_a_queue_that_has_a_reader_is_refused(state: Path) -> None:
    done = poison(state, "replay", "boxes", "--yes")

    assert done.returncode == 2
    assert "no poison queue" in done.stderr


@pytest.fixture(scope="module")
def opened(shared_emulator: Emulator) -> Iterator[Bench]:
    with open_bench(shared_emulator) as found:
        yield found


@pytest.fixture
def run(
    emulator: Emulator, opened: Bench, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run the command on services that are there: a process takes a second."""

    def run(*arguments: str) -> tuple[int, str]:
        options = command._options(list(arguments))
        code = int(options.run(opened.run.services, options))
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def test_queues_and_messages_are_listed_with_why(run: Callable[..., tuple[int, str]], opened: Bench) -> None:
    assert "no poison queue" in run("list")[1]
    opened.put(POISON, "not base64", call(1), encoded("torn \x1b[31m"))
    opened.put(SOURCE, "x")

    assert run("list")[1] == f"      3  {POISON}\n"
    told = run("list", POISON)[1]
    assert "First 3 of about 3 in boxes-poison; they belong to boxes." in told
    assert "It is not in base64" in told and "torn [31m" in told and "\x1b" not in told
    document = json.loads(run("list", POISON, "--json")[1])
    assert (document["belongs_to"], document["messages"][1]["run_waits"]) == (SOURCE, "unknown")


def test_nothing_moves_before_yes_and_what_will_come_back_is_said(
    run: Callable[..., tuple[int, str]], opened: Bench
) -> None:
    first, _ = opened.put(POISON, "not base64", call(1))
    opened.put(SOURCE)

    code, told = run("replay", POISON)
    assert (code, "Would replay 2 of about 2 messages to boxes." in told) == (0, True)
    assert "Warning: 1 cannot be read by the function" in told
    assert opened.count(POISON) == 2
    assert run("replay", POISON, "--id", first, "--yes")[1].startswith("1 message replayed to boxes.")
    assert opened.contents(SOURCE) == ["not base64"]
    assert run("replay", POISON, "--id", first, "--yes")[0] == 3


def test_where_nothing_says_the_destination_it_must_be_named(
    run: Callable[..., tuple[int, str]], opened: Bench
) -> None:
    opened.put(LOOSE, call(1))
    opened.put(SOURCE)

    assert run("replay", LOOSE)[0] == 2
    assert run("replay", LOOSE, "--to", SOURCE, "--yes")[0] == 0
    assert opened.contents(SOURCE) == [call(1)]
