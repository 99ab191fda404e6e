"""The host as people and supervisors start it: command line, ready line, signals, exit codes, and the real app."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from emulator.server import Emulator
from tests.functions.hosting import WAIT_S, Queues, eventually, write_app

ROOT = Path(__file__).parents[2]
APP = ROOT / "functions"
NOISY = """
import logging
import os
import azure.functions as func

print("printed while loading")
logging.info("logged while loading")
app = func.FunctionApp()

@app.queue_trigger("msg", queue_name="work", connection="TOOL_STORAGE")
@app.queue_output("out", queue_name="results", connection="TOOL_STORAGE")
def noisy(msg: func.QueueMessage, out: func.Out[str]) -> None:
    if msg.get_body() == b"die":
        os._exit(9)
    logging.info("inside %s", msg.id)
    out.set(os.environ.get("FROM_FILE", "unset") + " " + os.path.basename(os.getcwd()))
"""


def environment(emulator: Emulator, **more: str) -> dict[str, str]:
    """What a supervisor sets: a managed identity, its token endpoint and the CA of Local Azure."""
    return {
        **os.environ,
        **emulator.environment(),
        "TOOL_STORAGE__queueServiceUri": emulator.storage_endpoint,
        "TOOL_STORAGE__credential": "managedidentity",
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.1",
        **more,
    }


class HostProcess:
    """A host in a process of its own, ended with the context."""

    def __init__(self, app: Path, environment: dict[str, str], *options: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "emulator.functions_host", "--app", str(app), "--lifeline", *options],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._ready: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Self:
        try:
            self.ready: dict[str, object] = json.loads(self._ready.get(timeout=WAIT_S))
        except (queue.Empty, ValueError):
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()

    def cut_lifeline(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if len(self.lines) == 1:
                self._ready.put(line)


def refusal(app: Path, environment: dict[str, str], *options: str) -> tuple[int, str]:
    """Return the exit code and the error text of a host that cannot start."""
    done = subprocess.run(
        [sys.executable, "-m", "emulator.functions_host", "--app", str(app), *options],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.stdout == ""
    return done.returncode, done.stderr


def test_the_published_app_answers_over_a_managed_identity(emulator: Emulator, queues: Queues) -> None:
    """The whole path of a tool: identity, poll, function, output, delete; and foo's named queue."""
    queues.service.create_queue("elsewhere")
    with HostProcess(APP, environment(emulator), "--connection", "TOOL_STORAGE", "--create-queues") as host:
        assert host.ready["functions"] == ["foo", "calculate", "order_status"]
        assert (host.ready["ready"], host.ready["storage"]) == (True, "reachable")
        assert host.ready["pid"] == host.process.pid
        uri = f"{emulator.storage_endpoint}/elsewhere"
        query = {"query": "the most prevalent element in the universe"}
        queues.send("azure-function-foo-input", {**query, "CorrelationId": "a"})
        queues.send("azure-function-foo-input", {**query, "outputqueueuri": uri, "CorrelationId": "b"})
        queues.send(
            "azure-function-foo-input", {**query, "outputqueueuri": uri + "-none", "CorrelationId": "c"}
        )
        queues.send(
            "azure-function-calculate-input", {"function_args": {"expression": "1/8"}, "CorrelationId": "d"}
        )
        queues.send("azure-function-order-status-input", {"order_id": "A-9999", "CorrelationId": "e"})
        queues.send("azure-function-order-status-input", {"order_id": "A-9999"})

        answers = {
            document["CorrelationId"]: document["Value"]
            for name, number in [
                ("azure-function-foo-output", 2),
                ("elsewhere", 1),
                ("azure-function-calculate-output", 1),
                ("azure-function-order-status-output", 1),
            ]
            for document in map(json.loads, queues.await_texts(name, number))
        }

    assert "hydrogen" in answers["a"]
    assert answers["b"] == answers["a"]
    assert "does not exist" in json.loads(answers["c"])["error"]
    assert answers["d"] == "0.125"
    assert "There is no order A-9999." in answers["e"]
    assert queues.peek("elsewhere")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGTERM; the lifeline ends a host there")
@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "lifeline"])
def test_a_host_ends_in_order_when_it_is_told_to_or_loses_its_parent(
    emulator: Emulator, tmp_path: Path, way: str
) -> None:
    """No orphan stays behind, and the exit code says that nothing was left undone."""
    with HostProcess(write_app(tmp_path / "app", NOISY), environment(emulator), "--create-queues") as host:
        if way == "lifeline":
            host.cut_lifeline()
        else:
            host.process.send_signal(getattr(signal, way))

        assert host.process.wait(WAIT_S) == 0
        eventually(lambda: host.lines[-1].endswith("host.drained unsettled=0"), "the last line")


def test_the_ready_line_comes_first_whatever_the_app_prints(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """A supervisor reads one line; the app's settings, folder and logs are as under Core Tools."""
    app = write_app(tmp_path / "theapp", NOISY)
    (app / "local.settings.json").write_text(
        json.dumps({"IsEncrypted": False, "Values": {"FROM_FILE": "set"}})
    )
    with HostProcess(app, environment(emulator), "--create-queues") as host:
        queues.send("work", "x")
        assert queues.await_texts("results", 1) == ["set theapp"]
        eventually(lambda: any("Executed" in line for line in host.lines), "the log")

    assert json.loads(host.lines[0])["ready"] is True
    assert any(line.endswith("logged while loading") for line in host.lines)
    assert any("] inside " in line for line in host.lines)
    assert not any("printed while loading" in line for line in host.lines)


def test_a_message_whose_function_kills_the_process_comes_back_and_is_given_up_in_the_end(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """Each start takes it once more; the fourth host moves it before it runs. The lease passes on the clock."""
    app = write_app(tmp_path / "app", NOISY)
    for _ in range(3):
        with HostProcess(app, environment(emulator), "--create-queues", "--lease", "00:00:10") as host:
            if not queues.count("work"):
                queues.send("work", "die")
            assert host.process.wait(WAIT_S) == 9
        emulator.advance(11)
    with HostProcess(app, environment(emulator), "--create-queues"):
        assert queues.await_texts("work-poison", 1) == ["die"]
        queues.await_empty("work")


def test_a_killed_host_loses_nothing(emulator: Emulator, queues: Queues) -> None:
    """Its messages come back when their lease ends, and each is answered; repeats are answered alike."""
    queues.service.create_queue("azure-function-calculate-input")
    for number in range(60):
        queues.send(
            "azure-function-calculate-input", {"expression": f"{number}+1", "CorrelationId": str(number)}
        )
    with HostProcess(APP, environment(emulator), "--create-queues", "--lease", "00:00:10") as host:
        eventually(lambda: queues.count("azure-function-calculate-output") >= 5, "some answers")
        host.process.kill()
        host.process.wait()
    emulator.advance(11)
    with HostProcess(APP, environment(emulator), "--create-queues"):
        queues.await_empty("azure-function-calculate-input")

    answers = [json.loads(text) for text in drained(queues, "azure-function-calculate-output")]
    assert {(answer["CorrelationId"], answer["Value"]) for answer in answers} == {
        (str(number), str(number + 1)) for number in range(60)
    }


def drained(queues: Queues, name: str) -> list[str]:
    client = queues.service.get_queue_client(name)
    texts: list[str] = []
    while seen := queues.peek(name):
        texts += seen
        for _ in seen:
            message = client.receive_message()
            assert message is not None
            client.delete_message(message)
    return texts


@pytest.mark.parametrize(
    ("source", "options", "code", "error"),
    [
        (NOISY, ["--connection", "MISSING"], 2, "There is no connection MISSING."),
        (NOISY.replace("TOOL_STORAGE", "OTHER"), [], 2, "There is no connection OTHER."),
        ("1/0", [], 3, "line 1: ZeroDivisionError"),
        (NOISY, ["--lease", "soon"], 2, '"soon" is not a time span'),
        (NOISY, ["--lease", "00:00:01"], 2, "--lease must lie between"),
        (NOISY, ["--unknown"], 2, "unrecognized arguments"),
    ],
    ids=["option", "binding", "app", "span", "range", "unknown"],
)
def test_a_host_that_cannot_start_says_why_in_one_sentence(
    emulator: Emulator, tmp_path: Path, source: str, options: list[str], code: int, error: str
) -> None:
    """Nothing on standard output, no traceback, and the exit code tells whose fault it is."""
    found, text = refusal(write_app(tmp_path / "app", source), environment(emulator), *options)

    assert (found, error in text) == (code, True), text
    assert "Traceback" not in text


def test_a_folder_that_is_not_there_is_named(emulator: Emulator, tmp_path: Path) -> None:
    """The most frequent mistake with --app."""
    code, text = refusal(tmp_path / "nowhere", environment(emulator))

    assert (code, text.strip()) == (2, f"functions host: --app {tmp_path / 'nowhere'} is not a folder.")


def test_the_app_cannot_import_what_azure_would_not_have(emulator: Emulator, tmp_path: Path) -> None:
    """The repository lies beside the app here only; an import of it must fail here as well."""
    code, text = refusal(
        write_app(tmp_path / "app", "import services.models\n" + NOISY), environment(emulator)
    )

    assert (code, "No module named 'services'" in text) == (3, True), text
