"""Lists read page by page: the cursor, the order, and what has a shape that is not known here."""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from services.agents import shapes
from services.agents.classic import ClassicBackend
from services.errors import InvalidInput, UnexpectedReply
from tests.scripted_server import ScriptedServer, as_json

Build = Callable[..., ClassicBackend]
THREAD = {"object": "thread", "created_at": 1_760_000_000, "metadata": {}}
RUN = {
    "id": "run_1",
    "thread_id": "thread_1",
    "assistant_id": "asst_1",
    "status": "completed",
    "created_at": 1_760_000_000,
}


def listed(*objects: object, more: bool = False) -> object:
    return {"object": "list", "data": list(objects), "first_id": None, "last_id": None, "has_more": more}


def test_a_page_says_where_the_next_one_begins(backend: Build, script: ScriptedServer) -> None:
    script.play(as_json(listed({**THREAD, "id": "a"}, {**THREAD, "id": "b"}, more=True)))
    page = backend().page_threads("z")
    asked = parse_qs(urlsplit(script.asked[-1].target).query)

    assert ([thread.id for thread in page.found], page.after, page.unread) == (["a", "b"], "b", 0)
    assert (asked["after"], asked["order"], asked["limit"]) == (["z"], ["desc"], ["100"])


def test_the_last_page_has_no_next_one(backend: Build, script: ScriptedServer) -> None:
    script.play(as_json(listed({**THREAD, "id": "a"})))
    page = backend().page_threads()

    assert page.after == ""
    assert "after=" not in script.asked[-1].target


def test_what_is_not_understood_is_counted_and_ends_nothing(backend: Build, script: ScriptedServer) -> None:
    """One odd thread among a hundred must not hide the others, nor all that come after them."""
    odd = {"id": 7, "object": "thread", "created_at": None}
    script.play(as_json(listed({**THREAD, "id": "a"}, odd, {"object": "thread"}, more=True)))
    page = backend().page_threads()

    assert ([thread.id for thread in page.found], page.unread, page.after) == (["a"], 2, "7")


def test_messages_and_steps_come_oldest_first(backend: Build, script: ScriptedServer) -> None:
    script.play(as_json(listed()))
    backend().page_messages("thread_1")
    backend().page_steps("thread_1", "run_1")
    backend().page_runs("thread_1")

    orders = [parse_qs(urlsplit(asked.target).query)["order"] for asked in script.asked[-3:]]
    assert orders == [["asc"], ["asc"], ["desc"]]


def test_a_page_that_is_none_is_an_unexpected_reply(backend: Build, script: ScriptedServer) -> None:
    script.play(as_json({"value": []}))
    with pytest.raises(UnexpectedReply):
        backend().page_agents()


@pytest.mark.parametrize("thread_id", ["", "../assistants", "a/b"])
def test_what_is_no_id_reaches_no_address(backend: Build, script: ScriptedServer, thread_id: str) -> None:
    before = len(script.asked)
    with pytest.raises(InvalidInput):
        backend().page_runs(thread_id)
    assert len(script.asked) == before


@pytest.mark.parametrize("name", ["completed_at", "failed_at", "cancelled_at", "incomplete_at"])
def test_a_run_ends_by_whichever_of_its_ends(name: str) -> None:
    found = shapes.run({**RUN, "started_at": 1_760_000_001, name: 1_760_000_009})

    assert found.ended_at == datetime.fromtimestamp(1_760_000_009, UTC)
    assert found.started_at == datetime.fromtimestamp(1_760_000_001, UTC)


def test_an_expired_run_ended_when_it_expired() -> None:
    """The service names no end for it."""
    assert shapes.run(
        {**RUN, "status": "expired", "expires_at": 1_760_000_600}
    ).ended_at == datetime.fromtimestamp(1_760_000_600, UTC)
    assert shapes.run({**RUN, "status": "in_progress", "expires_at": 1_760_000_600}).ended_at is None


def test_times_that_are_only_shown_spoil_no_run() -> None:
    found = shapes.run({**RUN, "started_at": "soon", "expires_at": [], "tools": "none"})

    assert (found.started_at, found.expires_at, found.delegates) == (None, None, False)


def test_a_run_with_connected_agents_may_have_child_threads() -> None:
    assert shapes.run({**RUN, "tools": [{"type": "function"}, {"type": "connected_agent"}]}).delegates
    assert not shapes.run({**RUN, "tools": [{"type": "azure_function"}, None]}).delegates
