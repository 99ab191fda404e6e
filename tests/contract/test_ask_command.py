"""`run.py ask` as a process of its own: what it prints where, and what it exits with."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.connection import Connection, is_alive, read_connection
from emulator.supervisor import ROOT, LocalOptions, attach_or_start
from services.answers import record
from services.clients import LocalCredential
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="steers processes by POSIX signals")
FOO = "What would foo say about the most prevalent element in the universe?"
SUM = "What is (12.5 + 7) * 3?"


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The state folder of a Local Azure with its function app; each `ask` attaches to it."""
    state = tmp_path_factory.mktemp("ask") / "state"
    running = attach_or_start(LocalOptions(state))
    yield state
    running.stop()


@pytest.fixture(scope="module")
def slow_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The same with a model that thinks for half a minute: time enough to stop it."""
    state = tmp_path_factory.mktemp("ask-slow") / "state"
    running = attach_or_start(LocalOptions(state, think_s=30))
    yield state
    running.stop()


def start(state: Path, *arguments: str, **environ: str) -> "subprocess.Popen[str]":
    given = {name: value for name, value in os.environ.items() if not name.startswith("RELAYDECK_")}
    return subprocess.Popen(
        [sys.executable, "-m", "commands", "ask", *arguments],
        cwd=ROOT,
        env={**given, "RELAYDECK_STATE_DIR": str(state), **environ},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Done:
    def __init__(self, state: Path, *arguments: str, stdin: str = "", **environ: str) -> None:
        with start(state, *arguments, **environ) as process:
            self.out, self.err = process.communicate(stdin, timeout=60)
        self.code = process.returncode
        assert "Traceback" not in self.out + self.err
        assert "\x1b" not in self.out + self.err


def test_the_answer_goes_to_stdout_and_the_steps_to_stderr(azure: Path) -> None:
    """So that `ask … > file` holds the answer and nothing else."""
    done = Done(azure, SUM)
    assert done.code == 0
    assert "58.5" in done.out
    assert "Delegated to calculator" in done.err
    assert "Function ran" in done.err and "Waiting in the queue" in done.err
    assert "Answered in" in done.err and "Answered in" not in done.out


def test_quiet_prints_the_answer_only(azure: Path) -> None:
    done = Done(azure, "--quiet", SUM)
    assert (done.code, done.err) == (0, "")
    assert "58.5" in done.out


def test_json_is_one_document_with_the_whole_way(azure: Path) -> None:
    """The orchestrator, the connected agent, the function's value and the three parts of the time."""
    done = Done(azure, FOO, "--json")
    document: dict[str, Any] = json.loads(done.out)

    assert (done.code, document["state"], document["problem"]) == (0, "answered", None)
    assert document["answer"].startswith("Foo says")
    assert document["orchestrator"]["name"] == "orchestrator"
    assert document["orchestrator"]["run"] == document["run_id"]
    (agent,) = document["connected_agents"]
    assert agent["name"] == "foo_bot" and agent["run_id"] and agent["thread_id"]
    (call,) = agent["calls"]
    assert call["function"] == "foo" and call["output"] in document["answer"]
    assert call["arguments"]["outputqueueuri"].endswith("/azure-function-foo-output")
    parts = document["parts"]
    assert parts["certainty"] in ("exact", "strong", "guess")
    told_s = parts["model_s"] + parts["queue_wait_s"] + parts["function_s"]
    assert 0 < told_s <= document["total_s"] + 0.001
    assert [stage["name"] for stage in document["stages"]] == [
        "creation",
        "configuration",
        "execution",
        "monitoring",
        "cleanup",
    ]
    assert document["tokens"]["total"] > 0


def test_a_conversation_goes_on_over_two_commands(azure: Path) -> None:
    """--thread takes the id that --json printed."""
    first = json.loads(Done(azure, SUM, "--json").out)
    second = json.loads(Done(azure, SUM, "--json", "--thread", first["thread_id"]).out)
    assert second["thread_id"] == first["thread_id"]
    assert second["run_id"] != first["run_id"]


@pytest.mark.parametrize(
    ("arguments", "stdin", "words"),
    [
        ([""], "", "The question is empty"),
        (["-"], "   \n", "The question is empty"),
        (["-"], "x" * 300_000, "300,000"),
        ([SUM, "--thread", "thread_unknown"], "", "There is no conversation"),
        ([SUM, "--thread", "../../etc"], "", "There is no conversation"),
        ([SUM, "--timeout", "0"], "", "from 1 to 600"),
        ([SUM, "--timeout", "soon"], "", "from 1 to 600"),
        ([], "", "the following arguments are required"),
    ],
    ids=[
        "empty",
        "blank-stdin",
        "too-long",
        "unknown-thread",
        "odd-thread",
        "timeout-0",
        "timeout-word",
        "none",
    ],
)
def test_what_cannot_be_asked_exits_with_2_and_says_why(
    azure: Path, arguments: list[str], stdin: str, words: str
) -> None:
    """A script can tell its own mistake from a failure of the service."""
    done = Done(azure, *arguments, stdin=stdin)
    assert (done.code, done.out) == (2, "")
    assert words in done.err


def test_a_refusal_in_json_is_json(azure: Path) -> None:
    """Whoever parses stdout gets a document in every case but a wrong command line."""
    done = Done(azure, "", "--json")
    document = json.loads(done.out)
    assert (done.code, document["state"]) == (2, "failed")
    assert document["problem"]["code"] == "invalid_question"


def test_a_missing_setting_exits_with_1_and_names_it(azure: Path) -> None:
    """The original's rule: the missing name, on stderr, and nothing is started."""
    done = Done(
        azure,
        SUM,
        RELAYDECK_MODE="azure",
        PROJECT_ENDPOINT_ENT="https://a.services.ai.azure.com/api/projects/p",
        MODEL_DEPLOYMENT_NAME="gpt-4o",
        STORAGE_SERVICE_ENDPOINT="",
    )
    assert done.code == 1
    assert done.err.splitlines() == ["Missing STORAGE_SERVICE_ENDPOINT"]


def test_no_answer_in_time_exits_with_4(slow_azure: Path) -> None:
    done = Done(slow_azure, SUM, "--timeout", "1")
    assert done.code == 4
    assert "took too long" in done.err and "1.0 s" in done.err


def test_a_local_azure_that_cannot_start_exits_with_6(tmp_path: Path) -> None:
    """The state folder is a file: said in words, with the folder's name."""
    blocked = tmp_path / "state"
    blocked.write_text("not a folder")
    done = Done(blocked, SUM)
    assert done.code == 6
    assert str(blocked) in done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "terminate"])
def test_stopping_it_stops_the_run_first(slow_azure: Path, number: signal.Signals) -> None:
    """Exit code 5, and no run goes on thinking at somebody's cost."""
    with start(slow_azure, "Hello?") as process:
        connection = read_connection(slow_azure)
        assert connection is not None
        run = wait_for(lambda: newest_run(connection))
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 5
    assert "Stopped: the run" in err and "Traceback" not in err
    wait_for(lambda: newest_run(connection) != run)  # the newest open run is gone


def newest_run(connection: Connection) -> str | None:
    """Return the id of the newest run that is open and ours, None when there is none."""
    from azure.ai.agents import AgentsClient

    credential = LocalCredential(connection.token)
    with AgentsClient(
        connection.project_endpoint, credential, connection_verify=connection.ca_file
    ) as client:
        for thread in client.threads.list(limit=5):
            for run in client.runs.list(thread.id):
                if record.ANSWER in (run.metadata or {}) and run.status in ("queued", "in_progress"):
                    return str(run.id)
    return None


def test_a_reader_that_goes_away_leaves_no_traceback(azure: Path) -> None:
    """`ask … | head -0`"""
    with start(azure, SUM, "--json") as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        err = process.stderr.read()
        code = process.wait(60)
    assert code == 0
    assert "Traceback" not in err and "BrokenPipe" not in err


def test_it_starts_local_azure_itself_and_takes_it_down_again(tmp_path: Path) -> None:
    """A first command after a clone: nothing runs before, nothing runs after."""
    state = tmp_path / "state"
    done = Done(state, "--quiet", SUM)
    assert (done.code, "58.5" in done.out) == (0, True)
    left = read_connection(state)
    assert left is not None and not is_alive(left)
