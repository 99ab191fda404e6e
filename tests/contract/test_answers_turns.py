"""What a question tells the calls of ordered tools about their place: known before its run begins, never counted by a model."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from emulator.model import ModelError, ModelRequest
from services import assembly
from services.agents.catalogue import CATALOGUE
from services.agents.plan import plan_team
from services.agents.turns import MARK
from services.models import Answer
from tests.contract.agents_support import Lab, Turn, say
from tests.contract.answers_support import (
    LEAD,
    Desk,
    make_queues,
    open_desk,
    operations,
    plays_calculation,
    plays_talk,
)

ORDERED = tuple(replace(tool, ordered=tool.name == "calculate") for tool in CATALOGUE)


@pytest.fixture
def desk(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A Relaydeck whose catalogue marks calculate as ordered."""
    monkeypatch.setattr(assembly, "CATALOGUE", ORDERED)
    with open_desk(lab.emulator) as desk:
        make_queues(desk)
        desk.running.services.team.orchestrator()
        yield desk


class Heard:
    """What the model was told by the latest run of the orchestrator."""

    def __init__(self, lab: Lab, text: str = "Well.") -> None:
        self.turns: list[str] = []
        self.parallel: list[bool] = []
        lab.model.answers(LEAD, self._talk)
        self._text = text

    def _talk(self, request: ModelRequest) -> Turn:
        self.turns += re.findall(r"pass conversation_turn='([^']+)'", request.instructions)
        self.parallel.append(request.parallel_tool_calls)
        return say(self._text)


def left_unanswered(lab: Lab, desk: Desk, thread_id: str = "") -> Answer:
    """Return an answer that was cancelled while the function was at its call."""
    plays_calculation(lab)
    answer = desk.answers.ask("6 * 7?", thread_id=thread_id)
    desk.until(answer, "wait")
    desk.answers.cancel(answer.id)
    return desk.settled(answer)


def test_the_questions_of_a_conversation_are_numbered_and_told_to_call_one_after_another(
    lab: Lab, desk: Desk
) -> None:
    """All were answered, so nothing is open: each may run whenever it comes."""
    heard = Heard(lab)
    first = desk.ask("One?")
    for question in ("Two?", "Three?"):
        desk.ask(question, thread_id=first.thread_id)

    assert heard.turns == [f"{first.thread_id}:{number}:0" for number in (1, 2, 3)]
    assert heard.parallel == [False, False, False]
    runs = desk.running.services.backend.list_runs(first.thread_id, 5)
    assert [run.metadata[MARK] for run in runs] == ["3:0", "2:0", "1:0"]


def test_a_call_that_was_left_open_is_named_until_it_cannot_matter(lab: Lab, desk: Desk) -> None:
    """Cancelled with its message in the queue: the function app must do that one first, whenever it gets to it."""
    first = left_unanswered(lab, desk)
    heard = Heard(lab)
    for question in ("Two?", "Three?"):
        desk.ask(question, thread_id=first.thread_id)

    assert first.state == "cancelled"
    assert heard.turns == [f"{first.thread_id}:2:1", f"{first.thread_id}:3:1"]


def test_a_question_gets_its_place_only_when_the_run_before_it_has_ended(lab: Lab, desk: Desk) -> None:
    """Another Relaydeck is at work in the conversation, and gives up while its function is at a call: only then is it
    known that 2 goes after it."""
    plays_talk(lab, "Hello.")
    thread_id = desk.ask("One?").thread_id
    plays_calculation(lab)
    with open_desk(lab.emulator) as other:
        theirs = other.answers.ask("6 * 7?", thread_id=thread_id)
        other.until(theirs, "wait")
        ours = desk.answers.ask("Mine?", thread_id=thread_id)
        desk.until_noted(ours, "Another run")
        heard = Heard(lab)
        other.answers.cancel(theirs.id)
        other.settled(theirs)
        answer = desk.settled(ours)

    assert (answer.state, answer.text) == ("answered", "Well.")
    assert heard.turns == [f"{thread_id}:3:2"]


def test_one_that_failed_before_it_called_anything_holds_nobody_up(lab: Lab, desk: Desk) -> None:
    """Only an open call of an ordered tool's agent counts, or every failure would cost the next question a wait."""
    plays_talk(lab, "Hello.")
    first = desk.ask("One?")
    lab.model.answers(LEAD, lambda _: [ModelError("server_error", "The model broke off.")])
    second = desk.ask("Two?", thread_id=first.thread_id)
    heard = Heard(lab)
    desk.ask("Three?", thread_id=first.thread_id)

    assert second.state == "failed"
    assert heard.turns == [f"{first.thread_id}:3:0"]


def test_a_new_conversation_costs_no_request_for_its_turn(lab: Lab, desk: Desk) -> None:
    """And a follow-up one: the list of the runs."""
    plays_talk(lab, "Hello.")
    before = len(operations(lab.emulator))
    first = desk.ask("One?")
    fresh = operations(lab.emulator)[before:]
    between = len(operations(lab.emulator))
    desk.ask("Two?", thread_id=first.thread_id)

    assert "foundry.list_runs" not in fresh
    assert operations(lab.emulator)[between:].count("foundry.list_runs") == 1


def test_without_an_ordered_tool_nothing_is_different(lab: Lab) -> None:
    """The order costs a request and the parallel calls of a run: nobody pays who did not ask for it."""
    with open_desk(lab.emulator) as desk:
        make_queues(desk)
        heard = Heard(lab)
        first = desk.ask("One?")
        before = len(operations(lab.emulator))
        desk.ask("Two?", thread_id=first.thread_id)

        assert heard.turns == [] and heard.parallel == [True, True]
        assert "foundry.list_runs" not in operations(lab.emulator)[before:]


def test_the_agents_tool_asks_for_the_turn_and_the_agent_calls_one_at_a_time(desk: Desk) -> None:
    """Required, unlike the trace context: a model that forgets it is asked again by the function."""
    members = plan_team(desk.running.services.settings, ORDERED).members
    (calculate,) = (one for member in members for one in member.functions if one.name == "calculate")
    properties, required = calculate.parameters["properties"], calculate.parameters["required"]
    assert isinstance(properties, dict) and isinstance(required, list)

    assert "conversation_turn" in properties and required == ["expression", "conversation_turn"]
    assert ["Call calculate once at a time" in member.instructions for member in members] == [
        False,
        True,
        False,
    ]
    assert sum("conversation_turn" in str(member) for member in members) == 1
