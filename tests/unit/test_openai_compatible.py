"""OpenAICompatibleModel against a server that speaks chat completions: real HTTP, the real openai package."""

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator.clock import Clock
from emulator.control import Pace
from emulator.model import (
    CallWanted,
    FinishedCall,
    ModelError,
    ModelEvent,
    ModelRequest,
    ModelSettings,
    TextPiece,
    Tool,
    Turn,
    TurnEnded,
    build_model,
)
from emulator.model.openai_compatible import OpenAICompatibleModel

Answer = Callable[["Handler"], None]


@dataclass(slots=True)
class Server:
    """A model server under the test's thumb. *answer*: what it does with the next requests."""

    url: str
    answer: Answer
    caller: "Caller"
    bodies: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_state: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server_state.bodies.append({"path": self.path, **json.loads(body)})
        self.server_state.keys.append(self.headers["Authorization"])
        self.close_connection = True
        self.server_state.answer(self)

    def log_message(self, format: str, *args: object) -> None:  # silence: the test reads the bodies
        return

    def send(self, status: int, text: str, kind: str = "application/json") -> None:
        payload = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(payload)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(payload)

    def stream(self, *frames: str) -> None:
        """Send *frames* and close, so that what is missing from them stays missing."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for frame in frames:
            self.wfile.write(f"data: {frame}\n\n".encode())
            self.wfile.flush()


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: object) -> str:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return json.dumps(
        {
            "id": "c1",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": "m",
            "choices": choices,
            **more,
        }
    )


def usage(prompt: int, completion: int) -> str:
    return chunk(
        usage={"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    )


class Caller:
    """Runs turns on one event loop, so that each address needs one client and one TLS context only."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._models: dict[tuple[str, float], OpenAICompatibleModel] = {}

    def turn(self, url: str, request: ModelRequest, timeout_s: float) -> list[ModelEvent]:
        settings = ModelSettings(url=url, api_key="k-1", name="tiny", timeout_s=timeout_s)
        model = self._models.setdefault((url, timeout_s), OpenAICompatibleModel(settings))

        async def collect() -> list[ModelEvent]:
            return [event async for event in model.turn(request)]

        return self._runner.run(collect())

    def close(self) -> None:
        async def close_all() -> None:
            for model in self._models.values():
                await model.close()

        self._runner.run(close_all())
        self._runner.close()


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    caller = Caller()
    yield caller
    caller.close()


@pytest.fixture(scope="module")
def running(caller: Caller) -> Iterator[Server]:
    class Bound(Handler):
        pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    http.daemon_threads = True
    state = Server(f"http://127.0.0.1:{http.server_address[1]}/v1", lambda h: h.send(500, "{}"), caller)
    Bound.server_state = state
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    http.shutdown()
    http.server_close()
    thread.join(5)


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The model server, having seen nothing yet."""
    running.bodies.clear()
    running.keys.clear()
    running.released.clear()
    yield running
    running.released.set()


WEATHER = Tool("weather.bot für Städte", "Gets the weather", "connected_agent", None, "secret knowledge")
CALCULATE = Tool(
    "calculate",
    "Computes",
    "azure_function",
    {"type": "object", "properties": {"expression": {"type": "string"}}},
)


def ask(*, tools: tuple[Tool, ...] = (), calls: tuple[FinishedCall, ...] = (), **more: Any) -> ModelRequest:
    conversation = (Turn("user", "Hello"), Turn("assistant", "Hi"), Turn("user", "How warm is it in Bern?"))
    return ModelRequest("local-rules", "Be brief.", conversation, tools, calls, **more)


def turn(server: Server, request: ModelRequest, timeout_s: float = 10.0) -> list[ModelEvent]:
    return server.caller.turn(server.url, request, timeout_s)


def refused(server: Server, request: ModelRequest, timeout_s: float = 10.0) -> ModelError:
    with pytest.raises(ModelError) as caught:
        turn(server, request, timeout_s)
    return caught.value


def test_text_arrives_piece_by_piece_with_the_usage_the_server_counted(server: Server) -> None:
    """Streaming is what makes a slow local model bearable."""
    server.answer = lambda h: h.stream(
        chunk({"role": "assistant", "content": ""}), chunk({"content": "It is "}), chunk({"content": "12 °C."}), chunk({}, "stop"), usage(31, 7), "[DONE]"
    )  # fmt: skip

    events = turn(server, ask())

    assert events == [TextPiece("It is "), TextPiece("12 °C."), TurnEnded(31, 7, "stop")]
    assert server.keys == ["Bearer k-1"]


def test_the_request_carries_instructions_history_and_settings(server: Server) -> None:
    """A real model answers only as well as what it is sent."""
    server.answer = lambda h: h.stream(chunk({"content": "x"}, "stop"), "[DONE]")
    schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}

    turn(server, ask(response_format=schema, temperature=0.2, top_p=0.9, max_completion_tokens=50))

    (body,) = server.bodies
    assert body["path"] == "/v1/chat/completions"
    assert (body["model"], body["stream"], body["stream_options"]) == ("tiny", True, {"include_usage": True})
    assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant", "user"]
    assert body["messages"][0]["content"] == "Be brief."
    assert (body["response_format"], body["temperature"], body["top_p"], body["max_tokens"]) == (
        schema,
        0.2,
        0.9,
        50,
    )
    assert "tools" not in body


def test_a_connected_agent_becomes_a_function_and_its_name_comes_back_as_it_was(server: Server) -> None:
    """Servers refuse names with dots and umlauts; the service knows the agent by its own name only."""
    server.answer = lambda h: h.stream(
        chunk({"tool_calls": [{"index": 0, "id": "a", "type": "function", "function": {"name": "weather_bot_f_r_St_dte", "arguments": ""}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"query": "Bern'}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": '?"}'}}]}),
        chunk({"tool_calls": [{"index": 1, "id": "b", "type": "function", "function": {"name": "calculate", "arguments": '{"expression": "1+1"}'}}]}),
        chunk({}, "tool_calls"), "[DONE]",
    )  # fmt: skip

    events = turn(server, ask(tools=(WEATHER, CALCULATE)))

    assert events[:2] == [
        CallWanted(WEATHER.name, '{"query": "Bern?"}'),
        CallWanted("calculate", '{"expression": "1+1"}'),
    ]
    assert isinstance(events[2], TurnEnded)
    assert events[2].reason == "tool_calls"
    agent, function = (tool["function"] for tool in server.bodies[0]["tools"])
    assert agent["parameters"]["required"] == ["query"]
    assert function["parameters"] == CALCULATE.parameters
    assert "secret knowledge" not in json.dumps(server.bodies[0])


def test_names_that_become_equal_are_told_apart(server: Server) -> None:
    """Two agents must never answer for each other."""
    twins = (Tool("a.b", "", "connected_agent"), Tool("a b", "", "connected_agent"))
    server.answer = lambda h: h.stream(
        chunk(
            {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "a_b_2", "arguments": "{}"}}]},
            "tool_calls",
        ),
        "[DONE]",
    )

    assert turn(server, ask(tools=twins))[0] == CallWanted("a b", "{}")


def test_finished_calls_go_back_as_tool_messages_round_by_round(server: Server) -> None:
    """Without its own calls in the history a model would make them again."""
    server.answer = lambda h: h.stream(chunk({"content": "12"}, "stop"), "[DONE]")
    calls = (
        FinishedCall(WEATHER.name, '{"query":"a"}', "sunny", 0),
        FinishedCall("calculate", "", "2", 0),
        FinishedCall("calculate", '{"expression":"2"}', "", 1),
    )

    turn(server, ask(tools=(WEATHER, CALCULATE), calls=calls))

    sent = server.bodies[0]["messages"][4:]
    assert [m["role"] for m in sent] == ["assistant", "tool", "tool", "assistant", "tool"]
    assert [c["function"]["arguments"] for c in sent[0]["tool_calls"]] == ['{"query":"a"}', "{}"]
    assert [m["tool_call_id"] for m in sent if m["role"] == "tool"] == ["call_0", "call_1", "call_2"]
    assert sent[1]["content"] == "sunny"


@pytest.mark.parametrize(
    ("choice", "calls", "sent"),
    [
        ("auto", (), "auto"),
        ("none", (), "none"),
        ("required", (), "required"),
        ({"type": "function", "function": {"name": "calculate"}}, (), {"type": "function", "function": {"name": "calculate"}}),
        ({"type": "connected_agent", "connected_agent": {"name": WEATHER.name}}, (), {"type": "function", "function": {"name": "weather_bot_f_r_St_dte"}}),
        ({"type": "connected_agent"}, (), "required"),
        ({"type": "bing_grounding"}, (), "auto"),
        ({"type": "function", "function": {"name": "calculate"}}, (FinishedCall("calculate", "{}", "2", 0),), "auto"),
    ],
    ids=["auto", "none", "required", "function", "agent", "kind-only", "unknown-kind", "only-the-first-round"],
)  # fmt: skip
def test_tool_choice_is_translated(
    server: Server, choice: object, calls: tuple[FinishedCall, ...], sent: object
) -> None:
    """A choice left standing after the call was made would force the call for ever."""
    server.answer = lambda h: h.stream(chunk({"content": "x"}, "stop"), "[DONE]")

    turn(server, ask(tools=(WEATHER, CALCULATE), calls=calls, tool_choice=choice, parallel_tool_calls=False))

    assert server.bodies[0]["tool_choice"] == sent
    assert server.bodies[0]["parallel_tool_calls"] is False


@pytest.mark.parametrize(
    ("finish", "reason"), [("length", "length"), ("content_filter", "content_filter"), ("stop", "stop")]
)
def test_why_the_model_stopped_is_kept(server: Server, finish: str, reason: str) -> None:
    """A run that was cut short must not look complete."""
    server.answer = lambda h: h.stream(chunk({"content": "Twelve deg"}), chunk({}, finish), "[DONE]")

    ended = turn(server, ask())[-1]

    assert isinstance(ended, TurnEnded)
    assert ended.reason == reason


def test_tokens_are_estimated_when_the_server_counts_none(server: Server) -> None:
    """Unknown is not zero: the run's usage shows an estimate."""
    server.answer = lambda h: h.stream(chunk({"content": "12345678"}, "stop"), "[DONE]")

    ended = turn(server, ask())[-1]

    assert isinstance(ended, TurnEnded)
    assert (ended.prompt_tokens, ended.completion_tokens) == (12, 2)


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (429, "rate_limit_exceeded", "rate limit"),
        (400, "invalid_prompt", "refused the request"),
        (422, "invalid_prompt", "refused the request"),
        (401, "server_error", "RELAYDECK_LOCAL_MODEL_KEY"),
        (404, "server_error", "RELAYDECK_LOCAL_MODEL"),
        (500, "server_error", "status 500"),
    ],
)
def test_a_refusal_becomes_the_right_error(server: Server, status: int, code: str, words: str) -> None:
    """last_error.code decides what the person who reads it does next. It is not repeated."""
    server.answer = lambda h: h.send(status, json.dumps({"error": {"message": "model said no", "code": "x"}}))

    error = refused(server, ask())

    assert error.code == code
    assert words in error.message
    assert "no" in error.message
    assert len(server.bodies) == 1


def test_a_server_that_is_not_there_is_told_plainly(caller: Caller) -> None:
    """The commonest mistake: the setting is on, the server is not."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gone = Server(f"http://127.0.0.1:{port}/v1", lambda h: h.send(500, "{}"), caller)

    error = refused(gone, ask())

    assert error.code == "server_error"
    assert (
        error.message
        == f"The model server at {gone.url} does not answer: start it or unset RELAYDECK_LOCAL_MODEL_URL."
    )


@pytest.mark.parametrize(
    "frames",
    [
        ("this is no json",),
        (chunk({"content": "Twelve "}), '{"id": "c1", "choices": [{'),
        ("[]",),
        ("12",),
        ('{"choices": null}',),
        ('{"unexpected": true}',),
        (),
        (chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "calculate", "arguments": '{"expr'}}]}),),
        (chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "calculate", "arguments": "nonsense"}}]}, "tool_calls"), "[DONE]"),
        (chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "calculate", "arguments": "[1]"}}]}, "tool_calls"), "[DONE]"),
        (chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": "{}"}}]}, "tool_calls"), "[DONE]"),
        (chunk({"content": "x"}), json.dumps({"error": {"message": "out of memory", "code": 500}})),
    ],
    ids=["no-json", "cut-json", "list", "number", "null-choices", "no-choices", "nothing", "cut-call", "bad-arguments", "list-arguments", "nameless-call", "error-frame"],
)  # fmt: skip
def test_a_broken_stream_fails_the_turn_in_words(server: Server, frames: tuple[str, ...]) -> None:
    """A half reply is never taken for a whole one, and no other exception escapes."""
    server.answer = lambda h: h.stream(*frames)

    error = refused(server, ask(tools=(CALCULATE,)))

    assert error.code == "server_error"
    assert server.url in error.message


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_a_page_instead_of_a_stream_fails_the_turn_in_words(server: Server, kind: str) -> None:
    """A wrong port often answers with some other program's home page."""
    server.answer = lambda h: h.send(200, "<html>welcome</html>", kind)

    error = refused(server, ask())

    assert error.code == "server_error"


def test_a_connection_cut_in_mid_reply_fails_the_turn(server: Server) -> None:
    """The model server died; the run says so instead of hanging."""

    def cut(h: Handler) -> None:
        h.send_response(200)
        h.send_header("Content-Type", "text/event-stream")
        h.send_header("Content-Length", "5000")
        h.end_headers()
        h.wfile.write(f"data: {chunk({'content': 'Twelve '})}\n\n".encode())

    server.answer = cut

    error = refused(server, ask())

    assert error.code == "server_error"
    assert "broke" in error.message


def test_a_server_that_never_finishes_is_given_up_on(server: Server) -> None:
    """The deadline covers the whole reply, not only the wait for its first byte."""

    def slow(h: Handler) -> None:
        h.stream(chunk({"content": "Well, "}))
        server.released.wait(5)

    server.answer = slow

    error = refused(server, ask(), timeout_s=0.3)

    assert error.code == "server_error"
    assert "0.3 s" in error.message


def test_the_setting_decides_which_model_is_used() -> None:
    """An empty address means the built-in rules."""
    real = build_model(ModelSettings(url="http://127.0.0.1:9/v1"), Pace(), Clock())
    rules = build_model(ModelSettings(), Pace(), Clock())

    assert isinstance(real, OpenAICompatibleModel)
    assert type(rules).__name__ == "RuleModel"
    assert "k-1" not in repr(ModelSettings(api_key="k-1"))
