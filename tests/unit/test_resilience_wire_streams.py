"""Streams against broken networks: the real SDK client, a real TLS server that misbehaves as told."""

import threading

import pytest

from services.agents.backend import RunChanged, TextAdded
from services.agents.classic import ClassicBackend
from services.errors import Unavailable, UnexpectedReply
from services.resilience import Resilience
from tests.scripted_server import Reply, ScriptedServer, as_json, as_stream
from tests.unit.conftest import Build, Connect
from tests.unit.wire_replies import EMPTY_LIST, PAGE, RUN, THREAD


def stream(backend: ClassicBackend) -> list[object]:
    return list(backend.start_run("thread_1", "asst_1", "Hello", {"opid": "op_1"}))


DELTA = {"id": "msg_1", "delta": {"content": [{"index": 0, "type": "text", "text": {"value": "Hel"}}]}}
DONE = {**RUN, "status": "completed"}


def test_a_stream_is_read_as_it_comes(script: ScriptedServer, backend: Build) -> None:
    """And its connection serves the next call: a TLS handshake costs more than the whole answer."""
    script.play(
        as_stream(
            ("thread.run.created", RUN),
            ("thread.message.delta", DELTA),
            ("thread.run.completed", DONE),
            ("done", "[DONE]"),
        )
    )
    built = backend()

    for _ in range(3):
        first, text, last = stream(built)
        assert isinstance(first, RunChanged) and isinstance(last, RunChanged)
        assert text == TextAdded("msg_1", "Hel") and last.run.state == "completed"
    assert script.connections == 1


def test_a_stream_that_ends_early_just_ends(script: ScriptedServer, backend: Build) -> None:
    """Some servers close it while a function works: the caller looks at the last state and polls."""
    waiting = {**RUN, "status": "requires_action"}
    script.play(as_stream(("thread.run.requires_action", waiting), ("done", "[DONE]")))

    (event,) = stream(backend())
    assert isinstance(event, RunChanged) and event.run.state == "requires_action"


@pytest.mark.parametrize(
    "reply",
    [
        as_stream(("thread.run.queued", RUN), how="truncate"),
        as_stream(("thread.run.queued", RUN), ("error", {"code": "server_error", "message": "Sorry."})),
        as_stream(("thread.run.queued", RUN), ("error", "plain words")),
        as_stream(("thread.run.queued", RUN), ("thread.run.completed", "{not json")),
        as_stream(("thread.run.queued", RUN), ("thread.run.completed", {"id": "run_1"})),
    ],
    ids=["cut-off", "error-event", "error-text", "not-json", "shape"],
)
def test_a_stream_that_breaks_raises_after_what_it_said(
    script: ScriptedServer, backend: Build, reply: Reply
) -> None:
    """One kind of error, so that the caller has one way on: polling."""
    script.play(reply)
    seen: list[object] = []

    with pytest.raises(Unavailable) as caught:
        seen.extend(backend().start_run("thread_1", "asst_1", "Hello", {"opid": "op_1"}))
    assert caught.value.operation == "follow the run" and len(seen) == 1


def test_silence_in_a_stream_ends_it(script: ScriptedServer, connect: Connect) -> None:
    """Half-open connections happen whenever a laptop sleeps."""
    script.play(as_stream(("thread.run.queued", RUN), how="endless"))
    backend = ClassicBackend(connect().agents, Resilience("x"), stream_silence_s=0.15)

    with pytest.raises(Unavailable, match="no answer came in time"):
        stream(backend)


def test_another_thread_can_cut_a_stream(script: ScriptedServer, backend: Build) -> None:
    """Stop must work while nothing arrives; closing the socket alone would leave the reader waiting."""
    script.play(as_stream(("thread.run.queued", RUN), how="endless"))
    running = backend().start_run("thread_1", "asst_1", "Hello", {"opid": "op_1"})
    seen: list[object] = []
    first = threading.Event()

    def read() -> None:
        for event in running:
            seen.append(event)
            first.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert first.wait(5)
    running.close()
    reader.join(1)

    assert not reader.is_alive() and len(seen) == 1


def test_closing_a_stream_that_ended_leaves_its_connection_alone(
    script: ScriptedServer, backend: Build
) -> None:
    """By then it belongs to somebody else's call."""
    script.play(as_stream(("thread.run.completed", DONE), ("done", "[DONE]")), as_json(THREAD))
    built = backend()
    running = built.start_run("thread_1", "asst_1", "Hello", {"opid": "op_1"})
    list(running)
    running.close()

    built.get_thread("thread_1")
    assert script.connections == 1


def test_a_page_in_place_of_a_stream_is_an_unexpected_reply(script: ScriptedServer, backend: Build) -> None:
    """And the run is looked for first."""
    script.play(PAGE, EMPTY_LIST, EMPTY_LIST)

    with pytest.raises(UnexpectedReply):
        stream(backend())


def test_a_server_that_does_not_stream_is_polled(script: ScriptedServer, backend: Build) -> None:
    """It answers with the run itself."""
    script.play(as_json(RUN))

    (event,) = stream(backend())
    assert isinstance(event, RunChanged) and event.run.state == "queued"
