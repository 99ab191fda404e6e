"""run.py's commands as whole processes: what starts, stops; what dies, comes back or ends it all in words."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.connection import Connection, is_alive, read_connection
from emulator.supervisor import ROOT
from tests.unit.test_supervisor import is_running
from tests.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="steers processes by POSIX signals")
STOCK_SCRIPT = """
import os
from azure.ai.agents import AgentsClient
from azure.identity import DefaultAzureCredential
from azure.storage.queue import QueueServiceClient

credential = DefaultAzureCredential()
with AgentsClient(os.environ["PROJECT_ENDPOINT"], credential) as client:
    agent = client.create_agent(model=os.environ["MODEL_DEPLOYMENT_NAME"], name="stock", instructions="The sky is blue.")
    thread = client.threads.create()
    client.messages.create(thread.id, role="user", content="What colour is the sky?")
    run = client.runs.create_and_process(thread.id, agent_id=agent.id)
    print(run.status, client.messages.get_last_message_text_by_role(thread.id, "assistant").text.value)
    client.delete_agent(agent.id)
by_token = QueueServiceClient(os.environ["STORAGE_SERVICE_ENDPOINT"], credential)
by_key = QueueServiceClient.from_connection_string(os.environ["AZURE_STORAGE_CONNECTION_STRING"])
print(sorted(queue.name for queue in by_token.list_queues()) == sorted(queue.name for queue in by_key.list_queues()))
"""


class Served:
    """`python3 run.py` in a folder of its own."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.errors = state.parent / "stderr.txt"
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "commands", "serve", "--no-browser"],
                cwd=ROOT,
                env={**os.environ, "RELAYDECK_STATE_DIR": str(state)},
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert self.process.stdout is not None
        output = ""
        for line in self.process.stdout:
            output += line
            if found := re.search(r"Relaydeck: (http://127\.0\.0\.1:\d+)", line):
                self.url = found[1]
                return
        raise AssertionError(f"no address: {output}{self.errors.read_text()}")

    @property
    def connection(self) -> Connection:
        found = read_connection(self.state)
        assert found is not None
        return found

    def pids(self) -> set[int]:
        """Return every process that descends from this one."""
        listing = subprocess.run(
            ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout
        parents = {int(pid): int(parent) for pid, parent in (line.split() for line in listing.splitlines())}
        found = {self.process.pid}
        while grown := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= grown
        return found

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(20)
        if self.process.stdout:
            self.process.stdout.close()


@pytest.fixture
def served(state: Path) -> Iterator[Served]:
    made = Served(state)
    yield made
    made.close()


def test_ctrl_c_stops_everything_and_leaves_no_process(served: Served) -> None:
    with urllib.request.urlopen(f"{served.url}/_stcore/health") as reply:
        assert reply.read() == b"ok"
    pids = served.pids()
    assert len(pids) >= 4

    served.process.send_signal(signal.SIGINT)

    assert served.process.wait(20) == 0
    assert [pid for pid in pids if is_running(pid)] == []


def test_a_killed_run_py_leaves_no_process(served: Served) -> None:
    pids = served.pids()

    served.process.kill()
    served.process.wait()

    wait_for(lambda: not any(is_running(pid) for pid in pids), timeout_s=20)


def test_a_killed_local_azure_comes_back_under_its_address(served: Served) -> None:
    """Clients and agents hold the address: the restarted one must answer there."""
    before = served.connection

    os.kill(before.pid, signal.SIGKILL)

    wait_for(lambda: served.connection.pid != before.pid and is_alive(served.connection), timeout_s=20)
    assert served.connection.url == before.url


def test_a_lost_dashboard_ends_it_all_in_words(served: Served) -> None:
    pids = served.pids()
    dashboard = json.loads((served.state / "dashboard.json").read_text())["pid"]

    os.kill(dashboard, signal.SIGKILL)

    assert served.process.wait(30) == 1
    assert "The dashboard ended" in served.errors.read_text()
    assert [pid for pid in pids if is_running(pid)] == []


def test_a_second_start_points_to_the_first(served: Served) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "commands", "serve", "--no-browser"],
        cwd=ROOT,
        env={**os.environ, "RELAYDECK_STATE_DIR": str(served.state)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert second.returncode == 0
    assert f"already runs: {served.url}" in second.stdout


def test_a_stock_script_runs_unmodified_with_the_environment_alone(tmp_path: Path) -> None:
    """This is what Local Azure is for: scripts that never heard of it."""
    script = tmp_path / "stock.py"
    script.write_text(STOCK_SCRIPT)

    done = subprocess.run(
        [sys.executable, "-m", "commands", "local", "--", "python", str(script)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "RELAYDECK_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stderr == ""
    assert "COMPLETED" in done.stdout.upper()
    assert "blue" in done.stdout
    assert done.stdout.rstrip().endswith("True")


def test_the_exit_code_of_the_command_is_passed_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "commands", "local", "--", "python", "-c", "raise SystemExit(7)"],
        cwd=ROOT,
        env={**os.environ, "RELAYDECK_STATE_DIR": str(tmp_path / "state")},
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 7


def test_the_port_of_yesterday_is_used_again(state: Path) -> None:
    """Agents made yesterday carry the address of their queues."""
    ports = []
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, "-m", "emulator", "--state", str(state), "--lifeline"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdout is not None
        ports.append(json.loads(process.stdout.readline())["url"])
        process.communicate()

    assert ports[0] == ports[1]


def test_two_local_azures_never_share_a_folder(state: Path) -> None:
    """Two writers would tear the state apart."""
    command = [sys.executable, "-m", "emulator", "--state", str(state), "--lifeline"]
    first = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert first.stdout is not None
    first.stdout.readline()

    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=30)

    assert second.returncode == 4
    assert "Another Local Azure uses the state folder" in second.stderr
    first.communicate()
