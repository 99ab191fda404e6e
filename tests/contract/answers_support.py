"""What the tests of answers share: the whole service on a Local Azure whose model the test scripts, and a function
app played by hand."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import runtime
from emulator.model import ModelRequest
from emulator.server import Emulator
from services.answers.service import AnswerService
from services.clients import Endpoints, LocalCredential
from services.models import Answer
from services.settings_source import load_settings
from tests.contract.agents_support import Lab, Turn, call, calls, say

LEAD, CALCULATE, FOO = "You lead a team", "You calculate.", "speaks for foo"
IN, OUT = "azure-function-calculate-input", "azure-function-calculate-output"
LONG_S = 15.0


@dataclass
class Desk:
    """One Relaydeck process, so to speak."""

    running: runtime.Runtime

    @property
    def answers(self) -> AnswerService:
        return self.running.services.answers

    def ask(self, question: str, **options: Any) -> Answer:
        """Return the answer of *question*, settled."""
        return self.settled(self.answers.ask(question, **options))

    def settled(self, answer: Answer) -> Answer:
        for _ in self.answers.events(answer.id):
            pass
        return self.now(answer)

    def now(self, answer: Answer) -> Answer:
        found = self.answers.get(answer.id)
        assert found is not None
        return found

    def until(self, answer: Answer, kind: str) -> Answer:
        """Return the answer once a step of *kind* is active, or was."""
        due_s = time.monotonic() + LONG_S
        now = self.now(answer)
        while not any(step.kind == kind for step in now.steps):
            assert now.is_open, f"ended without {kind}: {now}"
            assert time.monotonic() < due_s, f"no {kind} in {now}"
            now = self.answers.wait(answer.id, now.version, 1.0)
        return now

    def until_noted(self, answer: Answer, words: str) -> Answer:
        due_s = time.monotonic() + LONG_S
        now = self.now(answer)
        while words not in now.notice:
            assert now.is_open and time.monotonic() < due_s, f"never said {words!r}: {now}"
            now = self.answers.wait(answer.id, now.version, 1.0)
        return now


@contextmanager
def open_desk(emulator: Emulator, **settings: str) -> Iterator[Desk]:
    """Yield the services as runtime composes them, on *emulator*. *settings*: environment variables without prefix."""
    environ = {f"RELAYDECK_{name.upper()}": value for name, value in settings.items()}
    chosen = load_settings(environ).at(
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        model=emulator.settings.model_deployment,
    )
    credential = LocalCredential(emulator.token)
    endpoints = Endpoints(
        emulator.project_endpoint, emulator.storage_endpoint, credential, str(emulator.ca_file)
    )
    running = runtime.build(chosen, endpoints, now=emulator.clock.now)
    try:
        yield Desk(running)
    finally:
        running.close()


def make_queues(desk: Desk) -> None:
    tools = desk.running.services.catalogue
    desk.running.services.queues.ensure(
        [name for tool in tools for name in (tool.input_queue, tool.output_queue)]
    )


def plays_calculation(lab: Lab, value: str = "42") -> None:
    """Any question goes to the calculator, whose function the test answers."""

    def lead(request: ModelRequest) -> Turn:
        return say(f"It is {value}.") if request.calls else calls(call("calculator", query="6 * 7"))

    def calculate(request: ModelRequest) -> Turn:
        return say(value) if request.calls else calls(call("calculate", expression="6 * 7"))

    lab.model.answers(LEAD, lead)
    lab.model.answers(CALCULATE, calculate)


def plays_talk(lab: Lab, *texts: str) -> None:
    """Any question is answered at once."""
    lab.model.answers(LEAD, lambda _: say(*texts))


def answer_by_hand(lab: Lab, value: str = "42") -> Mapping[str, Any]:
    """Take the next message from the calculator's queue and reply; return the message."""
    sent = lab.sent(IN)
    lab.reply(OUT, {"Value": value, "CorrelationId": sent["CorrelationId"]})
    return sent


def operations(emulator: Emulator) -> list[str]:
    return [seen.operation for seen in emulator.requests()]
