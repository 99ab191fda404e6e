"""What goes wrong on the way, scripted on the wire: nothing is lost, nothing is done twice, all of it is said."""

from collections.abc import Iterator

import pytest

from emulator.faults import Fault
from emulator.model import ModelError, TextPiece
from services.answers.events import ChildFound
from services.models import Answer
from tests.contract.agents_support import Lab, Pause, say
from tests.contract.answers_support import (
    IN,
    LEAD,
    OUT,
    Desk,
    answer_by_hand,
    make_queues,
    open_desk,
    operations,
    plays_calculation,
    plays_talk,
)
from tests.waiting import wait_for


@pytest.fixture
def desk(lab: Lab) -> Iterator[Desk]:
    with open_desk(lab.emulator) as desk:
        make_queues(desk)
        desk.running.services.team.orchestrator()
        yield desk


def runs_of(desk: Desk, answer: Answer) -> list[str]:
    return [run.state for run in desk.running.services.backend.list_runs(answer.thread_id, 20)]


def questions_on(desk: Desk, answer: Answer) -> list[str]:
    messages = desk.running.services.backend.list_messages(answer.thread_id, 50)
    return [message.text for message in messages if message.role == "user"]


# Stream and connection -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["reset", "status"], ids=["connection-cut", "status-503"])
def test_a_run_whose_beginning_was_not_heard_of_is_found_not_repeated(
    lab: Lab, desk: Desk, kind: str
) -> None:
    """The service made the run and the reply was lost: a second run would ask, and bill, twice."""
    plays_talk(lab, "Once only.")
    lab.emulator.fail(Fault("foundry.create_run", kind, when="after"))  # type: ignore[arg-type]  # a parameter
    answer = desk.ask("Hello?")

    assert (answer.state, answer.text) == ("answered", "Once only.")
    assert runs_of(desk, answer) == ["completed"]
    assert questions_on(desk, answer) == ["Hello?"]


def test_a_thread_whose_beginning_was_not_heard_of_is_found(lab: Lab, desk: Desk) -> None:
    """A second thread would be a leak that nobody sees."""
    plays_talk(lab, "Found.")
    lab.emulator.fail(Fault("foundry.create_thread", "reset", when="after"))
    assert desk.ask("Hello?").state == "answered"
    assert len(desk.running.services.backend.list_threads(10)) == 1


def test_a_stream_cut_in_the_middle_is_followed_by_polling(lab: Lab, desk: Desk) -> None:
    """The answer arrives whole, from the thread; what was streamed before the cut is not shown twice."""
    lab.model.answers(LEAD, lambda _: [TextPiece("One "), Pause(), *say("two ", "three ", "four.")])
    lab.emulator.fail(Fault("foundry.create_run", "truncate"))
    asked = desk.answers.ask("Count.")
    wait_for(lambda: "foundry.get_run" in operations(lab.emulator))
    lab.release()
    answer = desk.settled(asked)

    assert (answer.state, answer.text) == ("answered", "One two three four.")
    assert runs_of(desk, answer) == ["completed"]


def test_a_cut_stream_still_shows_the_hops(lab: Lab, desk: Desk) -> None:
    """Steps come from polling then; the live view goes on."""
    plays_calculation(lab)
    lab.emulator.fail(Fault("foundry.create_run", "truncate"))
    asked = desk.answers.ask("What is 6 * 7?")
    desk.until(asked, "wait")
    answer_by_hand(lab)
    answer = desk.settled(asked)

    assert (answer.state, answer.text) == ("answered", "It is 42.")
    assert [step.kind for step in answer.steps] == ["plan", "delegate", "wait", "function", "write"]


def test_a_busy_service_is_waited_for_in_words(lab: Lab, desk: Desk) -> None:
    """429 with Retry-After: the question is not lost, and a person knows what it waits for."""
    plays_talk(lab, "At last.")
    lab.emulator.fail(
        Fault(
            "foundry.create_run", "status", 429, "TooManyRequests", headers={"retry-after-ms": "100"}, times=5
        )
    )
    asked = desk.answers.ask("Hello?")
    answer = desk.settled(asked)
    assert (answer.state, answer.text, answer.notice) == ("answered", "At last.", "")
    assert runs_of(desk, answer) == ["completed"]


def test_a_service_that_fails_for_a_while_is_outlasted(lab: Lab, desk: Desk) -> None:
    """More failures than one call repeats: the answer goes on trying until its own deadline."""
    plays_talk(lab, "At last.")
    lab.emulator.fail(Fault("foundry.create_thread", "status", 503, times=6))
    answer = desk.ask("Hello?")
    assert (answer.state, answer.notice) == ("answered", "")
    assert len(desk.running.services.backend.list_threads(10)) == 1


def test_a_page_instead_of_a_reply_fails_in_words(lab: Lab, desk: Desk) -> None:
    """A captive portal answers 200 with HTML: never an empty answer, never a traceback."""
    lab.emulator.fail(Fault("foundry.create_thread", "status", 200, body="<html>Sign in</html>"))
    answer = desk.ask("Hello?")
    assert answer.state == "failed" and answer.problem
    assert answer.problem.code == "unexpected"


def test_a_refused_identity_is_told(lab: Lab, desk: Desk) -> None:
    """403 on the run: a role is missing; trying again would not help. The unused thread goes."""
    lab.emulator.fail(Fault("foundry.create_run", "status", 403, "Forbidden"))
    answer = desk.ask("Hello?")
    assert answer.state == "failed" and answer.problem
    assert (answer.problem.code, answer.problem.retry_safe) == ("denied", True)
    assert "role" in answer.problem.next_step
    assert desk.answers.drain(5)
    assert desk.running.services.backend.list_threads(10) == []


# The run itself --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ModelError("rate_limit_exceeded", "Rate limit is exceeded. Try again in 7 seconds."), "throttled"),
        (ModelError("server_error", "Sorry, something went wrong."), "model_error"),
    ],
    ids=["rate-limit", "server-error"],
)
def test_a_failed_run_is_told_in_words(lab: Lab, desk: Desk, error: ModelError, code: str) -> None:
    """It comes inside HTTP 200."""
    lab.model.answers(LEAD, lambda _: [error])
    answer = desk.ask("Hello?")
    assert answer.state == "failed" and answer.problem
    assert (answer.problem.code, answer.problem.reference) == (code, answer.run_id)
    assert error.message in answer.problem.detail


def test_a_run_that_expires_says_where_its_message_is(lab: Lab, desk: Desk) -> None:
    """Ten minutes pass on the service's clock; the function never came. The documented pain, in words."""
    plays_calculation(lab)
    asked = desk.answers.ask("What is 6 * 7?")
    desk.until(asked, "wait")
    lab.emulator.advance(601)
    answer = desk.settled(asked)

    assert answer.state == "expired" and answer.problem
    assert "1 waiting in azure-function-calculate-input" in answer.problem.detail
    assert "function app runs" in answer.problem.next_step
    assert not answer.problem.retry_safe


def test_the_deadline_stops_runs_and_says_what_the_queues_hold(lab: Lab) -> None:
    """Nobody waits for ever: run and child run are cancelled, and the words name the hop."""
    with open_desk(lab.emulator, answer_deadline_s="1") as desk:
        make_queues(desk)
        plays_calculation(lab)
        answer = desk.ask("What is 6 * 7?")

        assert answer.state == "failed" and answer.problem
        assert answer.problem.code == "deadline"
        assert "1 waiting in azure-function-calculate-input" in answer.problem.detail
        assert "no answer within 1.0 s" in answer.problem.detail
        assert answer.took_s == pytest.approx(1.0, abs=0.5)
        assert answer.parts and answer.parts.queue_wait_s is None
        assert_all_stopped(desk, answer)


def test_the_deadline_of_a_service_that_is_away_says_so(lab: Lab) -> None:
    """Nothing was asked at all: the words must not blame a function."""
    with open_desk(lab.emulator, answer_deadline_s="1") as desk:
        desk.running.services.team.orchestrator()
        lab.emulator.fail(Fault("foundry.create_thread", "status", 503, times=30))
        answer = desk.ask("Hello?")
        lab.emulator.call(lab.emulator.faults.clear)
        assert answer.state == "failed" and answer.problem
        assert answer.problem.code in ("unavailable", "deadline")
        assert "Azure" not in answer.text and answer.took_s and answer.took_s < 30


def assert_all_stopped(desk: Desk, answer: Answer) -> None:
    backend = desk.running.services.backend
    wait_for(lambda: all(state == "cancelled" for state in runs_of(desk, answer)))
    children = [event for event in desk.answers.recorded(answer.id) if isinstance(event, ChildFound)]
    assert children
    for child in children:
        assert backend.get_run(child.thread_id, child.run_id).state == "cancelled"


def test_a_silent_function_is_told_of_before_the_deadline(lab: Lab) -> None:
    """After a while a person wants to know at which hop it hangs; the answer goes on waiting all the same."""
    with open_desk(lab.emulator, tool_wait_s="1") as desk:
        make_queues(desk)
        plays_calculation(lab)
        asked = desk.answers.ask("What is 6 * 7?")
        noted = desk.until_noted(asked, "calculate has not answered for 1.0 s")
        assert "1 waiting in azure-function-calculate-input" in noted.notice
        answer_by_hand(lab)
        answer = desk.settled(asked)
        assert (answer.state, answer.notice) == ("answered", "")


@pytest.mark.parametrize(
    "reply",
    [{"Value": "42"}, {"Value": "42", "CorrelationId": "somebody-else"}],
    ids=["without-id", "wrong-id"],
)
def test_a_reply_that_matches_no_call_is_named_at_the_deadline(lab: Lab, reply: dict[str, str]) -> None:
    """The function answered, the run waits all the same: the classic hang, said in words."""
    with open_desk(lab.emulator, answer_deadline_s="2") as desk:
        make_queues(desk)
        plays_calculation(lab)
        asked = desk.answers.ask("What is 6 * 7?")
        lab.sent(IN)
        lab.reply(OUT, reply)
        answer = desk.settled(asked)
        assert answer.state == "failed" and answer.problem
        assert answer.problem.code == "deadline" and "Queues of calculate" in answer.problem.detail


def test_an_empty_reply_is_an_answer(lab: Lab, desk: Desk) -> None:
    """A function that returns nothing has answered; nothing is invented in its place."""
    plays_calculation(lab, "nothing")
    asked = desk.answers.ask("What is 6 * 7?")
    answer_by_hand(lab, "")
    answer = desk.settled(asked)
    (function,) = [step for step in answer.steps if step.kind == "function"]
    assert (answer.state, function.state, function.output) == ("answered", "done", "")


# Agents and threads that go ---------------------------------------------------------------------------


def test_a_deleted_agent_is_replaced_once(lab: Lab, desk: Desk) -> None:
    """Somebody cleaned up in the portal: the team is looked up again, and the question goes through."""
    plays_talk(lab, "Back again.")
    services = desk.running.services
    services.backend.delete_agent(services.team.orchestrator().id)
    answer = desk.ask("Hello?")
    assert (answer.state, answer.text) == ("answered", "Back again.")


def test_a_thread_deleted_under_a_conversation_is_told(lab: Lab, desk: Desk) -> None:
    """The second question meets the deleted thread; it is not made anew in silence."""
    plays_talk(lab, "Yes.")
    first = desk.ask("One?")
    desk.running.services.backend.delete_thread(first.thread_id)
    second = desk.ask("Two?", thread_id=first.thread_id)
    assert second.state == "failed" and second.problem
    assert second.problem.code == "not_found"


def test_a_thread_held_by_another_program_is_waited_for(lab: Lab, desk: Desk) -> None:
    """The service refuses a second run; the question waits, says for whom, and is answered."""
    plays_talk(lab, "Yes.")
    thread_id = desk.ask("Zero?").thread_id
    lab.model.answers("Repeat.", lambda _: [Pause(), *say("Theirs.")])
    theirs = lab.client.runs.create(thread_id, agent_id=lab.agent("Repeat.").id)
    lab.wait_for_pause()
    asked = desk.answers.ask("Mine?", thread_id)
    noted = desk.until_noted(asked, "Another run")
    assert theirs.id in noted.notice

    lab.release()
    answer = desk.settled(asked)
    assert (answer.state, answer.text, answer.notice) == ("answered", "Yes.", "")
    assert questions_on(desk, answer).count("Mine?") == 1


def test_a_thread_held_beyond_the_deadline_is_told(lab: Lab) -> None:
    """The other run is left alone: it is not ours to stop."""
    with open_desk(lab.emulator, answer_deadline_s="1") as desk:
        plays_talk(lab, "Yes.")
        thread_id = desk.ask("Zero?").thread_id
        lab.model.answers("Repeat.", lambda _: [Pause(), *say("Theirs.")])
        theirs = lab.client.runs.create(thread_id, agent_id=lab.agent("Repeat.").id)
        lab.wait_for_pause()
        answer = desk.ask("Mine?", thread_id=thread_id)

        assert answer.state == "failed" and answer.problem
        assert answer.problem.code == "deadline" and theirs.id in answer.problem.detail
        lab.release()
        assert lab.wait(theirs).status == "completed"
