"""Our queue service against Azurite, Microsoft's emulator, in one run on one machine.

Messages of 1 KB over plain http, one account key, both servers as processes of their own, rounds taken in turn.
`wire`: a client that costs next to nothing (bench.queue_load), so the servers are compared. `sdk`: threads that
share one client of azure-storage-queue; it needs 1.7 ms of processor time a request and Python runs one thread
at a time, so near 500 requests/s it is the limit itself, whatever the server: told without a goal.
What it does not measure: TLS, power cuts, messages of other sizes.
"""

import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import requests
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.queue import QueueServiceClient
from requests.adapters import HTTPAdapter

from bench.queue_load import Endpoint, Work, run, send_all, take_all
from bench.report import emit, header
from emulator.connection import read_connection
from tests.azurite import azurite

ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "YmVuY2g=" * 8
ROUNDS, WIRE_TURNS, SDK_TURNS = 3, 600, 200
WORKERS = (1, 16, 64)
BACKLOG, BACKLOG_ROUNDS = 10_000, 60
KILLED_MESSAGES = 2_000
RATIO_GOAL, BACKLOG_GOAL_MS = 2.0, 5.0


@dataclass(slots=True)
class Server:
    """A queue service in its own process, which kill() ends as a crash would and start() brings back."""

    name: str
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None)
    endpoint: Endpoint | None = field(default=None)

    def start(self) -> None:
        if self.name == "azurite":
            found = azurite.start(self.folder, ACCOUNT, AZURITE_KEY)
            self.process = found.process
            self.endpoint = Endpoint(found.port, f"/{ACCOUNT}", ACCOUNT, AZURITE_KEY)
            return
        command = [sys.executable, "-m", "emulator", "--lifeline", "--state", str(self.folder)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise RuntimeError("Local Azure did not start.")
        connection = read_connection(self.folder)
        assert connection is not None
        settings = dict(part.split("=", 1) for part in connection.connection_string.strip(";").split(";"))
        port = urlsplit(connection.http_url).port
        assert port is not None
        self.endpoint = Endpoint(port, f"/{ACCOUNT}", ACCOUNT, settings["AccountKey"])

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def load(self, queue: str, workers: int, turns: int, work: Work) -> float:
        """Return the seconds that the cheap client needed."""
        assert self.endpoint is not None
        return asyncio.run(run(self.endpoint, queue, workers, turns, work))

    @contextlib.contextmanager
    def client(self) -> Iterator[QueueServiceClient]:
        """Yield an SDK client with room for a connection of each of 64 threads."""
        assert self.endpoint is not None
        with requests.Session() as session:
            session.mount("http://", HTTPAdapter(pool_maxsize=max(WORKERS)))
            yield QueueServiceClient(
                f"http://127.0.0.1:{self.endpoint.port}/{ACCOUNT}",
                {"account_name": ACCOUNT, "account_key": self.endpoint.key},
                transport=RequestsTransport(session=session, session_owner=False),
                retry_total=0,
            )


Samples = dict[str, dict[str, list[float]]]  # figure -> server -> one rate for each round


def main() -> None:
    header("queues", rounds=ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        servers = [Server(name, Path(folder) / name) for name in ("local", "azurite")]
        try:
            for server in servers:
                server.start()
            report_rates(servers)
            report_backlog(servers)
            report_kills(servers)
        finally:
            for server in servers:
                server.kill()


# Rates --------------------------------------------------------------------------------------------


def report_rates(servers: list[Server]) -> None:
    samples: Samples = {}
    for number in range(ROUNDS):
        for workers in WORKERS:
            for server in servers if number % 2 else reversed(servers):
                with server.client() as client:
                    measure_wire(server, client, f"wire-{number}-{workers}", workers, samples)
                    measure_sdk(server.name, client, f"sdk-{number}-{workers}", workers, samples)
    for figure, found in samples.items():
        for name, rates in found.items():
            emit(f"queues.{figure}.{name}", statistics.median(rates), "messages/s", None, rates)
        ratios = [ours / other for ours, other in zip(found["local"], found["azurite"], strict=True)]
        goal = RATIO_GOAL if figure.startswith("wire") else None
        emit(f"queues.{figure}.ratio", statistics.median(ratios), "ratio", goal, ratios)


def measure_wire(
    server: Server, client: QueueServiceClient, queue: str, workers: int, samples: Samples
) -> None:
    client.create_queue(queue)
    for act, work in (("send", send_all), ("receive_delete", take_all)):
        took_s = server.load(queue, workers, WIRE_TURNS, work)
        note(samples, f"wire.{act}.{workers}", server.name, WIRE_TURNS / took_s)
    client.delete_queue(queue)


def measure_sdk(name: str, client: QueueServiceClient, queue: str, workers: int, samples: Samples) -> None:
    target = client.create_queue(queue)

    def send(_: int) -> None:
        target.send_message("x" * 1024)

    def take(_: int) -> None:
        if (message := target.receive_message()) is not None:
            target.delete_message(message)

    with ThreadPoolExecutor(workers) as pool:
        for act, work in (("send", send), ("receive_delete", take)):
            started_s = time.perf_counter()
            list(pool.map(work, range(SDK_TURNS)))
            note(samples, f"sdk.{act}.{workers}", name, SDK_TURNS / (time.perf_counter() - started_s))
    client.delete_queue(queue)


def note(samples: Samples, figure: str, server: str, rate: float) -> None:
    samples.setdefault(figure, {}).setdefault(server, []).append(rate)


# Depth --------------------------------------------------------------------------------------------


def report_backlog(servers: list[Server]) -> None:
    """The time of one SDK receive while 10,000 messages wait."""
    for server in servers:
        with server.client() as client:
            queue = client.create_queue("backlog")
            server.load("backlog", 16, BACKLOG, send_all)
            took_ms = [milliseconds(queue.receive_message) for _ in range(BACKLOG_ROUNDS)]
            client.delete_queue("backlog")
        goal = BACKLOG_GOAL_MS if server.name == "local" else None
        figure = f"queues.receive_at_{BACKLOG}.{server.name}"
        emit(figure, statistics.median(took_ms), "ms", goal, took_ms, lower_is_better=True)


def milliseconds(act: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    act()
    return (time.perf_counter() - started_s) * 1000


# Kills --------------------------------------------------------------------------------------------


def report_kills(servers: list[Server]) -> None:
    """Messages lost of 2,000 acknowledged, and come back of 2,000 whose deletion was acknowledged."""
    for server in servers:
        goal = 0.0 if server.name == "local" else None
        with server.client() as client:
            client.create_queue("killed")
        server.load("killed", 16, KILLED_MESSAGES, send_all)
        restart(server)
        left = held(server)
        lost = float(KILLED_MESSAGES - left)
        emit(f"queues.lost_after_kill.{server.name}", lost, "messages", goal, [lost], lower_is_better=True)
        if left < KILLED_MESSAGES:
            with contextlib.suppress(Exception), server.client() as client:  # the queue may be lost as well
                client.create_queue("killed")
            server.load("killed", 16, KILLED_MESSAGES - left, send_all)
        server.load("killed", 16, KILLED_MESSAGES, take_all)
        restart(server)
        back = float(held(server))
        emit(f"queues.back_after_kill.{server.name}", back, "messages", goal, [back], lower_is_better=True)


def restart(server: Server) -> None:
    server.kill()
    server.start()


def held(server: Server) -> int:
    """Return how many messages the queue holds; a queue that is gone holds none."""
    with server.client() as client:
        if "killed" not in [queue.name for queue in client.list_queues()]:
            return 0
        count = client.get_queue_client("killed").get_queue_properties().approximate_message_count
        assert count is not None
        return count


if __name__ == "__main__":
    main()
