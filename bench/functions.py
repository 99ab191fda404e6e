"""How long a message waits in an idle input queue, and what the waiting host costs.

Local Azure and the Functions host run as processes of their own, as `run.py` starts them, with the polling interval
of local mode. The app notes when each call begins; the sender notes when its send was acknowledged; both read one
clock of one machine. Messages come at random moments, at least one polling interval after the last.
`calculate`: from the send to the answer in the output queue, found by a reader that looks every 2 ms.
What it does not measure: queues under load, Azure itself, other platforms' timers.
"""

import base64
import contextlib
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from azure.storage.queue import QueueClient, QueueServiceClient

from bench.report import emit, header
from emulator.connection import Connection
from emulator.supervisor import LocalOptions, attach_or_start

ROUNDS, SEED = 200, 7
WAIT_GOAL_MS = 100.0
IDLE_S = 10.0
PAUSE_S = (0.15, 0.35)
APP = """
import time
import azure.functions as func

app = func.FunctionApp()

@app.queue_trigger("message", queue_name="bench-input", connection="TOOL_STORAGE")
@app.queue_output("began", queue_name="bench-output", connection="TOOL_STORAGE")
def note(message: func.QueueMessage, began: func.Out[str]) -> None:
    began.set(str(time.time()))

@app.queue_trigger("message", queue_name="bench-idle-one", connection="TOOL_STORAGE")
def one(message: func.QueueMessage) -> None: ...

@app.queue_trigger("message", queue_name="bench-idle-two", connection="TOOL_STORAGE")
def two(message: func.QueueMessage) -> None: ...
"""


@contextlib.contextmanager
def running(app: Path | None) -> Iterator[tuple[Connection, int]]:
    """Give Local Azure with a Functions host for *app* (None: ours), and that host's process id."""
    with tempfile.TemporaryDirectory() as folder:
        options = LocalOptions(state=Path(folder) / "state")
        if app:
            options = LocalOptions(state=Path(folder) / "state", functions_app=app)
        local = attach_or_start(options)
        assert local.supervisor is not None
        try:
            yield local.connection, local.supervisor.pid("The Functions host")
        finally:
            local.stop()


def queues_of(connection: Connection) -> QueueServiceClient:
    bundle = connection.environment["REQUESTS_CA_BUNDLE"]
    return QueueServiceClient.from_connection_string(connection.connection_string, connection_verify=bundle)


def send(queue: QueueClient, text: str) -> float:
    """Return the moment at which the queue had acknowledged *text*."""
    queue.send_message(base64.b64encode(text.encode()).decode())
    return time.time()


def take(queue: QueueClient) -> str:
    """Return the text of the next message, once there is one."""
    while (message := queue.receive_message()) is None:
        time.sleep(0.002)
    queue.delete_message(message)
    return base64.b64decode(str(message.content)).decode()


def measure_waits() -> tuple[list[float], float | None]:
    """Return the waits in ms, and the host's processor time while idle, in percent of one core (None: not Linux)."""
    chance = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder)
        (app / "function_app.py").write_text(APP)
        (app / "host.json").write_text('{"version": "2.0"}')
        with running(app) as (connection, pid):
            service = queues_of(connection)
            waits_ms = []
            for _ in range(ROUNDS + 5):
                time.sleep(chance.uniform(*PAUSE_S))
                sent_s = send(service.get_queue_client("bench-input"), "x")
                waits_ms.append((float(take(service.get_queue_client("bench-output"))) - sent_s) * 1000)
            return waits_ms[5:], measure_idle(pid)


def measure_idle(pid: int) -> float | None:
    if not Path("/proc/self/stat").exists():
        return None
    time.sleep(1)
    before_s = processor_time_s(pid)
    time.sleep(IDLE_S)
    return (processor_time_s(pid) - before_s) / IDLE_S * 100


def processor_time_s(pid: int) -> float:
    """Return what process *pid* has used so far. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure_answers() -> list[float]:
    """Return the times from send to answer of the tool calculate, in ms."""
    chance = random.Random(SEED)
    with running(None) as (connection, _):
        service = queues_of(connection)
        asks = service.get_queue_client("azure-function-calculate-input")
        answers = service.get_queue_client("azure-function-calculate-output")
        times_ms = []
        for number in range(ROUNDS // 4 + 5):
            time.sleep(chance.uniform(*PAUSE_S))
            sent_s = send(
                asks, json.dumps({"expression": f"{number} + 1", "CorrelationId": f"bench-{number}"})
            )
            answer = json.loads(take(answers))
            assert answer["Value"] == str(number + 1), answer
            times_ms.append((time.time() - sent_s) * 1000)
        return times_ms[5:]


def main() -> int:
    header("functions", rounds=ROUNDS, seed=SEED)
    waits_ms, idle_percent = measure_waits()
    answers_ms = measure_answers()
    ok = emit(
        "functions.idle_queue_wait",
        statistics.median(waits_ms),
        "ms",
        WAIT_GOAL_MS,
        waits_ms,
        lower_is_better=True,
    )
    p95_ms = statistics.quantiles(waits_ms, n=20)[-1]
    emit("functions.idle_queue_wait_p95", p95_ms, "ms", None, waits_ms, lower_is_better=True)
    emit(
        "functions.calculate_answer",
        statistics.median(answers_ms),
        "ms",
        None,
        answers_ms,
        lower_is_better=True,
    )
    if idle_percent is not None:
        emit(
            "functions.idle_host_cpu", idle_percent, "% of a core", None, [idle_percent], lower_is_better=True
        )
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
