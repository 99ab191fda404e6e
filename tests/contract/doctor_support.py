"""What the tests of Doctor share: a whole Relaydeck on Local Azure, its clock in step with that of Local Azure."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from azure.core.credentials import TokenCredential

import runtime
from emulator.faults import Fault
from emulator.server import PROJECT_ID, STORAGE_ID, Emulator
from services.clients import Endpoints, LocalCredential
from services.doctor.catalogue import CHECKS, WRITE_CHECK
from services.doctor.findings import Finding
from services.doctor.service import Doctor
from services.doctor.subject import Subject
from services.settings_source import load_settings

ALL = {check.id: check for check in (*CHECKS, WRITE_CHECK)}


@dataclass
class Patient:
    """*doctor*: of the services that runtime composed for *emulator*."""

    emulator: Emulator
    running: runtime.Runtime
    doctor: Doctor

    @property
    def subject(self) -> Subject:
        return self.doctor.subject

    def seen(self, check: str, **changed: Any) -> Finding:
        """Return what one check finds, of a subject changed in some fields."""
        return Doctor(replace(self.subject, **changed)).look(ALL[check])

    def fail(self, operation: str, **how: Any) -> None:
        self.emulator.fail(Fault(operation, **how))

    def forgive(self) -> None:
        """Take back the failures that were scripted and not met."""
        self.emulator.call(self.emulator.faults.clear)

    def make_queues(self) -> None:
        tools = self.running.services.catalogue
        names = [name for tool in tools for name in (tool.input_queue, tool.output_queue)]
        self.running.services.queues.ensure(names)

    def put(self, queue: str, text: str) -> None:
        self.running._clients.queues.get_queue_client(queue).send_message(text)


def in_step(emulator: Emulator) -> Callable[[], datetime]:
    """Return a clock of this machine that agrees with Local Azure's now, and knows nothing of how that is moved later."""
    ahead_s = emulator.clock.now_s() - time.time()
    return lambda: datetime.fromtimestamp(time.time() + ahead_s, UTC)


@contextmanager
def open_patient(
    emulator: Emulator, credential: TokenCredential | None = None, ca_file: str | None = "", **given: str
) -> Iterator[Patient]:
    """*given*: environment variables."""
    settings = load_settings(given).at(
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        model=emulator.settings.model_deployment,
    )
    endpoints = Endpoints(
        emulator.project_endpoint,
        emulator.storage_endpoint,
        credential or LocalCredential(emulator.token),
        str(emulator.ca_file) if ca_file == "" else ca_file,
        logs_endpoint=emulator.url,
        logs_workspace=emulator.workspace_id,
        metrics_endpoint=emulator.url,
        storage_resource=f"{STORAGE_ID}/queueServices/default",
        foundry_resource=PROJECT_ID,
    )
    running = runtime.build(settings, endpoints, now=in_step(emulator))
    assert running.services.logs is not None
    running.services.logs._fresh_s = 0.0  # a test asks again at once, and wants what is there now
    try:
        yield Patient(emulator, running, running.services.doctor)
    finally:
        running.close()
