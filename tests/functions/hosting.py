"""A Functions host in a thread of the test's process, and the queues it works on."""

import asyncio
import base64
import json
import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from azure.storage.queue import QueueMessage, QueueServiceClient

from emulator.clock import Clock
from emulator.functions_host.host import FunctionsHost, HostOptions, Ready
from emulator.functions_host.settings import Settings
from emulator.server import Emulator

WAIT_S = 20.0
QUICK = {"maxPollingInterval": "00:00:00.1", "visibilityTimeout": "00:00:00", "maxDequeueCount": 3}


def write_app(folder: Path, source: str, function_timeout: str = "00:02:00", **queues: object) -> Path:
    """Return *folder*, now a function app. *queues* go into host.json over QUICK."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "function_app.py").write_text(source)
    host = {
        "version": "2.0",
        "functionTimeout": function_timeout,
        "extensions": {"queues": {**QUICK, **queues}},
    }
    (folder / "host.json").write_text(json.dumps(host))
    return folder


def settings_for(emulator: Emulator, **more: str) -> Settings:
    environment = {
        "STORE": emulator.connection_string,
        "TOOL_STORAGE": emulator.connection_string,
        "REQUESTS_CA_BUNDLE": str(emulator.ca_file),
    }
    return Settings({**environment, **more})


def eventually(condition: Callable[[], object], what: str) -> None:
    """Return once *condition* holds; fail when it does not within WAIT_S."""
    until_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until_s, f"waited {WAIT_S:g} s for: {what}"
        time.sleep(0.01)


class Hosted:
    """A host that runs while the context lasts. *options* are those of HostOptions."""

    def __init__(self, app: Path, settings: Settings, **options: object) -> None:
        options = {"create_queues": True, "drain_s": 10.0, **options}
        self.host = FunctionsHost(HostOptions(app=app, **options), settings, Clock())  # type: ignore[arg-type]  # checked by the dataclass's users
        self._ready: queue.Queue[Ready] = queue.Queue()
        self._thread = threading.Thread(target=self._run, name="hosted")
        self.exit_code: int | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self.ready = self._ready.get(timeout=WAIT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> int | None:
        self.host.stop()
        return self.wait()

    def wait(self) -> int | None:
        """Return the exit code once the host has ended."""
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the host must end"
        return self.exit_code

    def _run(self) -> None:
        logging.getLogger("azure").setLevel(logging.WARNING)
        self.exit_code = asyncio.run(self.host.run(self._ready.put))


class Queues:
    """The queues of an emulator as tests use them: JSON in base64, and looks that change nothing."""

    def __init__(self, emulator: Emulator) -> None:
        self.service = QueueServiceClient.from_connection_string(
            emulator.connection_string, connection_verify=str(emulator.ca_file), retry_total=0
        )

    def send(self, name: str, body: object) -> None:
        """*body*: text as it is, before base64; anything else as JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.service.get_queue_client(name).send_message(base64.b64encode(text.encode()).decode())

    def peek(self, name: str) -> list[str]:
        """Return the decoded texts of the visible messages; nothing when there is no such queue."""
        if name not in {found.name for found in self.service.list_queues()}:
            return []
        seen = self.service.get_queue_client(name).peek_messages(max_messages=32)
        return [base64.b64decode(str(message.content)).decode() for message in seen]

    def count(self, name: str) -> int:
        """Return how many messages there are, hidden ones included."""
        return self.service.get_queue_client(name).get_queue_properties().approximate_message_count or 0

    def receive(self, name: str, hidden_s: int = 600) -> QueueMessage | None:
        return self.service.get_queue_client(name).receive_message(visibility_timeout=hidden_s)

    def await_texts(self, name: str, number: int) -> list[str]:
        """Return the texts of *name* once there are *number* of them."""
        eventually(lambda: len(self.peek(name)) >= number, f"{number} messages in {name}")
        return self.peek(name)

    def await_empty(self, name: str) -> None:
        eventually(lambda: self.count(name) == 0, f"{name} empty")

    def close(self) -> None:
        self.service.close()
