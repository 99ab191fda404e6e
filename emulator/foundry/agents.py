"""Agents: create, list, get, update, delete."""

from collections.abc import Callable

from emulator.clock import Clock
from emulator.foundry import documents as doc
from emulator.foundry.checks import read_body
from emulator.foundry.documents import Json
from emulator.foundry.paging import list_page
from emulator.foundry.requests import not_found, read_agent
from emulator.foundry.store import Record, Store
from emulator.ids import Ids
from emulator.wire import Request


class AgentHandlers:
    """*parts*: the segments of the path below the project (`assistants`, the agent's id)."""

    def __init__(self, store: Store, clock: Clock, ids: Ids) -> None:
        self._store, self._clock, self._ids = store, clock, ids

    def table(self) -> dict[str, Callable[[Request, list[str]], object]]:
        return {
            "create_agent": self._create,
            "list_agents": self._list,
            "get_agent": self._get,
            "update_agent": self._update,
            "delete_agent": self._delete,
        }

    def _create(self, request: Request, parts: list[str]) -> Json:
        fields = read_agent(read_body(request.body), creating=True)
        document = doc.new_agent(self._ids.new("asst"), int(self._clock.now_s()), fields)
        self._store.save(Record("agent", "", document))
        return document

    def _list(self, request: Request, parts: list[str]) -> Json:
        return list_page(self._store.shelf("agent"), request, self._clock.now_s())

    def _get(self, request: Request, parts: list[str]) -> Json:
        return self._find(parts[1]).document

    def _update(self, request: Request, parts: list[str]) -> Json:
        agent = self._find(parts[1])
        fields = read_agent(read_body(request.body), creating=False)
        document = {**agent.document, **fields}
        self._store.save(Record("agent", "", document))
        return document

    def _delete(self, request: Request, parts: list[str]) -> Json:
        """Threads, messages and runs of the agent stay; a run under way goes on."""
        self._store.remove(self._find(parts[1]))
        return doc.deleted("assistant", parts[1])

    def _find(self, agent_id: str) -> Record:
        agent = self._store.find("agent", agent_id)
        if agent is None:
            raise not_found("assistant", agent_id)
        return agent
