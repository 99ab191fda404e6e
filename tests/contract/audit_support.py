"""What the tests of the audit trail share: the application's services on Local Azure, with a trail in a folder of their own."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from azure.monitor.ingestion import LogsIngestionClient

from chaos.audit import Place, opened, place_of
from emulator.faults import Fault
from emulator.server import Emulator
from services.access import Principal
from services.assembly import Services
from services.audit.reading import Checked
from services.audit.record import Record
from services.clients import LocalCredential

UPLOAD = "monitor.upload_logs"
ANN = Principal("oid-ann", "Ann", frozenset({"admin"}), "tenant-1", "5e55", "10.0.0.7")


@dataclass
class Trailed:
    """*services*: with Ann before the page, until *who* says otherwise."""

    emulator: Emulator
    services: Services
    folder: Path
    who: Principal | None = field(default=ANN)

    def __post_init__(self) -> None:
        self.services.access.who = lambda: self.who

    def records(self) -> list[Record]:
        """Return what is in the table, after what waits was sent."""
        self.services.trail.close()
        return list(self.services.auditor.records())

    def told(self) -> list[tuple[str, str, str, str]]:
        """Return kind, action, target and outcome of each record but the first."""
        return [
            (one.kind, one.action, one.target, one.outcome) for one in self.records() if one.kind != "epoch"
        ]

    def check(self) -> Checked:
        self.services.trail.close()
        return self.services.auditor.check(settles=timedelta(0))

    def fail(self, count: int = 1, **how: object) -> None:
        for _ in range(count):
            self.emulator.fail(Fault(UPLOAD, **how))  # type: ignore[arg-type]  # Fault checks its values


@contextmanager
def trailed(
    emulator: Emulator, folder: Path, settings: Mapping[str, str] | None = None, *, tell: bool = False
) -> Iterator[Trailed]:
    """*tell*: whether telemetry is kept, to be sent once it is started."""
    with opened(replace(place_of(emulator, folder), settings=settings or {}), tell=tell) as services:
        yield Trailed(emulator, services, folder)


def ingestion(emulator: Emulator, token: str = "") -> LogsIngestionClient:
    return LogsIngestionClient(
        emulator.url,
        LocalCredential(token or emulator.token),
        connection_verify=str(emulator.ca_file),
        retry_total=0,
    )


__all__ = ["ANN", "UPLOAD", "Place", "Trailed", "ingestion", "trailed"]
