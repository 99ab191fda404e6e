"""Every page on services of its own, against a Local Azure whose parts fail as they are told to."""

import contextlib
import importlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import streamlit as st
from azure.identity import ManagedIdentityCredential
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.settings_source import load_settings
from ui import startup
from ui.menu import PAGES

ROOT = Path(__file__).parents[1]
SHELL = ROOT / "ui" / "shell.py"
MANY = 100_000
RUN_TIMEOUT_S = 40
LATE = ("pandas", "pyarrow", "plotly.graph_objects")  # imported with the first table or chart
WARM_S = 20.0
JSON = {"Content-Type": "application/json"}

# What each dependency is, by the operations of Local Azure. The functions host is away when it gets no message.
OPERATIONS: Mapping[str, str] = {
    "agents": "foundry.*",
    "queues": "queues.*",
    "logs": "monitor.query_*",
    "metrics": "monitor.get_metrics",
    "ingestion": "monitor.track",
    "functions": "queues.get_messages",
    "token": "identity.get_token",
}
FAULTS: Mapping[str, Mapping[str, object]] = {
    "down": {"kind": "reset"},
    "hanging": {"kind": "hang", "delay_s": 10.0},
    "slow": {"kind": "slow", "delay_s": 10.0},
    "a sign-in page": {"status": 200, "body": "<html><body>Sign in</body></html>"},
    "an empty object": {"status": 200, "body": "{}", "headers": JSON},
    "another shape": {"status": 200, "body": '{"value": 7, "data": "x", "responses": {}}', "headers": JSON},
    "throttled": {"status": 429, "code": "TooManyRequests", "headers": {"Retry-After": "7"}},
    "refused": {"status": 403, "code": "Forbidden"},
}
SAYS = (  # one of these tells that something is not as it should be, where it would stand
    "While trying to",
    "has not come yet",
    "is shown as read at",
    "cannot be now",
    "could not be read",
    "has not been read yet",
    "Not all is known",
    "Reading the list of threads",
    "Indexing the agents of the project",
)
# Where a figure comes from, by page and label; all others are of this process itself.
SOURCES: Mapping[str, Mapping[str, str]] = {
    "overview.py": {
        **dict.fromkeys(
            ("Answers per minute", "Success", "Answer time, p95", "Queue wait, p95", "Tokens"), "logs"
        ),
        **dict.fromkeys(("Oldest message now", "Poison messages"), "queues"),
    },
    "runs.py": dict.fromkeys(("Runs", "Failed", "Median time", "p95 time", "p95 wait", "Tokens"), "logs"),
    "queues.py": {
        **dict.fromkeys(("Messages", "Oldest that waits", "Poison"), "queues"),
        **dict.fromkeys(("Arrivals a minute", "Finished a minute"), "logs"),
    },
    "metrics.py": dict.fromkeys(
        ("Calls of agents", "Calls of tools", "Tool calls that failed", "Tokens", "Cost"), "logs"
    ),
    "agents.py": {
        **dict.fromkeys(("Agents", "Ours", "Foreign", "Changed", "Broken"), "agents"),
        **dict.fromkeys(("Calls", "Success", "p95", "Tokens", "Last used"), "logs"),
    },
    "threads.py": dict.fromkeys(("Threads", "Runs", "Open runs", "Shown below"), "agents"),
}
UNKNOWN = "not known"
# What is being read for the first time says so alone.
SINCE = ("Failing since", "asked for", "read at", *SAYS[-2:])
BUG = ("Something in Relaydeck itself went wrong", "Traceback (most recent call last)")


@dataclass(frozen=True, slots=True)
class Screen:
    """*needs*: the dependencies without which something on it is missing. *heading*: what it shows whatever happens."""

    name: str
    file: str
    heading: str
    needs: frozenset[str] = frozenset()
    address: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """*tiles*: the figures by their labels."""

    took_s: float
    words: str
    tiles: Mapping[str, str]
    exceptions: int


def screens(world: Mapping[str, str]) -> tuple[Screen, ...]:
    """Return every page, and every part of one that reads something of its own. *world*: ids, see Rig.settle()."""

    def screen(name: str, file: str, heading: str, needs: str = "", **address: str) -> Screen:
        return Screen(name, file, heading, frozenset(needs.split()), address)

    thread, run = {"thread": world["thread"]}, {"run": world["run"], "thread": world["thread"]}
    return (
        screen("ask", "ask.py", "Ask a question, watch it travel", "agents"),
        screen("ask: a conversation", "ask.py", "", "agents", **thread),
        screen("overview", "overview.py", "# Overview", "logs queues"),
        screen("runs", "runs.py", "# Runs", "logs"),
        screen("queues", "queues.py", "# Queues", "queues logs"),
        screen("queues: messages", "queues.py", "# Queues", "queues logs", queue=world["queue"]),
        screen("metrics", "metrics.py", "# Metrics", "logs"),
        screen("metrics: Azure Monitor", "metrics.py", "# Metrics", "logs metrics", tab="Azure Monitor"),
        screen("trace", "trace.py", "", "agents", **run),
        screen("trace: diagnosis", "trace.py", "", "agents", diagnose="yes", **run),
        screen("agents", "agents.py", "# Agents", "agents logs"),
        screen("agents: one", "agents.py", "", "agents logs", agent=world["agent"]),
        screen("threads", "threads.py", "# Threads", "agents"),
        screen("threads: one", "threads.py", "# Threads", "agents", **thread),
        screen("doctor", "doctor.py", "# Doctor"),
        screen("clean-up", "cleanup.py", "# Clean-up"),
    )


IDENTITY = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER")


class Rig:
    """Builds services anew for each case, so that no breaker, no cache and no reading of one is there in the next."""

    def __init__(self, control: Control, environ: Mapping[str, str] | None = None) -> None:
        self.control, self._environ = control, dict(environ or {})
        self._before = {name: os.environ.get(name) for name in IDENTITY}
        os.environ.update({name: control.azure.connection.environment[name] for name in IDENTITY})

    def close(self) -> None:
        """Give this process the identity back that it had."""
        for name, value in self._before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value

    def settle(self, *, warm: bool = True) -> Mapping[str, str]:
        """Ask one question; return the ids of what there is to look at then. *warm*: see every page once, so that what
        this process imports late is there."""
        with self.fresh() as running:
            services = running.services
            answer = services.answers.ask("What is 6 * 7?")
            while answer.is_open:
                answer = services.answers.wait(answer.id, answer.version, WARM_S)
            world = {
                "thread": answer.thread_id,
                "run": answer.run_id,
                "agent": services.team.orchestrator().id,
                "queue": services.catalogue[0].input_queue,
            }
            for name in LATE:
                importlib.import_module(name)
            for screen in screens(world) if warm else ():
                self.open(screen)
            return world

    @contextlib.contextmanager
    def fresh(self) -> Iterator[runtime.Runtime]:
        """Let services that know nothing yet be those of this process; close them after."""
        connection = self.control.azure.connection
        settings = load_settings({"RELAYDECK_SWEEP": "off", **self._environ}).at(
            project_endpoint=connection.project_endpoint,
            storage_endpoint=connection.storage_endpoint,
            model=connection.model_deployment,
        )
        endpoints = replace(runtime.local_endpoints(connection), credential=ManagedIdentityCredential())
        before, built = runtime._current, runtime.build(settings, endpoints, tell=True)
        runtime._current = built
        startup.failed(None)
        st.cache_resource.clear()
        try:
            yield built
        finally:
            # First: what cannot be closed is told once, and not by all that comes after.
            runtime._current = before
            built.close()

    @contextlib.contextmanager
    def failing(self, *faults: tuple[str, str]) -> Iterator[None]:
        """Let each dependency fail in its way until the block ends: pairs of a name in OPERATIONS and one in FAULTS."""
        for dependency, fault in faults:
            self.control.fail(operation=OPERATIONS[dependency], times=MANY, **FAULTS[fault])
        try:
            yield
        finally:
            self.control.clear_faults()

    def open(self, screen: Screen) -> tuple[AppTest, Seen]:
        """Visit *screen* as somebody who was never here."""
        at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
        for name, value in screen.address.items():
            at.query_params[name] = value
        at.switch_page(str(PAGES / screen.file))
        return at, look(at)


def look(at: AppTest) -> Seen:
    """Draw the page (again); return what is on it."""
    began_s = time.monotonic()
    at.run()
    took_s = time.monotonic() - began_s
    read = [*at.markdown, *at.caption, *at.code, *at.warning, *at.error, *at.info, *at.success, *at.title]
    texts = [str(element.value) for element in read]
    words = "\n".join([*texts, *(expander.label for expander in at.expander)]).replace("\\", "")
    tiles = {str(tile.label): str(tile.value) for tile in at.metric}
    return Seen(took_s, words, tiles, len(at.exception))


def complaints(screen: Screen, seen: Seen, broken: frozenset[str]) -> list[str]:
    """Return what is wrong with how *screen* shows that *broken* is: nothing, when it is right. How long it took is not
    judged here."""
    found = [f"shows an exception ({seen.exceptions})"] if seen.exceptions else []
    found += [f"says {words!r}" for words in BUG if words in seen.words]
    if "Health" not in seen.words or screen.heading not in seen.words:
        found.append("has no frame")
    hit = broken if "token" not in broken else frozenset(OPERATIONS)
    sources = SOURCES.get(screen.file, {})
    made_up = [label for label, value in seen.tiles.items() if sources.get(label) in hit and value != UNKNOWN]
    found += [f"draws {label} as {seen.tiles[label]!r}, which nobody knows" for label in made_up]
    if screen.needs & hit:
        if not any(words in seen.words for words in SAYS):
            found.append("does not say what is missing")
        if not any(words in seen.words for words in SINCE):
            found.append("does not say since when")
    return found


def until_well(at: AppTest, is_well: Callable[[Seen], bool], limit_s: float) -> float | None:
    """Return the seconds until the page is as it should be, drawn as often as its own timers do; None: not in time."""
    began_s = time.monotonic()
    while time.monotonic() - began_s < limit_s:
        if is_well(look(at)):
            return time.monotonic() - began_s
        time.sleep(0.5)
    return None
