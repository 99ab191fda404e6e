"""A process that dies early: what it took and never sent is told as such, and nothing is made twice in its wake."""

from collections.abc import Iterator

import pytest

from emulator.faults import Fault
from services.answers import record
from services.errors import Unavailable
from tests.contract.agents_support import Lab
from tests.contract.answers_support import Desk, make_queues, open_desk, operations, plays_talk

OURS = {"relaydeck": "pooled", "environment": "local", "opid": "op_1", record.TITLE: "What is 6 * 7?"}


@pytest.fixture
def desk(lab: Lab) -> Iterator[Desk]:
    with open_desk(lab.emulator, call_retries="0") as desk:
        make_queues(desk)
        desk.running.services.team.orchestrator()
        yield desk


def test_a_question_whose_process_died_before_it_was_sent_is_shown_as_failed(desk: Desk) -> None:
    """All that is left is the thread that was made for it; the page's URL holds the answer's id and no more."""
    backend = desk.running.services.backend
    thread = backend.create_thread({**OURS, record.ANSWER: "ans_1"})

    assert desk.answers.thread_of("ans_1") == thread.id
    (answer,) = desk.answers.conversation(thread.id).answers

    assert (answer.id, answer.state, answer.question) == ("ans_1", "failed", "What is 6 * 7?")
    assert answer.problem is not None
    assert (answer.problem.code, answer.problem.retry_safe, answer.problem.reference) == (
        "unsent",
        True,
        "ans_1",
    )


def test_a_question_that_another_process_answered_is_found_by_its_own_id(lab: Lab, desk: Desk) -> None:
    plays_talk(lab, "Good morning.")
    asked = desk.ask("Hello?")
    with open_desk(lab.emulator) as other:
        assert other.answers.thread_of(asked.id) == asked.thread_id
        (answer,) = other.answers.conversation(asked.thread_id).answers

    assert (answer.id, answer.state, answer.text) == (asked.id, "answered", "Good morning.")


@pytest.mark.parametrize("wanted", ["ans_other", "", "../threads"], ids=["unknown", "empty", "no id"])
def test_an_answer_of_nobody_has_no_conversation(desk: Desk, wanted: str) -> None:
    desk.running.services.backend.create_thread({**OURS, record.ANSWER: "ans_1"})

    assert desk.answers.thread_of(wanted) == ""


def test_another_environments_question_is_not_ours_to_find(desk: Desk) -> None:
    desk.running.services.backend.create_thread({**OURS, "environment": "staging", record.ANSWER: "ans_1"})

    assert desk.answers.thread_of("ans_1") == ""


def test_a_thread_whose_making_nobody_heard_of_is_not_made_again(lab: Lab, desk: Desk) -> None:
    """The reply is lost, and the look that would have found the thread fails too: the next try looks first."""
    plays_talk(lab, "Good morning.")
    lab.emulator.fail(Fault("foundry.create_thread", "reset", when="after"))
    lab.emulator.fail(Fault("foundry.list_threads", "status", 503))
    answer = desk.ask("Hello?")

    assert (answer.state, answer.text) == ("answered", "Good morning.")
    assert operations(lab.emulator).count("foundry.create_thread") == 1
    assert len(desk.running.services.backend.list_threads(10)) == 1


def test_a_look_at_a_call_that_fails_is_not_repeated(lab: Lab) -> None:
    """The next look comes anyway: repeats of looks would be most of what a bad day costs."""
    with open_desk(lab.emulator, call_retries="3") as desk:
        sight = desk.answers._context.sight
        assert sight is not None
        lab.emulator.fail(Fault("queues.peek_messages", "status", 503))
        make_queues(desk)
        with pytest.raises(Unavailable):
            sight.queues.peek(desk.running.services.catalogue[0].input_queue)

    assert operations(lab.emulator).count("queues.peek_messages") == 1
