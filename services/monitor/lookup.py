"""Any id to where it is shown: a run, a conversation, a queue. What is not known is said in words."""

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from services.agents.backend import AgentBackend
from services.answers import record
from services.answers.service import AnswerService
from services.errors import InvalidInput, NotFound, ServiceError
from services.models import PeekedMessage
from services.monitor.kql import Value
from services.monitor.logs import LogsService
from services.monitor.results import Ask, Row
from services.queues import PEEK_MAX, QueueService

Place = Literal["run", "conversation", "queue", "nowhere"]
Kind = Literal["run", "thread", "message", "answer", "agent", "trace", "other"]
LOOK_BACK = timedelta(days=30)
AHEAD = timedelta(minutes=10)  # clocks differ: a span may begin later than now
THREADS_SCANNED = 20
RUNS_SCANNED = 20
MESSAGES_SCANNED = 100
QUEUES_SCANNED = 60
AT_ONCE = 4
SHOWN = 64
NAMES: dict[Kind, str] = {
    "run": "run",
    "thread": "conversation",
    "message": "message",
    "answer": "answer",
    "agent": "agent",
    "trace": "trace",
    "other": "id",
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{2,127}")
_PREFIXES: dict[str, Kind] = {
    "run_": "run",
    "thread_": "thread",
    "msg_": "message",
    "ans_": "answer",
    "asst_": "agent",
}
_TRACE = re.compile(r"[0-9a-fA-F]{32}")
_CARRIED = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")  # a trace id as a call carries it
_AROUND = " \t\r\n\"'`<>()[]{},;"


@dataclass(frozen=True, slots=True)
class Found:
    """Where *wanted* is shown. *place*: `nowhere` when it is not known. *words*: what it is, or what was looked at.

    *sure*: whether it is the thing itself, to be opened at once, and not merely something that leads to it.
    *agent_id*: the agent that *wanted* is, when there is one.
    *problems*: the places that could not be read; then `nowhere` does not mean that there is no such thing.
    """

    wanted: str
    place: Place
    words: str
    run_id: str = ""
    thread_id: str = ""
    queue: str = ""
    sure: bool = True
    agent_id: str = ""
    problems: tuple[ServiceError, ...] = ()


class LookupService:
    """Threads share it. *logs*: None when there is no workspace to ask."""

    def __init__(
        self,
        answers: AnswerService,
        backend: AgentBackend,
        queues: QueueService,
        logs: LogsService | None,
        now: Callable[[], datetime],
    ) -> None:
        self._answers, self._backend, self._queues = answers, backend, queues
        self._logs, self._now = logs, now

    def find(self, text: str) -> Found:
        """Return where the id in *text* is shown. Raises InvalidInput when it cannot be an id.

        Sends nothing for a run or an answer that this process works on; one request for a thread or an agent that
        there is; one to the workspace for all else that telemetry knows. What it does not know is then looked for in
        the 20 newest conversations (`run_`, `msg_`, `ans_`: 21 requests) or in the messages that wait in the queues
        (any other id: one request per queue, at most 61). A place that cannot be read is named in `problems`.
        """
        wanted = text.strip(_AROUND)
        if carried := _CARRIED.fullmatch(wanted):
            wanted = carried[1]
        if not _ID.fullmatch(wanted):
            raise InvalidInput(
                f"“{shown(wanted)}” cannot be an id." if wanted else "There is nothing to look for.",
                operation="look up an id",
                hint="Paste the id of a run, thread, message, answer, trace, agent or correlation: letters, digits, "
                "_ - . : and at most 128 of them.",
            )
        kind = kind_of(wanted)
        if kind == "trace":
            wanted = wanted.lower()
        problems: list[ServiceError] = []
        found = self._find(wanted, kind, problems)
        return found or Found(wanted, "nowhere", self._unknown(wanted, kind), problems=tuple(problems))

    def _find(self, wanted: str, kind: Kind, problems: list[ServiceError]) -> Found | None:
        if (known := self._in_memory(wanted)) is not None:
            return known
        ways: list[Callable[[str], Found | None]] = [self._in_telemetry]
        if kind == "thread":
            ways.insert(0, self._thread)
        elif kind == "agent":
            ways.insert(0, self._agent)
        elif kind in ("run", "message", "answer"):
            ways.append(self._in_newest_threads)
        elif kind == "other":
            ways.append(self._in_queues)
        for way in ways:
            try:
                if (found := way(wanted)) is not None:
                    return found
            except ServiceError as error:
                problems.append(error)
        return None

    def _in_memory(self, wanted: str) -> Found | None:
        """Return the answer that this process works on, or has lately. Sends nothing."""
        answer = self._answers.get(wanted) or self._answers.of_run(wanted)
        if answer is None or not answer.run_id:
            return None
        run_id = wanted if wanted in answer.child_run_ids else answer.run_id
        return _of_run(wanted, run_id, answer.thread_id)

    def _thread(self, wanted: str) -> Found | None:
        try:
            thread = self._backend.get_thread(wanted)
        except NotFound:
            return None
        return Found(wanted, "conversation", f"The conversation {shown(wanted)}", thread_id=thread.id)

    def _agent(self, wanted: str) -> Found | None:
        agent = next((one for one in self._backend.list_agents() if one.id == wanted), None)
        if agent is None:
            return None
        told = f"{shown(wanted)} is the agent {agent.name} on {agent.model}"
        try:
            run = self._in_telemetry(agent.name)
        except ServiceError as error:
            return Found(
                wanted, "nowhere", f"{told}. Its runs could not be read", agent_id=agent.id, problems=(error,)
            )
        if run is None:
            return Found(
                wanted,
                "nowhere",
                f"{told}. No run of it is in the telemetry of the last {LOOK_BACK.days} days",
                agent_id=agent.id,
            )
        words = f"{told}. This is the latest answer it had part in"
        return Found(wanted, run.place, words, run.run_id, run.thread_id, sure=False, agent_id=agent.id)

    def _in_telemetry(self, wanted: str) -> Found | None:
        """One request. Raises ServiceErrors."""
        if self._logs is None:
            return None
        now = self._now()
        values: dict[str, Value] = {"start": now - LOOK_BACK, "end": now + AHEAD, "wanted": wanted}
        (result,) = self._logs.ask(Ask("find_id", values))
        if not result.is_known and result.problem is not None:
            raise result.problem
        return _of_rows(wanted, result.rows)

    def _in_newest_threads(self, wanted: str) -> Found | None:
        """Up to 21 requests, four at the same time. Raises ServiceErrors."""
        threads = [thread.id for thread in self._backend.list_threads(THREADS_SCANNED)]
        look = self._in_messages if kind_of(wanted) == "message" else self._in_runs
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="lookup") as pool:
            found = list(pool.map(lambda thread_id: look(wanted, thread_id), threads))
        return next(filter(None, found), None)

    def _in_runs(self, wanted: str, thread_id: str) -> Found | None:
        for run in self._backend.list_runs(thread_id, RUNS_SCANNED):
            if wanted in (run.id, run.metadata.get(record.ANSWER), f"ans_{run.id}"):
                return _of_run(wanted, run.id, thread_id)
        return None

    def _in_messages(self, wanted: str, thread_id: str) -> Found | None:
        for message in self._backend.list_messages(thread_id, MESSAGES_SCANNED):
            if message.id == wanted:
                whose = "The question" if message.role == "user" else "The reply"
                words = f"{whose} {shown(wanted)} of this conversation"
                return Found(wanted, "conversation", words, message.run_id, thread_id)
        return None

    def _in_queues(self, wanted: str) -> Found | None:
        """One request per queue, four at the same time. Raises ServiceErrors."""
        names = self._queues.list_names()[:QUEUES_SCANNED]
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="lookup") as pool:
            waiting = list(pool.map(self._peek, names))
        for name, messages in zip(names, waiting, strict=True):
            if any(_names(message, wanted) for message in messages):
                words = f"{shown(wanted)} waits in the queue {name}"
                return Found(wanted, "queue", words, queue=name)
        return None

    def _peek(self, queue: str) -> Sequence[PeekedMessage]:
        try:
            return self._queues.peek(queue, PEEK_MAX)
        except NotFound:
            return ()

    def _unknown(self, wanted: str, kind: Kind) -> str:
        places = [f"the telemetry of the last {LOOK_BACK.days} days"] if self._logs is not None else []
        match kind:
            case "thread" | "agent":
                places.insert(0, "the agent service")
            case "run" | "message" | "answer":
                places.append(f"the {THREADS_SCANNED} newest conversations")
            case "other":
                places.append(f"the first {PEEK_MAX} messages that wait in each queue")
        told = f"There is no {NAMES[kind]} {shown(wanted)} in {_listed(places)}."
        return (
            told if self._logs is not None else f"{told} No Log Analytics workspace is set to look further."
        )


def kind_of(wanted: str) -> Kind:
    """Return what *wanted* is by the way it is written."""
    prefix = next((kind for start, kind in _PREFIXES.items() if wanted.startswith(start)), None)
    return prefix or ("trace" if _TRACE.fullmatch(wanted) else "other")


def shown(wanted: str) -> str:
    return wanted if len(wanted) <= SHOWN else wanted[:SHOWN] + "…"


def _of_run(wanted: str, run_id: str, thread_id: str) -> Found:
    return Found(wanted, "run", f"The run {shown(run_id)}", run_id, thread_id)


def _of_rows(wanted: str, rows: Sequence[Row]) -> Found | None:
    """Return the newest answer among *rows*; a run without one; a function's execution without either."""
    if not rows:
        return None
    exact = [row for row in rows if row["run_id"] == wanted]
    answers = [row for row in rows if row["name"] == "answer" and row["run_id"]]
    for row in [*answers, *exact, *(row for row in rows if row["run_id"])]:
        thread_id = next((str(one["thread_id"]) for one in (row, *rows) if one["thread_id"]), "")
        run_id = wanted if exact and row["trace_id"] == exact[0]["trace_id"] else str(row["run_id"])
        return _of_run(wanted, run_id, thread_id)
    row = rows[0]
    words = f"The function {row['name']} took {shown(wanted)} from the queue {row['queue']}"
    return Found(wanted, "nowhere", f"{words}, but no run is known that had sent it.")


def _names(message: PeekedMessage, wanted: str) -> bool:
    """Whether *message* is the one, or carries the id as the value of one of its fields."""
    return message.id == wanted or wanted in map(str, (message.body or {}).values())


def _listed(places: Sequence[str]) -> str:
    return " nor in ".join(places) or "what could be looked at"
