"""What the tests of back-up and restore share: two projects, each a Local Azure with the application's own services."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.foundry.store import Record
from services.actions import Actions
from services.agents.classic import ClassicBackend
from services.backup.models import (
    BackUpResult,
    RestoreOptions,
    RestoreReport,
    Scope,
    Source,
)
from services.backup.service import BackupService
from services.queues import QueueService
from services.resilience import Resilience
from services.resilience.clock import RealPace
from tests.contract.agents_support import Lab
from tests.contract.seam_support import LIMITS, Seam, open_seam


class Leaping(RealPace):
    """Real time, and waits that pass at once."""

    def __init__(self) -> None:
        super().__init__()
        self._leapt_s, self._lock = 0.0, threading.Lock()

    def now_s(self) -> float:
        return super().now_s() + self._leapt_s

    def sleep(self, seconds: float) -> bool:
        with self._lock:
            self._leapt_s += seconds
        return True


@dataclass
class Place:
    """One project. *said*: the progress told; *acted*: the actions told."""

    lab: Lab
    seam: Seam
    pace: Leaping
    said: list[str] = field(default_factory=list)
    acted: list[tuple[str, str, str]] = field(default_factory=list)

    def service(self, **changed: str) -> BackupService:
        settings = self.seam.settings
        here = {
            "project_endpoint": settings.project_endpoint,
            "storage_endpoint": settings.storage_endpoint,
            "environment": settings.environment,
            **changed,
        }
        return BackupService(
            self.seam.backend,
            self.seam.queues,
            Actions(lambda *told: self.acted.append(told)),
            Source(**here),
            self.seam.emulator.clock.now,
            pace=self.pace,
        )

    def back_up(self, path: Path, scope: Scope | None = None) -> BackUpResult:
        return self.service().back_up(path, scope or Scope(), self.said.append)

    def restore(self, path: Path, *, dry_run: bool = False, beside: bool = False) -> RestoreReport:
        return self.service().restore(path, RestoreOptions(dry_run, beside), self.said.append)

    def agents(self) -> dict[str, Any]:
        """Return the agents by name, as the wire has them."""
        found = self.seam.backend.agent_documents().documents
        return {str(one["name"]): one for one in found}

    def threads(self) -> list[Any]:
        return list(self.seam.backend.thread_documents().documents)

    def conversation(self, thread_id: str) -> list[tuple[str, str]]:
        """Return who said what, oldest first."""
        found: list[tuple[str, str]] = []
        after = ""
        while True:
            page = self.seam.backend.message_documents(thread_id, after)
            found += [(str(one["role"]), words_of(one)) for one in page.documents]
            if not (after := page.after):
                return found

    def store_agent(self, document: dict[str, Any]) -> None:
        """Put in an agent such as the service would not take from anybody today."""
        whole = {
            "object": "assistant",
            "created_at": 1_700_000_000,
            "description": None,
            "instructions": None,
            "tools": [],
            "tool_resources": {},
            "metadata": {},
            "temperature": 1.0,
            "top_p": 1.0,
            "response_format": "auto",
            **document,
        }
        emulator = self.lab.emulator
        emulator.call(lambda: emulator.foundry._store.save(Record("agent", "", whole)))

    def writes(self, since: int = 0) -> list[str]:
        reads = ("list_", "get_", "issue_")
        return [name for name in self.seam.asked(since) if not name.partition(".")[2].startswith(reads)]


def talk(place: Place, *texts: str, **metadata: str) -> str:
    """Return a new thread in which user and assistant take turns."""
    messages = [
        {"role": "assistant" if number % 2 else "user", "content": text} for number, text in enumerate(texts)
    ]
    return place.lab.client.threads.create(body={"messages": messages, "metadata": metadata}).id


def words_of(message: Any) -> str:
    return "".join(block["text"]["value"] for block in message["content"] if block["type"] == "text")


@contextmanager
def open_place(lab: Lab) -> Iterator[Place]:
    with open_seam(lab.emulator) as seam:
        pace = Leaping()
        seam.backend = ClassicBackend(seam.clients.agents, Resilience("the Agent Service", LIMITS, pace))
        seam.queues = QueueService(
            seam.clients.queues, Resilience("Storage", LIMITS, pace), lab.emulator.clock.now
        )
        yield Place(lab, seam, pace)
