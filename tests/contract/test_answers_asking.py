"""A question on its way: through the real SDKs, over the wire, with the model and the function played by the test."""

import time
from collections.abc import Iterator

import pytest

from services.answers.document import document
from services.answers.events import Began
from services.errors import InvalidInput, NotFound
from services.models import Answer, Step
from tests.contract.agents_support import Lab, Pause, call, calls, say
from tests.contract.answers_support import (
    CALCULATE,
    FOO,
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
        yield desk


def by_kind(answer: Answer, kind: str) -> Step:
    (found,) = [step for step in answer.steps if step.kind == kind]
    return found


def test_a_question_without_a_function_is_answered(lab: Lab, desk: Desk) -> None:
    """The plainest case: text, tokens, stages, and all of the time is the model's."""
    plays_talk(lab, "Good ", "morning.")
    answer = desk.ask("Hello?")

    assert (answer.state, answer.text, answer.problem) == ("answered", "Good morning.", None)
    assert answer.tokens and answer.tokens.total > 0
    assert [step.kind for step in answer.steps] == ["plan", "write"]
    assert answer.parts and answer.parts.certainty == "exact"
    assert (answer.parts.queue_wait_s, answer.parts.function_s) == (0.0, 0.0)
    assert answer.took_s and answer.first_token_s and answer.first_token_s <= answer.took_s


def test_a_known_team_costs_two_requests_an_answer(lab: Lab, desk: Desk) -> None:
    """The floor: one for the thread, one for the run with the question in it. All else is off the critical path."""
    plays_talk(lab, "Hi.")
    desk.running.services.team.orchestrator()
    before = len(lab.emulator.requests())
    desk.ask("Hello?")
    assert desk.answers.drain(5)

    assert operations(lab.emulator)[before:] == [
        "foundry.create_thread",
        "foundry.create_run",
        "foundry.update_run",
    ]


def test_the_five_stages_are_told_with_their_times(lab: Lab, desk: Desk) -> None:
    """Creation, configuration, execution, monitoring, cleanup: the lifecycle that the design names."""
    plays_calculation(lab)
    answer = desk.answers.ask("What is 6 * 7?")
    answer_by_hand(lab)
    desk.settled(answer)
    assert desk.answers.drain(5)

    stages = desk.now(answer).stages
    assert {stage.name for stage in stages} == {
        "creation",
        "configuration",
        "execution",
        "monitoring",
        "cleanup",
    }
    assert all(stage.took_s is not None and not stage.failed for stage in stages)


def test_a_function_call_is_followed_hop_by_hop(lab: Lab, desk: Desk) -> None:
    """Delegation, wait in the queue, function, with what travelled and how sure that is."""
    plays_calculation(lab)
    asked = desk.answers.ask("What is 6 * 7?")
    desk.until(asked, "wait")
    sent = answer_by_hand(lab)
    answer = desk.settled(asked)

    assert (answer.state, answer.text) == ("answered", "It is 42.")
    assert sent["expression"] == "6 * 7"
    delegate, wait, function = (by_kind(answer, kind) for kind in ("delegate", "wait", "function"))
    assert (delegate.name, wait.name, function.name) == ("calculator", "calculate", "calculate")
    assert wait.parent == function.parent == delegate.key
    assert (function.arguments, function.output) == ('{"expression": "6 * 7"}', "42")
    assert len(answer.child_run_ids) == 1
    parts = answer.parts
    assert parts and answer.took_s
    assert None not in (parts.model_s, parts.queue_wait_s, parts.function_s)
    (began,) = [event for event in desk.answers.recorded(asked.id) if isinstance(event, Began)]
    assert sum((parts.model_s or 0, parts.queue_wait_s or 0, parts.function_s or 0)) == pytest.approx(
        answer.took_s - began.at_s  # the wait for a worker belongs to none of the parts
    )


def test_wait_and_function_are_told_apart(lab: Lab, desk: Desk) -> None:
    """The figure the product stands for. Each phase lies within what this test saw of it, however slow the machine."""
    plays_calculation(lab)
    began_s = time.monotonic()
    asked = desk.answers.ask("What is 6 * 7?")
    desk.until(asked, "wait")
    let_pass(0.5)
    sent = lab.sent(IN)
    taken_s = time.monotonic()
    desk.until(asked, "function")
    let_pass(0.3)
    lab.reply(OUT, {"Value": "42", "CorrelationId": sent["CorrelationId"]})
    answer = desk.settled(asked)
    ended_s = time.monotonic()

    assert answer.parts and answer.parts.certainty in ("exact", "strong")
    assert answer.parts.queue_wait_s and answer.parts.function_s
    assert 0.3 <= answer.parts.queue_wait_s <= taken_s - began_s + 0.2
    assert 0.1 <= answer.parts.function_s <= ended_s - taken_s + 0.2
    assert by_kind(answer, "wait").certainty == answer.parts.certainty


def let_pass(seconds: float) -> None:
    """Real time is what these tests measure, so real time passes."""
    due_s = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= due_s)


def test_two_agents_at_once_are_both_followed_and_counted_once(lab: Lab, desk: Desk) -> None:
    """Parallel hops: two waits side by side are not twice the time."""
    both = calls(call("calculator", query="6 * 7"), call("foo_bot", query="What is it?"))
    lab.model.answers(LEAD, lambda request: say("Done.") if request.calls else both)
    lab.model.answers(
        CALCULATE,
        lambda request: say("42") if request.calls else calls(call("calculate", expression="6 * 7")),
    )
    lab.model.answers(
        FOO, lambda request: say("Foo says bar") if request.calls else calls(call("foo", query="What is it?"))
    )
    asked = desk.answers.ask("What is 6 * 7, and what would foo say?")
    answer_by_hand(lab)
    sent = lab.sent("azure-function-foo-input")
    lab.reply("azure-function-foo-output", {"Value": "bar", "CorrelationId": sent["CorrelationId"]})
    answer = desk.settled(asked)

    assert sorted(step.name for step in answer.steps if step.kind == "function") == ["calculate", "foo"]
    assert len(answer.child_run_ids) == 2
    parts = answer.parts
    assert parts and parts.queue_wait_s is not None and parts.function_s is not None
    assert answer.took_s and parts.queue_wait_s + parts.function_s <= answer.took_s
    agents = document(desk.answers.recorded(asked.id))["connected_agents"]
    assert isinstance(agents, list)
    assert {agent["name"]: agent["calls"][0]["output"] for agent in agents} == {
        "calculator": "42",
        "foo_bot": "bar",
    }


def test_watching_stays_within_its_requests(lab: Lab, desk: Desk) -> None:
    """A wait of half a second costs a handful of looks, not hundreds."""
    plays_calculation(lab)
    asked = desk.answers.ask("What is 6 * 7?")
    desk.until(asked, "wait")
    let_pass(0.5)
    looks = operations(lab.emulator)
    answer_by_hand(lab)
    desk.settled(asked)
    assert looks.count("queues.peek_messages") + looks.count("foundry.list_run_steps") < 20


def test_a_reply_of_forty_kilobytes_arrives_whole(lab: Lab, desk: Desk) -> None:
    """The most that a queue message holds, nearly; a page shows it as text."""
    large = "x" * 45_000
    plays_calculation(lab)
    asked = desk.answers.ask("What is 6 * 7?")
    answer_by_hand(lab, large)
    answer = desk.settled(asked)
    assert by_kind(answer, "function").output == large


def test_markup_and_scripts_travel_as_text(lab: Lab, desk: Desk) -> None:
    """Nothing of a question is interpreted, nothing is taken out that can be seen."""
    hostile = "<script>alert(1)</script> ![x](https://evil.example/?d=1) {{7*7}} '; DROP TABLE runs; --"
    plays_talk(lab, "Fine.")
    answer = desk.ask(hostile)

    assert answer.question == hostile
    assert lab.model.requests[-1].conversation[-1].text == hostile


def test_control_characters_are_taken_out_and_that_is_said(lab: Lab, desk: Desk) -> None:
    """They would end up in other people's terminals."""
    plays_talk(lab, "Fine.")
    answer = desk.ask("one\x1b[2J\x00two")
    assert lab.model.requests[-1].conversation[-1].text == "one[2Jtwo"
    assert answer.notice.startswith("2 control characters were removed")


def test_the_longest_question_arrives(lab: Lab, desk: Desk) -> None:
    """256,000 characters are allowed; all of them travel."""
    plays_talk(lab, "Long.")
    answer = desk.ask("word " * 51_200)
    assert (answer.state, len(lab.model.requests[-1].conversation[-1].text)) == ("answered", 256_000)


def test_a_question_too_long_sends_nothing(lab: Lab, desk: Desk) -> None:
    """Nothing half-made stays behind."""
    with pytest.raises(InvalidInput, match="300,000"):
        desk.answers.ask("x" * 300_000)
    assert "foundry.create_thread" not in operations(lab.emulator)


# Threads ---------------------------------------------------------------------------------------------


def test_a_conversation_continues_on_its_thread(lab: Lab, desk: Desk) -> None:
    """The second question sees the first; no second thread appears."""
    plays_talk(lab, "Yes.")
    first = desk.ask("One?")
    second = desk.ask("Two?", thread_id=first.thread_id)

    assert second.thread_id == first.thread_id
    assert [turn.text for turn in lab.model.requests[-1].conversation] == ["One?", "Yes.", "Two?"]
    assert [answer.text for answer in desk.answers.conversation(first.thread_id).answers] == ["Yes.", "Yes."]


def test_a_second_question_on_a_busy_thread_waits_its_turn(lab: Lab, desk: Desk) -> None:
    """Two tabs: neither question is lost, and the second knows that it waits."""
    plays_talk(lab, "Ready.")
    thread_id = desk.ask("Zero?").thread_id
    lab.model.answers(LEAD, lambda _: [Pause(), *say("Done.")])
    first = desk.answers.ask("One?", thread_id)
    lab.wait_for_pause()
    second = desk.answers.ask("Two?", thread_id)
    assert (second.state, second.ahead) == ("queued", 1)

    lab.release()
    assert (desk.settled(first).state, desk.settled(second).state) == ("answered", "answered")
    asked = [answer.question for answer in desk.answers.conversation(thread_id).answers]
    assert asked == ["Zero?", "One?", "Two?"]


def test_the_same_token_asks_once(lab: Lab, desk: Desk) -> None:
    """A double click, or a page that sends again after a lost connection."""
    plays_talk(lab, "Once.")
    first = desk.answers.ask("Hello?", token="click-1")
    second = desk.answers.ask("Hello?", token="click-1")
    desk.settled(first)

    assert first.id == second.id
    assert operations(lab.emulator).count("foundry.create_run") == 1


@pytest.mark.parametrize(
    "thread_id", ["thread_doesnotexist", "../agents", "a b", "x" * 500, "thread_1?x=1"], ids=str
)
def test_an_unknown_thread_is_refused_in_words(desk: Desk, thread_id: str) -> None:
    """What stands in an address bar may be anything; none of it reaches another address of the service."""
    for attempt in (
        lambda: desk.answers.ask("Hello?", thread_id),
        lambda: desk.answers.conversation(thread_id),
    ):
        with pytest.raises(NotFound) as caught:
            attempt()
        assert "There is no conversation" in caught.value.message
        assert "new conversation" in caught.value.hint


def test_a_thread_of_another_program_can_be_read_and_continued(lab: Lab, desk: Desk) -> None:
    """Whoever may use the project may use its threads; recent ones list only what Relaydeck made."""
    lab.model.answers("Repeat.", lambda _: say("Theirs."))
    run = lab.ask(lab.agent("Repeat."), "From a script")
    plays_talk(lab, "Ours.")

    past = desk.answers.conversation(run.thread_id)
    assert [(answer.question, answer.text) for answer in past.answers] == [("From a script", "Theirs.")]
    assert desk.answers.recent_threads() == ()

    assert desk.ask("And now?", thread_id=run.thread_id).text == "Ours."
    assert len(desk.answers.conversation(run.thread_id).answers) == 2


def test_recent_threads_are_named_after_their_first_question(lab: Lab, desk: Desk) -> None:
    """A list of ids would help nobody."""
    plays_talk(lab, "Yes.")
    for question in ("First thing?", "Second\nthing, " + "long " * 60):
        desk.ask(question)
    titles = [thread.title for thread in desk.answers.recent_threads()]
    assert titles[1] == "First thing?"
    assert titles[0].startswith("Second thing, long") and len(titles[0]) <= 120
    assert len(desk.answers.known_threads()) == 2


def test_another_process_shows_what_this_one_measured(lab: Lab, desk: Desk) -> None:
    """The record of an answer is its thread and run: parts, total and tokens come with them."""
    plays_calculation(lab)
    asked = desk.answers.ask("What is 6 * 7?")
    answer_by_hand(lab)
    measured = desk.settled(asked)
    assert desk.answers.drain(5)

    with open_desk(lab.emulator) as other:
        (shown,) = other.answers.conversation(measured.thread_id).answers

    assert (shown.id, shown.text, shown.tokens) == (measured.id, measured.text, measured.tokens)
    assert shown.parts and measured.parts and shown.took_s == pytest.approx(measured.took_s, abs=0.001)
    assert shown.parts.queue_wait_s == pytest.approx(measured.parts.queue_wait_s, abs=0.001)
    assert [step.kind for step in shown.steps] == ["delegate", "function", "write"]
