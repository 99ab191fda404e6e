"""Restores conversations: each thread with its messages in their order, whatever interrupted an earlier attempt."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice

from services.agents.backend import AgentBackend, Thread
from services.backup import records
from services.backup.mapping import OPID, Wanted, marked_metadata, message_request, opid_of, without_files
from services.backup.models import Outcome, State, ThreadRecord
from services.backup.patience import Patience, in_order
from services.backup.spool import Spool, Spools
from services.backup.trouble import LOOK_BACK, PASSED_OVER, reason_of

FIRST_MESSAGES = 32  # with the request that creates the thread: all of most conversations in one
USED = "somebody has gone on with it; {missing} of its messages were missing and were not put behind the new ones"
OTHER_ORDER = "its messages do not read back as they stand in the back-up"


@dataclass(frozen=True, slots=True)
class _Job:
    thread: ThreadRecord
    lines: Spool


class ThreadRestorer:
    """*new_ids*: see AgentRestorer."""

    def __init__(
        self,
        backend: AgentBackend,
        patiently: Patience,
        backup_id: str,
        new_ids: dict[str, str],
        *,
        dry_run: bool,
    ) -> None:
        self._backend, self._patiently = backend, patiently
        self._backup_id, self._new_ids, self._dry_run = backup_id, new_ids, dry_run

    def restore(self, threads: Iterable[tuple[ThreadRecord, Iterator[bytes]]]) -> Iterator[Outcome]:
        """Yield what became of each thread, in the back-up's order. Two requests each, and one for each message
        after the first 32. Raises as AgentRestorer.restore() does."""
        if self._dry_run:
            for thread, _ in threads:
                known = self._new_ids.get(thread.id, "")
                yield self._outcome(thread, known, "present" if known else "planned")
            return
        spools = Spools()
        outcomes = in_order(self._restore, self._jobs(threads, spools), self._patiently)
        with spools, closing(outcomes):
            yield from outcomes

    @staticmethod
    def _jobs(threads: Iterable[tuple[ThreadRecord, Iterator[bytes]]], spools: Spools) -> Iterator[_Job]:
        for thread, lines in threads:
            spool = spools.new()
            for line in lines:
                spool.add_line(line)
            yield _Job(thread, spool)

    def _restore(self, job: _Job) -> Outcome:
        try:
            return self._restore_thread(job)
        except PASSED_OVER as error:
            known = self._new_ids.get(job.thread.id, "")
            return self._outcome(job.thread, known, "failed", reason_of(error))
        finally:
            job.lines.close()

    def _restore_thread(self, job: _Job) -> Outcome:
        thread, lost = job.thread, Counter[str]()
        wanted = [one.opid for one in self._requests(job.lines, lost)]
        if left := thread.messages - len(wanted):
            lost["messages without text or of an unknown role"] = left
        known = self._new_ids.get(thread.id, "")
        state: State = "present" if known else "created"
        if known == thread.id:  # never lost; whatever was said in it since is its own
            return self._outcome(thread, known, "present")
        if known:
            present = self._opids(known)
        else:
            first = list(islice(self._requests(job.lines, Counter()), FIRST_MESSAGES))
            known = self._create(thread, first, lost).id
            self._new_ids[thread.id] = known
            present = [one.opid for one in first]
        missing = len(wanted) - len(present)
        if wanted[: len(present)] != present[: len(wanted)]:
            reason = USED.format(missing=len(set(wanted) - set(present)))
            return self._outcome(
                thread, known, "failed", reason if set(wanted) - set(present) else OTHER_ORDER
            )
        for one in islice(self._requests(job.lines, Counter()), len(present), None):
            self._add(known, one)
        if (state == "created" or missing > 0) and self._opids(known)[: len(wanted)] != wanted:
            return self._outcome(thread, known, "failed", OTHER_ORDER)
        notes = tuple(f"{count} × {what}" if count > 1 else what for what, count in lost.items())
        added = len(wanted) if state == "created" else max(0, missing)
        return replace(self._outcome(thread, known, state), notes=notes, messages=added)

    def _requests(self, lines: Spool, lost: Counter[str]) -> Iterator[Wanted]:
        for line in lines:
            request = message_request(records.message(records.parse(line)), self._backup_id)
            if request is not None:
                lost.update(request.lost)
                yield request

    def _create(self, thread: ThreadRecord, first: list[Wanted], lost: Counter[str]) -> Thread:
        gone: list[str] = []
        metadata = marked_metadata(thread.metadata, self._backup_id, thread.id, thread.created_at_s, gone)
        without_files(thread.document.get("tool_resources"), gone)
        lost.update(gone)
        messages = [{**one.body, "metadata": one.metadata} for one in first]

        def made() -> Thread | None:
            newest, opid = self._backend.list_threads(LOOK_BACK), opid_of(self._backup_id, thread.id)
            return next((one for one in newest if one.metadata.get(OPID) == opid), None)

        return self._patiently(lambda: self._backend.create_thread_from(messages, metadata), made)

    def _add(self, thread_id: str, wanted: Wanted) -> None:
        def made() -> bool | None:
            newest = self._backend.list_messages(thread_id, LOOK_BACK)
            return any(one.metadata.get(OPID) == wanted.opid for one in newest) or None

        def add() -> bool:
            return bool(self._backend.add_message(thread_id, wanted.body, wanted.metadata))

        self._patiently(add, made)

    def _opids(self, thread_id: str) -> list[str]:
        """Return the opids of the thread's messages, oldest first; empty where one has none. One request per 100."""
        found: list[str] = []
        after = ""
        while True:
            page = self._patiently(
                lambda after=after: self._backend.message_documents(thread_id, after)  # type: ignore[misc]  # binds after
            )
            found += [records.metadata_of(one).get(OPID, "") for one in page.documents]
            if not (after := page.after):
                return found

    @staticmethod
    def _outcome(thread: ThreadRecord, new_id: str, state: State, reason: str = "") -> Outcome:
        title = thread.metadata.get("title", "")
        return Outcome("thread", thread.id, new_id, title, state, reason)
