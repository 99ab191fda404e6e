"""How fast and how safe a clean-up is: against deleting one after another, and after 100 killed processes.

speed   1,000 threads and 200 agents of crashed answers among 50 things of others, every request to the agent service
        100 ms late. Ours: a look and a deletion with the settings as they come. One after another: the SDK's own
        delete calls, 60 of them measured and scaled to 1,200; finding them is not held against it. The rate is what
        Local Azure saw: the most requests that arrived within any second.
kills   a process that asks in `per_query` mode is killed by SIGKILL at a random moment between its question and the
        end of its clean-up, 100 times; then one sweep, by a clock that is a day ahead. Every agent and every thread of
        the project is counted afterwards, those of connected agents too.

What it does not measure: Azure's own limits, a service that throttles (the tests do), several projects.
"""

import multiprocessing
import os
import random
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import ForkServerContext
from pathlib import Path

import runtime
from bench.report import emit, header
from commands.stack import Control
from emulator.supervisor import LocalAzure, LocalOptions, attach_or_start
from services.agents.backend import AgentDefinition, ConnectedAgent
from services.assembly import Services
from services.ids import new_id
from services.settings_source import load_settings

SEED = 20261126
THREADS, AGENTS, TEAMS, FOREIGN = 1_000, 200, 50, 25
LATENCY_S, SAMPLE = 0.1, 60
SPEED_GOAL, KILLS = 15.0, 100
QUESTIONS = ("Good morning!", "What is (12.5 + 7) * 3?")
OURS = {"relaydeck": "per_query", "environment": "local", "lives_s": "0"}
AHEAD = timedelta(days=1)
CHILD_WAIT_S = 30.0


def main() -> int:
    header("cleanup", rounds=KILLS, seed=SEED)
    with tempfile.TemporaryDirectory() as folder:
        azure = attach_or_start(LocalOptions(Path(folder) / "state"))
        try:
            with services(azure) as found:
                good = measure_speed(found, Control(azure))
            Control(azure).reset()
            good &= measure_kills(azure, Path(folder) / "state")
        finally:
            azure.stop()
    return 0 if good else 1


@contextmanager
def services(azure: LocalAzure, ahead: timedelta = timedelta()) -> Iterator[Services]:
    """Yield the services on *azure* with the settings as they come. *ahead*: how much later it is for them."""
    connection = azure.connection
    settings = load_settings({}).at(
        project_endpoint=connection.project_endpoint,
        storage_endpoint=connection.storage_endpoint,
        model=connection.model_deployment,
    )
    running = runtime.build(settings, runtime.local_endpoints(connection), now=lambda: runtime.now() + ahead)
    try:
        yield running.services
    finally:
        running.close()


# Speed --------------------------------------------------------------------------------------------------


def measure_speed(found: Services, control: Control) -> bool:
    foreign = leave(found, THREADS, AGENTS)
    control.fail(operation="foundry.*", kind="slow", delay_s=LATENCY_S, times=1_000_000)
    each_s = one_after_another(found)
    seen = last_request(control)
    began_s = time.monotonic()
    look = found.housekeeping.look()
    looked_s = time.monotonic() - began_s
    wanted = tuple(one for one in look.findings if one.deletable)
    result = found.housekeeping.delete(wanted)
    took_s = time.monotonic() - began_s
    arrived = [
        float(str(one["at_s"])) for one in control.requests(seen) if "foundry." in str(one["operation"])
    ]
    control.clear_faults()
    assert len(wanted) == THREADS + AGENTS and not result.undone, (
        f"{len(wanted)} found, {len(result.undone)} left"
    )
    busiest = most_within_a_second(arrived)
    ratio = statistics.median(each_s) * len(wanted) / took_s
    good = emit("cleanup.times_faster", ratio, "x", SPEED_GOAL, [ratio])
    emit("cleanup.one_after_another", statistics.median(each_s), "s", None, each_s)
    emit("cleanup.look", looked_s, "s", None, [looked_s])
    emit("cleanup.look_and_delete", took_s, "s", None, [took_s])
    limit = found.settings.cleanup_per_s
    good &= emit(
        "cleanup.most_requests_in_a_second", busiest, "requests", limit, [busiest], lower_is_better=True
    )
    return good & untouched("cleanup.speed_foreign_touched", found, foreign)


def leave(found: Services, threads: int, agents: int) -> tuple[set[str], set[str]]:
    """Leave *threads* and *agents* of crashed answers among things of others; return the ids of those others."""
    backend, model = found.backend, found.settings.model

    def agent(tags: dict[str, str], connects_to: Sequence[str] = ()) -> str:
        links = tuple(
            ConnectedAgent(one, "helper" + "s" * at, "Helps.") for at, one in enumerate(connects_to)
        )
        wanted = AgentDefinition("left_over", model, "Repeat.", connected=links)
        return backend.create_agent(wanted, {**tags, "opid": new_id("op")}).id

    with ThreadPoolExecutor(8) as pool:
        members = list(pool.map(lambda _: agent(OURS), range(agents - TEAMS)))
        list(pool.map(lambda at: agent(OURS, members[3 * at : 3 * at + 3]), range(TEAMS)))
        list(pool.map(lambda _: backend.create_thread({**OURS, "opid": new_id("op")}), range(threads)))
    return leave_foreign(found)


def leave_foreign(found: Services) -> tuple[set[str], set[str]]:
    others = [{}, {**OURS, "environment": "staging"}, {"relaydeck": "per_query"}, {"environment": "local"}]
    agents = set[str]()
    threads = set[str]()
    for number in range(FOREIGN):
        tags = {**others[number % len(others)], "opid": new_id("op")}
        wanted = AgentDefinition("somebody", found.settings.model, "Repeat.")
        agents.add(found.backend.create_agent(wanted, tags).id)
        threads.add(found.backend.create_thread(tags).id)
    return agents, threads


def one_after_another(found: Services) -> list[float]:
    """Return what each of a few deletions takes, made one after another by the SDK; what is deleted comes back."""
    ids = [
        thread.id for thread in found.backend.list_threads(SAMPLE + FOREIGN) if thread.metadata.get("lives_s")
    ]
    mine = [one for one in ids if found.backend.get_thread(one).metadata.get("environment") == "local"][
        :SAMPLE
    ]
    took_s = []
    for one in mine:
        began_s = time.monotonic()
        found.backend.delete_thread(one)
        took_s.append(time.monotonic() - began_s)
    for _ in mine:
        found.backend.create_thread({**OURS, "opid": new_id("op")})
    return took_s


def last_request(control: Control) -> int:
    return control.last_request()


def most_within_a_second(arrived: Sequence[float]) -> int:
    times, first, most = sorted(arrived), 0, 0
    for last, at_s in enumerate(times):
        while times[first] <= at_s - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


# Kills --------------------------------------------------------------------------------------------------


def measure_kills(azure: LocalAzure, state: Path) -> bool:
    chance = random.Random(SEED)
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["runtime", "azure.storage.queue", "azure.ai.agents"])
    whole_s = {
        question: statistics.median(live(forks, state, question, None)[0] for _ in range(3))
        for question in QUESTIONS
    }
    with services(azure, AHEAD) as found:
        foreign = leave_foreign(found)
        killed = 0
        while killed < KILLS:
            question = QUESTIONS[killed % len(QUESTIONS)]
            killed += live(forks, state, question, chance.uniform(0, whole_s[question]))[1]
        agents, threads = all_ids(found)
        left = len(agents - foreign[0]), len(threads - foreign[1])
        emit("cleanup.agents_left_by_kills", left[0], "agents", None, [left[0]])
        emit("cleanup.threads_left_by_kills", left[1], "threads", None, [left[1]])
        sweep = found.sweeper.sweep()
        assert sweep.outcome == "swept", sweep
        agents, threads = all_ids(found)
        after = len(agents - foreign[0]), len(threads - foreign[1])
        good = emit(
            "cleanup.agents_left_after_sweep", after[0], "agents", 0, [after[0]], lower_is_better=True
        )
        good &= emit(
            "cleanup.threads_left_after_sweep", after[1], "threads", 0, [after[1]], lower_is_better=True
        )
        return good & untouched("cleanup.kills_foreign_touched", found, foreign)


def live(
    forks: ForkServerContext, state: Path, question: str, kill_after_s: float | None
) -> tuple[float, bool]:
    """Let a process ask *question* in `per_query` mode; kill it so long after it came up.

    Return how long it lived after that, and whether it was killed: it may have been done before.
    """
    ours, theirs = forks.Pipe()
    child = forks.Process(target=ask, args=[str(state), question, theirs], daemon=True)
    child.start()
    assert ours.poll(CHILD_WAIT_S), "the process did not come up"
    ours.recv()
    began_s = time.monotonic()
    if kill_after_s is not None:
        child.join(kill_after_s)
        child.kill()
    child.join(CHILD_WAIT_S)
    assert child.exitcode in (0, -signal.SIGKILL), f"ended with {child.exitcode}"
    return time.monotonic() - began_s, child.exitcode != 0


def ask(state: str, question: str, told: Pipe) -> None:
    """The process that is killed. Ends when the answer is there and all that was made for it is gone."""
    environ = {"RELAYDECK_STATE_DIR": state, "RELAYDECK_TEAM": "per_query", "RELAYDECK_TELEMETRY": "off"}
    running = runtime.start(environ, warm=False)
    told.send("up")
    answer = running.services.answers.ask(question)
    running.services.answers.finish(answer.id, CHILD_WAIT_S)
    running.services.answers.drain(CHILD_WAIT_S)
    os._exit(0)


def all_ids(found: Services) -> tuple[set[str], set[str]]:
    agents = {agent.id for agent in found.backend.list_agents(10_000)}
    return agents, {thread.id for thread in found.backend.list_threads(10_000)}


def untouched(figure: str, found: Services, foreign: tuple[set[str], set[str]]) -> bool:
    agents, threads = all_ids(found)
    touched = len(foreign[0] - agents) + len(foreign[1] - threads)
    return emit(figure, touched, "things", 0, [touched], lower_is_better=True)


if __name__ == "__main__":
    sys.exit(main())
