"""The look: reads what there is and has it judged. Changes nothing."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from services.agents.backend import TERMINAL, Agent, AgentBackend, Page, Run, Thread
from services.errors import NotFound, ServiceError, UnexpectedReply
from services.housekeeping import judging
from services.housekeeping.findings import Finding, Found, Kind
from services.housekeeping.judging import Home, Uses
from services.models import FunctionTool, PeekedMessage, QueueDepth
from services.settings import Settings

AGENTS_MOST, THREADS_MOST = 20_000, 50_000
AT_ONCE = 16
RUNS_LOOKED_AT = 100
AGENT_KINDS: frozenset[Kind] = frozenset({"crashed-answer", "old-team", "unlinked-agent"})
QUEUE_KINDS: frozenset[Kind] = frozenset({"loose-queue", "expiring-message"})
One = TypeVar("One", Agent, Thread)
Say = Callable[[str], None]


class Queues(Protocol):
    def list_names(self, prefix: str = "") -> list[str]: ...

    def depths_of(self, names: Sequence[str]) -> list[QueueDepth]: ...

    def peek(self, queue: str, limit: int = 32) -> list[PeekedMessage]: ...


class StoppedError(Exception):
    """Somebody wanted the look to end."""


class Looker:
    """Threads share it. *backend*: one whose requests are counted against the clean-up's rate."""

    def __init__(
        self,
        backend: AgentBackend,
        queues: Queues,
        settings: Settings,
        catalogue: Sequence[FunctionTool],
        definition: str,
        now: Callable[[], datetime],
    ) -> None:
        self.backend = self._backend = backend
        self._queues, self._settings = queues, settings
        self._catalogue, self._definition, self._now = catalogue, definition, now
        self._kept_until: dict[str, datetime] = {}  # by conversation that was gone on with

    def look(
        self,
        kinds: frozenset[Kind],
        stopped: threading.Event | None = None,
        say: Say = lambda _: None,
        at_once: int = AT_ONCE,
    ) -> Found:
        """Return the findings of *kinds*. *say* is told how far it is.

        Sends one request per 100 agents and per 100 threads; one for each conversation older than the retention, unless
        an earlier look saw that it was gone on with; one for each thread of the project while there is a team of an
        older definition; one for each queue, and two more for one that no tool names. Parts that cannot be read are
        told in `problems`, never raised. Raises StoppedError once *stopped* is set.
        """
        home, stopped = self._home(), stopped or threading.Event()
        problems: dict[str, ServiceError] = {}
        found: list[Finding] = []
        say("Reading agents and threads")
        with ThreadPoolExecutor(max(2, at_once), thread_name_prefix="cleanup-look") as pool:
            agents, threads = self._read_both(kinds, pool, stopped, problems)
            complete = threads is None or len(threads) < THREADS_MOST
            runs = _Runs(self._backend, pool, stopped, say)
            if agents is not None:
                uses = self._uses(agents, threads if complete else None, runs, home, problems, kinds)
                found += [*judging.crashed(agents, home), *judging.unlinked(agents, home)]
                found += judging.old_teams(agents, uses, home)
            if threads is not None:
                found += judging.crashed(threads, home)
                if "old-thread" in kinds:
                    found += self._past(threads, runs, home, problems)
        if kinds & QUEUE_KINDS:
            say("Reading the queues")
            found += _try(problems, "queues", lambda: self._of_queues(agents, home, stopped)) or []
        return Found(
            home.now,
            tuple(one for one in found if one.kind in kinds),
            None if agents is None else len(agents),
            None if threads is None else len(threads),
            None if agents is None else sum(not home.owns(one.metadata) for one in agents),
            None if threads is None else sum(not home.owns(one.metadata) for one in threads),
            complete,
            problems,
        )

    def _read_both(
        self,
        kinds: frozenset[Kind],
        pool: ThreadPoolExecutor,
        stopped: threading.Event,
        problems: dict[str, ServiceError],
    ) -> tuple[list[Agent] | None, list[Thread] | None]:
        """Return all agents and all threads, read side by side; None where not wanted, or not to be had."""
        agents: Future[list[Agent] | None] | None = None
        threads: list[Thread] | None = None
        if kinds & AGENT_KINDS or "loose-queue" in kinds:
            agents = pool.submit(
                lambda: _try(
                    problems, "agents", lambda: self._all(self._backend.page_agents, AGENTS_MOST, stopped)
                )
            )
        if kinds & AGENT_KINDS or "old-thread" in kinds:
            threads = _try(
                problems, "threads", lambda: self._all(self._backend.page_threads, THREADS_MOST, stopped)
            )
        return (agents.result() if agents is not None else None), threads

    def _home(self) -> Home:
        days = self._settings.thread_retention_d
        retention = timedelta(days=days) if days else None
        return Home(self._settings.environment, self._definition, self._now(), retention)

    def _all(self, page_of: Callable[[str], Page[One]], most: int, stopped: threading.Event) -> list[One]:
        """Return everything, newest first; what is shown twice because a list moved on is kept once.

        Raises UnexpectedReply where one of them could not be read: it may be what another is still needed for.
        """
        found: dict[str, One] = {}
        after = ""
        while len(found) < most:
            _check(stopped)
            page = page_of(after)
            if page.unread:
                raise UnexpectedReply(
                    f"{page.unread} entries of a list have a shape that is not known here.",
                    operation="look for orphans",
                )
            found.update((one.id, one) for one in page.found if one.id not in found)
            if not page.after:
                break
            after = page.after
        return list(found.values())[:most]

    def _uses(
        self,
        agents: Sequence[Agent],
        threads: Sequence[Thread] | None,
        runs: "_Runs",
        home: Home,
        problems: dict[str, ServiceError],
        kinds: frozenset[Kind],
    ) -> Uses:
        """Return who runs. Looks only when there is a team of an older definition."""
        old = [agent for agent in agents if judging.is_old_team(agent, home)]
        if not old or threads is None or "old-team" not in kinds:
            return Uses(complete=threads is not None)
        return _try(problems, "runs", lambda: runs.uses(threads)) or Uses()

    def _past(
        self, threads: Sequence[Thread], runs: "_Runs", home: Home, problems: dict[str, ServiceError]
    ) -> list[Finding]:
        """Return the old conversations. One that was gone on with is not looked at before it can be old again."""
        past = [thread for thread in threads if judging.is_past(thread, home)]
        kept = {thread.id: self._kept_until.get(thread.id, home.now) for thread in past}
        self._kept_until = {key: until for key, until in kept.items() if until > home.now}
        wanted = [thread for thread in past if kept[thread.id] <= home.now]

        def judged() -> list[Finding]:
            found: list[Finding] = []
            for thread, seen in zip(wanted, runs.of(wanted), strict=True):
                if seen is None:
                    continue
                newest = seen[0] if seen else None
                one = judging.old_thread(thread, newest, _is_open(seen), home)
                if one is not None:
                    found.append(one)
                elif home.retention is not None:
                    self._kept_until[thread.id] = judging.last_activity(thread, newest) + home.retention
            return found

        return _try(problems, "conversations", judged) or []

    def _of_queues(
        self, agents: Sequence[Agent] | None, home: Home, stopped: threading.Event
    ) -> list[Finding]:
        names = self._queues.list_names()
        named = {name for tool in self._catalogue for name in (tool.input_queue, tool.output_queue)}
        found: list[Finding] = []
        if agents is not None:  # else nobody knows which queues the agents of others use
            named |= {name for agent in agents for name in agent.queues}
            loose = list(judging.loose_queues(names, named, {}))
            depths = {depth.name: depth for depth in self._queues.depths_of([one.id for one in loose])}
            found += [
                replace(one, count=depths[one.id].messages)
                for one in loose
                if depths[one.id].state != "missing"
            ]
        for name in names:
            _check(stopped)
            with suppress(NotFound):
                found += filter(None, [judging.expiring(name, self._queues.peek(name), home.now)])
        return found


class _Runs:
    """Lists the runs of threads, many at once, each thread's once."""

    def __init__(
        self, backend: AgentBackend, pool: ThreadPoolExecutor, stopped: threading.Event, say: Say
    ) -> None:
        self._backend, self._pool, self._stopped, self._say = backend, pool, stopped, say
        self._known: dict[str, list[Run] | None] = {}

    def of(self, threads: Sequence[Thread]) -> Iterator[list[Run] | None]:
        """Yield the runs of each of *threads*, newest first; None for one that is gone by now."""
        missing = [thread.id for thread in threads if thread.id not in self._known]
        for number, (thread_id, runs) in enumerate(
            zip(missing, self._pool.map(self._list, missing), strict=True), 1
        ):
            self._known[thread_id] = runs
            if number % 10 == 0:
                self._say(f"Looked at {number:,} of {len(missing):,} threads")
        return iter([self._known[thread.id] for thread in threads])

    def uses(self, threads: Sequence[Thread]) -> Uses:
        last: dict[str, datetime] = {}
        active: set[str] = set()
        for runs in self.of(threads):
            for run in runs or ():
                last[run.agent_id] = max(run.created_at, last.get(run.agent_id, run.created_at))
                if run.state not in TERMINAL:
                    active.add(run.agent_id)
        return Uses(last, frozenset(active), complete=True)

    def _list(self, thread_id: str) -> list[Run] | None:
        _check(self._stopped)
        try:
            return self._backend.list_runs(thread_id, RUNS_LOOKED_AT)
        except NotFound:
            return None


def _is_open(runs: Sequence[Run]) -> bool:
    return any(run.state not in TERMINAL for run in runs)


Value = TypeVar("Value")


def _try(problems: dict[str, ServiceError], part: str, read: Callable[[], Value]) -> Value | None:
    try:
        return read()
    except ServiceError as error:
        problems[part] = error
        return None


def _check(stopped: threading.Event) -> None:
    if stopped.is_set():
        raise StoppedError
