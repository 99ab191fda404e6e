"""Every action there is, done through the real services as the pages and commands do it, on a Local Azure of its own."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import runtime
from emulator.connection import Connection
from emulator.server import Emulator
from emulator.steering import Steering
from services.access import NOBODY, PROCESS, ActionName, Principal, acting_as
from services.agents.backend import AgentDefinition
from services.assembly import Services
from services.backup.models import RestoreOptions, Scope, Source
from services.backup.service import BackupService
from services.clients import Endpoints, LocalCredential
from services.faults.desk import FaultDesk
from services.housekeeping.findings import Finding, Kind, Sort
from services.settings_source import load_settings
from tests.contract.faults_support import connection_of

INPUT = "azure-function-foo-input"
POISON = f"{INPUT}-poison"
SCENARIO = "cold start"
BODY = '{"query":"x","CorrelationId":"c-1"}'
OURS = {"relaydeck": "pooled", "environment": "local"}
Who = Callable[[], Principal | None]
Deed = Callable[[], object]


@dataclass
class Shop:
    """*who*: who acts where no test says otherwise; set by each test."""

    emulator: Emulator
    running: runtime.Runtime
    folder: Path
    sits: list[Who]
    steering: "WatchedSteering"
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @property
    def services(self) -> Services:
        return self.running.services

    def prepared(self, action: ActionName) -> Deed:
        """Return what does *action*; what it is done to is put there first, by the process itself."""
        self.services.housekeeping._stopped.clear()  # a clean-up that was stopped stays so until the next begins
        with acting_as(PROCESS):
            deed = DEEDS[action](self)
        self.steering.changes.clear()
        return deed

    def writes_since(self, number: int) -> list[str]:
        """Return every request after request *number* that could have changed something, and what was steered since the
        deed was prepared."""
        return [
            f"{seen.method} {seen.operation}"
            for seen in self.emulator.requests()
            if seen.number > number and seen.method not in ("GET", "HEAD")
        ] + self.steering.changes

    def last_request(self) -> int:
        return max((seen.number for seen in self.emulator.requests()), default=0)

    @contextmanager
    def before_a_page(self, principal: Principal) -> Iterator[None]:
        """Let *principal* sit before the page that this thread draws. Other threads have no page, and nobody before it."""
        here = threading.get_ident()
        self.sits[0] = lambda: principal if threading.get_ident() == here else NOBODY
        try:
            yield
        finally:
            self.sits[0] = lambda: None

    def settle(self) -> None:
        """Wait until nothing is at work any more: what a test sees afterwards is its own."""
        self.services.answers.drain(10.0)

    def put(self) -> str:
        self.services.queues.ensure([POISON, INPUT])
        client = self.running._clients.queues.get_queue_client(POISON)
        return str(client.send_message(BODY).id)

    def agent(self, tags: Mapping[str, str]) -> str:
        name = f"spare-{next(self.numbers)}"
        return self.services.backend.create_agent(AgentDefinition(name, "gpt-4o", "Be idle."), tags).id

    def backups(self) -> BackupService:
        settings, services = self.services.settings, self.services
        here = Source(settings.project_endpoint, settings.storage_endpoint, settings.environment)
        return BackupService(services.backend, services.queues, services.actions, here, runtime.now)

    def file(self) -> Path:
        return self.folder / f"back-up-{next(self.numbers)}.zip"


class WatchedSteering(Steering):
    """Notes what it changes: the control plane is not in the log of requests."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.changes: list[str] = []

    def send(self, method: str, what: str, document: Mapping[str, object] | None = None) -> dict[str, object]:
        if method != "GET":
            self.changes.append(f"{method} {what}")
        return super().send(method, what, document)


@contextmanager
def open_shop(emulator: Emulator, folder: Path, more: Mapping[str, str] | None = None) -> Iterator[Shop]:
    """*more*: addresses beside those of the project and the storage account, and `state`, the folder for what is kept."""
    places = dict(more or {})
    given = {
        "RELAYDECK_STATE_DIR": places.pop("state", str(folder)),
        "RELAYDECK_ANSWER_DEADLINE_S": "3",
        "RELAYDECK_TOOL_WAIT_S": "1",
        "RELAYDECK_MAX_RUNNING": "64",
        "RELAYDECK_SWEEP": "off",
    }
    settings = load_settings(given).at(
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        model=emulator.settings.model_deployment,
    )
    endpoints = Endpoints(
        emulator.project_endpoint,
        emulator.storage_endpoint,
        LocalCredential(emulator.token),
        str(emulator.ca_file),
        **places,
    )
    sits: list[Who] = [lambda: None]
    running = runtime.build(settings, endpoints, who=lambda: sits[0]())
    steering = WatchedSteering(connection_of(emulator))
    desk = FaultDesk(steering, running.services.actions)
    running.services = replace(running.services, faults=desk)
    try:
        yield Shop(emulator, running, folder, sits, steering)
    finally:
        running.close()


def _ask(shop: Shop) -> Deed:
    return lambda: shop.services.answers.ask("What is 12 + 30?")


def _cancel(shop: Shop) -> Deed:
    answers = shop.services.answers
    shop.emulator.pace.think_s = 2.0  # it is open still when it is to be stopped
    asked = answers.ask("What is 12 + 30?")
    until_s = time.monotonic() + 10
    while not (found := answers.wait(asked.id, asked.version, 1.0)).run_id and time.monotonic() < until_s:
        asked = found
    shop.emulator.pace.think_s = 0.0
    return lambda: answers.cancel(found.id)


def _replay(shop: Shop) -> Deed:
    message = shop.put()
    return lambda: shop.services.poison_moves.replay(POISON, [message])


def _delete_message(shop: Shop) -> Deed:
    message = shop.put()
    return lambda: shop.services.poison_moves.delete(POISON, [message])


def _look_through(shop: Shop) -> Deed:
    shop.put()
    return lambda: shop.services.poison.look_through(POISON)


def _purge(shop: Shop) -> Deed:
    shop.put()
    return lambda: shop.services.poison_moves.purge(POISON, POISON)


def _probe(shop: Shop) -> Deed:
    return shop.services.prober.run


def _finding(sort: Sort, name: str, *, ours: bool) -> Finding:
    kind: Kind = "loose-queue" if sort == "queue" else "unlinked-agent"
    return Finding(kind, sort, name, name, "nobody needs it", None, "local", ours)


def _clean_up(shop: Shop) -> Deed:
    found = _finding("agent", shop.agent(OURS), ours=True)
    return lambda: shop.services.housekeeping.delete((found,))


def _clean_up_widened(shop: Shop) -> Deed:
    found = _finding("agent", shop.agent({}), ours=False)
    return lambda: shop.services.housekeeping.delete((found,), frozenset({found.id}))


def _delete_queue(shop: Shop) -> Deed:
    shop.services.queues.ensure(["loose"])
    found = _finding("queue", "loose", ours=False)
    return lambda: shop.services.housekeeping.delete((found,), frozenset({"loose"}))


def _stop_clean_up(shop: Shop) -> Deed:
    return shop.services.housekeeping.stop


def _delete_agent(shop: Shop) -> Deed:
    agent = shop.agent(OURS)
    return lambda: shop.services.agent_actions.delete(agent)


def _delete_thread(shop: Shop) -> Deed:
    thread = shop.services.backend.create_thread(OURS)
    return lambda: shop.services.thread.delete(thread.id)


def _update_team(shop: Shop) -> Deed:
    for found in shop.services.backend.list_agents():
        shop.services.backend.delete_agent(found.id)
    return shop.services.agent_actions.update_team


def _back_up(shop: Shop) -> Deed:
    file = shop.file()
    return lambda: shop.backups().back_up(file, Scope(threads=1), lambda _: None)


def _restore(shop: Shop) -> Deed:
    file, agent = shop.file(), shop.agent(OURS)
    shop.backups().back_up(file, Scope(threads=0), lambda _: None)
    shop.services.backend.delete_agent(agent)
    options = RestoreOptions(dry_run=False, beside=True)
    return lambda: shop.backups().restore(file, options, lambda _: None)


def _desk(shop: Shop) -> FaultDesk:
    assert shop.services.faults is not None
    return shop.services.faults


def _switch_on(shop: Shop) -> Deed:
    return lambda: _desk(shop).switch_on(SCENARIO, lasts_s=1)


def _switch_off(shop: Shop) -> Deed:
    _desk(shop).switch_on(SCENARIO, lasts_s=1)
    return lambda: _desk(shop).switch_off(SCENARIO)


def _clear_scenarios(shop: Shop) -> Deed:
    return lambda: _desk(shop).clear()


DEEDS: dict[ActionName, Callable[[Shop], Deed]] = {
    "ask question": _ask,
    "cancel run": _cancel,
    "replay message": _replay,
    "delete message": _delete_message,
    "look through queue": _look_through,
    "send probe": _probe,
    "clean up": _clean_up,
    "clean up widened": _clean_up_widened,
    "stop clean-up": _stop_clean_up,
    "delete agent": _delete_agent,
    "delete thread": _delete_thread,
    "update team": _update_team,
    "back up": _back_up,
    "delete queue": _delete_queue,
    "purge queue": _purge,
    "restore": _restore,
    "switch scenario on": _switch_on,
    "switch scenario off": _switch_off,
    "clear scenarios": _clear_scenarios,
}
