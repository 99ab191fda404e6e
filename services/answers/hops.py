"""Follows an answer's calls beyond its run: the runs of connected agents, and the messages in the queues.

It only looks (list steps, peek), on threads of its own, so the answer never waits for it. Requests: at most
BUDGET an answer; about 16 in the first five seconds of each wait, then one a second per delegation.
"""

import threading
from collections.abc import Sequence

from services.agents.backend import AgentBackend, Call
from services.answers.events import StageBegan, StageEnded
from services.answers.facts import queue_facts
from services.answers.hop import Hop
from services.answers.job import Job
from services.answers.narration import seconds
from services.answers.parts import measure
from services.answers.patience import note
from services.answers.ports import Queues
from services.answers.watcher import Watcher
from services.models import FunctionTool, TimeParts

BUDGET = 400


class Budget:
    """So many requests and no more, whoever sends them."""

    def __init__(self, requests: int) -> None:
        self._left, self._lock = requests, threading.Lock()

    def take(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0


class HopWatch:
    """The watchers of one answer. The methods of HopListener are called by the thread that reads the run."""

    def __init__(
        self,
        job: Job,
        backend: AgentBackend,
        queues: Queues,
        catalogue: Sequence[FunctionTool],
        tool_wait_s: float = 60.0,
    ) -> None:
        self.job, self.backend, self.queues = job, backend, queues
        self.budget, self.tool_wait_s = Budget(BUDGET), tool_wait_s
        self._queue_of = {tool.name: tool.input_queue for tool in catalogue}
        self._watchers: dict[str, Watcher] = {}
        self._claimed: set[str] = set()
        self._silent: set[str] = set()
        self._lock = threading.Lock()

    # HopListener -------------------------------------------------------------------------------------

    def delegated(self, key: str, call: Call) -> None:
        watcher = self._watchers.get(key) or self._start(key, Watcher(self, key, call))
        watcher.told(call)

    def delegation_ended(self, key: str) -> None:
        if watcher := self._watchers.get(key):
            watcher.end()

    def called(self, call: Call) -> None:
        key = f"call:{call.id}"
        if key not in self._watchers:
            self._start(key, Watcher(self, None, call))

    def call_ended(self, call: Call) -> None:
        if watcher := self._watchers.get(f"call:{call.id}"):
            watcher.end(call)

    # For the runner ----------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        return any(not watcher.done.is_set() for watcher in self._all())

    @property
    def tools(self) -> list[str]:
        """Return the names of the function tools that were called, in order."""
        names = (hop.call.name for watcher in self._all() for hop in list(watcher.hops.values()))
        return list(dict.fromkeys(names))

    def settle(self, timeout_s: float) -> None:
        """Return once every watcher has had its last look, or after *timeout_s*."""
        limit_s = self.job.journal.at_s() + timeout_s
        for watcher in self._all():
            watcher.end()
            watcher.done.wait(max(0.0, limit_s - self.job.journal.at_s()))
        self.stop()
        if self._watchers:
            self.job.journal.record(StageEnded(self.job.journal.at_s(), "monitoring"))

    def stop(self) -> None:
        for watcher in self._all():
            watcher.stop()

    def parts(self, began_s: float, closed_s: float) -> TimeParts:
        watchers = self._all()
        hops = [hop.times() for watcher in watchers for hop in list(watcher.hops.values())]
        return measure(hops, began_s, closed_s, complete=all(watcher.complete for watcher in watchers))

    def _all(self) -> list[Watcher]:
        return list(self._watchers.values())  # a copy: other threads ask while the run's reader adds

    def queue_of(self, tool: str) -> str:
        """Return the input queue of *tool*: from the catalogue, else by the naming convention."""
        convention = FunctionTool(tool, "", {}, "", "", "").input_queue
        return self._queue_of.get(tool, convention)

    def claim(self, message_id: str) -> bool:
        """Return whether *message_id* was nobody's so far: two equal calls do not share one message."""
        with self._lock:
            new = message_id not in self._claimed
            self._claimed.add(message_id)
            return new

    def say_if_silent(self, hop: Hop) -> None:
        """Tell, once a call, that its function has not answered for tool_wait_s, and what its queues hold."""
        late = self.job.journal.at_s() - hop.began_s >= self.tool_wait_s
        if late and not hop.is_over and hop.call.id not in self._silent and self.budget.take():
            self._silent.add(hop.call.id)
            told = " ".join(fact.words() for fact in queue_facts(self.queues, [hop.call.name]))
            note(self.job, f"{hop.call.name} has not answered for {seconds(self.tool_wait_s)}. {told}")

    def _start(self, key: str, watcher: Watcher) -> Watcher:
        if not self._watchers:
            self.job.journal.record(StageBegan(self.job.journal.at_s(), "monitoring"))
        self._watchers[key] = watcher
        watcher.start()
        return watcher
