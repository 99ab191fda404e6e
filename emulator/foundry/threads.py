"""Threads and their messages."""

from collections.abc import Callable

from emulator.clock import Clock
from emulator.foundry import documents as doc
from emulator.foundry.checks import read_body
from emulator.foundry.documents import Json
from emulator.foundry.paging import list_page
from emulator.foundry.requests import not_found, read_message, read_metadata, read_thread
from emulator.foundry.runs import RunEngine
from emulator.foundry.store import Record, Store
from emulator.ids import Ids
from emulator.wire import Request, WireError


class ThreadHandlers:
    """*parts*: the segments of the path below the project (`threads`, thread id, `messages`, message id)."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, engine: RunEngine) -> None:
        self._store, self._clock, self._ids, self._engine = store, clock, ids, engine

    def table(self) -> dict[str, Callable[[Request, list[str]], object]]:
        return {
            "create_thread": self._create_thread,
            "list_threads": self._list_threads,
            "get_thread": self._get_thread,
            "update_thread": self._update_thread,
            "delete_thread": self._delete_thread,
            "create_message": self._create_message,
            "list_messages": self._list_messages,
            "get_message": self._get_message,
            "update_message": self._update_message,
            "delete_message": self._delete_message,
        }

    def _create_thread(self, request: Request, parts: list[str]) -> Json:
        fields, messages = read_thread(read_body(request.body))
        records = new_thread(fields, messages, self._ids, int(self._clock.now_s()))
        self._store.save(*records)
        return records[0].document

    def _list_threads(self, request: Request, parts: list[str]) -> Json:
        return list_page(self._store.shelf("thread"), request, self._clock.now_s())

    def _get_thread(self, request: Request, parts: list[str]) -> Json:
        return find_thread(self._store, parts[1]).document

    def _update_thread(self, request: Request, parts: list[str]) -> Json:
        thread = find_thread(self._store, parts[1])
        fields, _ = read_thread(read_body(request.body))
        document = {**thread.document, **fields}
        self._store.save(Record("thread", "", document))
        return document

    def _delete_thread(self, request: Request, parts: list[str]) -> Json:
        self._engine.delete_thread(find_thread(self._store, parts[1]))
        return doc.deleted("thread", parts[1])

    def _create_message(self, request: Request, parts: list[str]) -> Json:
        thread_id = find_thread(self._store, parts[1]).id
        fields = read_message(read_body(request.body))
        if running := self._engine.active_run(thread_id):
            raise WireError(
                400,
                "invalid_request_error",
                f"Can't add messages to {thread_id} while a run {running} is active.",
            )
        message_id = self._ids.new("msg")
        document = doc.new_message(message_id, thread_id, int(self._clock.now_s()), fields)
        self._store.save(Record("message", thread_id, document))
        return document

    def _list_messages(self, request: Request, parts: list[str]) -> Json:
        thread_id = find_thread(self._store, parts[1]).id
        run_id = request.query.get("run_id", "")
        return list_page(self._store.shelf("message", thread_id), request, self._clock.now_s(), run_id)

    def _get_message(self, request: Request, parts: list[str]) -> Json:
        return self._find_message(parts).document

    def _update_message(self, request: Request, parts: list[str]) -> Json:
        message = self._find_message(parts)
        document = {**message.document, **read_metadata(read_body(request.body))}
        self._store.save(Record("message", message.parent, document))
        return document

    def _delete_message(self, request: Request, parts: list[str]) -> Json:
        self._store.remove(self._find_message(parts))
        return doc.deleted("thread.message", parts[3])

    def _find_message(self, parts: list[str]) -> Record:
        thread_id = find_thread(self._store, parts[1]).id
        message = self._store.find("message", parts[3], thread_id)
        if message is None:
            raise not_found("message", parts[3])
        return message


def find_thread(store: Store, thread_id: str) -> Record:
    """Return the thread. Raises WireError 404."""
    thread = store.find("thread", thread_id)
    if thread is None:
        raise not_found("thread", thread_id)
    return thread


def new_thread(fields: Json, messages: list[Json], ids: Ids, now_s: int) -> list[Record]:
    """Return the records of a new thread: itself first, then its messages."""
    thread_id = ids.new("thread")
    thread = Record("thread", "", doc.new_thread(thread_id, now_s, fields))
    return [
        thread,
        *(
            Record("message", thread_id, doc.new_message(ids.new("msg"), thread_id, now_s, message))
            for message in messages
        ),
    ]
