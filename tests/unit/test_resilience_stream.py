"""The reading of a run's stream, byte by byte: what the SDK's own parser stumbles over."""

import json

import pytest

from services.agents.backend import Call, RunStep, StepChanged, TextAdded
from services.agents.stream import Frames, Reader
from services.errors import UnexpectedReply

STEP = {
    "id": "step_1",
    "run_id": "run_1",
    "type": "tool_calls",
    "status": "in_progress",
    "step_details": {"type": "tool_calls", "tool_calls": []},
}


def frames(*chunks: bytes) -> list[tuple[str, str]]:
    found = Frames()
    return [event for chunk in chunks for event in found.feed(chunk)] + list(found.end())


def delta(*calls: dict[str, object]) -> str:
    details = {"type": "tool_calls", "tool_calls": list(calls)}
    return json.dumps({"id": "step_1", "delta": {"step_details": details}})


def read(*events: tuple[str, object]) -> list[RunStep]:
    reader = Reader()
    found = [reader.read(name, data if isinstance(data, str) else json.dumps(data)) for name, data in events]
    return [event.step for event in found if isinstance(event, StepChanged)]


@pytest.mark.parametrize(
    "stream",
    [
        b"event: a\ndata: 1\n\nevent: b\ndata: 2\n\n",
        b"event: a\r\ndata: 1\r\n\r\nevent: b\r\ndata: 2\r\n\r\n",
        b"event:a\ndata:1\n\nevent:b\ndata:2",
        b": hello\n\nevent: a\n: within\ndata: 1\n\n: ping\n\nid: 7\nevent: b\ndata: 2\n\n",
        b"data: nameless\n\nevent: a\ndata: 1\n\nevent: empty\n\nevent: b\ndata: 2\n\n",
    ],
    ids=["plain", "crlf", "no-spaces-no-end", "comments", "incomplete-events"],
)
def test_events_are_found_however_they_are_written_and_cut(stream: bytes) -> None:
    """The SDK loses events to CRLF, and raises ValueError at a keep-alive comment or an event without a name."""
    expected = [("a", "1"), ("b", "2")]

    assert frames(stream) == expected
    for size in (1, 2, 3, 7):
        chunks = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert frames(*chunks) == expected, size


def test_an_event_may_span_lines_and_characters_may_span_chunks() -> None:
    """Both are allowed by the standard; the SDK keeps only the last line."""
    raw = "event: a\ndata: grü\ndata: ß\n\n".encode()

    assert frames(raw[:16], raw[16:]) == [("a", "grü\nß")]


def test_a_large_event_in_small_chunks_takes_linear_time() -> None:
    """A tool's output of many kilobytes arrives in TLS records of at most 16 kB, or a byte at a time."""
    body = b"event: a\ndata: " + b"x" * 3_000_000 + b"\n\n"

    (event,) = frames(*(body[start : start + 4096] for start in range(0, len(body), 4096)))

    assert len(event[1]) == 3_000_000


def test_an_event_without_end_is_given_up_on() -> None:
    """Memory is bounded, whatever the other side sends."""
    with pytest.raises(UnexpectedReply, match="no end"):
        frames(*(b"x" * 1_000_000 for _ in range(10)))


def test_a_call_grows_from_event_to_event() -> None:
    """Its name comes first, its arguments in parts, its output last; the SDK has no class for either kind."""
    steps = read(
        ("thread.run.step.created", STEP),
        ("thread.run.step.delta", delta({"index": 0, "id": "call_1", "type": "connected_agent", "connected_agent": {"name": "foo_bot", "arguments": ""}})),
        ("thread.run.step.delta", delta({"index": 0, "type": "connected_agent", "connected_agent": {"arguments": '{"query"'}})),
        ("thread.run.step.delta", delta({"index": 0, "type": "connected_agent", "connected_agent": {"arguments": ': "x"}'}}, {"index": 1, "id": "call_2", "type": "azure_function", "azure_function": {"name": "foo", "arguments": "{}"}})),
        ("thread.run.step.delta", delta({"index": 0, "type": "connected_agent", "connected_agent": {"output": "done", "run_id": "run_2", "thread_id": "thread_2"}})),
    )  # fmt: skip

    assert steps[-1].calls == (
        Call("call_1", "connected_agent", "foo_bot", '{"query": "x"}', "done", "thread_2", "run_2"),
        Call("call_2", "azure_function", "foo", "{}", None),
    )
    assert [step.state for step in steps] == ["in_progress"] * 5


def test_a_step_first_heard_of_in_a_delta_is_kept() -> None:
    """After a reconnect the beginning is missing."""
    (step,) = read(
        (
            "thread.run.step.delta",
            delta({"index": 3, "id": "c", "type": "function", "function": {"name": "f"}}),
        )
    )

    assert step.calls == (Call("c", "function", "f", "", None),)


def test_a_later_event_does_not_forget_the_calls() -> None:
    """`failed` may come with its details left out."""
    call = {
        "index": 0,
        "id": "call_1",
        "type": "azure_function",
        "azure_function": {"name": "foo", "arguments": "{}"},
    }
    failed = {**STEP, "status": "failed", "last_error": {"code": "server_error", "message": "It broke."}}

    step = read(
        ("thread.run.step.created", STEP),
        ("thread.run.step.delta", delta(call)),
        ("thread.run.step.failed", failed),
    )[-1]

    assert (step.state, step.error_message, step.calls[0].name) == ("failed", "It broke.", "foo")


@pytest.mark.parametrize(
    "name", ["thread.created", "done", "thread.run.step.delta.later", "ping", "something.new"]
)
def test_events_that_say_nothing_to_us_are_passed_over(name: str) -> None:
    """A newer service must not break an older dashboard; their data is not even looked at."""
    assert Reader().read(name, "{not json") is None


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": {"value": "a"}}, {"type": "text", "text": {"value": "b"}}], "ab"),
        ([{"type": "image_file", "image_file": {}}], ""),
        ([], ""),
        (None, ""),
    ],
    ids=["two-blocks", "image", "none", "null"],
)
def test_the_text_of_a_delta_is_that_of_its_blocks(content: object, text: str) -> None:
    """Whatever else a message may hold."""
    data = json.dumps({"id": "msg_1", "delta": {"content": content}})

    assert Reader().read("thread.message.delta", data) == TextAdded("msg_1", text)
