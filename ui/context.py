"""How pages reach the services, and the only caches there are. Nothing here belongs to one person alone."""

import contextlib
import functools
import itertools
import threading
import tomllib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import runtime
from services.agents.backend import AgentRecord
from services.assembly import Services
from services.diagnosis.verdicts import Diagnosis
from services.errors import InvalidInput, NotFound, ServiceError
from services.health import HealthService
from services.inventory.threads_service import ThreadDetail
from services.models import (
    Answer,
    Conversation,
    PartHealth,
    PeekedMessage,
    QueueDepth,
    ThreadSummary,
)
from services.monitor.results import Ask, Result
from services.monitor.shapes import Bar, Trace
from services.poison.shapes import Look
from ui import formats, startup, view
from ui.doctor_board import DoctorBoard
from ui.fault_board import FaultBoard

if TYPE_CHECKING:  # plotly takes a while to import
    from plotly.graph_objects import Figure

ROOT = Path(__file__).parent.parent
HEALTH_FRESH_S = 30.0
CONVERSATION_FRESH_S = 300.0
THREADS_FRESH_S = 60.0
TRACE_FRESH_S = 60.0
DEPTHS_FRESH_S = 4.0
FIGURE_KEPT_S = 60.0
AWAITED_FRESH_S = 4.0
PEEK_FRESH_S = 4.0
LOG_KEPT_S = 60.0
DIAGNOSIS_KEPT_S = 300.0
POISON_FRESH_S = 30.0
POISON_WHOLE_KEPT_S = 300.0
POISON_QUEUES_KEPT = 8
REVISIONS_KEPT = 10_000
AGENT_FRESH_S = 60.0
_changes = itertools.count(1)
_revisions: dict[str, int] = {}  # by thread; the list of them under ""
_sidebar: ContextVar[DeltaGenerator | None] = ContextVar("sidebar", default=None)


def services() -> Services:
    return runtime.current().services


def conversation(thread_id: str) -> Conversation:
    """Return the thread's questions and answers as read since the last forget(). Raises ServiceErrors."""
    return _conversation(thread_id, _revisions.get(thread_id, 0))


@st.cache_data(ttl=CONVERSATION_FRESH_S, max_entries=200, show_spinner=False)
def thread_of(answer_id: str) -> str:
    """Return the conversation of an answer that this process does not know; empty: there is none. Raises ServiceErrors."""
    return services().answers.thread_of(answer_id) if answer_id else ""


@st.cache_resource(ttl=CONVERSATION_FRESH_S, max_entries=200, show_spinner=False)
def _conversation(thread_id: str, revision: int) -> Conversation:
    del revision  # only tells a reading that began before a change from one after it
    return services().answers.conversation(thread_id)


def recent_threads() -> Sequence[ThreadSummary]:
    """Return the latest conversations, newest first, as read since the last forget(), or since one more was begun here.

    Raises ServiceErrors.
    """
    return _recent_threads(_revisions.get("", 0), hash(services().answers.known_threads()))


@st.cache_resource(ttl=THREADS_FRESH_S, max_entries=4, show_spinner=False)
def _recent_threads(revision: int, known: int) -> Sequence[ThreadSummary]:
    del revision, known
    return services().answers.recent_threads()


def thread_detail(thread_id: str) -> ThreadDetail:
    """Return the thread with its messages and runs, as read since the last forget(). Raises ServiceErrors."""
    return _thread_detail(thread_id, _revisions.get(thread_id, 0))


@st.cache_resource(ttl=THREADS_FRESH_S, max_entries=50, show_spinner=False)
def _thread_detail(thread_id: str, revision: int) -> ThreadDetail:
    del revision
    return services().thread.read(thread_id)


def forget(thread_id: str) -> None:
    """Read this conversation, and the list of them, again when they are drawn next.

    Clearing a cache would not do: a reading under way, in a run that was overtaken, would fill it with the past.
    """
    for name in (thread_id, ""):
        _revisions.pop(name, None)
        _revisions[name] = next(_changes)
    while len(_revisions) > REVISIONS_KEPT:
        _revisions.pop(next(iter(_revisions)), None)


def latest(answer: Answer) -> Answer:
    """Return the newest state of *answer* that this process knows. No request."""
    known = services().answers.get(answer.id)
    return known if known is not None and known.version >= answer.version else answer


@st.cache_resource(ttl=TRACE_FRESH_S, max_entries=200, show_spinner=False)
def trace(run_id: str, thread_id: str) -> Trace:
    """Return the trace as it was read last; clear it to read again. Raises ServiceErrors."""
    return services().traces.read(run_id, thread_id)


def latest_trace(known: Trace) -> Trace:
    """Return *known* with the newest state of its answer while that is open. No request."""
    if known.answer is None or not known.is_open:
        return known
    return services().traces.of_answer(latest(known.answer), known.telemetry)


@st.cache_resource(ttl=AWAITED_FRESH_S, max_entries=200, show_spinner=False)
def awaited_trace(run_id: str, thread_id: str) -> Trace:
    """Return the trace of a run that is over, with what telemetry tells by now. Raises ServiceErrors."""
    found = services().traces.again(trace(run_id, thread_id))
    if found.rows:
        trace.clear(run_id, thread_id)
    return found


@st.cache_resource(ttl=DIAGNOSIS_KEPT_S, max_entries=200, show_spinner=False)
def diagnosis(run_id: str, thread_id: str, slot: int) -> Diagnosis:
    """Return why the run is stuck, or that it is not, as read in this *slot* of time; clear it to read again.

    Up to 12 requests.
    """
    del slot
    return services().diagnosis.diagnose(run_id, thread_id)


def slot_of(every_s: float) -> int:
    """Return a number that changes every *every_s*: what is read by it is read no more often."""
    return int(formats.now().timestamp() // every_s)


@st.cache_resource(ttl=PEEK_FRESH_S, max_entries=100, show_spinner=False)
def peeked(queue: str) -> tuple[Sequence[PeekedMessage], datetime]:
    """Return the first messages that wait in *queue*, and when they were looked at. Raises ServiceErrors."""
    return services().queues.peek(queue), formats.now()


@st.cache_resource(ttl=AGENT_FRESH_S, max_entries=50, show_spinner=False)
def agent_definition(agent_id: str) -> tuple[AgentRecord | None, datetime]:
    """Return the agent with all that defines it, None when there is none, and when that was read. Raises ServiceErrors."""
    try:
        return services().backend.get_definition(agent_id), formats.now()
    except (NotFound, InvalidInput):
        return None, formats.now()


def waterfall(bars: tuple[Bar, ...], elapsed_s: float, theme: str) -> "Figure":
    from ui.charts import waterfall as chart

    return chart.figure(bars, elapsed_s, theme)


@st.cache_resource(ttl=FIGURE_KEPT_S, max_entries=200, show_spinner=False)
def figure(name: str, key: tuple[str, ...], _build: "Callable[[], Figure]") -> "Figure":
    """Return what *_build* draws, drawn once for all viewers whose *key* is the same: what it shows, for which eyes."""
    del name, key
    return _build()


class DepthBoard:
    """Keeps the last reading of all queues; who asks while it is read anew waits for it and shares it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reading: tuple[Sequence[QueueDepth], datetime] | None = None

    def begin(self, patience_s: float) -> None:
        """Have it read while something else is waited for. Who reads next shares it, and meets its failure if it fails."""

        def read() -> None:
            with contextlib.suppress(ServiceError):
                self.read(patience_s)

        threading.Thread(target=read, name="queue-board", daemon=True).start()

    def read(self, patience_s: float) -> tuple[Sequence[QueueDepth], datetime]:
        """Return all queues, read no longer than *patience_s* ago, and when. Raises ServiceErrors."""
        with self._lock:
            if self._reading is None or (formats.since_s(self._reading[1]) or 0.0) >= patience_s:
                self._reading = None
                self._reading = services().queues.list_depths(), formats.now()
            return self._reading


@st.cache_resource(show_spinner=False, max_entries=4)
def depth_board() -> DepthBoard:
    return DepthBoard()


def begin_depths() -> None:
    """Let all_depths() be read from now on, while the page waits for something else."""
    depth_board().begin(max(DEPTHS_FRESH_S, view.patience_s(live=True)))


def all_depths() -> tuple[Sequence[QueueDepth], datetime]:
    """Return all queues, deepest first, and when they were looked at; as old as the page's refresh allows.

    Raises ServiceErrors.
    """
    return depth_board().read(max(DEPTHS_FRESH_S, view.patience_s(live=True)))


class PoisonBoard:
    """Keeps the last look at each poison queue; who asks while one is read anew waits for it and shares it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looks: OrderedDict[str, Look] = OrderedDict()
        self._reading: dict[str, threading.Lock] = {}
        self._changes = 0

    def read(self, queue: str) -> Look:
        """Return the look at *queue*: the one held, or a new one once that is half a minute old (five minutes, when all
        of it was gone through). Raises ServiceErrors."""
        with self._lock:
            reading = self._reading.setdefault(queue, threading.Lock())
        with reading:
            held = self._looks.get(queue)
            if held is not None:
                kept_s = POISON_WHOLE_KEPT_S if held.whole else POISON_FRESH_S
                if (formats.since_s(held.read_at) or 0.0) < kept_s:
                    return held
            before = self._changes
            look = services().poison.look(queue)
            return self.put(look) if before == self._changes else look  # begun before a change: not kept

    def put(self, look: Look) -> Look:
        with self._lock:
            self._looks[look.queue] = look
            self._looks.move_to_end(look.queue)
            while len(self._looks) > POISON_QUEUES_KEPT:
                self._reading.pop(self._looks.popitem(last=False)[0], None)
        return look

    def held(self, queue: str) -> Look | None:
        """Return the look at *queue* that is held, however old. Sends nothing."""
        return self._looks.get(queue)

    def forget(self, queue: str) -> None:
        """Read *queue*, and how much lies in all queues, anew when they are drawn next."""
        with self._lock:
            self._changes += 1
            self._looks.pop(queue, None)
        depth_board.clear()
        peeked.clear()


@st.cache_resource(show_spinner=False, max_entries=4)
def poison_board() -> PoisonBoard:
    return PoisonBoard()


@st.cache_resource(ttl=LOG_KEPT_S, max_entries=200, show_spinner=False)
def _kept_logs(asks: tuple[tuple[str, str], ...]) -> dict[str, tuple[Result, ...]]:
    del asks
    return {}


def known_once(*asks: Ask) -> tuple[Result, ...] | None:
    """Return what ask_logs_once() would without asking; None when it would ask."""
    return _kept_logs(tuple(ask.key for ask in asks)).get("results")


def ask_logs_once(*asks: Ask) -> tuple[Result, ...] | None:
    """Return what ask_logs() does, asked once a minute at most whatever is pressed; what failed is asked again."""
    kept = _kept_logs(tuple(ask.key for ask in asks))
    if (known := kept.get("results")) is not None:
        return known
    found = ask_logs(*asks)
    if found is not None and all(result.state in ("ok", "empty", "partial") for result in found):
        kept["results"] = found
    return found


def ask_logs(*asks: Ask) -> tuple[Result, ...] | None:
    """Return what the workspace answers, one result for each; None when no workspace is set.

    What was read since the last refresh of the page is not asked for again: a press of something sends nothing.
    """
    logs = services().logs
    return None if logs is None else logs.ask(*asks, patience_s=view.patience_s())


def sidebar() -> DeltaGenerator:
    """Return where in the sidebar a page draws its own part."""
    place = _sidebar.get()
    return place if place is not None else st.sidebar


def place_sidebar(place: DeltaGenerator) -> None:
    _sidebar.set(place)


class HealthBoard:
    """Keeps the last health of all parts and checks again in the background, one check at a time."""

    def __init__(self, health: HealthService) -> None:
        self._health = health
        self._lock = threading.Lock()
        self._parts: tuple[PartHealth, ...] = ()
        self._checking = False
        self._ended = threading.Event()

    def latest(self) -> tuple[tuple[PartHealth, ...], bool]:
        """Return what is known, empty before the first check ends, and whether a check is on its way. No waiting."""
        with self._lock:
            if not self._is_fresh() and not self._checking:
                self._start()
            return self._parts, self._checking

    def settled(self, wait_s: float) -> tuple[tuple[PartHealth, ...], bool]:
        """Return what latest() does, once the check under way has ended or *wait_s* are over."""
        self.latest()
        self._ended.wait(wait_s)
        return self.latest()

    def check_again(self) -> None:
        with self._lock:
            if not self._checking:
                self._start()

    def _is_fresh(self) -> bool:
        ages_s = [formats.since_s(part.checked_at) for part in self._parts]
        return bool(ages_s) and all(age_s is not None and age_s < HEALTH_FRESH_S for age_s in ages_s)

    def _start(self) -> None:
        self._checking = True
        self._ended.clear()
        threading.Thread(target=self._check, name="health-check", daemon=True).start()

    def _check(self) -> None:
        try:
            parts = self._health.check_all()
            with self._lock:
                self._parts = parts
        finally:
            with self._lock:
                self._checking = False
                self._ended.set()


@st.cache_resource(show_spinner=False, max_entries=4)
def health_board() -> HealthBoard:
    return HealthBoard(services().health)


@st.cache_resource(show_spinner=False, max_entries=4)
def fault_board() -> FaultBoard | None:
    """Return what knows which scenarios are on; None where nothing can be staged."""
    desk = services().faults
    return None if desk is None else FaultBoard(desk)


@st.cache_resource(show_spinner=False, max_entries=4)
def doctor_board() -> DoctorBoard:
    return DoctorBoard(startup.examiner() or (lambda: services().doctor))


@functools.cache
def version() -> str:
    """Return Relaydeck's own version."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


@functools.cache
def image(name: str) -> str:
    """Return a drawing of ours as SVG text."""
    return (ROOT / "ui" / "images" / name).read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def settle() -> None:
    """Once, after the first page: take what it imported late out of the collector's rounds as well."""
    runtime.freeze()
