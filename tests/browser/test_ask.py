"""A question travels end to end, in the browser: the whole product, nothing replaced."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Dialog, Page, WebSocket, expect

from commands.stack import Stack, dashboard

pytestmark = pytest.mark.browser
ANSWERED = re.compile(r"Answered in \d")
SUM, SUM_VALUE = "What is (12.5 + 7) * 3?", "58.5"


def ask(tab: Page, question: str) -> None:
    box = tab.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    box.press("Enter")


def open_ask(tab: Page, address: str = "/") -> None:
    tab.goto(address)
    expect(tab.get_by_test_id("stChatInputTextArea")).to_be_enabled()


def test_a_question_comes_back_with_what_the_function_returned(tab: Page) -> None:
    """Orchestrator, connected agent, both queues, function and back: the value can only come from the function."""
    open_ask(tab)
    tab.get_by_test_id("stMain").get_by_role("button", name="What is (12.5").click()

    expect(tab.get_by_text(ANSWERED)).to_be_visible()
    expect(tab.get_by_test_id("stChatMessage").last).to_contain_text(SUM_VALUE)
    for step in ("Delegated to calculator", "Waiting in the queue", "Function ran"):
        expect(tab.get_by_text(step)).to_be_visible()
    for part in ("Model", "Queue wait", "Function"):
        expect(
            tab.locator(".stMarkdownBadge").filter(has_text=re.compile(f"{part} <?[\\d.]+ s"))
        ).to_be_visible()
    expect(tab).to_have_url(re.compile(r"/\?thread=thread_\w+$"))


def test_an_answer_survives_a_reload_in_its_middle(tab: Page, stack: Stack) -> None:
    """The page only watches; the work is the service's."""
    stack.control.pace(think_s=1.0, token_s=0.02)
    open_ask(tab)
    ask(tab, SUM)
    expect(tab).to_have_url(re.compile("thread="))
    tab.reload()

    expect(tab.get_by_text("Working on it")).to_be_visible()
    expect(tab.get_by_text(ANSWERED)).to_be_visible()
    expect(tab.get_by_test_id("stChatMessage")).to_have_count(2)
    expect(tab.get_by_test_id("stChatMessage").last).to_contain_text(SUM_VALUE)


def test_an_answer_is_there_after_its_tab_was_closed(visit: BrowserContext, stack: Stack) -> None:
    """The person leaves in mid-answer and comes back by the link in the history."""
    stack.control.pace(think_s=0.6)
    first = visit.new_page()
    open_ask(first)
    ask(first, SUM)
    expect(first).to_have_url(re.compile("thread="))
    address = first.url
    first.close()
    later = visit.new_page()
    later.goto(address)

    expect(later.get_by_text(ANSWERED)).to_be_visible()
    expect(later.get_by_test_id("stChatMessage").last).to_contain_text(SUM_VALUE)


def test_two_tabs_watch_the_same_answer(visit: BrowserContext, stack: Stack) -> None:
    stack.control.pace(think_s=1.0)
    first, second = visit.new_page(), visit.new_page()
    open_ask(first)
    ask(first, SUM)
    expect(first).to_have_url(re.compile("thread="))
    second.goto(first.url)

    expect(second.get_by_text("Working on it")).to_be_visible()
    for tab in (first, second):
        expect(tab.get_by_text(ANSWERED)).to_be_visible()
        expect(tab.get_by_test_id("stChatMessage").last).to_contain_text(SUM_VALUE)


def test_a_second_question_waits_its_turn(tab: Page, stack: Stack) -> None:
    """The service refuses a message while a run is active; the person must not notice."""
    stack.control.pace(think_s=0.8)
    open_ask(tab)
    ask(tab, SUM)
    expect(tab.get_by_text("Working on it")).to_be_visible()
    ask(tab, "What is 6 * 7?")

    expect(tab.get_by_text("Waiting for its turn: 1 question comes first")).to_be_visible()
    expect(tab.get_by_text(ANSWERED)).to_have_count(2)
    expect(tab.get_by_test_id("stChatMessage").nth(3)).to_contain_text("42")


def test_an_answer_can_be_asked_for_again(tab: Page) -> None:
    """The button stands in a fragment; what it begins must appear outside of it. A double click is one press."""
    open_ask(tab)
    ask(tab, SUM)
    tab.get_by_role("button", name="Ask again").dblclick()

    expect(tab.get_by_text(ANSWERED)).to_have_count(2)
    expect(tab.get_by_test_id("stChatMessage")).to_have_count(4)


def test_an_answer_can_be_stopped(tab: Page, stack: Stack) -> None:
    stack.control.pace(think_s=30.0)
    open_ask(tab)
    ask(tab, SUM)
    tab.get_by_role("button", name="Stop").click()

    expect(tab.get_by_text("Stopped after")).to_be_visible()
    expect(tab.get_by_role("button", name="Stop")).to_have_count(0)


def test_a_link_opens_its_conversation_on_a_server_that_just_started(
    tab: Page, stack: Stack, tmp_path: Path
) -> None:
    """The first visitor of a fresh process, by a link: nothing but the thread itself knows the answer."""
    open_ask(tab)
    ask(tab, SUM)
    expect(tab.get_by_text(ANSWERED)).to_be_visible()
    query = tab.url.partition("?")[2]
    state = stack.log.parent.parent
    with dashboard(state, log_name=f"dashboard-{tmp_path.name}.log") as (url, _):
        tab.goto(f"{url}/?{query}")

        expect(tab.get_by_text(re.compile("Answered"))).to_be_visible()
        expect(tab.get_by_test_id("stChatMessage").first).to_contain_text(SUM)
        expect(tab.get_by_test_id("stChatMessage").last).to_contain_text(SUM_VALUE)


def test_an_unknown_conversation_says_so_and_a_new_one_can_begin(tab: Page) -> None:
    open_ask(tab, "/?thread=thread_of_somebody_else")

    expect(tab.get_by_text("This conversation does not exist, or no longer")).to_be_visible()
    ask(tab, SUM)
    expect(tab.get_by_text(ANSWERED)).to_be_visible()


def test_a_question_that_is_too_long_comes_back_into_the_box(tab: Page) -> None:
    """300,000 characters that somebody pasted are not thrown away."""
    text = "lorem ipsum " * 25_000
    open_ask(tab)
    ask(tab, text)

    expect(tab.get_by_text("Your question is back in the box.")).to_be_visible()
    expect(tab.get_by_test_id("stChatInputTextArea")).to_have_value(text)


def test_a_page_at_rest_sends_nothing(tab: Page) -> None:
    """A timer that outlives its answer costs every viewer's server for as long as the tab is open."""
    sent: list[str | bytes] = []

    def count(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(frame))

    tab.on("websocket", count)
    open_ask(tab)
    ask(tab, SUM)
    expect(tab.get_by_text(ANSWERED)).to_be_visible()
    expect(tab.get_by_role("button", name="Ask again")).to_be_visible()
    tab.wait_for_timeout(1_000)  # the last redraw's own messages
    before = len(sent)
    tab.wait_for_timeout(2_000)  # nothing to wait for: the point is that nothing happens

    assert len(sent) == before


def test_hostile_markup_is_text(tab: Page) -> None:
    """A question can be as hostile as an answer; nothing in it is fetched, run or drawn (the fixture checks hosts)."""
    hostile = (
        "![p](https://evil.example/p.png) <img src=https://evil.example/i.png onerror=alert(1)> "
        ":material/check: $\\href{https://evil.example}{x}$ [click](javascript:alert(1))"
    )
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    tab.on("dialog", note)
    open_ask(tab)
    ask(tab, hostile)

    question = tab.get_by_test_id("stChatMessage").first
    expect(question).to_contain_text("![p](https://evil.example/p.png)")
    expect(question).to_contain_text(":material/check:")
    expect(tab.get_by_text(re.compile("Answered in|Failed"))).to_be_visible()
    assert tab.get_by_test_id("stChatMessage").locator("img[src*=evil]").count() == 0
    assert dialogs == []
