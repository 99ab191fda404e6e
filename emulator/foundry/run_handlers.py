"""Runs and run steps as clients ask for them; emulator.foundry.runs carries them out."""

from collections.abc import Callable

from emulator.clock import Clock
from emulator.foundry.checks import Fields, read_body
from emulator.foundry.documents import Json
from emulator.foundry.events import Segment
from emulator.foundry.paging import list_page
from emulator.foundry.requests import (
    RunRequest,
    not_found,
    read_metadata,
    read_outputs,
    read_run,
    read_thread,
)
from emulator.foundry.runs import RunEngine
from emulator.foundry.store import Record, Store
from emulator.foundry.threads import find_thread, new_thread
from emulator.ids import Ids
from emulator.wire import Request


class RunHandlers:
    """*parts*: the segments of the path below the project (`threads`, thread id, `runs`, run id, `steps`, step id)."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, engine: RunEngine) -> None:
        self._store, self._clock, self._ids, self._engine = store, clock, ids, engine

    def table(self) -> dict[str, Callable[[Request, list[str]], object]]:
        return {
            "create_run": self._create,
            "create_thread_and_run": self._create_with_thread,
            "list_runs": self._list,
            "get_run": self._get,
            "update_run": self._update,
            "submit_tool_outputs": self._submit,
            "cancel_run": self._cancel,
            "list_run_steps": self._list_steps,
            "get_run_step": self._get_step,
        }

    def _create(self, request: Request, parts: list[str]) -> Json | Segment:
        thread = find_thread(self._store, parts[1])
        wanted = read_run(read_body(request.body))
        document, segment = self._engine.create(thread.id, self._agent(wanted), wanted)
        return segment or document

    def _create_with_thread(self, request: Request, parts: list[str]) -> Json | Segment:
        body = read_body(request.body)
        wanted = read_run(body)
        fields, messages = read_thread(body.section("thread") or Fields({}, "thread"))
        agent = self._agent(wanted)
        records = new_thread(fields, messages, self._ids, int(self._clock.now_s()))
        document, segment = self._engine.create(records[0].id, agent, wanted, tuple(records))
        return segment or document

    def _agent(self, wanted: RunRequest) -> Json:
        agent = self._store.find("agent", wanted.agent_id)
        if agent is None:
            raise not_found("assistant", wanted.agent_id)
        return agent.document

    def _list(self, request: Request, parts: list[str]) -> Json:
        thread = find_thread(self._store, parts[1])
        return list_page(self._store.shelf("run", thread.id), request, self._clock.now_s())

    def _get(self, request: Request, parts: list[str]) -> Json:
        return self._find(parts).document

    def _update(self, request: Request, parts: list[str]) -> Json:
        run = self._find(parts)
        document = {**run.document, **read_metadata(read_body(request.body))}
        self._store.save(Record("run", run.parent, document, run.inner))
        return document

    def _submit(self, request: Request, parts: list[str]) -> Json | Segment:
        run = self._find(parts)
        body = read_body(request.body)
        document, segment = self._engine.submit(run, read_outputs(body), bool(body.flag("stream")))
        return segment or document

    def _cancel(self, request: Request, parts: list[str]) -> Json:
        return self._engine.cancel(self._find(parts))

    def _list_steps(self, request: Request, parts: list[str]) -> Json:
        return list_page(self._store.shelf("step", self._find(parts).id), request, self._clock.now_s())

    def _get_step(self, request: Request, parts: list[str]) -> Json:
        step = self._store.find("step", parts[5], self._find(parts).id)
        if step is None:
            raise not_found("run step", parts[5])
        return step.document

    def _find(self, parts: list[str]) -> Record:
        thread = find_thread(self._store, parts[1])
        run = self._store.find("run", parts[3], thread.id)
        if run is None:
            raise not_found("run", parts[3])
        return run
