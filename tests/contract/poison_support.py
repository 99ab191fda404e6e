"""What the tests of the poison desk share: the services as the app has them, and queues with what was given up on."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import runtime
from emulator.faults import Fault
from emulator.server import Emulator
from services.clients import Endpoints, LocalCredential
from services.poison.desk import PoisonDesk
from services.poison.moves import PoisonMoves
from services.settings_source import load_settings

INPUT = "azure-function-foo-input"
OUTPUT = "azure-function-foo-output"
POISON = f"{INPUT}-poison"
LOOSE = "loose-poison"  # nothing says where its messages belong


@dataclass
class Bench:
    """The desk on a Local Azure. *run*: the services it is part of."""

    emulator: Emulator
    run: runtime.Runtime

    @property
    def desk(self) -> PoisonDesk:
        return self.run.services.poison

    @property
    def moves(self) -> PoisonMoves:
        return self.run.services.poison_moves

    def put(self, queue: str, *contents: str, **options: int) -> list[str]:
        """Return the ids of *contents*, put into *queue* as they are; the queue is made where it is missing."""
        self.run.services.queues.ensure([queue])
        client = self.run._clients.queues.get_queue_client(queue)
        return [str(client.send_message(one, **options).id) for one in contents]

    def take(self, queue: str, hidden_s: int = 30) -> str:
        """Return the id of the next message, taken as another operator would take it."""
        message = self.run._clients.queues.get_queue_client(queue).receive_message(
            visibility_timeout=hidden_s
        )
        assert message is not None
        return str(message.id)

    def contents(self, queue: str) -> list[str]:
        """Return what lies visible in *queue*."""
        client = self.run._clients.queues.get_queue_client(queue)
        return [str(one.content) for one in client.peek_messages(32)]

    def count(self, queue: str) -> int:
        """Return how many messages there are, hidden ones too."""
        return self.run.services.queues.depth_of(queue).messages

    def fail(self, operation: str, **how: object) -> None:
        self.emulator.fail(Fault(operation, **how))  # type: ignore[arg-type]  # Fault checks its values

    def asked(self) -> list[str]:
        return [seen.operation for seen in self.emulator.requests()]


@contextmanager
def open_bench(emulator: Emulator) -> Iterator[Bench]:
    settings = load_settings({}).at(
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        model=emulator.settings.model_deployment,
    )
    endpoints = Endpoints(
        settings.project_endpoint,
        settings.storage_endpoint,
        LocalCredential(emulator.token),
        str(emulator.ca_file),
        logs_endpoint=emulator.url,
        logs_workspace=emulator.workspace_id,
    )
    run = runtime.build(settings, endpoints, now=emulator.clock.now)
    try:
        yield Bench(emulator, run)
    finally:
        run.close()


def encoded(document: object) -> str:
    text = document if isinstance(document, str) else json.dumps(document)
    return base64.b64encode(text.encode()).decode()


def call(number: object = 1, **more: object) -> str:
    """Return a call of foo as an agent sends it."""
    return encoded({"query": f"question {number}", "CorrelationId": f"corr-{number}", **more})
