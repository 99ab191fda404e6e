"""Reads a project into the file of a back-up. Holds a few threads' messages in memory, never all of them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from services.agents.backend import AgentBackend, DocumentPage
from services.answers.record import is_ours
from services.backup import records
from services.backup.archive import ArchiveWriter, MemberWriter
from services.backup.models import (
    AGENTS,
    QUEUES,
    THREADS,
    Counts,
    Json,
    LeftOut,
    Scope,
)
from services.backup.patience import Patience, Progress, in_order
from services.backup.spool import Spool, Spools, line_of
from services.backup.tally import Tally, texts_under
from services.errors import AccessDenied, InvalidInput, NotFound, UnexpectedReply
from services.queues import QueueService

ONE_QUESTION = "per_query"  # the mark of agents that are deleted after their question
LEFT_OUT_TOLD = 1000


@dataclass(frozen=True, slots=True)
class _Read:
    """A thread that was read. *header*: its line, with the number of messages in *spool*."""

    header: Json
    spool: Spool
    tally: Tally


class Collector:
    """Makes one back-up. *marks*: the metadata that makes a thing ours."""

    def __init__(
        self,
        backend: AgentBackend,
        queues: QueueService,
        scope: Scope,
        marks: dict[str, str],
        patience: Patience,
        progress: Progress,
    ) -> None:
        self._backend, self._queues = backend, queues
        self._scope, self._marks = scope, marks
        self._patiently, self._progress = patience, progress
        self.counts, self.tally = Counts(), Tally()
        self.left_out: list[LeftOut] = []
        self.left_out_count = self.lost_count = 0
        self._named_queues: set[str] = set()
        self._spools = Spools()

    def collect(self, archive: ArchiveWriter) -> None:
        """Write all members. Raises ServiceErrors: what cannot be read at all ends the back-up."""
        with archive.member(AGENTS) as member:
            self._agents(member)
        with archive.member(THREADS) as member, self._spools:
            self._threads(member)
        with archive.member(QUEUES) as member:
            self._take_queues(member)

    # Agents -----------------------------------------------------------------------------------------

    def _agents(self, member: MemberWriter) -> None:
        for document in self._all(self._backend.agent_documents):
            metadata = records.metadata_of(document)
            if metadata.get("relaydeck") == ONE_QUESTION:
                reason = "it was made for one question and is deleted after it"
                self._note(LeftOut("agent", records.text_of(document, "id"), reason, lost=False))
                continue
            if not self._wanted(metadata) or not self._sound(records.agent, "agent", document):
                continue
            member.write(line_of(document))
            self.tally.agent(document)
            self._named_queues |= texts_under(document.get("tools"), "queue_name")
            self.counts.agents += 1
            self._progress.tell(f"{self.counts.agents} agents")

    # Threads ----------------------------------------------------------------------------------------

    def _threads(self, member: MemberWriter) -> None:
        reads = in_order(self._read_thread, self._headers(), self._patiently)
        with closing(reads):
            self._write_threads(reads, member)

    def _write_threads(self, reads: "Iterable[_Read | LeftOut]", member: MemberWriter) -> None:
        for read in reads:
            if isinstance(read, LeftOut):
                self._note(read)
                continue
            member.write(line_of(read.header))
            for line in read.spool:
                member.write(line)
            self.counts.threads += 1
            self.counts.messages += read.spool.lines
            self.tally.add(read.tally)
            read.spool.close()
            self._progress.tell(f"{self.counts.threads} threads, {self.counts.messages} messages")

    def _headers(self) -> Iterator[Json]:
        """Yield the wanted threads, oldest first, so that a restore makes them in that order."""
        if self._scope.threads is None:
            yield from filter(self._wanted_thread, self._all(self._backend.thread_documents))
            return
        newest: list[Json] = []
        pages = self._all(lambda after: self._backend.thread_documents(after, newest_first=True))
        for document in pages if self._scope.threads else ():
            if self._wanted_thread(document):
                newest.append(document)
            if len(newest) == self._scope.threads:
                break
        yield from reversed(newest)

    def _wanted_thread(self, document: Json) -> bool:
        return self._wanted(records.metadata_of(document))

    def _read_thread(self, document: Json) -> "_Read | LeftOut":
        """Return the thread with its messages, one request per 100. Runs on several threads at once."""
        thread_id, spool, tally = records.text_of(document, "id"), self._spools.new(), Tally()
        try:
            for message in self._all(lambda after: self._backend.message_documents(thread_id, after)):
                records.message(message)
                spool.add(message)
                tally.message(message)
            header = {**document, "messages": spool.lines}
            records.thread(header)
            tally.resources(document.get("tool_resources"))
            return _Read(header, spool, tally)
        except BaseException as error:
            spool.close()
            if isinstance(error, NotFound):
                return LeftOut("thread", thread_id, "it was deleted meanwhile", lost=False)
            if isinstance(error, InvalidInput | UnexpectedReply | records.DamagedError):
                return LeftOut("thread", thread_id, str(error))
            raise

    # Queues -----------------------------------------------------------------------------------------

    def _take_queues(self, member: MemberWriter) -> None:
        try:
            found = self._patiently(self._queues.list_configured)
            wanted = [one for one in found if not self._scope.ours or one.name in self._named_queues]
            depths = self._patiently(lambda: self._queues.depths_of([one.name for one in wanted]))
        except AccessDenied as error:
            self._note(LeftOut("queues", "all", f"{error.message} {error.hint}"))
            return
        self.tally.queued = sum(depth.messages for depth in depths)
        for queue in wanted:
            document = {"name": queue.name, "metadata": dict(queue.metadata)}
            if self._sound(records.queue, "queue", document):
                member.write(line_of(document))
                self.counts.queues += 1

    # All of them ------------------------------------------------------------------------------------

    def _all(self, page_of: Callable[[str], DocumentPage]) -> Iterator[Json]:
        """Yield the objects of all pages. What a page begins after may be deleted meanwhile: then after the one before."""
        cursors, seen = [""], set[str]()
        while True:
            page = self._page(page_of, cursors)
            ids = [records.text_of(one, "id") for one in page.documents]
            fresh = [one for one, id_ in zip(page.documents, ids, strict=True) if id_ not in seen]
            seen.update(ids)
            yield from fresh
            if not page.after:
                return
            cursors = [*ids[-6:-1], page.after]

    def _page(self, page_of: Callable[[str], DocumentPage], cursors: list[str]) -> DocumentPage:
        while True:
            cursor = cursors.pop()
            try:
                return self._patiently(lambda cursor=cursor: page_of(cursor))  # type: ignore[misc]  # binds cursor
            except InvalidInput:
                if not cursors:
                    raise

    def _wanted(self, metadata: dict[str, str]) -> bool:
        return not self._scope.ours or is_ours(metadata, self._marks)

    def _sound(self, check: Callable[[Json], object], kind: str, document: Json) -> bool:
        try:
            check(document)
        except records.DamagedError as error:
            self._leave_out(kind, document, f"the service's reply cannot be used: {error}")
            return False
        return True

    def _leave_out(self, kind: str, document: Json, reason: str) -> None:
        name = records.text_of(document, "id") or records.text_of(document, "name")
        self._note(LeftOut(kind, name, reason))

    def _note(self, left_out: LeftOut) -> None:
        self.left_out_count += 1
        self.lost_count += left_out.lost
        if len(self.left_out) < LEFT_OUT_TOLD:
            self.left_out.append(left_out)
