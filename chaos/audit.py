"""The audit trail under attack: one record changed at a time, and processes killed while they write.

What it does not measure: a thief of the key, who can sign what he likes, and an end that is cut before a head was told.
"""

import multiprocessing
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from chaos.figure import Figure
from emulator.monitor.schemas import AUDIT_RULE, AUDIT_STREAM
from emulator.server import Emulator, EmulatorSettings
from services.access import PROCESS
from services.assembly import Services, assemble
from services.audit.compose import find_keys
from services.audit.keys import Keys
from services.audit.record import Record
from services.audit.verify import Exported, Verdict, verify
from services.clients import Clients, Endpoints, LocalCredential, build_clients
from services.resilience import Limits
from services.resilience.dependencies import Dependencies
from services.settings import Settings
from services.settings_source import load_settings

KILLS_PER_1000: Final = 100
WRITERS: Final = 3
FIRST_ACK_S: Final = 60.0
LONGEST_LIFE_S: Final = 0.4
NOW: Final = timedelta(0)
PATIENT: Final = {"RELAYDECK_AUDIT_DEADLINE_S": "90"}  # what is measured is not how fast a busy machine is


@dataclass(frozen=True, slots=True)
class Place:
    """Where a trail is kept, for the processes that write it: nothing in it but texts. *settings*: beside the folder."""

    url: str
    project: str
    storage: str
    ca_file: str
    token: str
    workspace: str
    state: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mutation:
    """*seq*: the first record that is not as it was written."""

    kind: str
    records: tuple[Record, ...]
    seq: int


def run(size: int, seed: int) -> Iterator[Figure]:
    """Yield the figures: *size* mutations of a chain of as many records, and a tenth as many kills."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(EmulatorSettings(state=Path(folder) / "azure")) as azure,
    ):
        place = place_of(azure, Path(folder) / "one")
        with opened(place) as services:
            write(services, max(20, size))
            records = tuple(services.auditor.records())
        yield mutated(records, find_keys(settings_of(place)), size, seed)
        azure.reset()  # the next trail has a key of its own
        yield from killed(place_of(azure, Path(folder) / "two"), max(2, size * KILLS_PER_1000 // 1000), seed)


# Mutations ------------------------------------------------------------------------------------------------


def mutated(records: Sequence[Record], keys: Keys, size: int, seed: int) -> Figure:
    """Return how many of *size* mutations of *records*, a whole chain, were missed or blamed on another record."""
    chance = random.Random(seed)
    head = head_of(records)
    clean = verify(records, keys, [head])
    missed: list[str] = (
        [] if clean.is_valid and clean.records == len(records) else [f"as written: {clean.fault}"]
    )
    kinds: Counter[str] = Counter()
    for number in range(size):
        mutation = mutate(records, chance)
        kinds[mutation.kind] += 1
        fault = verify(mutation.records, keys, [head]).fault
        if fault is None or fault.seq != mutation.seq:
            missed.append(f"{number}: {mutation.kind} of {mutation.seq}: {fault}")
    detail = {"seed": seed, "records": len(records), "mutations": dict(kinds), "missed": missed[:10]}
    return Figure("audit_mutations_missed", len(missed), 0, "mutations", not missed, detail)


def mutate(records: Sequence[Record], chance: random.Random) -> Mutation:
    """Return *records* with one record flipped, dropped, swapped, duplicated, forged, or the end cut off."""
    rows, last = list(records), len(records) - 1
    one = chance.randrange(len(rows))
    kind = chance.choice(("flip", "flip", "flip", "drop", "swap", "duplicate", "insert", "truncate"))
    first = one
    match kind:
        case "flip":
            rows[one] = flipped(rows[one], chance)
        case "drop":
            del rows[one]
        case "swap":
            other = chance.choice([place for place in range(len(rows)) if place != one])
            rows[one], rows[other] = rows[other], rows[one]
            first = min(one, other)
        case "duplicate":
            rows.insert(chance.choice([place for place in range(len(rows) + 1) if place != one]), rows[one])
        case "insert":
            forged = replace(rows[one], target="somebody else's", hash=f"{chance.getrandbits(256):064x}")
            rows.insert(chance.choice((one, one + 1)), forged)
        case "truncate":
            del rows[one:]
            first = one if one <= last else last
    return Mutation(kind, tuple(rows), first)


def flipped(record: Record, chance: random.Random) -> Record:
    """Return *record* with one character of one column changed; a number by one or more, a time by a millisecond or more."""
    name = chance.choice([one.name for one in fields(Record)])
    value = getattr(record, name)
    if isinstance(value, datetime):
        return replace(record, generated=value + timedelta(milliseconds=chance.choice((-1, 1, 10**6, 10**9))))
    if isinstance(value, int):
        return replace(record, seq=value + chance.choice((-1, 1, 7, 10**6)))
    assert isinstance(value, str), "every other column is a text"
    if not value:
        return replace(record, **{name: "x"})  # type: ignore[arg-type]  # a text for a text
    place = chance.randrange(len(value))
    letter = chance.choice([sign for sign in "0123456789abcdefghijk" if sign != value[place]])
    return replace(record, **{name: value[:place] + letter + value[place + 1 :]})  # type: ignore[arg-type]  # as above


def head_of(records: Sequence[Record]) -> Exported:
    last = records[-1]
    assert last.moment is not None, "as it was written"
    return Exported(last.chain, last.seq, last.hash, last.moment)


# Kills ----------------------------------------------------------------------------------------------------


def killed(place: Place, kills: int, seed: int) -> Iterator[Figure]:
    """Yield what is left after *kills* processes were killed while they wrote: broken chains, and intents that were lost."""
    chance = random.Random(seed)
    done = Path(place.state) / "done.txt"
    done.parent.mkdir(parents=True, exist_ok=True)
    context = multiprocessing.get_context("forkserver" if hasattr(os, "fork") else "spawn")
    if hasattr(os, "fork"):
        context.set_forkserver_preload(["chaos.audit", "azure.monitor.ingestion"])
    for number in range(kills):
        kill_one(context, place, done, number, chance.uniform(0, LONGEST_LIFE_S))
    with opened(place) as services:
        write(services, 1)  # what the last one left is sent first
        services.trail.close()
        verdict = services.auditor.check(settles=NOW).verdict
        records = list(services.auditor.records())
    recorded = {record.target for record in records if record.kind == "intent"}
    acknowledged = set(done.read_text().split("\n")) - {""}
    lost = sorted(acknowledged - recorded)
    detail = {
        "seed": seed,
        "kills": kills,
        "records": verdict.records,
        "chains": len(verdict.chains),
        "intents_without_result": sum(chain.open for chain in verdict.chains),
        "fault": str(verdict.fault) if verdict.fault else "",
    }
    yield Figure("audit_chains_broken_by_kills", broken(verdict), 0, "chains", verdict.is_valid, detail)
    told = {"seed": seed, "kills": kills, "acknowledged": len(acknowledged), "lost": lost[:10]}
    yield Figure(
        "audit_intents_lost_by_kills", len(lost), 0, "intents", not lost and bool(acknowledged), told
    )


def kill_one(
    context: multiprocessing.context.BaseContext, place: Place, done: Path, number: int, life_s: float
) -> None:
    """Start a process that acts without end; kill it *life_s* after its first action was done."""
    before = done.stat().st_size if done.exists() else 0
    process = context.Process(target=act_for_ever, args=[place, str(done), number])  # type: ignore[attr-defined]  # of each of its kinds
    process.start()
    until_s = time.monotonic() + FIRST_ACK_S
    while not (done.exists() and done.stat().st_size > before) and time.monotonic() < until_s:
        time.sleep(0.002)
    time.sleep(life_s)
    process.kill()
    process.join()
    process.close()


def act_for_ever(place: Place, done: str, number: int) -> None:
    """The process that is killed. It writes down what it did, which it may only once the intent is on record."""
    from threading import Thread

    with opened(place) as services, Path(done).open("ab", buffering=0) as file:

        def note(target: str) -> None:
            file.write(f"{target}\n".encode())

        def work(worker: int) -> None:
            for count in range(10**6):
                target = f"life-{number}/{worker}/{count}"
                services.actions.perform("replay message", target, partial(note, target))

        threads = [Thread(target=work, args=[worker], daemon=True) for worker in range(WRITERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def broken(verdict: Verdict) -> int:
    return sum(chain.fault is not None for chain in verdict.chains) + bool(verdict.unknown)


# A trail to work on ---------------------------------------------------------------------------------------


def place_of(azure: Emulator, state: Path) -> Place:
    return Place(
        azure.url,
        azure.project_endpoint,
        azure.storage_endpoint,
        str(azure.ca_file),
        azure.token,
        azure.workspace_id,
        str(state),
    )


def settings_of(place: Place) -> Settings:
    return load_settings({**PATIENT, "RELAYDECK_STATE_DIR": place.state, **place.settings}).at(
        project_endpoint=place.project, storage_endpoint=place.storage, model="local"
    )


@contextmanager
def opened(place: Place, *, tell: bool = False) -> Iterator[Services]:
    """Yield the services of one process on *place*; what they started is ended after. *tell*: whether telemetry is kept."""
    settings = settings_of(place)
    endpoints = Endpoints(
        place.project,
        place.storage,
        LocalCredential(place.token),
        place.ca_file,
        logs_endpoint=place.url,
        logs_workspace=place.workspace,
        audit_endpoint=place.url,
        audit_rule=AUDIT_RULE,
        audit_stream=AUDIT_STREAM,
    )
    clients: Clients = build_clients(settings, endpoints)
    dependencies = Dependencies(Limits.of(settings))
    services = assemble(settings, endpoints, clients, dependencies, tell=tell)
    try:
        yield services
    finally:
        services.trail.close()
        dependencies.close()
        clients.close()


def write(services: Services, records: int) -> None:
    """Put at least *records* records on record: actions that do nothing."""
    for number in range((records + 1) // 2):
        pair = services.trail.begin(PROCESS, "replay message", f"parcels-poison/{number}")
        services.trail.end(pair, "done")
