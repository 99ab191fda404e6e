"""ThreadService against Local Azure: one thread read whole, exported, deleted; nothing foreign is ever deleted."""

import json
from html.parser import HTMLParser

import pytest

from services.errors import AccessDenied, Conflict, InvalidInput, NotFound
from services.inventory.threads_export import as_html, as_json
from services.inventory.threads_service import WHOLE, Extent
from tests.contract.agents_support import Lab, Pause, call, calls, connected, say
from tests.contract.seam_support import Seam
from tests.contract.threads_support import OURS, Desk

NASTY = "<script>alert('x')</script><img src=http://evil/x onerror=a()> \u202eabc & \"quoted\" {braces}"


@pytest.fixture
def desk(lab: Lab, seam: Seam) -> Desk:
    return Desk(lab, seam)


class Tags(HTMLParser):
    """Collects what a browser would see as elements, their attributes, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def exists(lab: Lab, thread_id: str) -> bool:
    return thread_id in {thread.id for thread in lab.client.threads.list()}


# Reading -----------------------------------------------------------------------------------------------


def test_a_thread_is_read_with_its_messages_runs_and_steps(desk: Desk, lab: Lab) -> None:
    lab.model.plays("Delegate.", calls(call("stock_bot", query="MSFT?")), say("It is $350."))
    lab.model.plays("Stocks.", say("$350"))
    main = lab.agent("Delegate.", tools=[connected(lab.agent("Stocks."), "stock_bot", "About stocks.")])
    desk.settle()
    thread_id = desk.ours("How is MSFT?", main.id)
    detail = desk.service.read(thread_id)

    assert (detail.ours, detail.title, detail.complete, detail.is_open) == (True, "How is MSFT?", True, False)
    assert [message.text for message in detail.messages] == ["How is MSFT?", "It is $350."]
    (one,) = detail.runs
    assert one.steps is not None
    assert [step.kind for step in one.steps] == ["calls", "message"]
    assert one.steps[0].calls[0].child_thread_id


def test_what_is_left_out_is_said(desk: Desk, lab: Lab) -> None:
    thread = lab.thread(*(f"Message {number}" for number in range(101)))
    detail = desk.service.read(thread.id, Extent(pages=1, steps=0))

    assert (len(detail.messages), detail.complete) == (100, False)


def test_a_thread_that_is_gone_leaves_the_index_too(desk: Desk, lab: Lab) -> None:
    thread = lab.thread("Question")
    desk.settle()
    lab.client.threads.delete(thread.id)

    with pytest.raises(NotFound):
        desk.service.read(thread.id)
    assert desk.ids() == []


def test_steps_that_cannot_be_read_are_not_known_and_hide_nothing_else(desk: Desk, lab: Lab) -> None:
    thread_id = desk.ours("What?", lab.agent().id)
    desk.fail("list_run_steps", status=403, code="Forbidden")
    detail = desk.service.read(thread_id)

    assert [one.steps for one in detail.runs] == [None]
    assert len(detail.messages) == 2


# Export ------------------------------------------------------------------------------------------------


def test_the_page_shows_markup_as_it_was_written_and_asks_for_nothing(desk: Desk, lab: Lab) -> None:
    """It is opened from a disk, perhaps by somebody with more rights than who wrote the question."""
    thread_id = desk.ours(NASTY, lab.agent().id)
    page = as_html(desk.service.read(thread_id, WHOLE)).decode()
    seen = Tags()
    seen.feed(page)

    assert not seen.tags & {"script", "img", "a", "link", "iframe", "form", "object", "base"}
    assert seen.attributes <= {"lang", "charset", "http-equiv", "content", "name", "class"}
    assert "<script>alert('x')</script>" in seen.text
    assert "\u202e" not in page
    assert "default-src 'none'" in page


def test_the_json_holds_everything_that_was_read(desk: Desk, lab: Lab) -> None:
    thread_id = desk.ours("What?", lab.agent().id)
    found = json.loads(as_json(desk.service.read(thread_id, WHOLE)))

    assert found["format"] == "relaydeck-thread-1"
    assert found["thread"]["id"] == thread_id
    assert [message["text"] for message in found["messages"]] == ["What?", "You said: What?"]
    assert found["runs"][0]["state"] == "completed"
    assert found["runs"][0]["steps"][0]["kind"] == "message"
    assert found["complete"] is True


def test_an_empty_thread_is_exported_as_one(desk: Desk, lab: Lab) -> None:
    thread = lab.client.threads.create()
    page = as_html(desk.service.read(thread.id, WHOLE)).decode()

    assert "It holds no message." in page
    assert "Nothing has run in it." in page


# Deleting ----------------------------------------------------------------------------------------------


def test_a_thread_of_ours_is_deleted_and_that_is_told(desk: Desk, lab: Lab) -> None:
    thread_id = desk.ours("What?", lab.agent().id)
    desk.settle()

    assert desk.service.delete(thread_id) == "deleted"
    assert not exists(lab, thread_id)
    assert desk.ids() == []
    assert desk.told == [("delete thread", thread_id, "done")]


@pytest.mark.parametrize(
    "tags",
    [{}, {"relaydeck": "pooled", "environment": "prod"}, {"environment": "local"}],
    ids=["untagged", "other-environment", "half-tagged"],
)
def test_a_thread_that_is_not_ours_stays(desk: Desk, lab: Lab, tags: dict[str, str]) -> None:
    thread = lab.client.threads.create(metadata=tags)

    with pytest.raises(InvalidInput, match="does not carry Relaydeck's tag"):
        desk.service.delete(thread.id)
    assert exists(lab, thread.id)
    assert desk.told == [("delete thread", thread.id, "InvalidInput")]


def test_for_a_child_thread_the_refusal_names_whose_it_is(desk: Desk, lab: Lab) -> None:
    lab.model.plays("Delegate.", calls(call("stock_bot", query="MSFT?")), say("It is $350."))
    lab.model.plays("Stocks.", say("$350"))
    main = lab.agent("Delegate.", tools=[connected(lab.agent("Stocks."), "stock_bot", "About stocks.")])
    parent = desk.ours("How is MSFT?", main.id)
    desk.settle()
    (link,) = desk.rows()[parent].thread.children

    with pytest.raises(InvalidInput) as caught:
        desk.service.delete(link.thread_id)
    assert parent in caught.value.hint
    assert exists(lab, link.thread_id)


def test_a_thread_in_which_something_runs_stays(desk: Desk, lab: Lab) -> None:
    """Deleting it would end an answer that somebody waits for."""
    lab.model.plays("Think.", [Pause(), *say("done")])
    thread = lab.client.threads.create(metadata=OURS)
    run = lab.client.runs.create(thread.id, agent_id=lab.agent("Think.").id)
    lab.wait_for_pause()

    with pytest.raises(Conflict, match=r"is still in_progress"):
        desk.service.delete(thread.id)
    lab.release()
    lab.wait(run)
    assert desk.service.delete(thread.id) == "deleted"


def test_deleting_what_is_gone_is_done(desk: Desk) -> None:
    assert desk.service.delete("thread_gone") == "gone"


def test_a_delete_whose_reply_was_lost_is_done(desk: Desk, lab: Lab) -> None:
    thread = lab.client.threads.create(metadata=OURS)
    desk.fail("delete_thread", status=500, when="after")

    assert desk.service.delete(thread.id) == "deleted"
    assert not exists(lab, thread.id)


def test_a_delete_that_is_slowed_down_is_repeated(desk: Desk, lab: Lab) -> None:
    thread = lab.client.threads.create(metadata=OURS)
    desk.fail("delete_thread", status=429, code="too_many_requests")

    assert desk.service.delete(thread.id) == "deleted"


def test_a_delete_that_is_refused_says_so_and_the_thread_stays_listed(desk: Desk, lab: Lab) -> None:
    thread = lab.client.threads.create(metadata=OURS)
    desk.settle()
    desk.fail("delete_thread", status=403, code="Forbidden")

    with pytest.raises(AccessDenied):
        desk.service.delete(thread.id)
    assert desk.ids() == [thread.id]
    assert desk.told == [("delete thread", thread.id, "AccessDenied")]
