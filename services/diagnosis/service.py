"""DiagnosisService: why an answer is not there. What pages and terminal call."""

from collections.abc import Callable, Sequence
from datetime import datetime

from services.agents.backend import AgentBackend
from services.answers.service import AnswerService
from services.diagnosis.facts import Facts, Patience
from services.diagnosis.gather import Sources, gather, gather_waiting
from services.diagnosis.lights import lights
from services.diagnosis.patience import RoutePatience
from services.diagnosis.rules import judge
from services.diagnosis.verdicts import Diagnosis
from services.diagnosis.words import counted
from services.inventory.threads_views import OpenRun as IndexedRun
from services.models import Answer, FunctionTool, OpenRun
from services.monitor.logs import LogsService
from services.queues import QueueService

OpenRuns = Callable[[], Sequence[OpenRun]]


class DiagnosisService:
    """Only looks: it peeks into queues and never receives. Threads share it.

    *open_runs*: the runs that are open now, as whoever keeps an index of them tells; it sends nothing. *fallback_s*: how
    long a run may take where telemetry does not tell.
    """

    def __init__(
        self,
        backend: AgentBackend,
        queues: QueueService,
        answers: AnswerService,
        logs: LogsService | None,
        catalogue: Sequence[FunctionTool],
        now: Callable[[], datetime],
        *,
        fallback_s: float,
        open_runs: OpenRuns,
    ) -> None:
        tools = {tool.name: tool for tool in catalogue}
        self._sources = Sources(backend, queues, answers, logs, tools, now)
        self._patience = RoutePatience(logs, now, fallback_s)
        self._open_runs, self._now = open_runs, now

    def diagnose(self, run_id: str, thread_id: str) -> Diagnosis:
        """Return the verdict on a run, whoever began it, open or ended. Sends at most 12 requests (see gather).

        An empty *run_id* asks for the question of that conversation that has no run yet: one request. Raises nothing
        for what cannot be read: the verdict, a light or a note says so.
        """
        if run_id:
            facts = gather(self._sources, run_id, thread_id, self._patience.of)
        else:
            facts = gather_waiting(self._sources, thread_id, self.patience(()))
        verdict = judge(facts)
        tool = facts.call.tool if facts.call else ""
        holder = facts.holder.id if facts.holder else ""
        return Diagnosis(
            run_id, thread_id, verdict, lights(facts, verdict), tool, facts.at, _notes(facts), holder
        )

    def patience(self, tools: Sequence[str], wait_s: float | None = None) -> Patience:
        """Return how long a run that has called *tools* may take, and where that comes from.

        One request every five minutes at most, for all who ask; waits at most *wait_s* for it, when one is given.
        """
        return self._patience.of(tools, wait_s)

    def open_runs(self) -> tuple[OpenRun, ...]:
        """Return the runs that are open now, as far as they are indexed. No request."""
        return tuple(self._open_runs())


def open_runs_of(
    answers: Callable[[], Sequence[Answer]], indexed: Callable[[], Sequence[IndexedRun]] = tuple
) -> OpenRuns:
    """Return what tells the open runs: those that this process works on, and of all others those that *indexed* tells.

    The runs of connected agents are left out where it is known whose they are: what is stuck is the answer.
    """

    def open_runs() -> tuple[OpenRun, ...]:
        own = answers()
        known = {answer.run_id for answer in own} | {
            child for answer in own for child in answer.child_run_ids
        }
        others = (
            OpenRun(run.run_id, run.thread_id, run.since) for run in indexed() if run.run_id not in known
        )
        return (*map(open_run, own), *others)

    return open_runs


def open_run(answer: Answer) -> OpenRun:
    """Return *answer* as a run that has not ended, for diagnosis. Sends nothing."""
    return OpenRun(answer.run_id, answer.thread_id, answer.asked_at, tools_of(answer))


def tools_of(answer: Answer) -> tuple[str, ...]:
    """Return the function tools that *answer* has called so far, in order."""
    names = (step.name for step in answer.steps if step.kind in ("wait", "function") and step.name)
    return tuple(dict.fromkeys(names))


def _notes(facts: Facts) -> tuple[str, ...]:
    """Return what could not be looked at, and what else to know."""
    queues = (facts.inbound, facts.outbound, facts.poison)
    told = [one.part.words for one in queues if one.part.state in ("denied", "failed")]
    if not facts.steps.is_read:
        told.append(f"The run's steps could not be read, so its calls are not known. {facts.steps.words}")
    log = facts.log.part
    if log.state == "unset":
        told.append(f"{log.words} What the function did is told from its queues alone.")
    elif log.state in ("denied", "failed"):
        told.append(
            f"The function's log could not be read, so what it did is told from its queues alone. {log.words}"
        )
    if facts.calls > 1:
        told.append(
            f"The run made {counted(facts.calls, 'function call')}; this is the one that is open, else the last."
        )
    if facts.waits_behind:
        told.append(
            f"{counted(facts.waits_behind, 'question')} in this conversation cannot begin before it ends."
        )
    return tuple(told)
