"""Puts a back-up into a project: adds what is missing of it, changes and deletes nothing."""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass

from services.agents.backend import AgentBackend, DocumentPage
from services.backup import records
from services.backup.agents import AgentRestorer
from services.backup.mapping import Addresses
from services.backup.marks import origin_of
from services.backup.models import (
    Json,
    Outcome,
    RestoreOptions,
    RestoreReport,
    Source,
)
from services.backup.patience import Patience, Progress, in_order
from services.backup.reader import BackUpFile
from services.backup.threads import ThreadRestorer
from services.backup.trouble import PASSED_OVER, reason_of
from services.errors import AccessDenied, Conflict, NotFound, ServiceError
from services.models import QueueSettings
from services.queues import QueueService

NAMES_TOLD = 10
OTHER_METADATA = "the queue that is here has other metadata"


@dataclass(frozen=True, slots=True)
class _Here:
    """What the project holds already, by old ids. *agents*, *threads*: restored from this back-up, or never lost.

    *same_names*: names of agents of the back-up that other agents here have too.
    """

    agents: dict[str, str]
    threads: dict[str, str]
    same_names: tuple[str, ...]


class Restorer:
    """One attempt to restore *file*, which verify() has passed."""

    def __init__(
        self,
        file: BackUpFile,
        backend: AgentBackend,
        queues: QueueService,
        target: Source,
        patience: Patience,
        progress: Progress,
    ) -> None:
        self._file, self._backend, self._queues = file, backend, queues
        self._target, self._patiently, self._progress = target, patience, progress

    def restore(self, options: RestoreOptions) -> RestoreReport:
        """Return what became of everything. Raises Conflict: agents of the same names are here and *beside* is False.

        AccessDenied, Throttled and Unavailable end it half-way; another attempt goes on from there.
        """
        here = self._look_around()
        if here.same_names and not options.beside and not options.dry_run:
            raise self._same_names(here.same_names)
        outcomes = [*self._restore_queues(dry_run=options.dry_run)]
        outcomes += self._told(self._restore_agents(here, dry_run=options.dry_run), "agents")
        outcomes += self._told(self._restore_threads(here, dry_run=options.dry_run), "threads")
        manifest = self._file.manifest
        return RestoreReport(
            manifest,
            self._target,
            options.dry_run,
            tuple(outcomes),
            manifest.cannot_move,
            here.same_names,
            tuple(self._notes()),
        )

    # Before -----------------------------------------------------------------------------------------

    def _look_around(self) -> _Here:
        """One request per 100 agents and per 100 threads of the project."""
        names = {str(one["id"]): records.text_of(one, "name") for one in self._file.agents()}
        agents: dict[str, str] = {}
        same: set[str] = set()
        for document in self._all(self._backend.agent_documents):
            name, now = records.text_of(document, "name"), records.text_of(document, "id")
            if old := self._old_id(document, names):
                agents.setdefault(old, now)
            elif name and name in names.values():
                same.add(name)
        wanted = {thread.id for thread, _ in self._file.threads()}
        threads: dict[str, str] = {}
        for document in self._all(self._backend.thread_documents):
            if old := self._old_id(document, wanted):
                threads.setdefault(old, records.text_of(document, "id"))
        return _Here(agents, threads, tuple(sorted(same)))

    def _old_id(self, document: Json, wanted: Container[str]) -> str:
        """Return the old id of what is here: by its mark, or because it is the original itself; empty for others."""
        if (own := records.text_of(document, "id")) in wanted:
            return own
        origin = origin_of(records.metadata_of(document))
        return origin.old_id if origin and origin.backup_id == self._file.manifest.id else ""

    def _all(self, page_of: Callable[[str], DocumentPage]) -> Iterator[Json]:
        after = ""
        while True:
            page = self._patiently(lambda after=after: page_of(after))  # type: ignore[misc]  # binds after
            yield from page.documents
            if not (after := page.after):
                return

    def _same_names(self, names: tuple[str, ...]) -> Conflict:
        shown = ", ".join(names[:NAMES_TOLD]) + (" …" if len(names) > NAMES_TOLD else "")
        return Conflict(
            f"The project already holds other agents called {shown}. Nothing was restored.",
            operation="restore",
            resource=self._file.manifest.id,
            code="SameNames",
            hint="--yes restores the back-up's agents beside them; nothing is replaced or deleted.",
        )

    # The three parts --------------------------------------------------------------------------------

    def _restore_queues(self, *, dry_run: bool) -> list[Outcome]:
        try:
            there = {one.name: one.metadata for one in self._patiently(self._queues.list_configured)}
        except AccessDenied as error:
            reason = reason_of(error)
            return [Outcome("queue", one.name, "", one.name, "failed", reason) for one in self._file.queues()]

        def restore(queue: QueueSettings) -> Outcome:
            name = queue.name
            if name in there:
                notes = () if there[name] == queue.metadata else (OTHER_METADATA,)
                return Outcome("queue", name, name, name, "present", notes=notes)
            if dry_run:
                return Outcome("queue", name, "", name, "planned")
            try:
                created = self._patiently(lambda: self._queues.create(queue))
            except (*PASSED_OVER, AccessDenied) as error:
                return Outcome("queue", name, "", name, "failed", reason_of(error))
            return Outcome("queue", name, name, name, "created" if created else "present")

        return list(in_order(restore, self._file.queues(), self._patiently))

    def _restore_agents(self, here: _Here, *, dry_run: bool) -> Iterator[Outcome]:
        addresses = Addresses(
            self._file.manifest.source.storage_endpoint.rstrip("/"), self._target.storage_endpoint.rstrip("/")
        )
        restorer = AgentRestorer(
            self._backend,
            self._patiently,
            self._file.manifest.id,
            addresses,
            here.agents,
            dry_run=dry_run,
        )
        return restorer.restore(self._file.agents)

    def _restore_threads(self, here: _Here, *, dry_run: bool) -> Iterator[Outcome]:
        restorer = ThreadRestorer(
            self._backend, self._patiently, self._file.manifest.id, here.threads, dry_run=dry_run
        )
        return restorer.restore(self._file.threads())

    def _told(self, outcomes: Iterator[Outcome], what: str) -> Iterator[Outcome]:
        total = getattr(self._file.manifest.counts, what)
        for number, outcome in enumerate(outcomes, 1):
            self._progress.tell(f"{number} of {total} {what}")
            yield outcome

    # After ------------------------------------------------------------------------------------------

    def _notes(self) -> Iterator[str]:
        source, target = self._file.manifest.source, self._target
        if source.storage_endpoint != target.storage_endpoint:
            yield (
                f"Tools and instructions now name {target.storage_endpoint}, where they named "
                f"{source.storage_endpoint}. Relaydeck makes its own team for that at the first question."
            )
        if source.environment != target.environment:
            yield (
                f"What was restored belongs to the environment {source.environment!r}; this Relaydeck runs as "
                f"{target.environment!r} and takes it for another's. RELAYDECK_ENVIRONMENT says which."
            )
        for model in sorted({text for one in self._file.agents() if (text := records.text_of(one, "model"))}):
            try:
                self._backend.model_of(model)
            except NotFound:
                yield f"There is no model deployment {model!r} here; agents that use it cannot run before there is."
            except ServiceError as error:
                yield f"Whether the model deployment {model!r} exists was not found out: {error.message}"
