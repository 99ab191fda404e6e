"""How pages reach the services, and the only caches there are. Nothing here belongs to one person alone."""

import functools
import itertools
import threading
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
from services.errors import InvalidInput, NotFound
from services.inventory.threads_service import ThreadDetail
from services.models import (
    Answer,
    Conversation,
    PeekedMessage,
    QueueDepth,
    ThreadSummary,
)
from services.monitor.lookup import Found
from services.monitor.metrics import MetricAsk, MetricsService
from services.monitor.results import Ask, Result
from services.monitor.shapes import Bar, Trace
from ui import formats, patience, recovery, startup, view
from ui.depth_board import DepthBoard
from ui.doctor_board import DoctorBoard
from ui.fault_board import FaultBoard
from ui.health_board import HealthBoard
from ui.kept import Kept
from ui.poison_board import PoisonBoard

if TYPE_CHECKING:  # plotly takes a while to import
    from ui.charts.figures import Figure

ROOT = Path(__file__).parent.parent
CONVERSATION_FRESH_S = 300.0
THREADS_FRESH_S = 60.0
TRACE_FRESH_S = 60.0
FIGURE_KEPT_S = 60.0
AWAITED_FRESH_S = 4.0
PEEK_FRESH_S = 4.0
LOOKUP_FRESH_S = 60.0  # looked for once; this bridges the redraws until it is found
LOG_KEPT_S = 60.0
DIAGNOSIS_KEPT_S = 300.0
REVISIONS_KEPT = 10_000
AGENT_FRESH_S = 60.0
_changes = itertools.count(1)
_revisions: dict[str, int] = {}  # by thread; the list of them under ""
_sidebar: ContextVar[DeltaGenerator | None] = ContextVar("sidebar", default=None)


def services() -> Services:
    return runtime.current().services


def conversation(thread_id: str) -> Conversation:
    """Return the thread's questions and answers as read since the last forget(). Raises ServiceErrors."""
    return _conversations().read(_revisions.get(thread_id, 0), None, thread_id).value


def thread_of(answer_id: str) -> str:
    """Return the conversation of an answer that this process does not know; empty: there is none. Raises ServiceErrors."""
    return _threads_of_answers()(answer_id) if answer_id else ""


@st.cache_resource(show_spinner=False, max_entries=4)
def _threads_of_answers() -> Kept[[str], str]:
    return Kept(
        "The conversation of this answer",
        lambda answer_id: services().answers.thread_of(answer_id),
        fresh_s=CONVERSATION_FRESH_S,
        most=200,
    )


@st.cache_resource(show_spinner=False, max_entries=4)
def _conversations() -> Kept[[str], Conversation]:
    return Kept(
        "This conversation",
        lambda thread_id: services().answers.conversation(thread_id),
        fresh_s=CONVERSATION_FRESH_S,
        most=200,
    )


def recent_threads() -> Sequence[ThreadSummary]:
    """Return the latest conversations, newest first, as read since the last forget(), or since one more was begun here.

    Raises ServiceErrors.
    """
    mark = _revisions.get("", 0), services().answers.known_threads()
    return _recent_threads().read(mark, None).value


@st.cache_resource(show_spinner=False, max_entries=4)
def _recent_threads() -> Kept[[], Sequence[ThreadSummary]]:
    return Kept(
        "The list of conversations",
        lambda: services().answers.recent_threads(),
        fresh_s=THREADS_FRESH_S,
        most=1,
    )


def thread_detail(thread_id: str) -> ThreadDetail:
    """Return the thread with its messages and runs, as read since the last forget(). Raises ServiceErrors."""
    return _thread_details().read(_revisions.get(thread_id, 0), None, thread_id).value


@st.cache_resource(show_spinner=False, max_entries=4)
def _thread_details() -> Kept[[str], ThreadDetail]:
    return Kept(
        "This thread", lambda thread_id: services().thread.read(thread_id), fresh_s=THREADS_FRESH_S, most=50
    )


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


@st.cache_resource(show_spinner=False, max_entries=4)
def traces() -> Kept[[str, str], Trace]:
    """Traces as they were read last, by run and thread; clear one to read it again."""
    return Kept(
        "This trace",
        lambda run_id, thread_id: services().traces.read(run_id, thread_id),
        fresh_s=TRACE_FRESH_S,
        most=200,
    )


def begin_trace(run_id: str, thread_id: str) -> threading.Event | None:
    """Let trace() be read from now on. Returns what is set once that is over; None when it is known."""
    return traces().begin(None, None, run_id, thread_id)


def trace(run_id: str, thread_id: str) -> Trace:
    """Return the trace as it was read last. Raises ServiceErrors."""
    found = traces()(run_id, thread_id)
    if found.failure is None and (found.telemetry is None or found.telemetry.problem is None):
        return found
    return traces().read(None, AWAITED_FRESH_S, run_id, thread_id).value  # not whole: soon read again


def latest_trace(known: Trace) -> Trace:
    """Return *known* with the newest state of its answer while that is open. No request."""
    if known.answer is None or not known.is_open:
        return known
    return services().traces.of_answer(latest(known.answer), known.telemetry)


def awaited_trace(run_id: str, thread_id: str) -> Trace:
    """Return the trace of a run that is over, with what telemetry tells by now. Raises ServiceErrors."""
    trace(run_id, thread_id)
    found = awaited_traces()(run_id, thread_id)
    if found.rows:
        traces().clear(run_id, thread_id)
    return found


@st.cache_resource(show_spinner=False, max_entries=4)
def awaited_traces() -> Kept[[str, str], Trace]:
    """Traces of runs that are over, as telemetry told of them last, by run and thread."""
    first = traces()

    def again(run_id: str, thread_id: str) -> Trace:
        known = first.held(run_id, thread_id)
        return services().traces.read(run_id, thread_id) if known is None else services().traces.again(known)

    return Kept("What telemetry tells of this run", again, fresh_s=AWAITED_FRESH_S, most=200)


@st.cache_resource(show_spinner=False, max_entries=4)
def diagnoses() -> Kept[[str, str], Diagnosis]:
    """Diagnoses as they were made last, by run and thread; clear them to look again."""
    return Kept(
        "This diagnosis",
        lambda run_id, thread_id: services().diagnosis.diagnose(run_id, thread_id),
        fresh_s=DIAGNOSIS_KEPT_S,
        most=200,
    )


def diagnosis(run_id: str, thread_id: str, slot: int) -> Diagnosis:
    """Return why the run is stuck, or that it is not, as read in this *slot* of time. Raises ServiceErrors.

    Up to 12 requests.
    """
    return diagnoses().read(slot, None, run_id, thread_id).value


def slot_of(every_s: float) -> int:
    """Return a number that changes every *every_s*: what is read by it is read no more often."""
    return int(formats.now().timestamp() // every_s)


def peeked(queue: str) -> tuple[Sequence[PeekedMessage], datetime]:
    """Return the first messages that wait in *queue*, and when they were looked at. Raises ServiceErrors."""
    found = peeks().read(None, None, queue)
    return found.value, found.read_at


@st.cache_resource(show_spinner=False, max_entries=4)
def peeks() -> Kept[[str], Sequence[PeekedMessage]]:
    """Looks at queues, by name; clear them to look again."""
    return Kept(
        "What waits in this queue",
        lambda queue: services().queues.peek(queue),
        fresh_s=PEEK_FRESH_S,
        most=100,
    )


def agent_definition(agent_id: str) -> tuple[AgentRecord | None, datetime]:
    """Return the agent with all that defines it, None when there is none, and when that was read. Raises ServiceErrors."""
    found = agent_definitions().read(None, None, agent_id)
    return found.value, found.read_at


@st.cache_resource(show_spinner=False, max_entries=4)
def agent_definitions() -> Kept[[str], AgentRecord | None]:
    """Agents as they were read last, by id; clear one to read it again."""
    return Kept("This agent", _definition, fresh_s=AGENT_FRESH_S, most=50)


def _definition(agent_id: str) -> AgentRecord | None:
    try:
        return services().backend.get_definition(agent_id)
    except (NotFound, InvalidInput):
        return None


@st.cache_resource(show_spinner=False, max_entries=4)
def lookups() -> Kept[[str], Found]:
    """What was found for an id that somebody pasted; clear it to look anew."""
    return Kept(
        "What was looked for", lambda wanted: services().lookup.find(wanted), fresh_s=LOOKUP_FRESH_S, most=50
    )


def waterfall(bars: tuple[Bar, ...], elapsed_s: float, theme: str) -> "Figure":
    from ui.charts import waterfall as chart

    return chart.figure(bars, elapsed_s, theme)


@st.cache_resource(ttl=FIGURE_KEPT_S, max_entries=200, show_spinner=False)
def figure(name: str, key: tuple[str, ...], _build: "Callable[[], Figure]") -> "Figure":
    """Return what *_build* draws, drawn once for all viewers whose *key* is the same: what it shows, for which eyes."""
    del name, key
    return _build()


@st.cache_resource(show_spinner=False, max_entries=4)
def depth_board() -> DepthBoard:
    return DepthBoard(lambda: services().queues.list_depths())


def begin_depths() -> None:
    """Let all_depths() be read from now on, while the page waits for something else."""
    depth_board().begin(view.patience_s(live=True))


def all_depths() -> tuple[Sequence[QueueDepth], datetime]:
    """Return all queues, deepest first, and when they were looked at; as old as the page's refresh allows.

    A page that is opened after another shows them as they were shortly before, and is drawn again. Raises ServiceErrors.
    """
    board, patient_s = depth_board(), view.patience_s(live=True)
    found = board.known(view.earlier_s(live=True))
    if found is None:
        found = board.read(patient_s)
    else:
        recovery.await_end(board.begin(patient_s))
    return found.value, found.read_at


def forget_depths() -> None:
    """For callbacks: read the queues, and what waits in them, anew when they are drawn next."""
    depth_board().forget()
    peeks().clear_all()


@st.cache_resource(show_spinner=False, max_entries=4)
def poison_board() -> PoisonBoard:
    return PoisonBoard(lambda queue: services().poison.look(queue), forget_depths)


@st.cache_resource(ttl=LOG_KEPT_S, max_entries=200, show_spinner=False)
def _kept_logs(asks: tuple[tuple[str, str], ...]) -> dict[str, tuple[Result, ...]]:
    del asks
    return {}


def known_once(*asks: Ask) -> tuple[Result, ...] | None:
    """Return what ask_logs_once() would without asking; None when it would ask."""
    kept, logs = _kept_logs(tuple(ask.key for ask in asks)).get("results"), services().logs
    return kept if kept is not None or logs is None else logs.known(*asks, patience_s=LOG_KEPT_S)


def ask_logs_once(*asks: Ask) -> tuple[Result, ...] | None:
    """Return what ask_logs() does, asked once a minute at most whatever is pressed; what failed is asked again.

    As a page is opened after another, what was read some minutes ago will do: the next run asks.
    """
    kept = _kept_logs(tuple(ask.key for ask in asks))
    if (known := kept.get("results")) is not None:
        return known
    if (earlier := known_earlier(*asks)) is not None:
        return earlier
    found = _ask_logs(*asks)
    if found is not None and all(result.state in ("ok", "empty", "partial") for result in found):
        kept["results"] = found
    return found


def ask_logs(*asks: Ask) -> tuple[Result, ...] | None:
    """Return what the workspace answers, one result for each; None when no workspace is set.

    What was read since the last refresh of the page is not asked for again: a press of something sends nothing. A page that
    is opened after another waits for nothing that was read some minutes ago: it shows that, with its age, and is drawn
    again when the workspace has answered.
    """
    logs = services().logs
    if logs is not None and (found := known_earlier(*asks)) is not None:
        recovery.await_end(logs.begin(*asks, patience_s=view.patience_s()))
        return found
    return _ask_logs(*asks)


def known_earlier(*asks: Ask) -> tuple[Result, ...] | None:
    """Return what a page shows at once as it is opened after another; None where it waits for what is new. Sends nothing."""
    logs, earlier_s = services().logs, view.earlier_s()
    return logs.known(*asks, patience_s=earlier_s) if logs is not None and earlier_s else None


def _ask_logs(*asks: Ask) -> tuple[Result, ...] | None:
    logs = services().logs
    if logs is None:
        return None
    return logs.ask(*asks, patience_s=view.patience_s(), wait_s=patience.left_s())


def ask_metrics(metrics: MetricsService, ask: MetricAsk) -> Result:
    """Return what Azure Monitor answers while the page waits, or what it answered before."""
    return metrics.ask(ask, wait_s=patience.left_s())


def sidebar() -> DeltaGenerator:
    """Return where in the sidebar a page draws its own part."""
    place = _sidebar.get()
    return place if place is not None else st.sidebar


def place_sidebar(place: DeltaGenerator) -> None:
    _sidebar.set(place)


@st.cache_resource(show_spinner=False, max_entries=4)
def health_board() -> HealthBoard:
    return HealthBoard(services())


@st.cache_resource(show_spinner=False, max_entries=4)
def fault_board() -> FaultBoard | None:
    """Return what knows which scenarios are on; None where nothing can be staged."""
    desk = services().faults
    return None if desk is None else FaultBoard(desk)


@st.cache_resource(show_spinner=False, max_entries=4)
def doctor_board() -> DoctorBoard:
    return DoctorBoard(startup.examiner() or (lambda: services().doctor))


@functools.cache
def image(name: str) -> str:
    """Return a drawing of ours as SVG text."""
    return (ROOT / "ui" / "images" / name).read_text(encoding="utf-8")


@st.cache_resource(show_spinner=False)
def settle() -> None:
    """Once, after the first page: take what it imported late out of the collector's rounds as well."""
    runtime.freeze()
