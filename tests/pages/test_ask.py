"""The Ask page: what it shows and does in every state a question can be in."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import run
import runtime
from commands.stack import Control
from services.answers.questions import MAX_CHARACTERS
from services.answers.service import AnswerService
from services.errors import ConfigurationError
from services.models import Conversation
from services.settings_source import load_settings
from tests.pages.conftest import Open, address, answer_on, shown, words
from tests.waiting import wait_for
from ui import context, startup

SUM, VALUE = "What is (12.5 + 7) * 3?", "58.5"


def ask(at: AppTest, question: str) -> AppTest:
    at.chat_input(key="question").set_value(question).run()
    assert not at.exception
    return at


def plain(at: AppTest) -> str:
    return words(at).replace("\\", "")


def test_an_empty_page_invites_and_names_where_it_is(open_page: Open) -> None:
    """The first thing a visitor sees: what this is, where it runs, which model, and something to press."""
    at = open_page()

    for told in (
        "Ask a question, watch it travel",
        "Local",
        "Rule-based model, built in",
        f"Relaydeck {run.version()}",
    ):
        assert told in words(at)
    assert [at.button(key=f"example-{place}").label for place in range(3)]


def test_an_example_is_answered_with_the_functions_value(open_page: Open) -> None:
    at = open_page()
    example = next(
        b for b in at.button if b.key and b.key.startswith("example-") and "12.5" in b.label.replace("\\", "")
    )
    example.click().run()
    answer = answer_on(at)

    assert (answer.state, answer.problem) == ("answered", None)
    assert VALUE in plain(at)
    assert address(at, "thread") == answer.thread_id
    for part in ("Model", "Queue wait", "Function", "Delegated to calculator"):
        assert part in words(at)


def test_a_conversation_is_found_again_by_its_address(open_page: Open) -> None:
    """Another visitor, another session: only the thread is shared."""
    first = ask(open_page(), SUM)
    answer_on(first)
    second = open_page(thread=address(first, "thread"))

    assert VALUE in plain(second)
    assert f"thread-{address(first, 'thread')}" in [button.key for button in second.button]


def test_a_failed_answer_is_told_in_words(open_page: Open, control: Control) -> None:
    control.fail(operation="foundry.create_run", status=403, code="PermissionDenied")
    at = ask(open_page(), SUM)
    answer = answer_on(at)

    assert answer.state == "failed"
    assert answer.problem is not None
    for told in (answer.problem.title, answer.problem.next_step, answer.problem.reference):
        assert told in plain(at)
    assert "Traceback" not in plain(at)


def test_a_second_question_waits_for_the_first(open_page: Open, control: Control) -> None:
    control.pace(think_s=0.5)
    at = ask(open_page(), SUM)
    ask(at, "What is 6 * 7?")

    assert "Waiting for its turn: 1 question comes first" in words(at)
    assert answer_on(at).state == "answered"
    assert "42" in plain(at)


def test_a_running_answer_can_be_stopped(open_page: Open, control: Control) -> None:
    control.pace(think_s=60)
    at = ask(open_page(), SUM)
    (answer,) = shown(at)
    at.button(key=f"stop-{answer.id}").click().run()

    assert answer_on(at).state == "cancelled"
    assert "Stopped after" in words(at)
    assert f"stop-{answer.id}" not in [button.key for button in at.button]


def test_a_queued_question_can_be_withdrawn(open_page: Open, control: Control) -> None:
    control.pace(think_s=60)
    at = ask(open_page(), SUM)
    ask(at, "What is 6 * 7?")
    first, second = shown(at)
    at.button(key=f"stop-{second.id}").click().run()

    assert shown(at)[-1].state == "cancelled"
    at.button(key=f"stop-{first.id}").click().run()


def test_asking_again_twice_in_a_hurry_is_one_question(open_page: Open, control: Control) -> None:
    """A double click sends the same press twice; only one run may come of it."""
    at = ask(open_page(), SUM)
    first = answer_on(at)
    control.pace(think_s=0.5)
    for _ in range(2):
        at.button(key=f"again-{first.id}").click().run()

    assert len(shown(at)) == 2
    assert answer_on(at).state == "answered"


def test_a_press_that_is_delivered_twice_asks_once(open_page: Open, control: Control) -> None:
    """Streamlit runs a callback again when another rerun overtakes it; people press Enter twice."""
    control.pace(think_s=0.3)
    at = ask(ask(open_page(), SUM), SUM)

    assert len(shown(at)) == 1
    answer_on(at)


def test_a_reading_that_a_question_overtakes_does_not_hide_it(open_page: Open) -> None:
    """A run that was cut short may still be reading: what it read is of the past, and must not be kept."""
    at = ask(open_page(), SUM)
    thread = answer_on(at).thread_id
    answers = runtime.current().services.answers

    def read_slowly(wanted: str) -> Conversation:
        found = AnswerService.conversation(answers, wanted)
        answers.ask("What is 6 * 7?", wanted)
        context.forget(wanted)
        return found

    context.forget(thread)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "conversation", read_slowly)
        context.conversation(thread)

    assert len(context.conversation(thread).answers) == 2


@pytest.mark.parametrize(
    "thread", ["thread_unknown", "../agents", "x" * 500, "%00"], ids=["unknown", "path", "long", "zero"]
)
def test_an_address_that_leads_nowhere_says_so(open_page: Open, thread: str) -> None:
    at = open_page(thread=thread)

    assert "This conversation does not exist, or no longer" in words(at)
    ask(at, SUM)
    assert answer_on(at).thread_id != thread
    assert VALUE in plain(at)


def test_a_question_that_is_too_long_is_given_back(open_page: Open) -> None:
    """Both numbers are named; that the text is in the box again is seen in the browser tests."""
    text = "lorem ipsum " * 25_000
    at = ask(open_page(), text)

    assert f"{MAX_CHARACTERS:,}" in plain(at)
    assert "300,000" in plain(at)
    assert "Your question is back in the box." in plain(at)


@pytest.mark.parametrize("text", ["   ", "\x00\x07"], ids=["spaces", "control-characters"])
def test_a_question_without_a_word_is_refused(open_page: Open, text: str) -> None:
    at = ask(open_page(), text)

    assert len(at.warning) == 1
    assert "thread" not in at.query_params


def test_markup_in_a_question_is_only_text(open_page: Open) -> None:
    hostile = "![p](https://evil.example/p.png) :material/check: <b>bold</b> $x$ What is 2 + 2?"
    at = ask(open_page(), hostile)
    answer_on(at)

    written = [element.value for element in at.markdown if "evil" in element.value]
    assert written
    assert all("![" not in text.replace("\\!\\[", "") and ":material/check:" not in text for text in written)


def test_when_the_service_is_away_the_page_shows_what_was_read_before(
    open_page: Open, control: Control
) -> None:
    """It says of when that is, and why it is no newer; drawn again, the conversation is the present one."""
    at = ask(open_page(), SUM)
    thread = answer_on(at).thread_id
    context.forget(thread)
    control.fail(operation="foundry.get_thread", status=403, code="PermissionDenied")
    at = open_page(thread=thread)

    assert VALUE in plain(at) and "This conversation is shown as read at" in plain(at)
    at.run()
    assert VALUE in plain(at) and "is shown as read at" not in plain(at)


def test_a_conversation_that_was_never_read_is_read_again_at_a_press(
    open_page: Open, control: Control
) -> None:
    """A sentence and a button, and one press later it is there."""
    thread = answer_on(ask(open_page(), SUM)).thread_id
    st.cache_resource.clear()
    control.fail(operation="foundry.get_thread", status=403, code="PermissionDenied")
    at = open_page(thread=thread)

    assert "open conversation" in plain(at) or "thread" in plain(at)
    at.button(key="retry-conversation").click().run()
    assert VALUE in plain(at)


def test_the_health_of_each_part_is_named(open_page: Open) -> None:
    at = open_page()
    wait_for(lambda: "Function app" in words(at.run()))

    for part in ("Agents", "Queues", "Function app", "Model"):
        assert f":green[:material/check_circle:] {part}" in words(at)


def test_a_wrong_setting_is_shown_with_a_right_one(open_page: Open) -> None:
    """Instead of a page that fails at every press."""
    given = {
        "RELAYDECK_MODE": "azure",
        "PROJECT_ENDPOINT_ENT": "http://example.com",
        "MODEL_DEPLOYMENT_NAME": "gpt-4o",
        "STORAGE_SERVICE_ENDPOINT": "https://account.queue.core.windows.net",
    }
    with pytest.raises(ConfigurationError) as caught:
        load_settings(given)
    startup.failed(caught.value)
    at = open_page()
    startup.failed(None)

    assert "PROJECT_ENDPOINT_ENT" in plain(at)
    assert "PROJECT_ENDPOINT_ENT=https://my-foundry.services.ai.azure.com/api/projects/my-project" in words(
        at
    )
    assert len(at.chat_input) == 0


def test_a_question_that_a_restart_has_cost_is_told(open_page: Open) -> None:
    """Its address names the conversation and the question; the conversation knows of no such question."""
    first = ask(open_page(), SUM)
    answer_on(first)
    at = open_page(thread=address(first, "thread"), answer="ans_of_another_life")

    assert "The last question was not sent" in plain(at)
    assert "ans_of_another_life" in plain(at)
    assert VALUE in plain(at)
    assert "was not sent" not in plain(first)


def test_an_answer_of_another_life_is_found_by_its_own_id(open_page: Open) -> None:
    """The process died before the page could put the conversation into its address."""
    services = runtime.current().services
    marks = {
        "relaydeck": "pooled",
        "environment": "local",
        "title": SUM,
        "relaydeck_answer": "ans_earlier_life",
    }
    thread = services.backend.create_thread(marks)
    at = open_page(answer="ans_earlier_life")

    assert address(at, "thread") == thread.id
    assert "The question was not sent" in plain(at)
