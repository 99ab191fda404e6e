"""5,000 threads and 20,000 runs in the project against 50 threads: the pages, the index's memory, what it sends.

Two projects, each with a Local Azure and an index of its own, take turns: the script time of each page by Streamlit's own
test runner, once the index knows all of its project, each time as if something had just changed in it. Memory: everything that the index keeps, object by object. Calls:
counted at the service over more than a minute, with the budget that is the default. Threads, runs, messages and steps are
put into Local Azure's own store before it starts. What it does not measure: a browser, a network, Azure's own paging.
"""

import contextlib
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.report import emit, header
from commands.stack import Control
from emulator.clock import Clock
from emulator.foundry import documents as doc
from emulator.foundry.store import Record, Store
from emulator.supervisor import ROOT, LocalOptions, attach_or_start

if TYPE_CHECKING:  # only the measured processes need it
    from streamlit.testing.v1 import AppTest

FEW, MANY, RUNS_EACH = 50, 5_000, 4
ROUNDS, WARM_ROUNDS, PAGE_TIMEOUT_S, INDEX_TIMEOUT_S = 25, 3, 60, 900.0
PAGES = ("threads", "agents", "runs")
GOAL_RATIO, GOAL_MB = 1.3, 100.0
FASTEST, WATCHED_S, WINDOW_S = "60000", 75.0, 60.0
BATCH = 250


def main(arguments: list[str]) -> int:
    if arguments:
        serve(int(arguments[0]), budget=arguments[1:] == ["budget"])
        return 0
    header("inventory", rounds=ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        good = measure_pages(Path(folder))
        good &= measure_budget(Path(folder))
    return 0 if good else 1


# The parent: two children that take turns ---------------------------------------------------------------


@dataclass
class Child:
    process: "subprocess.Popen[str]"

    def ask(self, what: str) -> dict[str, float]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith("{"):
                found: dict[str, float] = json.loads(line)
                return found
        raise RuntimeError(f"the measured process ended while it was asked for {what}")


@contextlib.contextmanager
def child(state: Path, threads: int, *more: str) -> Iterator[Child]:
    seed(state, threads)
    command = [sys.executable, "-m", "bench.inventory", str(threads), *more]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(state),
    )
    try:
        yield Child(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(60)


def environment(state: Path) -> dict[str, str]:
    return {**os.environ, "BENCH_STATE": str(state)}


def measure_pages(folder: Path) -> bool:
    with child(folder / "few", FEW) as few, child(folder / "many", MANY) as many:
        few.ask("index")
        told = many.ask("index")
        emit("inventory.index_took", told["took_s"], "s", None, [told["took_s"]])
        emit("inventory.index_sent", told["sent"], "requests", None, [told["sent"]])
        good = emit(
            "inventory.index_memory", told["kept_mb"], "MB", GOAL_MB, [told["kept_mb"]], lower_is_better=True
        )
        for page in PAGES:
            if (ROOT / "pages" / f"{page}.py").exists():
                good &= compare(page, few, many)
    return good


def compare(page: str, few: Child, many: Child) -> bool:
    small, large = [], []
    for number in range(WARM_ROUNDS + ROUNDS):
        one, other = few.ask(page)["ms"], many.ask(page)["ms"]
        if number >= WARM_ROUNDS:
            small.append(one)
            large.append(other)
    emit(f"inventory.{page}_{FEW}", statistics.median(small), "ms", None, small)
    emit(f"inventory.{page}_{MANY}", statistics.median(large), "ms", None, large)
    ratios = [other / one for one, other in zip(small, large, strict=True)]
    ratio = statistics.median(large) / statistics.median(small)
    return emit(f"inventory.{page}_ratio", ratio, "x", GOAL_RATIO, ratios, lower_is_better=True)


def measure_budget(folder: Path) -> bool:
    with child(folder / "budget", MANY, "budget") as one:
        told = one.ask("watch")
    busiest, allowed = told["busiest"], told["allowed"]
    emit("inventory.budget", allowed, "calls/min", None, [allowed])
    return emit("inventory.busiest_minute", busiest, "calls/min", allowed, [busiest], lower_is_better=True)


# A child: one project, one runtime ----------------------------------------------------------------------


def serve(threads: int, *, budget: bool) -> None:
    """Do what the parent's lines ask for, one JSON line each, until there are no more."""
    import runtime

    state = Path(os.environ["BENCH_STATE"])
    azure = attach_or_start(LocalOptions(state))
    try:
        given = {"RELAYDECK_STATE_DIR": str(state), "RELAYDECK_TELEMETRY": "off"}
        if not budget:
            given["RELAYDECK_INDEX_CALLS_PER_MIN"] = FASTEST
        running = runtime.start(given)
        running.wait_warm()
        for line in sys.stdin:
            what = line.strip()
            if what == "index":
                found = build_index(Control(azure), threads)
            elif what == "watch":
                found = watch(Control(azure))
            else:
                found = {"ms": page_ms(what)}
            print(json.dumps(found), flush=True)
        running.close()
    finally:
        azure.stop()


def last_request(control: Control) -> int:
    return control.last_request()


def build_index(control: Control, threads: int) -> dict[str, float]:
    """Return how long it took until everything was known, and what is kept of it."""
    import runtime

    index = runtime.current().services.threads
    before, began_s = last_request(control), time.monotonic()
    while True:
        status = index.status()
        if status.settled and status.threads == threads and not status.steps_left:
            break
        if time.monotonic() - began_s > INDEX_TIMEOUT_S:
            raise RuntimeError(f"the index does not come to rest: {status}")
        time.sleep(0.2)
    took_s = time.monotonic() - began_s
    assert status.runs == threads * RUNS_EACH, status
    runtime.freeze()
    return {
        "took_s": took_s,
        "sent": float(last_request(control) - before),
        "kept_mb": kept_bytes(index._plan, index._names, index._searches) / 1e6,
    }


def kept_bytes(*roots: object) -> int:
    """Return the bytes of everything that can be reached from *roots*, each object once; no code."""
    code = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
    seen: set[int] = set()
    left, total = list(roots), 0
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, code):
            continue
        seen.add(id(one))
        total += sys.getsizeof(one)
        left += gc.get_referents(one)
    return total


def page_ms(page: str) -> float:
    from streamlit.testing.v1 import AppTest

    import runtime

    found = _open.get(page)
    if found is None:
        found = AppTest.from_file(str(ROOT / "ui" / "shell.py"), default_timeout=PAGE_TIMEOUT_S)
        found.query_params["refresh"] = "off"
        found.query_params["threads-kind"] = "all"  # as many rows with few threads as with many: a page of 50
        found.switch_page(str(ROOT / "pages" / f"{page}.py"))
        _open[page] = found
    runtime.current().services.threads._version += 1  # no search that was made before holds any more
    began_s = time.perf_counter()
    found.run()
    took_ms = (time.perf_counter() - began_s) * 1000
    assert not found.exception, f"the page failed: {found.exception}"
    assert page != "threads" or len(found.dataframe[0].value) == FEW, "the page has no list"
    return took_ms


_open: dict[str, "AppTest"] = {}


def watch(control: Control) -> dict[str, float]:
    """Return the most calls that the service met within any minute, and how many were allowed."""
    import runtime

    index = runtime.current().services.threads
    last = last_request(control)
    began_s, met = time.monotonic(), list[float]()
    while (now_s := time.monotonic() - began_s) < WATCHED_S:
        index.status()
        new = control.requests(last)
        last = max([last, *(int(str(one["number"])) for one in new)])
        met += [now_s for one in new if str(one["operation"]).startswith("foundry.list_")]
        time.sleep(0.25)
    busiest = max(sum(at <= other < at + WINDOW_S for other in met) for at in met)
    return {"busiest": float(busiest), "allowed": float(index.status().calls_per_min)}


# The project --------------------------------------------------------------------------------------------


def seed(state: Path, threads: int) -> None:
    """Put *threads* threads into the store of a Local Azure that does not run yet: half of them conversations of ours with
    RUNS_EACH runs, the first of which asked a connected agent; half the threads that those agents worked in."""
    state.mkdir(parents=True)
    store, now_s = Store(state / "foundry.sqlite", Clock()), int(time.time())
    helper = doc.new_agent("asst_helper", now_s, {"name": "clerk", "model": "gpt-4o"})
    tool = {
        "type": "connected_agent",
        "connected_agent": {"id": helper["id"], "name": "clerk", "description": ""},
    }
    leader = doc.new_agent("asst_leader", now_s, {"name": "leader", "model": "gpt-4o", "tools": [tool]})
    store.save(Record("agent", "", helper), Record("agent", "", leader))
    batch: list[Record] = []
    for number in range(threads // 2):
        at_s = now_s - (threads // 2 - number) * 600
        batch += conversation(number, at_s, leader, helper)
        if len(batch) > BATCH:
            store.save(*batch)
            batch = []
    store.save(*batch)
    store.close()


def conversation(number: int, at_s: int, leader: doc.Json, helper: doc.Json) -> list[Record]:
    question = f"What became of order {number:06d}, and when will the rest of it arrive?"
    tags = {"relaydeck": "pooled", "environment": "local"}
    thread = doc.new_thread(f"thread_c{number:020d}", at_s, {"metadata": {**tags, "title": question}})
    other = doc.new_thread(f"thread_h{number:020d}", at_s, {})
    found = [Record("thread", "", thread), Record("thread", "", other)]
    for turn in range(RUNS_EACH):
        marks = {**tags, "opid": f"op_{number}_{turn}"}
        run = ended(f"run_c{number:018d}{turn}", thread["id"], leader, at_s + turn * 60, {"metadata": marks})
        inner = ended(f"run_h{number:018d}{turn}", other["id"], helper, at_s + turn * 60, {})
        child = {"assistant_id": helper["id"], "run_id": inner["id"], "thread_id": other["id"]}
        calls = [
            doc.with_output(
                doc.new_call(f"call_{number}_{turn}", "connected_agent", "clerk", "{}", child), "ok"
            )
        ]
        step = {
            **doc.new_step(f"step_{number}_{turn}", run, at_s, doc.call_details(calls)),
            "status": "completed",
            "completed_at": at_s + 3,
        }
        for where, one in ((thread, run), (other, inner)):
            content = doc.text_content(question)
            asked = doc.new_message(f"msg_{one['id']}", where["id"], at_s, {"content": content})
            found += [Record("message", where["id"], asked), Record("run", where["id"], one)]
        if not turn:
            found.append(Record("step", run["id"], step))
    return found


def ended(run_id: str, thread_id: str, agent: doc.Json, at_s: int, fields: doc.Json) -> doc.Json:
    return {
        **doc.new_run(run_id, thread_id, agent, at_s, fields),
        "status": "completed",
        "started_at": at_s + 1,
        "completed_at": at_s + 4,
        "usage": doc.usage(400, 60),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
