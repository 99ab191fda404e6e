"""The original's way, kept working: agents and thread for one question, all of it gone afterwards, whatever happens."""

from collections.abc import Iterator

import pytest

from emulator.faults import Fault
from emulator.model import ModelError
from services.models import Answer
from tests.contract.agents_support import Lab, Pause, say
from tests.contract.answers_support import (
    LEAD,
    Desk,
    answer_by_hand,
    make_queues,
    open_desk,
    operations,
    plays_calculation,
    plays_talk,
)


@pytest.fixture
def desk(lab: Lab) -> Iterator[Desk]:
    with open_desk(lab.emulator, team="per_query", call_retries="1") as desk:
        make_queues(desk)
        yield desk


def assert_nothing_left(desk: Desk) -> None:
    assert desk.answers.drain(10)
    backend = desk.running.services.backend
    assert [agent.name for agent in backend.list_agents(100)] == []
    ours = [thread.id for thread in backend.list_threads(100) if thread.metadata]
    assert ours == []  # the child threads of connected agents belong to the service


def test_everything_made_for_a_question_is_deleted_after_it(lab: Lab, desk: Desk) -> None:
    """Create both agents and more, ask, delete them and the thread; the answer stays readable here."""
    plays_calculation(lab)
    asked = desk.answers.ask("What is 6 * 7?")
    answer_by_hand(lab)
    answer = desk.settled(asked)
    assert_nothing_left(desk)

    assert (answer.state, answer.text) == ("answered", "It is 42.")
    assert [step.kind for step in answer.steps] == ["plan", "delegate", "wait", "function", "write"]
    stages = {stage.name: stage for stage in desk.now(asked).stages}
    assert stages["cleanup"].took_s and not stages["cleanup"].failed
    kept = desk.answers.conversation(answer.thread_id)
    assert [(one.question, one.text) for one in kept.answers] == [("What is 6 * 7?", "It is 42.")]


@pytest.mark.parametrize("skip", [0, 1, 2, 3], ids=["first", "second", "third", "orchestrator"])
def test_an_agent_that_cannot_be_made_leaves_no_other_behind(lab: Lab, desk: Desk, skip: int) -> None:
    """The part fails midway: what was made before it goes, and the thread too."""
    plays_talk(lab, "Never.")
    lab.emulator.fail(Fault("foundry.create_agent", "status", 400, "invalid_request", skip=skip))
    answer = desk.ask("Hello?")

    assert answer.state == "failed" and answer.problem
    assert "create agent" in answer.problem.where
    assert_nothing_left(desk)


def test_a_run_that_cannot_start_leaves_nothing(lab: Lab, desk: Desk) -> None:
    lab.emulator.fail(Fault("foundry.create_run", "status", 403, "Forbidden"))
    assert desk.ask("Hello?").state == "failed"
    assert_nothing_left(desk)


def test_a_run_that_fails_leaves_nothing(lab: Lab, desk: Desk) -> None:
    lab.model.answers(LEAD, lambda _: [ModelError("server_error", "Sorry.")])
    assert desk.ask("Hello?").state == "failed"
    assert_nothing_left(desk)


def test_cancel_leaves_nothing(lab: Lab, desk: Desk) -> None:
    """The run is stopped first: the service refuses to delete under a running one."""
    lab.model.answers(LEAD, lambda _: [Pause(), *say("Never heard.")])
    asked = desk.answers.ask("Hello?")
    lab.wait_for_pause()
    assert desk.answers.cancel(asked.id).state == "cancelled"
    assert_nothing_left(desk)


def test_the_deadline_leaves_nothing(lab: Lab) -> None:
    with open_desk(lab.emulator, team="per_query", answer_deadline_s="1") as desk:
        make_queues(desk)
        plays_calculation(lab)
        answer = desk.ask("What is 6 * 7?")
        assert answer.problem and answer.problem.code == "deadline"
        assert_nothing_left(desk)


def test_a_delete_that_fails_at_first_is_repeated(lab: Lab, desk: Desk) -> None:
    """One bad minute of the service must not become a leak."""
    plays_talk(lab, "Fine.")
    lab.emulator.fail(Fault("foundry.delete_*", "status", 503, times=3))
    assert desk.ask("Hello?").state == "answered"
    assert_nothing_left(desk)


def test_a_delete_whose_reply_is_lost_is_done(lab: Lab, desk: Desk) -> None:
    """Deleted, but nobody heard: the second try finds nothing and that is fine."""
    plays_talk(lab, "Fine.")
    lab.emulator.fail(Fault("foundry.delete_agent", "reset", when="after"))
    lab.emulator.fail(Fault("foundry.delete_thread", "reset", when="after"))
    assert desk.ask("Hello?").state == "answered"
    assert_nothing_left(desk)


def test_the_visible_answer_does_not_wait_for_the_deleting(lab: Lab, desk: Desk) -> None:
    """Five requests of clean-up are nobody's concern who waits for an answer."""
    plays_talk(lab, "Fast.")
    lab.emulator.fail(Fault("foundry.delete_agent", "slow", delay_s=0.5))
    answer = desk.ask("Hello?")
    assert (answer.state, operations(lab.emulator).count("foundry.delete_agent")) == ("answered", 0)
    assert desk.answers.drain(10)
    cleanup = next(stage for stage in desk.now(answer).stages if stage.name == "cleanup")
    assert answer.took_s is not None and cleanup.started_s >= answer.took_s
    assert cleanup.took_s is not None and cleanup.took_s > 0.4


def test_a_thread_that_was_there_before_is_kept(lab: Lab, desk: Desk) -> None:
    """Only what was made for the question goes; somebody else's conversation stays."""
    plays_talk(lab, "Fine.")
    thread = lab.thread("Earlier")
    answer: Answer = desk.ask("Hello?", thread_id=thread.id)
    assert desk.answers.drain(10)
    assert (answer.state, answer.thread_id) == ("answered", thread.id)
    assert lab.client.threads.get(thread.id).id == thread.id
    assert desk.running.services.backend.list_agents(100) == []
