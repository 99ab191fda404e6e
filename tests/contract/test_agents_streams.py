"""Streamed runs: the events, their order, and what the SDK's handler makes of them."""

from typing import Any

from azure.ai.agents.models import (
    AgentEventHandler,
    AgentThreadCreationOptions,
    FunctionTool,
    MessageDeltaChunk,
    RunStep,
    RunStepDeltaChunk,
    ThreadMessage,
    ThreadMessageOptions,
    ThreadRun,
)

from emulator.model import ModelError, TextPiece
from tests.contract.agents_support import Lab, Pause, call, calls, say

ANSWERED = [
    "thread.run.created",
    "thread.run.queued",
    "thread.run.in_progress",
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.message.created",
    "thread.message.in_progress",
    "thread.message.delta",
    "thread.message.delta",
    "thread.message.completed",
    "thread.run.step.completed",
    "thread.run.completed",
    "done",
]


class Listener(AgentEventHandler):  # type: ignore[type-arg]  # what its methods return is not used
    """Writes down what it hears. The SDK swallows exceptions of handlers, so it only notes."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.heard: list[str] = []
        self.errors: list[Any] = []

    def on_message_delta(self, delta: MessageDeltaChunk) -> None:
        self.text += delta.text

    def on_thread_message(self, message: ThreadMessage) -> None:
        self.heard.append(f"message {message['status']}")

    def on_thread_run(self, run: ThreadRun) -> None:
        self.heard.append(f"run {run['status']}")

    def on_run_step(self, step: RunStep) -> None:
        self.heard.append(f"{step['type']} {step['status']}")

    def on_run_step_delta(self, delta: RunStepDeltaChunk) -> None:
        self.heard.append("step delta")

    def on_error(self, data: str) -> None:
        self.errors.append(data)

    def on_done(self) -> None:
        self.heard.append("done")

    def on_unhandled_event(self, event_type: str, event_data: str) -> None:
        self.errors.append((event_type, event_data))


def test_the_events_of_an_answer_come_in_the_recorded_order(lab: Lab) -> None:
    """The order was recorded from the real service; clients build their state from it."""
    agent, thread = lab.agent(), lab.thread("Hello")

    with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
        events = [(str(name), data) for name, data, _ in stream]

    assert [name for name, _ in events] == ANSWERED
    run = dict(events)["thread.run.completed"]
    message = dict(events)["thread.message.completed"]
    assert isinstance(run, ThreadRun)
    assert isinstance(message, ThreadMessage)
    assert (run.agent_id, run.status, run["usage"]["total_tokens"]) == (agent.id, "completed", 120)
    assert (message.content[0]["text"]["value"], message.run_id) == ("You said: Hello", run.id)


def test_a_handler_hears_the_text_in_pieces(lab: Lab) -> None:
    """What the streaming sample prints."""
    agent, thread = lab.agent(), lab.thread("Hello")
    lab.model.plays("Repeat.", say("One ", "two ", "three"))

    with lab.client.runs.stream(thread.id, agent_id=agent.id, event_handler=Listener()) as stream:
        stream.until_done()
        listener = stream

    assert isinstance(listener, Listener)
    assert listener.text == "One two three"
    assert listener.errors == []
    assert listener.heard == [
        "run queued",
        "run queued",
        "run in_progress",
        "message_creation in_progress",
        "message_creation in_progress",
        "message in_progress",
        "message in_progress",
        "message completed",
        "message_creation completed",
        "run completed",
        "done",
    ]


def test_the_first_piece_arrives_before_the_last_is_thought_of(lab: Lab) -> None:
    """Text is shown as it comes, not when all of it is there."""
    lab.model.plays("Slow.", [TextPiece("First"), Pause(), *say(" last")])
    agent, thread = lab.agent("Slow."), lab.thread("Hello")
    seen: list[str] = []

    with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
        for _, data, _ in stream:
            if isinstance(data, MessageDeltaChunk):
                seen.append(data.text)
                lab.release()

    assert seen == ["First", " last"]


def test_a_stream_from_nothing_tells_of_the_thread_first(lab: Lab) -> None:
    """Thread and run in one request: the thread's id is the first thing to know."""
    frames = _stream_new(lab, lab.agent().id).content.decode().strip().split("\n\n")

    assert frames[0].startswith('event: thread.created\ndata: {"id":"thread_')
    assert frames[1].startswith("event: thread.run.created\n")
    assert frames[-1] == "event: done\ndata: [DONE]"


def _stream_new(lab: Lab, agent_id: str) -> Any:
    body = AgentThreadCreationOptions(messages=[ThreadMessageOptions(role="user", content="Hi")]).as_dict()
    return lab.send(
        "POST",
        f"{lab.emulator.project_endpoint}/threads/runs",
        json={"assistant_id": agent_id, "thread": body, "stream": True},
    )


def test_frames_are_what_the_parser_needs(lab: Lab) -> None:
    """LF only, no comment, a name and one line of data in every frame."""
    lab.model.plays("Repeat.", say("line\r\nend\n\nevent: done"))
    reply = _stream_new(lab, lab.agent().id)

    assert reply.headers["content-type"].startswith("text/event-stream")
    assert b"\r" not in reply.content
    for frame in reply.content.decode().removesuffix("\n\n").split("\n\n"):
        name, data = frame.split("\n")
        assert name.startswith("event: ")
        assert data.startswith("data: ")


def test_a_failing_run_ends_its_stream_with_the_reason(lab: Lab) -> None:
    """The failure arrives as an event, then done: the stream itself did not break."""
    lab.model.plays("Fail.", [TextPiece("Well"), ModelError("server_error", "Overloaded.")])
    agent, thread = lab.agent("Fail."), lab.thread("Hello")

    with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
        events = [(str(name), data) for name, data, _ in stream]

    assert [name for name, _ in events][-4:] == [
        "thread.message.incomplete",
        "thread.run.step.failed",
        "thread.run.failed",
        "done",
    ]
    assert events[-2][1]["last_error"] == {"code": "server_error", "message": "Overloaded."}


def test_a_cancelled_run_ends_its_stream(lab: Lab) -> None:
    """Whoever watches sees the cancel that somebody else asked for."""
    lab.model.plays("Slow.", [TextPiece("So"), Pause(), *say("never")])
    agent, thread = lab.agent("Slow."), lab.thread("Hello")
    names: list[str] = []

    with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
        for name, _, _ in stream:
            names.append(str(name))
            if name == "thread.message.delta":
                (run,) = lab.client.runs.list(thread.id)
                lab.client.runs.cancel(thread.id, run.id)

    assert names[-5:] == [
        "thread.run.cancelling",
        "thread.message.incomplete",
        "thread.run.step.cancelled",
        "thread.run.cancelled",
        "done",
    ]


def test_an_expired_run_ends_its_stream(lab: Lab) -> None:
    """A stream never outlives its run."""
    lab.model.plays("Slow.", [Pause(), *say("never")])
    agent, thread = lab.agent("Slow."), lab.thread("Hello")
    names: list[str] = []

    with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
        for name, _, _ in stream:
            names.append(str(name))
            if name == "thread.run.in_progress":
                lab.emulator.advance(601)

    assert names[-2:] == ["thread.run.expired", "done"]


def test_a_run_goes_on_when_its_listener_leaves(lab: Lab) -> None:
    """A closed laptop does not take the answer along."""
    lab.model.plays("Slow.", [TextPiece("So"), Pause(), *say(" be it")])
    agent, thread = lab.agent("Slow."), lab.thread("Hello")

    with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
        next(iter(stream))
    lab.release()

    (run,) = lab.client.runs.list(thread.id)
    assert lab.wait(run).status == "completed"
    assert lab.answer(run) == "So be it"


def weather(place: str) -> str:
    """Say what the weather is.

    :param place: Where.
    """
    return f"Sun in {place}"


def test_functions_run_in_the_middle_of_a_stream(lab: Lab) -> None:
    """The SDK runs the function and chains the second stream to the first; done is seen twice."""
    functions = FunctionTool({weather})
    lab.client.enable_auto_function_calls({weather})
    lab.model.plays("Ask.", calls(call("weather", place="Rome")), say("It is sunny"))
    agent = lab.agent("Ask.", tools=functions.definitions)
    thread = lab.thread("Weather?")

    with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
        events = [(str(name), data) for name, data, _ in stream]

    assert [name for name, _ in events] == [
        "thread.run.created",
        "thread.run.queued",
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.run.step.delta",
        "thread.run.step.delta",
        "thread.run.requires_action",
        "done",
        "thread.run.step.completed",
        *ANSWERED[1:8],
        *ANSWERED[9:],
    ]
    created, opening, arguments = (events[index][1] for index in (3, 5, 6))
    assert created["step_details"] == {"type": "tool_calls", "tool_calls": []}
    (first,), (second,) = (delta["delta"]["step_details"]["tool_calls"] for delta in (opening, arguments))
    assert first == {
        "index": 0,
        "id": first["id"],
        "type": "function",
        "function": {"name": "weather", "arguments": "", "output": None},
    }
    assert second == {
        "index": 0,
        "type": "function",
        "function": {"arguments": '{"place": "Rome"}'},
    }
