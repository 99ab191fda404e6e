"""A stand-in for Application Insights' ingestion endpoint: takes what the real exporter sends, answers as told."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

KEY = "00000000-0000-0000-0000-000000000001"
Manner = Literal["accept", "refuse", "fail", "busy", "half", "hang", "drip"]


@dataclass
class Ingestion:
    """*manner*: how requests are answered from now on. *envelopes*: what was accepted, as it came."""

    port: int = 0
    manner: Manner = "accept"
    requests: list[str] = field(default_factory=list)
    envelopes: list[dict[str, Any]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def connection_string(self) -> str:
        return f"InstrumentationKey={KEY};IngestionEndpoint=http://127.0.0.1:{self.port}/"

    def of(self, kind: str, name: str = "") -> list[dict[str, Any]]:
        """Return the envelopes of base type *kind*, with *name* when one is given."""
        found = [one for one in list(self.envelopes) if one["data"]["baseType"] == kind]
        return [one for one in found if not name or one["data"]["baseData"].get("name") == name]

    def until(self, enough: Callable[[], bool], timeout_s: float = 20.0) -> None:
        due_s = time.monotonic() + timeout_s
        while not enough():
            assert time.monotonic() < due_s, f"only {len(self.envelopes)} envelopes came, {self.requests}"
            self.over.wait(0.02)


def properties(envelope: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = envelope["data"]["baseData"]["properties"]
    return found


@contextmanager
def open_ingestion() -> Iterator[Ingestion]:
    """Yield an endpoint on this machine."""
    state = Ingestion()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            rows = json.loads(gzip.decompress(body) if packed else body)
            state.requests.append(self.path)
            manner = state.manner
            if manner == "hang":
                state.over.wait()
                self.close_connection = True
                return
            status = {"refuse": 400, "fail": 500, "busy": 429, "half": 206}.get(manner, 200)
            taken = {"accept": len(rows), "drip": len(rows), "half": len(rows) // 2}.get(manner, 0)
            errors = [{"index": i, "statusCode": 400, "message": "no"} for i in range(taken, len(rows))]
            state.envelopes.extend(rows[:taken])
            said = json.dumps({"itemsReceived": len(rows), "itemsAccepted": taken, "errors": errors}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            if manner == "busy":
                self.send_header("Retry-After", "120")
            self.end_headers()
            for start in range(0, len(said), 1 if manner == "drip" else len(said)):
                if manner == "drip" and state.over.wait(0.2):
                    return
                self.wfile.write(said[start : start + 1] if manner == "drip" else said)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=[0.05], daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
