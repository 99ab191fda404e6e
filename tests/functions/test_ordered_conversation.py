"""An ordered tool in a real conversation: agents, queues and two hosts, with a question given up in between."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from emulator.server import Emulator
from services import assembly
from services.agents.catalogue import CATALOGUE
from tests.contract.answers_support import IN, make_queues, open_desk
from tests.functions.hosting import Queues, eventually
from tests.functions.ordering import Desk

ORDERED = tuple(replace(tool, ordered=tool.name == "calculate") for tool in CATALOGUE)
APP = """
import os
import azure.functions as func
from tools import calculate as calculator
from tools.answering import answer

app = func.FunctionApp()

def calculate(arguments: dict[str, object]) -> str:
    handle = os.open(os.environ["JOURNAL"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"ended sum {str(arguments['expression'])[0]}\\n".encode())
    os.close(handle)
    return calculator.answer(arguments)

@app.function_name("calculate")
@app.queue_trigger("message", queue_name="azure-function-calculate-input", connection="TOOL_STORAGE")
@app.queue_output("reply", queue_name="azure-function-calculate-output", connection="TOOL_STORAGE")
def run(message: func.QueueMessage, reply: func.Out[str]) -> None:
    answer(message, reply, "calculate", calculate, ordered=True)
"""


def test_a_question_waits_for_the_call_of_the_one_that_was_given_up_before_it(
    emulator: Emulator, queues: Queues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No function app runs, the first question is cancelled, a second one is asked; then two hosts start, and the
    later call is delivered first."""
    monkeypatch.setattr(assembly, "CATALOGUE", ORDERED)
    work = Desk(tmp_path, emulator, queues)
    with open_desk(emulator) as desk:
        make_queues(desk)
        first = desk.answers.ask("What is 1 + 1?")
        desk.until(first, "wait")
        desk.answers.cancel(first.id)
        first = desk.settled(first)
        second = desk.answers.ask("What is 2 + 2?", thread_id=first.thread_id)
        eventually(lambda: queues.count(IN) == 2, "both calls in the queue")
        earlier = queues.receive(IN, hidden_s=2)
        assert earlier is not None
        carried = re.findall(r'"conversation_turn":"([^"]+)"', "".join(queues.peek(IN)))
        with work.hosts(2, APP):
            second = desk.settled(second)

    assert carried == [f"{first.thread_id}:2:1"]
    assert second.state == "answered" and "4" in second.text
    assert work.effects() == {"sum": [1, 2]}
    assert not any("conversation_turn" in step.arguments for step in second.steps)
