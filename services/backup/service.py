"""BackupService: one file holds what can be brought back of a project."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from services.actions import Actions, Change
from services.agents.backend import AgentBackend
from services.backup.archive import ArchiveWriter, hash_of, writing
from services.backup.collect import Collector
from services.backup.models import (
    BackUpResult,
    Counts,
    Manifest,
    RestoreOptions,
    RestoreReport,
    Scope,
    Source,
)
from services.backup.patience import LONGEST_S, Patience, Progress, Say
from services.backup.reader import BackUpFile
from services.backup.restore import Restorer
from services.errors import InvalidInput
from services.ids import new_id
from services.queues import QueueService
from services.resilience.clock import Pace, RealPace


class BackupService:
    """*here*: the project at hand. *patience_s*: how long throttling or an outage may last before the work is given up."""

    def __init__(
        self,
        backend: AgentBackend,
        queues: QueueService,
        actions: Actions,
        here: Source,
        now: Callable[[], datetime],
        *,
        pace: Pace | None = None,
        patience_s: float = LONGEST_S,
    ) -> None:
        self._backend, self._queues, self._actions = backend, queues, actions
        self._here, self._now = here, now
        self._pace, self._patience_s = pace or RealPace(), patience_s

    def back_up(self, path: Path, scope: Scope, say: Say) -> BackUpResult:
        """Return what is in the new file at *path*, once it is complete and has been read back.

        An older back-up there is replaced then, and stays when anything fails. One request per 100 agents, per 100
        threads, and one or more per thread. *say*: told of the progress, from several threads.

        Raises InvalidInput: the file cannot be written, or another file is there; and the other ServiceErrors.
        """
        _require_replaceable(path)
        backup_id = new_id("bkp")
        return self._actions.perform(
            "back up",
            backup_id,
            lambda: self._back_up(backup_id, path, scope, say),
            change=lambda made: Change(after=made.sha256),
        )

    def restore(self, path: Path, options: RestoreOptions, say: Say) -> RestoreReport:
        """Return what became of everything in the back-up at *path*. Adds only; running it again adds what is missing.

        Writes nothing before the whole file was checked. Raises InvalidInput: the file cannot be used, its code says
        why; Conflict (code SameNames); and the other ServiceErrors, after which a new attempt goes on.
        """
        with BackUpFile(path) as file:
            say(f"Checking {path.name}")
            file.verify()
            progress = Progress(say, self._pace)
            patience = Patience(self._pace, progress.tell, self._patience_s)
            restorer = Restorer(file, self._backend, self._queues, self._here, patience, progress)
            if options.dry_run:
                return restorer.restore(options)
            return self._actions.perform(
                "restore",
                file.manifest.id,
                lambda: restorer.restore(options),
                change=lambda done: Change(after=[(one.kind, one.state) for one in done.outcomes]),
            )

    def close(self) -> None:
        """End the waits for a busy service."""
        if isinstance(self._pace, RealPace):
            self._pace.stop()

    def _back_up(self, backup_id: str, path: Path, scope: Scope, say: Say) -> BackUpResult:
        began_at = self._now()
        marks = {"environment": self._here.environment}
        progress = Progress(say, self._pace)
        patience = Patience(self._pace, progress.tell, self._patience_s)
        collector = Collector(self._backend, self._queues, scope, marks, patience, progress)
        with ArchiveWriter(path) as archive:
            collector.collect(archive)
            counts: Counts = collector.counts
            manifest = Manifest(
                id=backup_id,
                created_at=began_at,
                source=self._here,
                scope=scope,
                counts=counts,
                members=archive.members,
                left_out=tuple(collector.left_out),
                left_out_count=collector.left_out_count,
                lost_count=collector.lost_count,
                cannot_move=collector.tally.told(counts.agents + counts.threads + counts.messages),
            )
            archive.finish(manifest)
            say("Reading it back")
            with BackUpFile(archive.part) as written:
                written.verify()
            with writing(path):
                result = BackUpResult(manifest, archive.part.stat().st_size, hash_of(archive.part))
            archive.commit()
        return result


def _require_replaceable(path: Path) -> None:
    """Refuse to put a back-up in the place of something else."""
    if not path.exists():
        return
    try:
        with BackUpFile(path):
            return
    except InvalidInput as exc:
        if exc.code == "NewerVersion":
            return
        raise InvalidInput(
            f"Could not write {path}: a file that is no complete back-up is there, and stays.",
            operation="write back-up",
            resource=str(path),
            code="NotABackup",
            hint="Choose another name.",
        ) from exc
