"""Nothing that was acknowledged is lost: not by a kill, not by a full disk, and damage is said out loud."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient, QueueServiceClient

from emulator.connection import Connection, read_connection
from emulator.server import Emulator, EmulatorSettings

COUNT = 500
WORKERS = 4


@contextlib.contextmanager
def killed_afterwards(state: Path) -> Iterator[QueueServiceClient]:
    """Yield a client of a Local Azure that runs as its own process; at the end it is killed, not stopped."""
    command = [sys.executable, "-m", "emulator", "--state", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=dict(os.environ)) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline(), "Local Azure ended while starting"
            connection = read_connection(state)
            assert connection is not None
            with connect(connection) as service:
                yield service
        finally:
            process.kill()


def connect(connection: Connection) -> QueueServiceClient:
    return QueueServiceClient.from_connection_string(
        connection.connection_string, connection_verify=connection.ca_file, retry_total=0
    )


def test_a_kill_loses_no_acknowledged_send_and_revives_no_acknowledged_delete(state: Path) -> None:
    """kill -9 comes right after the last reply; the service comes back under the same address."""
    sent = [str(number) for number in range(COUNT)]
    with killed_afterwards(state) as service, ThreadPoolExecutor(WORKERS) as pool:
        queue = service.create_queue("orders", metadata={"Owner": "a"})
        list(pool.map(queue.send_message, sent))

    with killed_afterwards(state) as service, ThreadPoolExecutor(WORKERS) as pool:
        queue = service.get_queue_client("orders")
        received = list(queue.receive_messages(messages_per_page=32, visibility_timeout=60))
        assert sorted(message.content for message in received) == sorted(sent)
        list(pool.map(queue.delete_message, received))

    with killed_afterwards(state) as service:
        properties = service.get_queue_client("orders").get_queue_properties()
        assert properties.approximate_message_count == 0
        assert properties.metadata == {"Owner": "a"}


def test_a_stop_and_a_start_change_nothing(state: Path) -> None:
    """Order, holds, receipts, policies and properties are all state."""
    settings = EmulatorSettings(state)
    with Emulator(settings) as emulator, client(emulator) as service:
        queue = service.create_queue("orders")
        for text in ("one", "two", "three"):
            queue.send_message(text)
        held = queue.receive_message(visibility_timeout=600)
        assert held is not None
        service.set_service_properties(cors=[])

    with Emulator(settings) as emulator, client(emulator) as service:
        queue = service.get_queue_client("orders")
        assert [message.content for message in queue.peek_messages(5)] == ["two", "three"]
        queue.delete_message(held)
        assert queue.get_queue_properties().approximate_message_count == 2


@pytest.mark.parametrize("damage", ["truncated", "overwritten"])
def test_a_damaged_file_is_set_aside_and_the_service_goes_on(state: Path, damage: str) -> None:
    """The file is kept for whoever wants to rescue it, and the health page tells of it."""
    settings = EmulatorSettings(state)
    with Emulator(settings) as emulator, client(emulator) as service:
        queue = service.create_queue("orders")
        for _ in range(5):
            queue.send_message("x" * 60_000)
    file = state / "queues.sqlite"
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2] if damage == "truncated" else b"not a database " * 1000)

    with Emulator(settings) as emulator, client(emulator) as service:
        assert list(service.list_queues()) == []
        service.create_queue("orders").send_message("again")
        (kept,) = [path for path in state.iterdir() if path.name.startswith("queues.sqlite.damaged-")]
        assert kept.stat().st_size > 0


def test_committed_pages_move_to_the_database_while_the_service_runs(state: Path) -> None:
    """SQLite would do it only after some 4 MB, inside a commit, with every request waiting for the disk."""
    with Emulator(EmulatorSettings(state)) as emulator, client(emulator) as service:
        queue = service.create_queue("orders")
        for _ in range(8):
            queue.send_message("x" * 60_000)
        deadline_s = time.monotonic() + 10
        while (size := (state / "queues.sqlite").stat().st_size) < 8 * 60_000:
            assert time.monotonic() < deadline_s, f"the database still holds {size} bytes only"
            time.sleep(0.02)  # a thread and the disk, not the clock
        assert len(queue.peek_messages(max_messages=32)) == 8


@pytest.fixture
def small_disk(emulator: Emulator) -> Iterator[None]:
    """The database may not grow; lifted again at the end."""
    database = emulator.queues.store.database

    def limit() -> None:
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages + 60}")

    emulator.call(limit)
    yield
    lift(emulator)
    lift(emulator)


def lift(emulator: Emulator) -> None:
    emulator.call(
        lambda: emulator.queues.store.database.execute("PRAGMA max_page_count = 1073741823").fetchone()
    )


@pytest.mark.usefixtures("small_disk")
def test_a_full_disk_refuses_clearly_and_loses_nothing(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    """507 in the service's own envelope; what was acknowledged is there, what was refused is not."""
    acknowledged = []
    with pytest.raises(HttpResponseError) as caught:
        for number in range(100):
            local_target_queue.send_message(f"{number:03}" + "x" * 60_000)
            acknowledged.append(f"{number:03}")

    assert caught.value.status_code == 507
    assert "InsufficientStorage" in caught.value.message
    assert "Local Azure cannot save its state" in caught.value.message
    assert acknowledged
    peeked = [message.content[:3] for message in local_target_queue.peek_messages(32)]
    assert peeked == acknowledged

    lift(emulator)
    local_target_queue.send_message("works again")
    held = [message.content[:3] for message in local_target_queue.receive_messages(messages_per_page=32)]
    assert held == [*acknowledged, "wor"]


@pytest.mark.usefixtures("small_disk")
def test_a_queue_that_could_not_be_stored_does_not_exist(
    emulator: Emulator, local_target_queue: QueueClient
) -> None:
    """Memory and disk say the same, also after a failed write, and after a failed delete of a whole queue."""
    with client(emulator) as service:
        made = []
        with pytest.raises(HttpResponseError) as caught:
            for number in range(200):
                service.create_queue(f"queue-{number:03}", metadata={"note": "x" * 7000})
                made.append(f"queue-{number:03}")
        assert caught.value.status_code == 507
        assert [queue.name for queue in service.list_queues("queue-")] == made

        lift(emulator)
        service.create_queue(f"queue-{len(made):03}")


def client(emulator: Emulator) -> QueueServiceClient:
    return QueueServiceClient.from_connection_string(
        emulator.connection_string, connection_verify=str(emulator.ca_file), retry_total=0
    )
