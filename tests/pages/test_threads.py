"""The Threads page in every state, on the real runtime; its index reads only when the test says so."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from azure.ai.agents import AgentsClient
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.agents.classic import ClassicBackend
from services.inventory.threads import ThreadIndex
from services.inventory.threads_service import ThreadService
from services.resilience import Limits, Resilience
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, address, words
from ui import threads_table

NASTY = "<script>alert(1)</script> **bold** [x](http://evil) $$a$$ :red[hi]"
OURS = {"relaydeck": "pooled", "environment": "local"}


class Hand:
    """The index's clock, and its reader: settle() reads all that is due."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        running = runtime.current()
        limits = Limits(call_retries=0, breaker_min_calls=20)
        self.client: AgentsClient = running._clients.agents
        self.index = ThreadIndex(
            ClassicBackend(self.client, Resilience("the agent service", limits)),
            {"environment": "local"},
            runtime.now,
            calls_per_min=6_000,
            clock=lambda: self.now_s,
            readers=0,
        )

    def settle(self, seconds: float = 0.0) -> None:
        self.now_s += seconds
        self.index.status()
        while (wait_s := self.index.advance()) < 0.5:
            self.now_s += wait_s

    def thread(self, question: str, **metadata: str) -> str:
        thread = self.client.threads.create(metadata=metadata)
        self.client.messages.create(thread.id, role="user", content=question)
        return thread.id


@pytest.fixture
def hand(control: Control, monkeypatch: pytest.MonkeyPatch) -> Hand:
    """A project without threads and an index that knows nothing yet, in the place of the application's own."""
    running = runtime.current()
    found = Hand()
    for thread in list(found.client.threads.list(limit=100)):
        found.client.threads.delete(thread.id)
    service = ThreadService(
        running.services.backend,
        found.index,
        running.services.actions,
        {"environment": "local"},
        runtime.now,
    )
    monkeypatch.setattr(running, "services", replace(running.services, threads=found.index, thread=service))
    return found


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name.replace("_", "-")] = value
    at.switch_page(str(ROOT / "pages" / "threads.py"))
    at.run()
    assert not at.exception
    return at


def column(at: AppTest, name: str) -> list[object]:
    return list(at.dataframe[0].value[name])


def said(at: AppTest) -> str:
    texts = [element.value for element in [*at.info, *at.toast]]
    return re.sub(r":color\[(.)\]\{\}", r"\1", "\n".join([words(at), *texts]).replace("\\", ""))


# The list ----------------------------------------------------------------------------------------------


def test_before_anything_was_read_the_page_says_that_it_is_reading(hand: Hand) -> None:
    at = opened()

    assert "Reading the list of threads" in said(at)
    assert "no thread in this project" not in said(at)


def test_an_empty_project_is_told_apart_from_an_unread_one(hand: Hand) -> None:
    hand.settle()

    assert "There is no thread in this project yet" in said(opened())


def test_threads_are_listed_with_what_is_known_of_them_and_markup_is_text(hand: Hand) -> None:
    hand.thread(NASTY)
    ours = hand.thread("What?", **OURS, title="What?")
    hand.settle()
    at = opened()
    place = column(at, "Thread").index(ours)

    assert [column(at, "First question")[one] for one in (1 - place, place)] == [NASTY, "What?"]
    assert [column(at, "Whose")[one] for one in (1 - place, place)] == ["of others", "ours"]
    assert column(at, "Status") == [["– Nothing ran"], ["– Nothing ran"]]
    assert "All 2 threads indexed" in said(at)


def test_a_redraw_asks_the_service_for_nothing(hand: Hand, control: Control) -> None:
    """The index reads; pages do not."""
    hand.thread("What?")
    hand.settle()
    at = opened()
    runtime.current().services.health.check_all()
    last = control.last_request()
    at.selectbox(key="threads-widget-sort").set_value("oldest").run()
    at.text_input(key="threads-widget-text").set_value("wh").run()

    asked = [str(one["operation"]) for one in control.requests(last)]
    assert [name for name in asked if name.startswith("foundry.") and "thread" in name] == []


def test_while_it_grows_the_page_says_how_far_it_is(hand: Hand) -> None:
    for number in range(8):
        hand.thread(f"Question {number}")
    hand.index.status()
    for _ in range(6):
        hand.now_s += 1
        hand.index.advance()
    at = opened()

    assert "of about 8 threads, newest first" in said(at)
    assert ["· Not read yet"] in column(at, "Status")
    assert at.dataframe[0].value["Runs"].isna().any()


def test_filters_are_in_the_address_and_a_way_out_of_them_is_offered(hand: Hand) -> None:
    hand.thread("Alpha")
    hand.thread("Beta")
    hand.settle()
    at = opened()
    at.text_input(key="threads-widget-text").set_value("alph").run()

    assert address(at, "threads-text") == "alph"
    assert column(at, "First question") == ["Alpha"]
    at.text_input(key="threads-widget-text").set_value("nothing like it").run()
    assert "0 of 2 threads match" in said(at)
    at.button(key="threads-clear-list").click().run()
    assert address(at, "threads-text") == ""
    assert len(column(at, "First question")) == 2


def test_a_link_shows_the_same_list_and_what_it_cannot_mean_is_told(hand: Hand) -> None:
    for number in range(60):
        hand.client.threads.create(metadata={"title": f"Question {number}", **OURS})
    hand.settle()
    at = opened(threads_page="2", threads_sort="oldest", threads_status="nonsense")

    assert "51 to 60 of 60" in said(at)
    assert len(column(at, "First question")) == 10
    assert "“nonsense” is not a status there is" in said(at)


def test_a_page_past_the_end_is_not_called_empty(hand: Hand) -> None:
    hand.thread("One")
    hand.settle()

    assert "Page 9 is past the last of 1 thread" in said(opened(threads_page="9"))


@pytest.mark.parametrize("status", [403, 429, 503])
def test_a_failure_is_told_and_what_is_known_stays(hand: Hand, control: Control, status: int) -> None:
    hand.thread("Known")
    hand.settle()
    control.fail(operation="foundry.list_threads", status=status, code="Scripted")
    hand.settle(seconds=21)
    at = opened()

    assert f"HTTP {status}" in said(at)
    assert "What is known stays below" in said(at)
    assert column(at, "First question") == ["Known"]
    at.button(key="threads-again").click().run()
    hand.settle()
    at.run()
    assert f"HTTP {status}" not in said(at)


# One thread --------------------------------------------------------------------------------------------


@pytest.fixture
def asked(hand: Hand) -> Callable[[str], str]:
    def ask(question: str) -> str:
        """Return the thread of a question of ours, answered by the real team."""
        answers = runtime.current().services.answers
        answer = answers.finish(answers.ask(question).id, 20)
        assert answer.state == "answered"
        hand.settle(seconds=21)
        return answer.thread_id

    return ask


def test_a_thread_is_opened_from_the_list_by_its_id(hand: Hand, asked: Callable[[str], str]) -> None:
    thread_id = asked("Calculate 3*4")
    at = opened()
    at.session_state[threads_table.OPENING_KEY] = thread_id
    at.run()

    assert address(at, "thread") == thread_id
    assert "Calculate 3" in said(at)
    at.button(key="threads-back").click().run()
    assert address(at, "thread") == ""
    assert thread_id in column(at, "Thread")


def test_the_conversation_stands_beside_its_runs_and_its_child_threads(
    hand: Hand, asked: Callable[[str], str]
) -> None:
    thread_id = asked("Calculate 3*4")
    at = opened(thread=thread_id)
    (link,) = hand.index.get(thread_id).thread.children  # type: ignore[union-attr]  # it was just read

    assert "3*4 = 12" in said(at)
    assert len(at.get("plotly_chart")) == 1
    assert column(at, "State") == [["✓ Answered"]]
    at.button(key=f"threads-to-{link.thread_id}").click().run()
    assert address(at, "thread") == link.thread_id
    assert not at.exception
    at.button(key=f"threads-to-{thread_id}").click().run()
    assert address(at, "thread") == thread_id


def test_a_thread_of_ours_is_deleted_once_that_is_confirmed(hand: Hand) -> None:
    thread_id = hand.thread("What?", **OURS)
    other = hand.thread("Other", **OURS)
    hand.settle()
    at = opened(thread=thread_id)
    at.button(key="threads-delete-sure").click().run()

    assert not at.exception
    assert address(at, "thread") == ""
    assert "was deleted" in said(at)
    assert column(at, "Thread") == [other]
    assert thread_id not in {thread.id for thread in hand.client.threads.list()}


def test_a_foreign_thread_offers_no_way_to_delete_it_and_says_why(hand: Hand) -> None:
    thread_id = hand.thread(NASTY)
    hand.settle()
    at = opened(thread=thread_id)

    assert not [button for button in at.button if button.key == "threads-delete-sure"]
    assert "does not carry Relaydeck's tag" in said(at)
    assert NASTY in said(at)


def test_a_delete_that_is_refused_says_so_and_the_thread_stays_open(hand: Hand, control: Control) -> None:
    thread_id = hand.thread("What?", **OURS)
    hand.settle()
    at = opened(thread=thread_id)
    control.fail(operation="foundry.delete_thread", status=403, code="Forbidden")
    at.button(key="threads-delete-sure").click().run()

    assert "may not do that" in said(at)
    assert address(at, "thread") == thread_id


def test_a_thread_that_goes_while_it_is_shown_is_said_to_be_gone(hand: Hand) -> None:
    thread_id = hand.thread("What?", **OURS)
    hand.settle()
    opened(thread=thread_id)
    hand.client.threads.delete(thread_id)
    at = opened(thread=thread_id)
    at.button(key="threads-delete-sure").click().run()

    assert "was gone already" in said(at)
    assert "does not exist, or no longer" in said(opened(thread=thread_id))


@pytest.mark.parametrize("thread_id", ["thread_nope", "../../assistants", "<b>x</b>"])
def test_an_address_that_leads_nowhere_says_so(hand: Hand, thread_id: str) -> None:
    assert "does not exist, or no longer" in said(opened(thread=thread_id))


def test_both_files_are_made_when_they_are_asked_for(hand: Hand) -> None:
    thread_id = hand.thread(NASTY, **OURS)
    hand.settle()
    at = opened(thread=thread_id)
    at.session_state["threads-export"] = True
    at.run()
    for form, part in (("json", '"relaydeck-thread-1"'), ("html", "&lt;script&gt;")):
        at.button(key=f"threads-export-{form}").click().run()
        name, _, content = at.session_state["threads-file"]
        assert name == f"relaydeck-{thread_id}.{form}"
        assert part in content.decode()


def test_a_thread_that_cannot_be_read_can_be_tried_again(hand: Hand, control: Control) -> None:
    thread_id = hand.thread("What?", **OURS)
    control.fail(operation="foundry.get_thread", status=403, code="Forbidden")
    at = opened(thread=thread_id)

    assert "HTTP 403" in said(at)
    at.button(key="retry-thread").click().run()
    assert "HTTP 403" not in said(at)
