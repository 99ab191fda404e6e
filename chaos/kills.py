"""Processes killed at random moments, by SIGKILL and SIGTERM in turns: stores intact, nothing left behind, nobody left waiting.

Questions are asked all the time: of an app process (the services as the dashboard composes them, SIGTERM included) and
of one that is never killed. Every one to three seconds the app process, the Functions host or Local Azure is killed; the
supervisor, or the parent of the app process, brings it back. Every question counts that the process has said it took: it
must be answered, or say in words why not, also in the app's next life, found there by what its URL holds. Then one sweep.

What it does not measure: a machine that loses power, disks that lie, two kills within a second.
"""

import json
import multiprocessing
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Protocol

import duckdb

import runtime
from chaos.asking import Fate, Question, questions
from chaos.figure import Figure
from chaos.stand import Stand, everything, stand
from emulator.connection import read_connection
from emulator.monitor.service import FILE_NAME as TELEMETRY
from services.answers.record import ANSWER
from services.assembly import Services
from services.errors import NotFound, ServiceError
from services.models import Answer
from services.settings_source import load_settings

TARGETS = ("app", "The Functions host", "Local Azure")
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
PAUSE_S = (0.3, 2.0)  # from the end of one restart to the next kill
THINK_S = 0.15  # of the model's turns: answers take long enough to be met in their middle
AT_ONCE = 4  # questions, in each of the two processes
UP_WITHIN_S, SETTLE_S = 60.0, 240.0
SWEEP_GOAL_S = 60.0
AHEAD = timedelta(hours=2)  # what was made for one answer is nobody's by then
LIMITS = {
    "max_running": "8",
    "max_waiting": "100",
    "sweep": "off",
    "breaker_open_s": "1",
    "telemetry": "off",
}


@dataclass
class Taken:
    """A question that a process has said it took. *thread_id*: as far as its page's URL held it by then.

    *end*: what that process said of its end; None when it was killed before.
    """

    question: Question
    answer_id: str
    thread_id: str = ""
    end: tuple[str, str] | None = None


@dataclass
class Ledger:
    """What the processes have said. Threads share it."""

    taken: dict[str, Taken] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, kind: str, answer_id: str, *more: str) -> None:
        with self.lock:
            if kind == "taken":
                mark, what = more
                self.taken[answer_id] = Taken(Question(mark, what), answer_id)  # type: ignore[arg-type]  # our own word
            elif kind == "thread":
                self.taken[answer_id].thread_id = more[0]
            else:
                self.taken[answer_id].end = (more[0], more[1])


def run(size: int, seed: int) -> Iterator[Figure]:
    """Kill *size* times. Yields what was found once the last one had come back and everything had settled."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        with stand(Path(folder), think_s=THINK_S) as place:
            ledger = Ledger()
            began_s = time.monotonic()
            with App(place, ledger, seed) as app, steady(place, ledger, seed):
                kills = kill_all(place, app, size, chance)
                app.quiet()
            yield from judged(place, ledger, kills, time.monotonic() - began_s, seed)
        stores = damaged(place)
        yield none("kills.stores_damaged", len(stores), "stores", {"seed": seed, "found": stores})


def kill_all(place: Stand, app: "App", size: int, chance: random.Random) -> Counter[str]:
    """Kill, wait until it is back, pause; return how often what was killed by what."""
    kills: Counter[str] = Counter()
    for number in range(size):
        time.sleep(chance.uniform(*PAUSE_S))
        target, sign = TARGETS[number % len(TARGETS)], SIGNALS[number // len(TARGETS) % 2]
        kills[f"{target} {sign.name}"] += 1
        if target == "app":
            app.kill(sign)
        else:
            kill_part(place, target, sign)
        print(f"\r{number + 1} of {size} killed", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return kills


def kill_part(place: Stand, name: str, sign: signal.Signals) -> None:
    """Return once the supervisor has *name* running again."""
    supervisor = place.azure.supervisor
    assert supervisor is not None
    part = next(one for one in supervisor._parts if one.name == name)
    part.started_at.clear()  # as if a minute had passed: a part that dies all the time is given up on, rightly
    before = supervisor.pid(name)
    os.kill(before, sign)
    until_s = time.monotonic() + UP_WITHIN_S
    while supervisor.pid(name) == before:
        assert time.monotonic() < until_s, f"{name} did not come back: see {part.log_file}"
        time.sleep(0.05)
    with supervisor._lock:  # held until the new one has said that it is ready
        process = part.process
    assert process is not None and process.poll() is None, f"{name} did not come up: see {part.log_file}"


# The app ------------------------------------------------------------------------------------------------


class App:
    """The app process, started again whenever it has ended."""

    def __init__(self, place: Stand, ledger: Ledger, seed: int) -> None:
        self._place, self._ledger, self._seed = place, ledger, seed
        self._forks: ForkServerContext = multiprocessing.get_context("forkserver")
        self._forks.set_forkserver_preload(
            ["runtime", "azure.storage.queue", "azure.ai.agents", "chaos.kills"]
        )
        self._life = 0

    def __enter__(self) -> "App":
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.is_alive():
            self._process.kill()
        self._process.join()
        self._reader.join()

    def kill(self, sign: signal.Signals) -> None:
        """Return once the next life of the app has taken its first question."""
        os.kill(int(self._process.pid or 0), sign)
        self._process.join(UP_WITHIN_S)
        assert self._process.exitcode is not None, "the app outlived its end"
        self._reader.join()
        self._start()

    def quiet(self) -> None:
        """Have the app take no more questions, and end when those it has are answered."""
        self._pipe.send("enough")
        self._process.join(SETTLE_S)
        assert self._process.exitcode == 0, f"the app ended with {self._process.exitcode}"

    def _start(self) -> None:
        self._pipe, theirs = self._forks.Pipe()
        arguments = (str(self._place.state), self._seed, self._life, theirs)
        self._process: ForkServerProcess = self._forks.Process(target=live, args=arguments, daemon=True)
        self._process.start()
        theirs.close()  # the reader then sees its end when the process dies
        self._life += 1
        first = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(self._pipe, first), name="app-reader")
        self._reader.start()
        assert first.wait(UP_WITHIN_S), "the app took no question"

    def _read(self, pipe: Pipe, first: threading.Event) -> None:
        try:
            while True:
                self._ledger.hear(*json.loads(pipe.recv()))
                first.set()
        except (EOFError, OSError):  # it was killed, maybe in the middle of a word
            return


def live(state: str, seed: int, life: int, told: Pipe) -> None:
    """One life of the app: ask until told that it is enough, or until SIGTERM, which closes as the dashboard does."""
    over, lock = threading.Event(), threading.Lock()

    def say(kind: str, answer_id: str, *more: str) -> None:
        with lock:
            told.send(json.dumps([kind, answer_id, *more]))

    pooled, alone = (compose(state, team) for team in ("pooled", "per_query"))

    def end(*_: object) -> None:
        def close() -> None:
            pooled.close()
            alone.close()
            os._exit(0)

        threading.Thread(target=close).start()

    signal.signal(signal.SIGTERM, end)
    threads = askers(pooled.services, alone.services, seed + 1000 * (life + 1), over, say)
    told.recv()
    over.set()
    for thread in threads:
        thread.join()
    pooled.close()
    alone.close()
    os._exit(0)


def compose(state: str, team: str) -> runtime.Runtime:
    connection = read_connection(Path(state))
    assert connection is not None
    environ = {f"RELAYDECK_{name.upper()}": value for name, value in {**LIMITS, "team": team}.items()}
    settings = load_settings(environ).at(
        project_endpoint=connection.project_endpoint,
        storage_endpoint=connection.storage_endpoint,
        model=connection.model_deployment,
    )
    return runtime.build(settings, runtime.local_endpoints(connection))


class steady:  # noqa: N801 - used like a function
    """The process that is never killed: this one. Asks meanwhile, and waits at the end for its last answers."""

    def __init__(self, place: Stand, ledger: Ledger, seed: int) -> None:
        self._place, self._ledger, self._seed = place, ledger, seed
        self._over = threading.Event()

    def __enter__(self) -> None:
        state = str(self._place.state)
        self._both = [compose(state, team) for team in ("pooled", "per_query")]
        services = [one.services for one in self._both]
        self._threads = askers(services[0], services[1], self._seed, self._over, self._ledger.hear)

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(SETTLE_S)
        for one in self._both:
            one.services.answers.drain(SETTLE_S)
            one.close()


def askers(
    pooled: Services, alone: Services, seed: int, over: threading.Event, say: "Say"
) -> list[threading.Thread]:
    """Ask one question after the other, on several threads, until *over*."""
    chance = random.Random(seed)
    wanted = iter(questions(20_000, chance))
    lock = threading.Lock()

    def work() -> None:
        while not over.is_set():
            with lock:
                question = next(wanted)
            try:
                follow(question, (alone if question.alone else pooled), say)
            except ServiceError:  # not taken, and the person was told so
                over.wait(0.2)
            except (OSError, ValueError):  # nobody listens any more: this process is about to end
                return

    threads = [
        threading.Thread(target=work, name=f"asker-{number}", daemon=True) for number in range(AT_ONCE)
    ]
    for thread in threads:
        thread.start()
    return threads


class Say(Protocol):
    """Tells what became of a question: `taken`, `thread` or `end`, the answer's id, and what belongs to it."""

    def __call__(self, kind: str, answer_id: str, *more: str) -> None: ...


def follow(question: Question, services: Services, say: Say) -> None:
    """Ask *question* and say what a page would know of it."""
    answers = services.answers
    now = answers.ask(question.text)
    say("taken", now.id, question.mark, question.kind)
    while now.is_open and not now.thread_id:
        now = answers.wait(now.id, now.version, 5.0)
    if now.thread_id:
        say("thread", now.id, now.thread_id)
    final = answers.finish(now.id, services.settings.answer_deadline_s + 60)
    fate = Fate(question, final)
    say("end", now.id, "wrong" if fate.is_wrong else "shown" if fate.is_shown else "lost", _code(final))


def _code(answer: Answer) -> str:
    return answer.problem.code if answer.problem is not None else answer.state


# Afterwards ---------------------------------------------------------------------------------------------


def judged(
    place: Stand, ledger: Ledger, kills: Mapping[str, int], took_s: float, seed: int
) -> Iterator[Figure]:
    """Find every question again as its page would, then sweep once and count what is left."""
    ends: Counter[str] = Counter()
    bad: dict[str, list[str]] = {"lost": [], "wrong": []}
    with place.services({**LIMITS, "telemetry": "off"}) as later:
        for taken in ledger.taken.values():
            verdict, code = found_again(taken, later.services)
            ends[f"{code} after a restart" if taken.end is None else code] += 1
            if verdict in bad:
                bad[verdict].append(f"{taken.question.text} {taken.answer_id} {code}")
    detail = {"seed": seed, "kills": dict(kills), "took_s": round(took_s), "taken": len(ledger.taken)}
    yield none(
        "kills.lost", len(bad["lost"]), "questions", {**detail, "ends": dict(ends), "lost": bad["lost"][:5]}
    )
    yield none("kills.wrong", len(bad["wrong"]), "answers", {"wrong": bad["wrong"][:5]})
    with place.services({"telemetry": "off"}, ahead=AHEAD) as later:
        agents, threads = left(later)
        before = len(agents), len(threads)
        began_s = time.monotonic()
        swept = later.services.sweeper.sweep()
        sweep_s = time.monotonic() - began_s
        agents, threads = left(later)
        twice = sum(count - 1 for count in place.effects().values())
        told = {"before": before, "sweep": swept.words, "threads": threads[:5], "effects_twice": twice}
        yield none("kills.agents_left", len(agents), "agents", told)
        yield none("kills.threads_left", len(threads), "threads", told)
        yield Figure(
            "kills.sweep",
            round(sweep_s, 2),
            SWEEP_GOAL_S,
            "s",
            sweep_s <= SWEEP_GOAL_S,
            {"words": swept.words},
        )


def found_again(taken: Taken, services: Services) -> tuple[str, str]:
    """Return `shown`, `wrong` or `lost`, and what is shown: by what the page's URL held when its process ended.

    What the process itself has shown to the end counts as it was, but for one that was told to end: its page comes back.
    """
    if taken.end is not None and taken.end[1] != "stopped":
        return taken.end
    try:
        thread_id = taken.thread_id or services.answers.thread_of(taken.answer_id)
        if not thread_id:
            return "shown", "never sent"  # the page says so, by the id in its URL
        shown = services.answers.conversation(thread_id).answers
    except NotFound:
        # Made for one question alone, and deleted by a process that was about to end: the page says that it is gone.
        return ("shown" if taken.question.alone else "lost"), "conversation gone"
    answer = next((one for one in shown if one.id == taken.answer_id), None)
    if answer is None:
        return "lost", "not in its conversation"
    if answer.is_open:
        answer = services.answers.finish(answer.id, SETTLE_S)
    fate = Fate(taken.question, answer)
    return "wrong" if fate.is_wrong else "shown" if fate.is_shown else "lost", _code(answer)


def left(later: runtime.Runtime) -> tuple[list[str], list[str]]:
    """Return the agents beyond the team, and the threads that are no conversation that somebody began."""
    agents, threads = everything(later)
    team = {agent.id for agent in later.services.team.standing().values()}
    began: Counter[str] = Counter()
    odd = []
    for thread in threads:
        if not (kind := thread.metadata.get("relaydeck")):
            continue  # a connected agent's, made by the service itself
        answer_id = thread.metadata.get(ANSWER, "")
        began[answer_id] += 1
        if kind != "pooled" or not answer_id or began[answer_id] > 1:
            odd.append(thread.id)
    return [agent.id for agent in agents if agent.id not in team], odd


def damaged(place: Stand) -> Sequence[str]:
    """Return what is wrong with the stores: files that a restart set aside, and what each says of itself now.

    Their owner must have stopped: DuckDB locks its file.
    """
    wrong = [file.name for file in place.state.glob("*damaged*")]
    for name in ("foundry.sqlite", "queues.sqlite"):
        with closing(sqlite3.connect(f"file:{place.state / name}?mode=ro", uri=True)) as store:
            (verdict,) = store.execute("PRAGMA integrity_check").fetchone()
            wrong += [] if verdict == "ok" else [f"{name}: {verdict}"]
    with closing(duckdb.connect(str(place.state / TELEMETRY), read_only=True)) as store:
        for schema, name in store.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
            try:  # reads all of it
                store.execute(f'SELECT MAX(COLUMNS(*)::VARCHAR) FROM "{schema}"."{name}"').fetchall()
            except duckdb.Error as exc:
                wrong.append(f"{TELEMETRY} {name}: {exc}")
    return wrong


def none(name: str, value: int, unit: str, detail: Mapping[str, object]) -> Figure:
    return Figure(name, value, 0, unit, value == 0, detail)
