"""Ordered tools on three hosts: calls shuffled and sent twice, hosts killed at work, and what happened in what order.

Real processes of the Functions host, each with a folder of its own as instances on different machines have, on a Local
Azure of this process. The tool writes what it does into one file, in which the kernel keeps the order of appends. As
docs/function-tools.md asks of a tool that changes something, its effect refuses a correlation id that it has seen.
"""

import base64
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from azure.storage.queue import QueueServiceClient

from chaos.figure import Figure
from emulator.server import Emulator, EmulatorSettings

ROOT = Path(__file__).parent.parent
HOSTS = 3
TURNS = 4  # of each conversation
CALLS_A_KILL = 25
LIMIT_S = 60.0
INPUT, OUTPUT = "azure-function-note-input", "azure-function-note-output"
APP = """
import os
import time
import azure.functions as func
from tools.answering import answer

app = func.FunctionApp()

def write(word: str, call: str) -> None:
    handle = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{word} {call}\\n".encode())
    os.close(handle)

def note(arguments: dict[str, object]) -> str:
    call = str(arguments["call"])
    write("began", call)
    time.sleep(0.03)
    try:
        os.close(os.open(os.environ["JOURNAL"] + "." + call, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        write("again", call)
    else:
        write("ended", call)
    return call

@app.function_name("note")
@app.queue_trigger("message", queue_name="azure-function-note-input", connection="TOOL_STORAGE")
@app.queue_output("reply", queue_name="azure-function-note-output", connection="TOOL_STORAGE")
def run(message: func.QueueMessage, reply: func.Out[str]) -> None:
    answer(message, reply, "note", note, ordered=True)
"""
HOST_FILE = {
    "version": "2.0",
    "functionTimeout": "00:00:30",
    "extensions": {
        "queues": {
            "maxPollingInterval": "00:00:00.1",
            "visibilityTimeout": "00:00:01",
            "maxDequeueCount": 9,  # each kill is a delivery; one that is given up is another matter
        }
    },
}


@dataclass(slots=True)
class Told:
    """What the journal and the answers tell. *disorder*: lines that no order by turns, one at a time, allows."""

    disorder: int = 0
    effects: Counter[str] = field(default_factory=Counter)
    again: int = 0
    answers: Counter[str] = field(default_factory=Counter)


def run(size: int, seed: int) -> Iterator[Figure]:
    """Yield the figures of *size* calls (at least one conversation), each sent twice."""
    chance = random.Random(seed)
    talks = max(1, size // TURNS)
    calls = [f"talk{talk}-{number}" for talk in range(talks) for number in range(1, TURNS + 1)]
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(EmulatorSettings(state=Path(folder) / "azure")) as azure,
    ):
        work = _Work(Path(folder), azure)
        sent = [*calls, *calls]
        chance.shuffle(sent)
        for call in sent:
            work.send(call)
        began_s = time.monotonic()
        kills = work.carry_out(len(calls) // CALLS_A_KILL, chance)
        took_s = time.monotonic() - began_s
        told = work.told(talks)
    detail = {
        "seed": seed,
        "calls": len(calls),
        "sent": len(sent),
        "kills": kills,
        "took_s": round(took_s, 2),
    }
    twice = sum(count - 1 for count in told.effects.values())
    undone = len(set(calls) - set(told.effects))
    unanswered = len(set(calls) - set(told.answers))
    for name, value, more in (
        ("ordered calls out of order", told.disorder, {}),
        ("ordered calls with two effects", twice, {"repeats_that_the_tool_refused": told.again}),
        ("ordered calls lost", undone + unanswered, {"undone": undone, "unanswered": unanswered}),
    ):
        yield Figure(name, float(value), 0.0, "calls", value == 0, {**detail, **more})


class _Work:
    def __init__(self, folder: Path, azure: Emulator) -> None:
        self._folder, self._azure = folder, azure
        self._app = folder / "app"
        self._app.mkdir()
        (self._app / "function_app.py").write_text(APP)
        (self._app / "host.json").write_text(json.dumps(HOST_FILE))
        self._queues = QueueServiceClient.from_connection_string(
            azure.connection_string, connection_verify=str(azure.ca_file)
        )
        for name in (INPUT, OUTPUT):
            self._queues.create_queue(name)
        self._started = 0

    def send(self, call: str) -> None:
        talk, _, number = call.partition("-")
        turn = f"{talk}:{number}:{int(number) - 1}"
        body = json.dumps({"call": call, "conversation_turn": turn, "CorrelationId": call})
        self._queues.get_queue_client(INPUT).send_message(base64.b64encode(body.encode()).decode())

    def carry_out(self, kills: int, chance: random.Random) -> int:
        """Return how many hosts were killed at work, once no call is left, or too much time has passed."""
        with ExitStack() as stack:
            hosts = [stack.enter_context(self._host()) for _ in range(HOSTS)]
            until_s, killed = time.monotonic() + LIMIT_S + 15 * kills, 0
            next_s = time.monotonic() + chance.uniform(2, 4)
            while self._left() and time.monotonic() < until_s:
                if killed < kills and time.monotonic() >= next_s:
                    number = chance.randrange(HOSTS)
                    hosts[number].kill()
                    hosts[number] = stack.enter_context(self._host())
                    killed, next_s = killed + 1, time.monotonic() + chance.uniform(1, 3)
                time.sleep(0.05)
            for host in hosts:
                host.kill()
        return killed

    def told(self, talks: int) -> Told:
        found, last = Told(), defaultdict[str, tuple[int, str]](lambda: (0, "ended"))
        for line in (self._folder / "journal").read_text().splitlines():
            word, _, call = line.partition(" ")
            talk, number = call.split("-")[0], int(call.split("-")[1])
            at, done = last[talk]
            if word == "began":
                due = at + 1 if done == "ended" else at
                found.disorder += number not in ((due, at) if done == "ended" and at else (due,))
                last[talk] = (number, "began")
            else:
                found.disorder += (number, "began") != (at, done)
                found.effects[call] += word == "ended"
                found.again += word == "again"
                last[talk] = (number, "ended")
        output = self._queues.get_queue_client(OUTPUT)
        for message in output.receive_messages(messages_per_page=32):
            answer = json.loads(base64.b64decode(str(message.content)))
            found.answers[answer["CorrelationId"]] += answer["Value"] == answer["CorrelationId"]
        found.answers = +found.answers
        self._queues.close()
        return found

    def _left(self) -> bool:
        return bool(self._queues.get_queue_client(INPUT).get_queue_properties().approximate_message_count)

    def _host(self) -> subprocess.Popen[bytes]:
        self._started += 1
        environment = {
            **os.environ,
            **self._azure.environment(),
            "TOOL_STORAGE": self._azure.connection_string,
            "PYTHONPATH": os.pathsep.join([str(ROOT / "functions"), str(ROOT)]),
            "JOURNAL": str(self._folder / "journal"),
            "TOOL_RESULTS_FOLDER": str(self._folder / f"results-{self._started}"),
        }
        command = [sys.executable, "-m", "emulator.functions_host", "--app", str(self._app), "--lifeline"]
        with (self._folder / f"host-{self._started}.log").open("wb") as log:
            return subprocess.Popen(
                [*command, "--lease", "00:00:05"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )
