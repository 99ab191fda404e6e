"""Resilience against broken networks: the real SDK clients, a real TLS server that misbehaves as told."""

import time
from datetime import UTC, datetime

import pytest

from services.agents.backend import RunChanged
from services.agents.classic import ClassicBackend
from services.clients import Endpoints, LocalCredential, build_clients
from services.errors import (
    ConfigurationError,
    NotFound,
    ServiceError,
    Throttled,
    Unavailable,
    UnexpectedReply,
)
from services.queues import QueueService
from services.resilience import Limits, Resilience
from services.settings import Settings
from tests.scripted_server import Asked, How, Reply, ScriptedServer, as_json, as_stream
from tests.unit.conftest import Build, Connect, Impatient
from tests.unit.wire_replies import EMPTY_LIST, PAGE, RESET, RUN, THREAD, TRUNCATED, listing


@pytest.mark.parametrize(
    "trouble",
    [RESET, Reply(503), Reply(502, b"<html>"), TRUNCATED, Reply(body=b"{}" * 9, how="reset_after_head")],
    ids=["reset", "503", "502-html", "truncated", "reset-after-head"],
)
def test_a_read_survives(script: ScriptedServer, backend: Build, trouble: Reply) -> None:
    """One bad exchange is nothing that a person should see."""
    script.play(trouble, as_json(THREAD))

    assert backend().get_thread("thread_1").id == "thread_1"
    assert len(script.asked) == 2


@pytest.mark.parametrize(
    "trouble", [RESET, Reply(503), Reply(500), PAGE], ids=["reset", "503", "500", "page"]
)
def test_a_thread_whose_reply_was_lost_is_found_again(
    script: ScriptedServer, backend: Build, trouble: Reply
) -> None:
    """The SDK alone would create a second one on 503 and fail on a reset."""
    script.play(trouble, listing({**THREAD, "id": "other", "metadata": {}}, THREAD))

    assert backend().create_thread({"opid": "op_1"}).id == "thread_1"
    assert [asked.method for asked in script.asked] == ["POST", "GET"]


def test_a_thread_that_was_not_created_is_created_after_all(script: ScriptedServer, backend: Build) -> None:
    """Two looks at the list prove that the first attempt had no effect."""
    script.play(RESET, EMPTY_LIST, EMPTY_LIST, as_json(THREAD))

    assert backend().create_thread({"opid": "op_1"}).id == "thread_1"
    assert [asked.method for asked in script.asked] == ["POST", "GET", "GET", "POST"]


def test_a_run_whose_reply_was_lost_is_followed_by_polling(script: ScriptedServer, backend: Build) -> None:
    """Its stream is gone, the run is not: asking again would answer the question twice."""
    script.play(RESET, listing(RUN))

    (event,) = list(backend().start_run("thread_1", "asst_1", "Hello", {"opid": "op_1"}))

    assert isinstance(event, RunChanged) and event.run.id == "run_1"
    assert [asked.method for asked in script.asked] == ["POST", "GET"]


def test_a_question_that_arrived_without_its_run_is_not_sent_twice(
    script: ScriptedServer, backend: Build
) -> None:
    """The service writes the message first; a second one would stand in the conversation for good."""
    message = {"id": "msg_1", "created_at": 1, "role": "user", "content": [], "metadata": {"opid": "op_1"}}
    looks = [EMPTY_LIST, EMPTY_LIST, listing(message)]  # for the run, twice; then for its message
    script.play(RESET, *looks, as_stream(("thread.run.queued", RUN), ("done", "[DONE]")))

    list(backend().start_run("thread_1", "asst_1", "Hello", {"opid": "op_1"}))

    first, *_, last = script.asked
    assert "additional_messages" in first.document and "additional_messages" not in last.document


@pytest.mark.parametrize(
    "value",
    ["soon", "7;x", "-1", "", "1e9", "Mon, 99 Foo 2026"],
    ids=["word", "list", "negative", "empty", "huge", "date"],
)
def test_a_nonsensical_retry_after_changes_nothing(
    script: ScriptedServer, backend: Build, value: str
) -> None:
    """azure-core raises ValueError on the first two and sleeps 30 years on the last but one."""
    script.play(as_json({}, 429, Retry_After=value), as_json(THREAD))

    assert backend().get_thread("thread_1").id == "thread_1"


def test_a_day_of_retry_after_is_told_at_once(script: ScriptedServer, backend: Build) -> None:
    """Measured: the SDK would sleep it."""
    script.play(as_json({}, 429, Retry_After="86400"))
    began_s = time.monotonic()

    with pytest.raises(Throttled) as caught:
        backend().get_thread("thread_1")

    assert caught.value.retry_after_s == 86_400 and time.monotonic() - began_s < 10


def test_not_found_with_a_retry_after_is_not_repeated(script: ScriptedServer, backend: Build) -> None:
    """azure-core repeats any status that carries the header."""
    script.play(as_json({"error": {"code": "not_found", "message": "No thread."}}, 404, Retry_After="1"))

    with pytest.raises(NotFound):
        backend().get_thread("thread_1")
    assert len(script.asked) == 1


def test_a_redirect_is_not_followed(script: ScriptedServer, backend: Build) -> None:
    """It would carry the question, and with other clients the token, to a host nobody named."""
    script.play(Reply(307, headers={"Location": "https://elsewhere.example/x?sig=GEHEIM"}))

    with pytest.raises(ConfigurationError) as caught:
        backend().get_thread("thread_1")
    assert "elsewhere.example" in caught.value.message and "GEHEIM" not in caught.value.message


def test_a_refused_connection_was_certainly_not_sent() -> None:
    """So even a create may be repeated, without looking anything up."""
    nowhere = Endpoints(
        "https://127.0.0.1:1/api/projects/x", "https://127.0.0.1:1/acct", LocalCredential("x")
    )
    clients = build_clients(Settings(), nowhere)
    backend = ClassicBackend(clients.agents, Resilience("the Agent Service", Limits(call_retries=0)))

    with pytest.raises(Unavailable, match="cannot be reached") as caught:
        backend.create_thread({"opid": "op_1"})
    assert caught.value.sent is False
    clients.close()


@pytest.mark.parametrize("how", ["drip", "hang"])
def test_a_deadline_holds_whatever_the_server_does(script: ScriptedServer, backend: Build, how: How) -> None:
    """A byte every 50 ms keeps every socket timeout happy for ever."""
    script.play(
        Reply(body=b" " * 10_000, how=how, pause_s=0.05, headers={"Content-Type": "application/json"})
    )
    began_s = time.monotonic()

    with pytest.raises(Unavailable, match="not complete in time"):
        backend(call_deadline_s=0.2, call_retries=0).get_thread("thread_1")
    assert 0.2 < time.monotonic() - began_s < 5


def test_silence_is_ended_by_the_read_timeout(script: ScriptedServer, backend: Build) -> None:
    """Long before the deadline."""
    script.play(Reply(how="hang"))

    with pytest.raises(Unavailable, match="no answer came in time") as caught:
        backend(read_timeout_s=0.15, call_retries=0).get_thread("thread_1")
    assert caught.value.sent


@pytest.mark.parametrize(
    "body",
    [b"null", b"[]", b'"text"', b"17", b"", b"{}", b'{"id": 5, "created_at": 1}', b'{"id": "x", "created_at": "noon"}',
     b'{"id": "x", "created_at": 1e300}', b"<html></html>", b'{"id": "\xff"}', b'{"id": "x", "created_at": 1, "metadata": [1]}'],
)  # fmt: skip
def test_a_reply_of_the_wrong_shape_is_never_taken_for_a_thread(
    script: ScriptedServer, backend: Build, body: bytes
) -> None:
    """The SDK gives None, [], or a model without an id for these."""
    script.play(Reply(body=body, headers={"Content-Type": "application/json"}))

    with pytest.raises(UnexpectedReply) as caught:
        backend().get_thread("thread_1")
    assert (caught.value.operation, caught.value.resource) == ("get thread", "thread_1")


@pytest.mark.parametrize("body", [b"{}", b"null", b'{"data": null}', b'{"data": [1]}', b'{"data": {"a": 1}}'])
def test_a_list_of_the_wrong_shape_is_never_taken_for_an_empty_one(
    script: ScriptedServer, backend: Build, body: bytes
) -> None:
    """ "No agents" on a page would be a lie."""
    script.play(Reply(body=body, headers={"Content-Type": "application/json"}))

    with pytest.raises(UnexpectedReply):
        backend().list_agents()


def test_a_server_that_repeats_its_page_cannot_keep_us(script: ScriptedServer, backend: Build) -> None:
    """The SDK asks for pages until last_id is null: for ever, when a server ignores `after`."""
    agent = {"id": "asst_1", "created_at": 1, "metadata": None}
    script.play(as_json({"data": [agent] * 10, "last_id": "asst_1", "has_more": True}))

    assert len(backend().list_agents(25)) == 25
    assert len(script.asked) == 3


def test_a_deletion_must_be_confirmed(script: ScriptedServer, backend: Build) -> None:
    """200 with another body is no deletion; 404 is one."""
    script.play(as_json({"id": "asst_1", "deleted": False}))
    with pytest.raises(UnexpectedReply):
        backend().delete_agent("asst_1")

    script.play(as_json({"error": {}}, 404))
    backend().delete_agent("asst_1")


@pytest.mark.parametrize("thread_id", ["", "../assistants", "a/b", "a?b", "." * 3, "x" * 300, "a b", "a\n"])
def test_what_cannot_be_an_id_is_refused_before_it_is_sent(
    script: ScriptedServer, backend: Build, thread_id: str
) -> None:
    """It comes from the address bar; an empty one would list all threads, or delete nothing in silence."""
    with pytest.raises(ServiceError, match="is not an id"):
        backend().get_thread(thread_id)
    with pytest.raises(ServiceError, match="is not an id"):
        backend().delete_thread(thread_id)
    assert not script.asked


# Queues -------------------------------------------------------------------------------------------


@pytest.fixture
def queues(connect: Connect) -> QueueService:
    resilience = Resilience("Storage", Limits(call_retries=1), Impatient())
    return QueueService(connect().queues, resilience, lambda: datetime.now(UTC))


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"{}", b"<other/>"])
def test_a_page_is_never_taken_for_an_empty_queue(
    script: ScriptedServer, queues: QueueService, body: bytes
) -> None:
    """The SDK makes [] of it, and an operator would believe that nothing waits."""
    script.play(Reply(body=body, headers={"Content-Type": "application/xml"}))

    for call in (lambda: queues.peek("calls"), lambda: queues.list_names(), lambda: queues.depth_of("calls")):
        with pytest.raises(UnexpectedReply):
            call()


def test_storage_repeats_nothing_behind_our_back(script: ScriptedServer, queues: QueueService) -> None:
    """Its SDK repeats every method on any failure, with pauses of 15 seconds and more."""
    script.play(Reply(503))

    with pytest.raises(Unavailable):
        queues.list_names()
    assert len(script.asked) == 2


def test_the_request_id_is_sent_along(script: ScriptedServer, backend: Build) -> None:
    """Both sides can then find the same request in their logs."""

    def reply(asked: Asked) -> Reply:
        return as_json(THREAD, x_ms_request_id=asked.headers["x-ms-client-request-id"])

    script.play(reply)
    assert backend().get_thread("thread_1").id == "thread_1"
