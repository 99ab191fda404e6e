"""Puts the demo history into a fresh Local Azure: `python -m commands.history STATE`, started by `run.py` behind the scenes.

A process of its own, at low priority: the exporter's import and some thousand records must not slow a first question.
It tells by the same exporters as the dashboard and the function app, to Local Azure on this machine and nowhere else.
Needs functions/ on PYTHONPATH; commands.serve.start_history() sees to it.
"""

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import runtime
from commands.serve import HISTORY_FILE
from emulator.connection import Connection, is_alive, read_connection
from emulator.lifeline import wait_for_parents_end
from emulator.supervisor import ROOT
from services.agents.catalogue import CATALOGUE
from services.clients import build_clients
from services.demo.history import MARK, SEED, Chapter, Setting, history
from services.demo.story import Execution
from services.endpoints import is_loopback
from services.errors import ConfigurationError, ServiceError, Unavailable
from services.monitor.logs import LogsService
from services.monitor.results import Ask, Result
from services.resilience import Dependencies, Limits, Resilience
from services.resilience.dependencies import INGESTION
from services.settings import Settings
from services.settings_source import load_settings
from services.telemetry.connection import check_connection_string
from services.telemetry.guarded import guarded
from services.telemetry.outbox import Delivery, Send
from services.telemetry.quiet import be_quiet
from services.telemetry.records import Record
from services.transport import build_transport

if TYPE_CHECKING:
    from tools.telemetry import Handled, Telemetry

MODEL = "gpt-4o"
LOOK_BACK = timedelta(hours=48)  # what is older, the ingestion endpoint refuses
RESUMED_FOR = timedelta(hours=20)  # its oldest rows are a day older
BEGUN_FILE = "history.begun.json"
OPERATION = "tell the demo history"
CHAPTERS = 60
TRIES, TRY_AGAIN_S = 5, 1.0
TIMEOUT_S = 10.0
FLUSH_S = 30.0
NICENESS = 5


@dataclass(frozen=True, slots=True)
class Told:
    """What was done, in words. *answers*: how many were made up, 0 when nothing was told."""

    words: str
    answers: int = 0


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    try:
        settings = load_settings({**os.environ, "RELAYDECK_STATE_DIR": str(options.state)}, ROOT / ".env")
        told = tell(settings, again=options.again)
    except (ConfigurationError, ServiceError) as exc:
        print(f"The demo history was not told: {exc.message}", file=sys.stderr)
        return 1
    print(told.words)
    return 0


def tell(settings: Settings, *, again: bool = False, rest_share: float = 1.0) -> Told:
    """Put a day of history into the Local Azure of *settings*, once in the life of its state folder.

    *again*: also when there was one before, if nothing of it is left. *rest_share*: how long to rest after each
    delivery, by its own length. Raises ServiceErrors: Local Azure does not run, or does not take it.
    """
    if refusal := _refusal(settings, again=again):
        return Told(f"No demo history: {refusal}.")
    state = settings.state_dir.resolve()
    mark = state / HISTORY_FILE
    if mark.exists() and not again:
        return Told("No demo history: this state folder has had its own.")
    connection = read_connection(state)
    if connection is None or not is_alive(connection):
        raise Unavailable(f"Local Azure does not run in {state}.", operation=OPERATION)
    now = datetime.fromtimestamp(time.time(), UTC)
    if again:
        (state / BEGUN_FILE).unlink(missing_ok=True)
    begun = _begun(state, now)
    if begun is None and (found := _found(settings, connection, now, only_demo=again)):
        _write(mark, {"skipped_at": now.isoformat(), "found": found})
        return Told(f"No demo history: the workspace holds {found:,} answers already.")
    at, first = begun or (now, 0)
    batches = _batches(history(_setting(settings, connection, at)))
    teller = _Teller(connection, rest_share)
    for number, batch in enumerate(batches[first:], first + 1):
        # Before it is sent: a telling that is cut off here goes on with the next one, and nothing is told twice.
        _write(state / BEGUN_FILE, {"at": at.isoformat(), "seed": SEED, "batches": number})
        teller.tell(batch)
    answers = sum(1 for batch in batches for chapter in batch if chapter.is_answer)
    _write(mark, {"told_at": now.isoformat(), "seed": SEED, "answers": answers})
    (state / BEGUN_FILE).unlink(missing_ok=True)
    return Told(f"Told a day of demo history: {answers:,} answers, each marked as demo.", answers)


def _refusal(settings: Settings, *, again: bool) -> str:
    """Return which setting rules it out; empty when none does."""
    if settings.mode != "local":
        return "this is not local mode"
    if settings.telemetry == "off":
        return "RELAYDECK_TELEMETRY is off"
    return "RELAYDECK_SEED is off" if settings.seed == "off" and not again else ""


def _batches(chapters: Sequence[Chapter]) -> list[Sequence[Chapter]]:
    return [chapters[start : start + CHAPTERS] for start in range(0, len(chapters), CHAPTERS)]


def _begun(state: Path, now: datetime) -> tuple[datetime, int] | None:
    """Return when the history that was cut off ends, and how many batches of it went out; None when there is none."""
    try:
        document = json.loads((state / BEGUN_FILE).read_text())
        at, batches = datetime.fromisoformat(document["at"]), int(document["batches"])
        return (at, batches) if document["seed"] == SEED and now - at < RESUMED_FOR else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _setting(settings: Settings, connection: Connection, now: datetime) -> Setting:
    foo = next(tool for tool in CATALOGUE if tool.name == "foo")
    address = f"{connection.storage_endpoint}/{foo.output_queue}"
    return Setting(now.astimezone(), settings.environment, MODEL, CATALOGUE, address)


def _found(settings: Settings, connection: Connection, now: datetime, *, only_demo: bool) -> int:
    """Return how many answers the workspace holds; *only_demo*: how many made-up ones. Raises ServiceErrors."""
    clients = build_clients(settings, runtime.local_endpoints(connection))
    workspace = Resilience("Log Analytics", Limits.of(settings))
    try:
        logs = LogsService(lambda: clients.logs, connection.workspace_id, workspace, lambda: now)
        (result,) = logs.ask(Ask("demo_rows", {"start": now - LOOK_BACK, "end": now + LOOK_BACK}))
        return _count(result, "demo_answers" if only_demo else "answers")
    finally:
        workspace.close()
        clients.close()


def _count(result: Result, column: str) -> int:
    if result.problem is not None:
        raise result.problem
    if not result.is_known or not result.rows:
        raise Unavailable(
            "The workspace did not say what it holds.",
            operation="look into the workspace",
            resource="answers",
        )
    return int(str(result.rows[0][column] or 0))


class _Teller:
    """Delivers by the exporters of the dashboard and of the function app. Raises Unavailable: it is not Local Azure's
    address, or what is sent is not taken."""

    def __init__(self, connection: Connection, rest_share: float) -> None:
        checked = check_connection_string(connection.insights_connection_string)
        if not is_loopback(urlsplit(connection.http_url)) or connection.http_url.rstrip("/") not in checked:
            raise Unavailable(
                "The ingestion endpoint is not the one of Local Azure on this machine.", operation=OPERATION
            )
        be_quiet()
        from services.telemetry.azure_monitor import AzureMonitor
        from tools.telemetry import Telemetry

        transport = build_transport(
            ca_file=None, connect_timeout_s=TIMEOUT_S, read_timeout_s=TIMEOUT_S, use_environment=False
        )
        exporter = AzureMonitor(checked, transport, instance="demo")
        self._send = guarded(exporter.send, Dependencies(Limits()).caller(INGESTION))
        self._functions, self._rest_share = Telemetry(checked), rest_share

    def tell(self, batch: Sequence[Chapter]) -> None:
        for part in _parts(batch):
            self._rested(partial(_deliver, self._send, part))
        self._rested(partial(_execute, self._functions, batch))

    def _rested(self, work: Callable[[], None]) -> None:
        """Do *work*, then rest: what else goes on here comes first."""
        began_s = time.monotonic()
        work()
        time.sleep(self._rest_share * (time.monotonic() - began_s))


def _parts(batch: Sequence[Chapter]) -> Iterator[list[Record]]:
    """Yield the records of *batch* by kind: each kind has an exporter of its own."""
    kinds: dict[type[Record], list[Record]] = {}
    for chapter in batch:
        for one in chapter.records:
            kinds.setdefault(type(one), []).append(one)
    yield from kinds.values()


def _deliver(send: Send, records: Sequence[Record]) -> None:
    delivery = Delivery(retry=True)
    for attempt in range(TRIES):
        delivery = send(records)
        if not delivery.retry:
            break
        time.sleep(TRY_AGAIN_S * (attempt + 1))
    if delivery.retry or delivery.failed:
        raise Unavailable(f"Local Azure did not take it: {delivery.reason}", operation=OPERATION)


def _execute(functions: "Telemetry", batch: Sequence[Chapter]) -> None:
    for chapter in batch:
        for one in chapter.executions:
            functions.told(handled(one))
    if not functions.flush(FLUSH_S) or functions.lost:
        raise Unavailable("Local Azure did not take the executions of the function app.", operation=OPERATION)


def handled(one: Execution) -> "Handled":
    """Return *one* as the function app hands it to its telemetry, with the mark."""
    from tools.telemetry import Handled, properties_of

    properties = properties_of(
        one.message_id,
        one.delivery,
        one.inserted_at,
        one.began_ns,
        invocation_id=one.invocation_id,
        correlation_id=one.correlation_id,
        arguments=one.arguments,
    )
    return Handled(
        one.tool,
        one.queue,
        one.began_ns,
        one.ended_ns,
        one.outcome,
        one.traceparent,
        {**properties, **MARK},
    )


def _write(mark: Path, document: dict[str, object]) -> None:
    draft = mark.with_suffix(".new")
    draft.write_text(json.dumps(document))
    draft.replace(mark)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m commands.history", description=__doc__)
    parser.add_argument("state", type=Path, help="the state folder of a running Local Azure")
    parser.add_argument("--again", action="store_true", help="also when the folder has had its history")
    return parser.parse_args(arguments)


def _end_with_parent() -> None:
    wait_for_parents_end()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
