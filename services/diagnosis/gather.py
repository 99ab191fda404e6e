"""Reads what there is to see of a run: the agent service, three queues (peeked, never received from), the workspace.

What cannot be read is told as such and leaves the rest as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.agents.backend import TERMINAL, AgentBackend, Call, Run, RunStep
from services.answers.service import AnswerService
from services.diagnosis import log as function_log
from services.diagnosis.facts import PEEKED, CallSeen, Facts, LogSeen, Part, Patience, QueueSeen
from services.diagnosis.letters import place_of
from services.errors import AccessDenied, NotFound, ServiceError
from services.models import FunctionTool, PeekedMessage
from services.monitor.kql import Value
from services.monitor.logs import LogsService
from services.monitor.results import Ask, Row
from services.monitor.spans import Span, spans_of
from services.queues import POISON_SUFFIX, QueueService

AT_ONCE = 4
MARGIN = timedelta(minutes=1)  # around a call; the clocks of the three services differ
AFTER = timedelta(minutes=10)  # how long after a call its function is looked for at most
RUNS_LOOKED_AT = 20
NO_WORKSPACE = "No Log Analytics workspace is set."


@dataclass(frozen=True, slots=True)
class Sources:
    """Where facts come from. *logs*: None when no workspace is set."""

    backend: AgentBackend
    queues: QueueService
    answers: AnswerService
    logs: LogsService | None
    catalogue: Mapping[str, FunctionTool]
    now: Callable[[], datetime]


def gather(
    sources: Sources, run_id: str, thread_id: str, patience: Callable[[Sequence[str]], Patience]
) -> Facts:
    """Return the facts of a run. Sends at most 12 requests, those to the queues four at the same time:

    the run and its steps (2), the connected agent's run and steps (2), of an open call the three queues (5) and its
    steps once more (1), the workspace (1), and every five minutes how long answers take (1).
    """
    try:
        run = sources.backend.get_run(thread_id, run_id)
    except ServiceError as error:
        return Facts(sources.now(), patience(()), refusal=error, answer=sources.answers.of_run(run_id))
    waiting = [one for one in sources.answers.of_thread(thread_id) if one.is_open and one.run_id != run_id]
    facts = Facts(
        sources.now(), patience(()), run, answer=sources.answers.of_run(run_id), waits_behind=len(waiting)
    )
    try:
        facts = _with_call(sources, facts, run)
    except ServiceError as error:
        return replace(facts, steps=Part("failed", error.message))
    call = facts.call
    if call is None:
        return facts
    facts = replace(facts, patience=patience([call.tool]))
    if call.output is None:
        facts = _look_again(sources, _with_queues(sources, facts, call))
    return _with_log(sources, facts)


def gather_waiting(sources: Sources, thread_id: str, patience: Patience) -> Facts:
    """Return the facts of a conversation whose question has no run. One request: its latest runs."""
    answers = sources.answers.of_thread(thread_id)
    answer = next((one for one in reversed(answers) if not one.run_id), None)
    try:
        runs = sources.backend.list_runs(thread_id, RUNS_LOOKED_AT)
    except ServiceError as error:
        return Facts(sources.now(), patience, refusal=error, answer=answer)
    holder = next((run for run in runs if run.state not in TERMINAL), None)
    return Facts(sources.now(), patience, holder=holder, answer=answer)


# The call ------------------------------------------------------------------------------------------------


def _with_call(sources: Sources, facts: Facts, run: Run) -> Facts:
    """Add the function call that the run waits for, else its last one, and the run that makes it."""
    steps = sources.backend.list_steps(run.thread_id, run.id)
    delegation = _latest(steps, "connected_agent")
    own = _latest(steps, "azure_function")
    if delegation is None or not delegation[0].child_run_id:
        return _with(sources, facts, run, own, steps)
    child_thread, child_id = delegation[0].child_thread_id, delegation[0].child_run_id
    try:
        child = sources.backend.get_run(child_thread, child_id)
        inner = sources.backend.list_steps(child_thread, child_id)
    except NotFound:  # deleted with its thread: what the main run tells must do
        return _with(sources, facts, run, own, steps)
    return _with(sources, replace(facts, child=child), child, _latest(inner, "azure_function") or own, inner)


def _latest(steps: Sequence[RunStep], kind: str) -> tuple[Call, RunStep] | None:
    """Return the call of *kind* that is open, else the last one."""
    found = [(call, step) for step in steps for call in step.calls if call.kind == kind and call.name]
    still = [one for one in found if one[0].output is None and one[1].state == "in_progress"]
    return next(reversed(still or found), None)


def _with(
    sources: Sources, facts: Facts, maker: Run, found: tuple[Call, RunStep] | None, steps: Sequence[RunStep]
) -> Facts:
    if found is None:
        return facts
    call, step = found
    function = next((one for one in maker.functions if one.name == call.name), None)
    tool = sources.catalogue.get(call.name) or FunctionTool(call.name, "", {}, "", "", "")
    seen = CallSeen(
        call.id,
        call.name,
        maker.id,
        call.arguments,
        call.output,
        step.created_at or maker.created_at,
        sources.answers.correlations_of(maker.id).get(call.id, ""),
        schema=function.parameters if function else tool.parameters,
        given_up=call.output is None and step.state == "completed",
    )
    inbound = function.input.queue if function else tool.input_queue
    outbound = function.output.queue if function else tool.output_queue
    return replace(
        facts,
        call=seen,
        calls=sum(one.kind == "azure_function" for step in steps for one in step.calls),
        inbound=QueueSeen(inbound),
        outbound=QueueSeen(outbound),
        poison=QueueSeen(inbound + POISON_SUFFIX),
    )


def _look_again(sources: Sources, facts: Facts) -> Facts:
    """Read the run and its call once more: a reply that was read between two looks is not one that is missing."""
    call, maker = facts.call, facts.child or facts.run
    if call is None or maker is None or place_of(facts, call).waiting is not None:
        return facts
    if maker.state in TERMINAL:
        return facts
    try:
        steps = sources.backend.list_steps(maker.thread_id, maker.id)
    except ServiceError:
        return facts
    now = next((one for step in steps for one in step.calls if one.id == call.id), None)
    return replace(facts, call=replace(call, output=now.output)) if now and now.output is not None else facts


# The queues ----------------------------------------------------------------------------------------------


def _with_queues(sources: Sources, facts: Facts, call: CallSeen) -> Facts:
    """Five requests: a look into each queue, and how many messages input and output hold with those that are hidden."""
    queues = (facts.inbound, facts.outbound, facts.poison)
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="diagnosis") as pool:
        inbound, outbound, poison = pool.map(lambda queue: _seen(sources.queues, queue), queues)
    facts = replace(facts, at=sources.now(), inbound=inbound, outbound=outbound, poison=poison)
    named = place_of(facts, call).letter
    if named is not None and named.certainty != "guess" and not call.correlation_id:
        told = (named.message.body or {}).get("CorrelationId")
        if isinstance(told, str | int):
            call = replace(call, correlation_id=str(told), known=named.certainty)
    return replace(facts, call=call)


def _seen(queues: QueueService, queue: QueueSeen) -> QueueSeen:
    try:
        messages: Sequence[PeekedMessage] = queues.peek(queue.name, PEEKED)
        if queue.name.endswith(POISON_SUFFIX):
            return replace(queue, part=Part("read"), messages=tuple(messages))
        count = queues.count(queue.name)
    except NotFound:
        return replace(queue, part=Part("missing", "It does not exist."))
    except AccessDenied as error:
        return replace(queue, part=Part("denied", error.message))
    except ServiceError as error:
        return replace(queue, part=Part("failed", error.message))
    return replace(queue, part=Part("read"), messages=tuple(messages), count=count)


# The workspace -------------------------------------------------------------------------------------------


def _with_log(sources: Sources, facts: Facts) -> Facts:
    """Add what the function and its host have told. One request."""
    call = facts.call
    assert call is not None, "there is a call to look for"
    if sources.logs is None:
        return replace(facts, log=LogSeen(Part("unset", NO_WORKSPACE)))
    seen = _ids_seen(facts, call)
    lasted = min(max(sources.now() - call.began_at, timedelta()), AFTER)
    span: dict[str, Value] = {"start": call.began_at - MARGIN, "end": call.began_at + lasted + MARGIN}
    names = [f"Function.{call.tool}", f"Function.{call.tool}.User"]
    executions, lines = sources.logs.ask(
        Ask("trace_functions", {**span, "tools": [call.tool]}, call.id),
        Ask("call_log", {**span, "functions": names, "messages": sorted(seen)}, call.id),
    )
    failed = next((one.problem for one in (executions, lines) if not one.is_known and one.problem), None)
    if failed is not None:
        return replace(
            facts,
            log=LogSeen(Part("denied" if isinstance(failed, AccessDenied) else "failed", failed.message)),
        )
    return _joined(facts, call, lasted, spans_of(executions.rows), lines.rows, seen)


def _joined(
    facts: Facts,
    call: CallSeen,
    lasted: timedelta,
    executions: Sequence[Span],
    rows: Sequence[Row],
    seen: frozenset[str],
) -> Facts:
    if not call.correlation_id:
        call = replace(call, correlation_id=function_log.correlation_in(call, executions, lasted))
    return replace(facts, call=call, log=function_log.log_of(call, lasted, executions, rows, seen))


def _ids_seen(facts: Facts, call: CallSeen) -> frozenset[str]:
    """Return the id that the call's message had in its input queue: the poison queue gives it another one."""
    waiting = place_of(facts, call).waiting
    return frozenset({waiting.message.id}) if waiting else frozenset()
