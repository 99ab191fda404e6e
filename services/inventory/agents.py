"""AgentInventory: every agent of the project, read in the background within a budget, shared by all who look."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from services.agents.backend import AgentBackend, AgentPage
from services.errors import InvalidInput, NotFound, ServiceError
from services.inventory.agents_board import AgentBoard, AgentEntry, entry_of, linked
from services.inventory.agents_drift import Wanted
from services.inventory.agents_pace import CallBudget
from services.queues import QueueService
from services.resilience.clock import Pace, RealPace

log = logging.getLogger(__name__)
FRESH_S = 30.0
TRY_AGAIN_S = 5.0  # after a failure; the breaker keeps a service that is down from being asked so often
PAGE = 100
MOST_AGENTS = 5_000
CALLS_PER_MIN = 60
RESTARTS = 2
MANY = NotFound(
    f"Only the newest {MOST_AGENTS:,} agents were read.",
    operation="list agents",
    hint="Delete agents that nobody uses; the oldest ones are not shown.",
)


@dataclass
class _Reading:
    """One reading under way. *known*: what it found, by id: a page may repeat what the last one had."""

    known: dict[str, AgentEntry] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)


class AgentInventory:
    """Reads when somebody looks and what is known is older than 30 s; nobody waits for it. Threads share it.

    Sends one request per 100 agents and one per 5,000 queues, at most *calls_per_min* of them in any minute.
    """

    def __init__(
        self,
        backend: AgentBackend,
        queues: QueueService,
        wanted: Wanted,
        now: Callable[[], datetime],
        *,
        pace: Pace | None = None,
        calls_per_min: int = CALLS_PER_MIN,
        page: int = PAGE,
        most: int = MOST_AGENTS,
    ) -> None:
        self.wanted = wanted
        self._backend, self._queues, self._now = backend, queues, now
        self._pace = pace or RealPace()
        self._budget = CallBudget(calls_per_min, self._pace)
        self._page, self._most = page, most
        self._lock = threading.Condition()
        self._board = AgentBoard("indexing")
        self._tried_at: datetime | None = None
        self._reading: _Reading | None = None
        self._begun = self._ended = 0
        self._once_more = False
        self._closed = False

    def board(self) -> AgentBoard:
        """Return what is known now, and begin to read it anew when that is due. Never waits, sends nothing itself."""
        with self._lock:
            if self._reading is None and not self._is_fresh():
                self._start()
            return self._shown()

    def settled(self, wait_s: float) -> AgentBoard:
        """Return what board() does, once a reading under way has ended or *wait_s* are over.

        Waits only while there is nothing to show yet.
        """
        board = self.board()
        if board.read_at is None and board.so_far is not None:
            with self._lock:
                self._lock.wait_for(lambda: self._reading is None, wait_s)
            board = self.board()
        return board

    def read_again(self, wait_s: float = 0.0) -> AgentBoard:
        """Return what board() does after a reading that begins from now on has ended, or *wait_s* are over.

        One that was under way may have passed what was changed meanwhile: another follows it.
        """
        with self._lock:
            if self._reading is None:
                self._start()
                needed = self._begun
            else:
                self._once_more, needed = True, self._begun + 1
            self._lock.wait_for(lambda: self._ended >= needed or self._closed, wait_s)
        return self.board()

    def drop(self, agent_id: str) -> None:
        """Forget an agent that was deleted, also when a reading under way has already seen it."""
        with self._lock:
            if self._reading is not None:
                self._reading.gone.add(agent_id)
                self._reading.known.pop(agent_id, None)
            kept = tuple(entry for entry in self._board.entries if entry.id != agent_id)
            callers, by_id = linked(kept)
            self._board = replace(self._board, entries=kept, callers=callers, by_id=by_id)

    def close(self) -> None:
        """End the reading under way."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        if isinstance(self._pace, RealPace):
            self._pace.stop()

    # In the background -----------------------------------------------------------------------------

    def _is_fresh(self) -> bool:
        if self._closed:
            return True
        problem = self._board.problem
        fresh_s = FRESH_S if problem is None or problem is MANY else TRY_AGAIN_S
        return self._tried_at is not None and (self._now() - self._tried_at).total_seconds() < fresh_s

    def _start(self) -> None:
        self._reading = _Reading()
        self._begun += 1
        threading.Thread(target=self._read, args=[self._reading], name="agent-index", daemon=True).start()

    def _shown(self) -> AgentBoard:
        reading = self._reading
        if reading is None:
            return self._board
        board = replace(self._board, so_far=len(reading.known))
        if board.read_at is not None:
            return board
        callers, by_id = linked(reading.known.values())
        return replace(board, state="indexing", entries=tuple(by_id.values()), callers=callers, by_id=by_id)

    def _read(self, reading: _Reading) -> None:
        problem: ServiceError | None = None
        queues: frozenset[str] | None = None
        queues_problem: ServiceError | None = None
        try:
            problem = self._read_agents(reading)
            queues, queues_problem = self._read_queues()
        except Exception:  # a bug must not leave every later look waiting
            log.exception("agents.index_broken")
            problem = problem or _broken()
        finally:
            with self._lock:
                self._board = self._after(reading, problem, queues, queues_problem)
                self._reading, self._tried_at = None, self._now()
                self._ended += 1
                if self._once_more and not self._closed:
                    self._once_more = False
                    self._start()
                self._lock.notify_all()

    def _read_agents(self, reading: _Reading) -> ServiceError | None:
        """Read page by page into *reading*; return why not all were read."""
        after, restarts = "", 0
        while self._budget.take() and not self._closed:
            try:
                page = self._backend.list_definitions(after, self._page)
            except (InvalidInput, NotFound) as error:
                if not after or restarts == RESTARTS:
                    return error
                after, restarts = "", restarts + 1  # the agent where the page should begin is gone
                with self._lock:
                    reading.known = {}
                continue
            except ServiceError as error:
                log.info("agents.index_failed", extra={"reason": error.message, "read": len(reading.known)})
                return error
            self._take(reading, page)
            if not page.after:
                return None
            if len(reading.known) >= self._most:
                return MANY
            after = page.after
        return _stopped()

    def _take(self, reading: _Reading, page: AgentPage) -> None:
        found = [entry_of(record, self.wanted) for record in page.records]
        with self._lock:
            reading.known |= {entry.id: entry for entry in found if entry.id not in reading.gone}

    def _read_queues(self) -> tuple[frozenset[str] | None, ServiceError | None]:
        if self._closed or not self._budget.take():
            return None, _stopped()
        try:
            return frozenset(self._queues.list_names()), None
        except ServiceError as error:
            return None, error

    def _after(
        self,
        reading: _Reading,
        problem: ServiceError | None,
        queues: frozenset[str] | None,
        queues_problem: ServiceError | None,
    ) -> AgentBoard:
        """Return the board after *reading*. One that failed leaves what was known before, with the reason."""
        before = self._board
        if problem is not None and problem is not MANY and before.read_at is not None:
            return replace(before, problem=problem)
        entries = tuple(sorted(reading.known.values(), key=lambda entry: entry.created_at, reverse=True))
        callers, by_id = linked(entries)
        state = "ready" if problem is None else "partial" if entries else "failed"
        return AgentBoard(
            state,  # type: ignore[arg-type]  # one of three literals
            entries,
            self._now() if entries or problem is None else None,
            None,
            problem,
            queues,
            queues_problem,
            callers,
            by_id,
        )


def _stopped() -> ServiceError:
    return ServiceError("Relaydeck is stopping.", operation="list agents")


def _broken() -> ServiceError:
    return ServiceError(
        "Something in Relaydeck itself went wrong; its log has more.", operation="list agents"
    )
