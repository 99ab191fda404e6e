"""A model that is on the other side: it says what a hostile text tells it to, and calls whatever it is given.

It speaks OpenAI's chat completions, so that Local Azure takes it for any local model.
"""

import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

CALLS_EVERY = 8
Say = Callable[[], str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    say: Say
    numbers: "itertools.count[int]"

    def do_POST(self) -> None:
        asked: Mapping[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        called = any(one.get("role") == "tool" for one in asked["messages"])
        tools: list[Mapping[str, Any]] = asked.get("tools") or []
        # Some of the turns that have tools use one: what it is told goes into its arguments, too.
        calls = bool(tools) and not called and next(self.numbers) % CALLS_EVERY == 0
        delta = self._call(tools) if calls else {"content": self.say()}
        frames: list[dict[str, object]] = [
            {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if "tool_calls" in delta else "stop"}]},
            {"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}},
        ]  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for frame in frames:
            whole = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "hostile", **frame}
            self.wfile.write(f"data: {json.dumps(whole)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _call(self, tools: list[Mapping[str, Any]]) -> dict[str, Any]:
        function = tools[0]["function"]
        named = (function.get("parameters") or {}).get("properties") or {"query": {}}
        arguments = {name: self.say() for name in named}
        call = {"name": function["name"], "arguments": json.dumps(arguments)}
        return {
            "tool_calls": [
                {"index": 0, "id": f"call_{next(self.numbers)}", "type": "function", "function": call}
            ]
        }

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def serving(say: Say) -> Iterator[str]:
    """Yield the address of such a model. *say*: the next hostile text."""

    class Bound(_Handler):
        pass

    Bound.say, Bound.numbers = staticmethod(say), itertools.count()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Bound)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Nameless(ThreadingHTTPServer):
    """Does not ask for its own name: that of 127.0.0.2 is in no file here, so a name server on the network would be asked."""

    def server_bind(self) -> None:
        TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]  # the address will do


class Sink:
    """A host that nobody has a reason to ask. *calls*: the paths it was asked for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                calls.append(self.path)
                self.send_response(204)
                self.end_headers()

            do_POST = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - http.server's own names

            def log_message(self, format: str, *args: object) -> None:
                return

        # Another address of this machine: to a browser it is another host.
        self._server = _Nameless(("127.0.0.2", 0), Handler)
        self.host = f"127.0.0.2:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
