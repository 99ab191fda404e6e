"""An ordered tool that writes down what it does, and the hosts, each an instance of its own, that run it."""

import base64
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from emulator.server import Emulator
from tests.functions.hosting import Queues, write_app
from tests.functions.test_host_process import ROOT, HostProcess, environment

INPUT, OUTPUT = "azure-function-note-input", "azure-function-note-output"
DONE_WITHIN_S = 75.0
APP = """
import os
import time
import azure.functions as func
from tools.answering import answer

app = func.FunctionApp()
JOURNAL = os.environ["JOURNAL"]

def write(word: str, arguments: dict[str, object]) -> None:
    line = f"{word} {arguments['key']} {arguments['number']}\\n".encode()
    handle = os.open(JOURNAL, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, line)
    os.close(handle)

def note(arguments: dict[str, object]) -> str:
    write("began", arguments)
    time.sleep(float(arguments.get("takes_s", 0.02)))
    if arguments.get("fails_until", 0) > open(JOURNAL).read().count(f"began {arguments['key']} {arguments['number']}\\n"):
        raise OSError("not yet")
    if arguments.get("dies") and not os.path.exists(JOURNAL + ".died"):
        open(JOURNAL + ".died", "w").close()
        os._exit(9)
    write("ended", arguments)
    return f"{arguments['key']} {arguments['number']}"

@app.function_name("note")
@app.queue_trigger("message", queue_name="azure-function-note-input", connection="TOOL_STORAGE")
@app.queue_output("reply", queue_name="azure-function-note-output", connection="TOOL_STORAGE")
def run(message: func.QueueMessage, reply: func.Out[str]) -> None:
    answer(message, reply, "note", note, ordered=True)
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """*journal*: what the tool did, on whichever host, in the order in which it did it."""

    folder: Path
    emulator: Emulator
    queues: Queues

    @property
    def journal(self) -> list[tuple[str, str, int]]:
        """Return (began or ended, conversation, number) of everything so far."""
        path = self.folder / "journal"
        lines = path.read_text().split("\n") if path.exists() else []
        lines = [line for text in lines for line in text.splitlines()]
        return [(word, key, int(number)) for word, key, number in map(str.split, lines)]

    def effects(self) -> dict[str, list[int]]:
        """Return the numbers that were done, by conversation, in the order in which they were."""
        found: dict[str, list[int]] = defaultdict(list)
        for word, key, number in self.journal:
            if word == "ended":
                found[key].append(number)
        return dict(found)

    def send(self, key: str, number: int, after: int | None = None, **more: object) -> None:
        """*after*: by default the number before, as if no run of the conversation had ended with its answer."""
        turn = f"{key}:{number}:{number - 1 if after is None else after}"
        body = {"key": key, "number": number, "conversation_turn": turn, "CorrelationId": f"{key}-{number}"}
        self.queues.send(INPUT, {**body, **more})

    def answers(self) -> dict[str, list[str]]:
        """Return what was answered, by CorrelationId; takes it out of the queue."""
        found: dict[str, list[str]] = defaultdict(list)
        client = self.queues.service.get_queue_client(OUTPUT)
        for message in client.receive_messages(max_messages=32):
            document = json.loads(base64.b64decode(str(message.content)))
            found[document["CorrelationId"]].append(document["Value"])
            client.delete_message(message)
        return dict(found)

    def await_done(self) -> None:
        """Return once nothing waits in the input queue, hidden or not: after a death, its lease and a ledger's hold."""
        until_s = time.monotonic() + DONE_WITHIN_S
        while self.queues.count(INPUT):
            assert time.monotonic() < until_s, f"not done within {DONE_WITHIN_S:g} s: {self.journal}"
            time.sleep(0.05)

    @contextmanager
    def hosts(self, count: int, source: str = APP, **settings: str) -> Iterator[list[HostProcess]]:
        """Each has a temporary folder of its own, as instances on different machines have."""
        app = write_app(self.folder / "app", source)
        with ExitStack() as stack:
            yield [
                stack.enter_context(
                    HostProcess(app, self._environment(number, settings), "--lease", "00:00:05")
                )
                for number in range(count)
            ]

    def _environment(self, number: int, settings: dict[str, str]) -> dict[str, str]:
        return environment(
            self.emulator,
            PYTHONPATH=os.pathsep.join([str(ROOT / "functions"), str(ROOT)]),
            JOURNAL=str(self.folder / "journal"),
            TOOL_RESULTS_FOLDER=str(self.folder / f"results-{number}"),
            **{"AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:01", **settings},
        )
