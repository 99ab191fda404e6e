"""Other tools that show traces, started with as many traces as we show, to be measured by the same clock.

They are no part of Relaydeck: RELAYDECK_BENCH_PEERS names folders with virtual environments, separated like PATH, in
which `pip install arize-phoenix` or `pip install mlflow` has been run. What is not found there is left out.
"""

import contextlib
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from commands.stack import free_port

START_S, FEED_S = 120, 180
VARIABLE = "RELAYDECK_BENCH_PEERS"
# What an answer consists of, as spans: the same tree as ours.
_TREE = """
import sys, time
TREE = [("invoke_agent orchestrator", 0), ("chat plan", 1), ("invoke_agent calculator", 1), ("execute_tool calculate", 2),
        ("queue_wait input", 3), ("calculate", 3), ("chat write", 1)]
url, traces = sys.argv[1], int(sys.argv[2])
"""
_FEED_PHOENIX = (
    _TREE
    + """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url + "/v1/traces"), max_queue_size=20_000))
tracer = provider.get_tracer("bench")
for number in range(traces):
    open_spans = [tracer.start_span("answer")]
    for name, depth in TREE:
        parent = trace.set_span_in_context(open_spans[depth])
        span = tracer.start_span(name, parent)
        open_spans[depth + 1 :] = [span]
        span.end()
    open_spans[0].end()
provider.shutdown()
"""
)
_FEED_MLFLOW = (
    _TREE
    + """
import mlflow
mlflow.set_tracking_uri(url)
mlflow.set_experiment("bench")
def grow(depth, rest):
    while rest and rest[0][1] == depth:
        name, _ = rest.pop(0)
        with mlflow.start_span(name):
            grow(depth + 1, rest)
for number in range(traces):
    with mlflow.start_span("answer"):
        grow(0, list(TREE))
mlflow.flush_trace_async_logging()
"""
)


@dataclass(frozen=True, slots=True)
class Peer:
    """*page*: where its list of traces is. *rows*: what there is once the list can be read."""

    name: str
    program: str
    arguments: tuple[str, ...]
    variables: Mapping[str, str]
    feed: str
    page: str
    rows: str


PEERS = (
    Peer(
        "phoenix",
        "phoenix",
        ("serve",),
        {"PHOENIX_HOST": "127.0.0.1", "PHOENIX_TELEMETRY_ENABLED": "false"},
        _FEED_PHOENIX,
        "/projects/UHJvamVjdDox/spans",
        "table tbody tr",
    ),
    Peer(
        "mlflow",
        "mlflow",
        ("server", "--host", "127.0.0.1", "--workers", "1"),
        {"MLFLOW_DISABLE_TELEMETRY": "true"},
        _FEED_MLFLOW,
        "/#/experiments/1/traces",
        "[role=row] [role=cell], tbody tr td",
    ),
)


@dataclass(frozen=True, slots=True)
class Running:
    name: str
    url: str
    rows: str


@contextlib.contextmanager
def running(folder: Path, traces: int) -> Iterator[tuple[Running, ...]]:
    """Start those that are installed, each with *traces* traces in it; stop them after. Raises RuntimeError."""
    with contextlib.ExitStack() as stack:
        found = [(peer, place) for peer in PEERS if (place := _place(peer)) is not None]
        yield tuple(
            stack.enter_context(_started(peer, place, folder / peer.name, traces)) for peer, place in found
        )


def _place(peer: Peer) -> Path | None:
    """Return the folder of the programs among which *peer* is."""
    named = filter(None, os.environ.get(VARIABLE, "").split(os.pathsep))
    places = (Path(one) / ("Scripts" if os.name == "nt" else "bin") for one in named)
    return next((place for place in places if (place / peer.program).exists()), None)


@contextlib.contextmanager
def _started(peer: Peer, place: Path, folder: Path, traces: int) -> Iterator[Running]:
    folder.mkdir()
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        **os.environ,
        **peer.variables,
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_WORKING_DIR": str(folder),
    }
    more = (
        ()
        if peer.name == "phoenix"
        else ("--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/own.db")
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(place / peer.program), *peer.arguments, *more],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=os.name != "nt",
        )
    try:
        _wait(url, process, folder / "log")
        done = subprocess.run(
            [str(place / "python"), "-c", peer.feed, url, str(traces)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=FEED_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{peer.name} took no traces: {done.stderr[-600:]}")
        yield Running(peer.name, url + peer.page, peer.rows)
    finally:
        if os.name != "nt":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)
        else:
            process.terminate()
        process.wait(30)


def _wait(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until_s = time.monotonic() + START_S
    while time.monotonic() < until_s and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        time.sleep(0.2)
    raise RuntimeError(f"It did not start: {log.read_text(errors='replace')[-600:]}")
