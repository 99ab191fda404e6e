"""How close GET agent comes to a bare Starlette JSON route: same server, same TLS, same document, one run.

Requests are pipelined over four connections, so that the servers and not the client are the limit. What it does
not measure: the SDK's own time, writes, streams.
"""

import asyncio
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from azure.ai.agents import AgentsClient

from bench.report import emit, header
from emulator.connection import Connection, read_connection
from emulator.supervisor import Part, Supervisor
from services.clients import LocalCredential

ROUNDS, CONNECTIONS, BATCH, BATCHES = 7, 4, 100, 25
GOAL = 0.6


def main() -> None:
    header("emulator", rounds=ROUNDS)
    supervisor = Supervisor()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        try:
            measure(supervisor, state)
        finally:
            supervisor.stop()


def measure(supervisor: Supervisor, state: Path) -> None:
    command = [sys.executable, "-m", "emulator", "--lifeline", "--state", str(state.resolve())]
    supervisor.start(Part("Local Azure", command, state / "emulator.log"))
    connection = read_connection(state)
    assert connection is not None
    path, document = make_agent(connection)
    bare, bare_port = start_bare(state / "tls", document)
    ours, yardstick = [], []
    try:
        for _ in range(ROUNDS):
            ours.append(asyncio.run(requests_per_s(connection.port, path, connection)))
            yardstick.append(asyncio.run(requests_per_s(bare_port, path, connection)))
    finally:
        bare.terminate()
        bare.wait()
    ratios = [one / other for one, other in zip(ours, yardstick, strict=True)]
    emit("emulator.get_agent", statistics.median(ours), "requests/s", None, ours)
    emit("emulator.bare_route", statistics.median(yardstick), "requests/s", None, yardstick)
    emit("emulator.get_agent_to_bare_route", statistics.median(ratios), "ratio", GOAL, ratios)


def make_agent(connection: Connection) -> tuple[str, str]:
    """Return the path of a new agent and the JSON text that the service answers for it."""
    with AgentsClient(
        connection.project_endpoint, LocalCredential(connection.token), connection_verify=connection.ca_file
    ) as client:
        agent = client.create_agent(
            model=connection.model_deployment, name="bench", instructions="Answer briefly."
        )
    return f"/api/projects/local/assistants/{agent.id}?api-version=v1", json.dumps(agent.as_dict())


def start_bare(certificates: Path, document: str) -> "tuple[subprocess.Popen[str], int]":
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.bare_app", str(certificates)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "BARE_DOCUMENT": document},
    )
    assert process.stdout is not None
    return process, int(json.loads(process.stdout.readline())["port"])


async def requests_per_s(port: int, path: str, connection: Connection) -> float:
    """Return the rate at which the server on *port* answers GET *path* with 200."""
    context = ssl.create_default_context(cafile=connection.ca_file)
    request = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n"
        f"Authorization: Bearer {connection.token}\r\nx-ms-client-request-id: bench\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    await asyncio.gather(*(one_connection(port, context, request) for _ in range(CONNECTIONS)))
    return CONNECTIONS * BATCHES * BATCH / (loop.time() - started_s)


async def one_connection(port: int, context: ssl.SSLContext, request: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    for _ in range(BATCHES):
        writer.write(request * BATCH)
        missing = BATCH
        tail = b""
        while missing:
            data = tail + await reader.read(1 << 18)
            assert data, "the server closed the connection"
            missing -= data.count(b"HTTP/1.1 200 ")
            tail = data[-12:]  # one byte less than a status line's start: it may come in two pieces
    writer.close()


if __name__ == "__main__":
    main()
