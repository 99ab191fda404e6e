"""Answers that are stopped, or outlive who asked for them: cancel in every state, shutdown, reattaching, restarts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from emulator.faults import Fault
from emulator.server import Emulator, EmulatorSettings
from services.answers.events import ChildFound
from services.errors import NotFound, Unavailable
from services.models import Answer
from tests.contract.agents_support import Lab, Pause, ScriptedModel, open_lab, say
from tests.contract.answers_support import (
    IN,
    LEAD,
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


def state_of(desk: Desk, answer: Answer) -> str:
    return desk.running.services.backend.get_run(answer.thread_id, answer.run_id).state


# Cancel ----------------------------------------------------------------------------------------------


def test_cancel_while_the_model_thinks_stops_the_run(lab: Lab, desk: Desk) -> None:
    """Stop means that the service stops too: it bills by the token."""
    lab.model.answers(LEAD, lambda _: [Pause(), *say("Never heard.")])
    asked = desk.answers.ask("Hello?")
    lab.wait_for_pause()
    desk.until(asked, "plan")
    answer = desk.answers.cancel(asked.id)

    assert (answer.state, answer.problem) == ("cancelled", None)
    assert answer.notice == "Stopped: the run."
    assert state_of(desk, desk.settled(asked)) in ("cancelling", "cancelled")
    assert all(step.state != "active" for step in desk.now(asked).steps)


def test_cancel_in_mid_function_stops_the_connected_agent_too(lab: Lab, desk: Desk) -> None:
    """Two runs are open; both are stopped, and the words say so."""
    plays_calculation(lab)
    asked = desk.answers.ask("What is 6 * 7?")
    desk.until(asked, "wait")
    answer = desk.answers.cancel(asked.id)

    assert answer.state == "cancelled"
    assert answer.notice == "Stopped: the run and 1 run of connected agents."
    backend = desk.running.services.backend
    (child,) = [one for one in desk.answers.recorded(asked.id) if isinstance(one, ChildFound)]
    wait_for(lambda: backend.get_run(child.thread_id, child.run_id).state == "cancelled")
    wait_for(lambda: state_of(desk, desk.now(asked)) == "cancelled")


def test_cancel_before_the_run_exists_starts_none(lab: Lab, desk: Desk) -> None:
    """The thread is still being made: it is taken away again and nothing is asked."""
    lab.emulator.fail(Fault("foundry.create_thread", "slow", delay_s=0.5))
    asked = desk.answers.ask("Hello?")
    wait_for(lambda: bool(desk.now(asked).stages))
    assert desk.answers.cancel(asked.id).state == "cancelled"
    assert desk.answers.drain(5)

    assert "foundry.create_run" not in operations(lab.emulator)
    assert desk.running.services.backend.list_threads(10) == []


def test_cancel_while_the_reply_of_the_start_is_out_stops_that_run(lab: Lab, desk: Desk) -> None:
    """The run exists although nobody here knows its id yet: it is found by its mark and stopped."""
    lab.model.answers(LEAD, lambda _: [Pause(), *say("Never heard.")])
    lab.emulator.fail(Fault("foundry.create_run", "slow", when="after", delay_s=0.5))
    asked = desk.answers.ask("Hello?")
    lab.wait_for_pause()
    assert desk.answers.cancel(asked.id).state == "cancelled"
    answer = desk.settled(asked)
    (run,) = desk.running.services.backend.list_runs(answer.thread_id, 5)
    wait_for(lambda: desk.running.services.backend.get_run(run.thread_id, run.id).state == "cancelled")


def test_cancel_in_line_sends_nothing(lab: Lab, desk: Desk) -> None:
    """A question that waits for another one is simply taken back."""
    plays_talk(lab, "Ready.")
    thread_id = desk.ask("Zero?").thread_id
    lab.model.answers(LEAD, lambda _: [Pause(), *say("Done.")])
    first = desk.answers.ask("One?", thread_id)
    lab.wait_for_pause()
    second = desk.answers.ask("Two?", thread_id)
    answer = desk.answers.cancel(second.id)
    lab.release()
    desk.settled(first)

    assert (answer.state, answer.run_id) == ("cancelled", "")
    assert "nothing was sent" in answer.notice
    assert operations(lab.emulator).count("foundry.create_run") == 2


def test_cancel_of_a_final_answer_changes_nothing(lab: Lab, desk: Desk) -> None:
    """The click came too late: the answer stays."""
    plays_talk(lab, "Done.")
    answer = desk.ask("Hello?")
    assert desk.answers.cancel(answer.id) == desk.now(answer)
    assert desk.now(answer).state == "answered"


def test_cancel_of_an_unknown_answer_is_refused_in_words(desk: Desk) -> None:
    with pytest.raises(NotFound, match="not known"):
        desk.answers.cancel("ans_unknown")


def test_cancel_while_the_service_is_away_still_ends_the_answer(lab: Lab, desk: Desk) -> None:
    """Stop must stop on the screen within seconds, and say that the run may go on."""
    lab.model.answers(LEAD, lambda _: [Pause(), *say("Never heard.")])
    asked = desk.answers.ask("Hello?")
    lab.wait_for_pause()
    desk.until(asked, "plan")
    lab.emulator.fail(Fault("foundry.cancel_run", "status", 503, times=50))
    answer = desk.answers.cancel(asked.id)
    assert answer.state == "cancelled"
    settled = desk.settled(asked)
    lab.emulator.call(lab.emulator.faults.clear)
    lab.release()
    assert "Could not be told to stop: the run" in settled.notice


def test_a_run_cancelled_by_somebody_else_says_so(lab: Lab, desk: Desk) -> None:
    """Not by us, not by this person: worth a sentence."""
    lab.model.answers(LEAD, lambda _: [Pause(), *say("Never heard.")])
    asked = desk.answers.ask("Hello?")
    lab.wait_for_pause()
    now = desk.until(asked, "plan")
    lab.client.runs.cancel(now.thread_id, now.run_id)
    answer = desk.settled(asked)
    assert answer.state == "cancelled" and answer.problem
    assert answer.problem.code == "cancelled_elsewhere"


def test_waiting_in_line_does_not_use_the_deadline_up(lab: Lab) -> None:
    """The question ahead takes all of its time; the next one still gets its own."""
    with open_desk(lab.emulator, answer_deadline_s="1") as desk:
        plays_talk(lab, "Ready.")
        thread_id = desk.ask("Zero?").thread_id
        lab.model.answers(LEAD, lambda _: [Pause(), *say("Never heard.")])
        stuck = desk.answers.ask("One?", thread_id)
        lab.wait_for_pause()
        second = desk.answers.ask("Two?", thread_id)
        plays_talk(lab, "Done.")
        assert desk.settled(stuck).state == "failed"
        answer = desk.settled(second)
        assert (answer.state, answer.text) == ("answered", "Done.")
        assert answer.took_s and answer.took_s > 0.5


# Shutdown and reattaching ----------------------------------------------------------------------------


def test_a_question_outlives_the_process_that_asked_it(lab: Lab, desk: Desk) -> None:
    """A deploy in mid-answer: the run goes on, and whoever opens the conversation next follows it to its end."""
    plays_calculation(lab)
    asked = desk.answers.ask("What is 6 * 7?")
    desk.until(asked, "wait")
    desk.running.close()
    stopped = desk.now(asked)
    assert stopped.state == "failed" and stopped.problem
    assert stopped.problem.code == "stopped"

    with open_desk(lab.emulator) as successor:
        (found,) = successor.answers.conversation(stopped.thread_id).answers
        assert (found.id, found.question, found.is_open) == (asked.id, "What is 6 * 7?", True)
        successor.until(found, "wait")
        answer_by_hand(lab)
        answer = successor.settled(found)

        assert (answer.state, answer.text) == ("answered", "It is 42.")
        assert "function" in [step.kind for step in answer.steps]
        (shown,) = successor.answers.conversation(stopped.thread_id).answers
        assert shown.text == "It is 42."


def test_two_viewers_share_one_watcher(lab: Lab, desk: Desk) -> None:
    """Ten tabs on one open run must not poll ten times."""
    lab.model.answers("Repeat.", lambda _: [Pause(), *say("Theirs.")])
    run = lab.start(lab.agent("Repeat."), "From a script")
    lab.wait_for_pause()
    first, second = (desk.answers.conversation(run.thread_id).answers[0] for _ in range(2))
    assert first.id == second.id
    assert desk.answers.reattach(run.thread_id)[0].id == first.id
    lab.release()
    assert desk.settled(first).text == "Theirs."


def test_watching_a_foreign_run_never_stops_it(lab: Lab) -> None:
    """Looking at somebody's conversation must have no effect, however long their run takes."""
    with open_desk(lab.emulator, answer_deadline_s="1") as desk:
        lab.model.answers("Repeat.", lambda _: [Pause(), *say("Theirs.")])
        run = lab.start(lab.agent("Repeat."), "From a script")
        lab.wait_for_pause()
        answer = desk.settled(desk.answers.conversation(run.thread_id).answers[0])

        assert answer.state == "failed" and answer.problem
        assert "left alone" in answer.problem.detail
        lab.release()
        assert lab.wait(run).status == "completed"


def test_a_question_that_was_never_sent_is_told_as_such_after_a_shutdown(lab: Lab, desk: Desk) -> None:
    """Its thread is what tells, once the process that knew has gone."""
    lab.emulator.fail(Fault("foundry.create_run", status=503, times=100))
    asked = desk.answers.ask("What is 6 * 7?")
    wait_for(lambda: bool(desk.now(asked).thread_id))
    desk.running.close()
    lab.emulator.call(lab.emulator.faults.clear)

    with open_desk(lab.emulator) as successor:
        (shown,) = successor.answers.conversation(successor.answers.thread_of(asked.id)).answers
        assert shown.state == "failed" and shown.problem
        assert shown.problem.code == "unsent"


def test_a_closed_service_takes_no_questions(lab: Lab) -> None:
    with open_desk(lab.emulator) as desk:
        desk.running.close()
        with pytest.raises(Unavailable, match="shutting down"):
            desk.answers.ask("Hello?")


# Local Azure restarts --------------------------------------------------------------------------------


def test_an_answer_survives_a_restart_of_local_azure(state: Path) -> None:
    """Same folder, same port, as the supervisor does it: the stream breaks, the answer arrives by polling."""
    model = ScriptedModel()
    with Emulator(EmulatorSettings(state=state), model=model) as before:
        ports = before.port, before.http_port
        with open_desk(before, breaker_open_s="0.3") as desk, open_lab(before, model) as lab:
            make_queues(desk)
            plays_calculation(lab)
            asked = desk.answers.ask("What is 6 * 7?")
            desk.until(asked, "wait")
            before.stop()
            desk.until_noted(asked, "does not answer")
            with (
                Emulator(EmulatorSettings(state, *ports), model=model) as after,
                open_lab(after, model) as later,
            ):
                answer_by_hand(later)
                answer = desk.settled(asked)
                assert (answer.state, answer.text, answer.notice) == ("answered", "It is 42.", "")
                assert later.left(IN) == []
