"""The probe: one real question through the whole team, watched hop by hop, and everything it made deleted after it."""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from services.actions import Actions
from services.agents.backend import AgentBackend
from services.answers.service import AnswerService
from services.doctor.agents import STANDARD_STEP, is_basic
from services.doctor.findings import Finding
from services.doctor.words import scrub
from services.errors import ServiceError
from services.models import Answer, FunctionTool
from services.monitor.shapes import Hop
from services.monitor.trace import TraceService

log = logging.getLogger(__name__)
PREFERRED = "calculate"  # exact, without data of anybody's, and free of effects
LOOK_S = 0.25
GRACE_S = 10.0
RECORD_S = 3.0
ProbeState = Literal["running", "ok", "failed"]


@dataclass(frozen=True, slots=True)
class Probe:
    """*hops*: the six lights of the function call, empty before it. *words*: how it stands. *cleaned*: what was deleted.

    *took_s*: None until it has come to its end. *writing*: whether queues may be written to; None when that was not tried.
    """

    state: ProbeState
    question: str
    tool: str
    words: str
    hops: tuple[Hop, ...] = ()
    next_step: str = ""
    cleaned: str = ""
    took_s: float | None = None
    writing: Finding | None = None


Told = Callable[[Probe], None]


class Prober:
    """Runs probes. Threads share it. *write*: tries whether queues may be written to."""

    def __init__(
        self,
        answers: AnswerService,
        traces: TraceService,
        backend: AgentBackend,
        actions: Actions,
        catalogue: tuple[FunctionTool, ...],
        write: Callable[[], Finding],
    ) -> None:
        self._answers, self._traces, self._backend = answers, traces, backend
        self._actions, self._write = actions, write
        self._tool = next((tool for tool in catalogue if tool.name == PREFERRED), catalogue[0])

    @property
    def question(self) -> str:
        """Return the question that a probe asks: the first example of the tool."""
        return self._tool.examples[0]

    def carried(self) -> Callable[[Told], Probe]:
        """Return run(), to be called in another thread on behalf of who acts in this one."""
        return self._actions.carried(self.run)

    def run(self, told: Told = lambda _: None) -> Probe:
        """Ask a question that needs the function, wait for its answer, delete its conversation; return how it went.

        *told* hears of every change meanwhile. Takes at most the deadline of an answer, and ten seconds. Counts as
        one answer in the charts. Never raises ServiceErrors.
        """
        began = Probe("running", self.question, self._tool.name, "The question is on its way.")
        told(began)
        try:
            return self._actions.perform("send probe", self._tool.name, lambda: self._run(began, told))
        except ServiceError as error:
            failed = replace(began, state="failed", words=scrub(error.message), next_step=scrub(error.hint))
            told(failed)
            return failed

    def _run(self, began: Probe, told: Told) -> Probe:
        writing = self._write()
        began_s = time.monotonic()
        answer = self._answers.ask(self.question)
        try:
            answer, seen = self._watch(answer, replace(began, writing=writing), told)
        finally:
            cleaned = self._clean(self._answers.get(answer.id) or answer)
        done = replace(judge(seen, answer), took_s=time.monotonic() - began_s, cleaned=cleaned)
        told(done)
        return done

    def _watch(self, answer: Answer, seen: Probe, told: Told) -> tuple[Answer, Probe]:
        while answer.is_open:
            answer = self._answers.wait(answer.id, answer.version, LOOK_S)
            hops = self._hops(answer)
            if hops != seen.hops:
                seen = replace(seen, hops=hops, words=_on_its_way(hops))
                told(seen)
        answer = self._answers.finish(answer.id, GRACE_S)
        return answer, replace(seen, hops=self._hops(answer) or seen.hops)

    def _hops(self, answer: Answer) -> tuple[Hop, ...]:
        passages = self._traces.of_answer(answer).passages
        return passages[-1].hops if passages else ()

    def _clean(self, answer: Answer) -> str:
        """Delete the conversation and those of its connected agents; return what is gone, and what is not."""
        self._answers.drain(RECORD_S)  # its record is written into the thread
        if not answer.thread_id:
            return "Nothing was made."
        threads = [answer.thread_id]
        if answer.run_id:
            with suppress(
                ServiceError
            ):  # then the threads of the connected agents stay, as they do for any answer
                steps = self._backend.list_steps(answer.thread_id, answer.run_id)
                threads += [
                    call.child_thread_id for step in steps for call in step.calls if call.child_thread_id
                ]
        left = []
        for thread in reversed(threads):
            try:
                self._backend.delete_thread(thread)
            except ServiceError as error:
                log.warning("probe.not_cleaned", extra={"thread_id": thread, "reason": error.message})
                left.append(thread)
        if left:
            return f"Could not be deleted: {', '.join(left)}."
        return f"Deleted again: its {len(threads)} conversations." if len(threads) > 1 else "Deleted again."


def judge(seen: Probe, answer: Answer) -> Probe:
    """Return *seen* with how it ended. Pure."""
    if answer.state == "answered" and seen.hops:
        return replace(seen, state="ok", words="The question went all the way, and its answer came back.")
    if answer.state == "answered":
        words = (
            "The question was answered, but no function was called: the way through the queues is not proven."
        )
        step = "Look at the instructions of the team on Agents, and at the model that answers."
        return replace(seen, state="failed", words=words, next_step=step)
    problem = answer.problem
    last = next((hop for hop in seen.hops if hop.state in ("failed", "active")), None)
    stopped = f" It stopped at: {last.name}." if last is not None else ""
    if problem is None:
        return replace(seen, state="failed", words=f"The question ended as {answer.state}.{stopped}")
    said = scrub(f"{problem.title}: {problem.detail}{stopped}")
    step = STANDARD_STEP if is_basic(problem.detail) else scrub(problem.next_step)
    return replace(seen, state="failed", words=said, next_step=step)


def _on_its_way(hops: tuple[Hop, ...]) -> str:
    done = [hop.name for hop in hops if hop.state == "done"]
    return f"{done[-1]}." if done else "The question is on its way."
