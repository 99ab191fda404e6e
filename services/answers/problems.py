"""Every way an answer can fail, in words a person can act on. Codes are for programs: docs/answers.md lists them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from services.agents.backend import Run
from services.answers.narration import seconds
from services.errors import (
    AccessDenied,
    ConfigurationError,
    Conflict,
    InvalidInput,
    NotFound,
    ServiceError,
    Throttled,
    Unavailable,
)
from services.models import Problem

AGENT_SERVICE = "Agent service"
SET_UP = "invalid tool value"  # what a project with the basic agent set-up says of queue functions
TOOL_REFUSED = "The project may not use this tool"
SET_UP_STEP = "Azure Function tools need the standard agent set-up (own storage, search and database)."
_WAIT = re.compile(r"(?:try|retry) again in (\d+(?:\.\d+)?)\s*(second|minute|ms|millisecond)", re.IGNORECASE)
_UNIT_S = {"second": 1.0, "minute": 60.0, "ms": 0.001, "millisecond": 0.001}


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What lies in the queues of one function tool now. None: could not be read."""

    tool: str
    input_queue: str
    waiting: int | None
    output: int | None
    poison: int | None

    def words(self) -> str:
        if self.waiting is None and self.output is None and self.poison is None:
            return f"The queues of {self.tool} could not be read."
        return (
            f"Queues of {self.tool}: {_count(self.waiting)} waiting in {self.input_queue}, "
            f"{_count(self.output)} replies not read, {_count(self.poison)} given up on (poison)."
        )


def _count(value: int | None) -> str:
    return "unknown" if value is None else str(value)


def from_service_error(error: ServiceError, reference: str) -> Problem:
    """Return *error* in plain words. Asking again is safe when nothing can have been started."""
    where = f"{AGENT_SERVICE}, {error.operation}" + (f" ({error.resource})" if error.resource else "")
    if isinstance(error, InvalidInput) and SET_UP in error.message.lower():
        return Problem(
            TOOL_REFUSED,
            error.message,
            SET_UP_STEP,
            where,
            error.request_id or reference,
            True,
            "tool_refused",
        )
    title, code, safe = _kind(error)
    wait_s = error.retry_after_s if isinstance(error, Throttled) else None
    next_step = f"Ask again in {seconds(wait_s)}." if wait_s else error.hint
    reference = error.request_id or reference
    return Problem(title, error.message, next_step, where, reference, safe, code)


def _kind(error: ServiceError) -> tuple[str, str, bool]:
    match error:
        case Throttled():
            return "The service is busy", "throttled", True
        case Unavailable():
            return "The service could not be reached", "unavailable", not error.sent
        case NotFound():
            return "Something this question needs is gone", "not_found", True
        case AccessDenied():
            return "Access was denied", "denied", True
        case Conflict():
            return "The conversation is busy", "conflict", True
        case InvalidInput():
            return "The question was refused", "invalid_question", True
        case ConfigurationError():
            return "A setting is wrong", "configuration", True
        case _:
            return "The service answered in an unexpected way", "unexpected", False


def from_run(run: Run, facts: Sequence[QueueFacts] = (), *, called: bool = False) -> Problem | None:
    """Return why *run* ended without an answer; None when it completed. *called*: a function may have had an effect."""
    reference = run.id
    match run.state:
        case "completed":
            return None
        case "expired":
            return _expired(run, facts)
        case "cancelled":
            return Problem(
                "The run was cancelled elsewhere",
                "Another program or person cancelled this run in the agent service.",
                "Ask again if the answer is still wanted.",
                AGENT_SERVICE,
                reference,
                retry_safe=not called,
                code="cancelled_elsewhere",
            )
        case "incomplete":
            return Problem(
                "The answer was cut off",
                run.error_message or "The run stopped early: the token limit was reached or a filter cut in.",
                "Ask for a shorter answer, or continue the conversation.",
                AGENT_SERVICE,
                reference,
                retry_safe=not called,
                code="incomplete",
            )
    return _failed(run, called)


def _expired(run: Run, facts: Sequence[QueueFacts]) -> Problem:
    told = " ".join(fact.words() for fact in facts)
    detail = "The agent service gave the run up after its ten minutes: the function's reply never arrived."
    return Problem(
        "The function's reply never arrived",
        f"{detail} {told}".strip(),
        _queue_advice(facts),
        "Function app",
        run.id,
        retry_safe=False,
        code="expired",
    )


def _failed(run: Run, called: bool) -> Problem:
    message, code = run.error_message, run.error_code
    low = f"{code} {message}".lower()
    title, next_step, where, kind = (
        "The run failed",
        "Ask again; if it stays, quote the reference.",
        AGENT_SERVICE,
        "run_failed",
    )
    safe = not called
    if "rate_limit" in low:
        wait_s = _wait_in(message)
        title, where, kind = "The model is at its limit", "Model deployment", "throttled"
        next_step = f"Ask again in {seconds(wait_s)}." if wait_s else "Wait a minute, then ask again."
    elif "content_filter" in low or "content management policy" in low:
        title, where, kind, safe = (
            "The content filter stopped the answer",
            "Model deployment",
            "filtered",
            True,
        )
        next_step = "Put the question in other words; repeating it as it is will not help."
    elif SET_UP in low:
        title, where, kind, safe = TOOL_REFUSED, "Foundry project", "tool_refused", True
        next_step = SET_UP_STEP
    elif "depth" in low:
        title, kind = "A connected agent has connected agents of its own", "tool_refused"
        next_step = "Only two levels are allowed: take the inner connection away."
    elif code == "server_error":
        title, kind = "The agent service had a fault of its own", "model_error"
    elif code == "invalid_prompt":
        title, kind, safe = "The model refused the question", "filtered", True
        next_step = "Put the question in other words."
    said = f"The service said: {message}" if message else "The service gave no reason."
    return Problem(title, f"{said} (code {code})" if code else said, next_step, where, run.id, safe, kind)


def _wait_in(message: str) -> float | None:
    found = _WAIT.search(message)
    return float(found[1]) * _UNIT_S[found[2].lower()] if found else None


def at_deadline(
    deadline_s: float, reference: str, facts: Sequence[QueueFacts], *, waiting: str = ""
) -> Problem:
    """Return what is said when the answer's own time is over. *waiting*: what it was waiting for, as a clause."""
    told = " ".join(fact.words() for fact in facts)
    detail = f"There was no answer within {seconds(deadline_s)}" + (f"; {waiting}." if waiting else ".")
    return Problem(
        "The answer took too long",
        f"{detail} {told}".strip() + " The run was told to stop.",
        _queue_advice(facts),
        "Function app" if facts else AGENT_SERVICE,
        reference,
        retry_safe=False,
        code="deadline",
    )


def _queue_advice(facts: Sequence[QueueFacts]) -> str:
    if any(fact.poison for fact in facts):
        return "Look at the poison queue: the function gave that message up after several tries."
    if any(fact.waiting for fact in facts):
        return "Check that the function app runs: messages wait and nobody takes them."
    if any(fact.output for fact in facts):
        return "The function answered, but the agent did not read it: compare CorrelationId and encoding."
    if facts:
        return "The message was taken: look at the function's log for what became of it."
    return "Ask again later; RELAYDECK_ANSWER_DEADLINE_S sets how long an answer may take."


def unwatched(deadline_s: float, reference: str) -> Problem:
    """Return what is said of a run that belongs to another program and outlasts our patience."""
    return Problem(
        "The run is still open",
        f"Another program started this run, and it did not end within {seconds(deadline_s)}. It was left alone.",
        "Reload the conversation to look again.",
        AGENT_SERVICE,
        reference,
        retry_safe=False,
        code="deadline",
    )


def client_tool(reference: str) -> Problem:
    """Return what is said of an agent that waits for a function in the program that asked."""
    return Problem(
        "This agent needs a function that Relaydeck does not have",
        "The agent asked the caller itself to run a function. Relaydeck runs functions behind queues only, "
        "so the run was told to stop.",
        "Give the agent Azure Function tools instead, or use it from the program it was made for.",
        AGENT_SERVICE,
        reference,
        retry_safe=True,
        code="tool_refused",
    )


def internal(reference: str) -> Problem:
    """Return what is said when Relaydeck itself is at fault; the log holds the trace under *reference*."""
    return Problem(
        "Relaydeck has a defect",
        "Something went wrong inside Relaydeck while it followed this answer. The run may still go on.",
        "Reload the conversation: a run that finished is shown from its thread. Quote the reference if it stays.",
        "Relaydeck",
        reference,
        retry_safe=False,
        code="internal",
    )


def unsent(reference: str) -> Problem:
    return Problem(
        "The question was not sent",
        "The process that took it ended before it reached the agent service, or another one is only now sending it. "
        "No run was started.",
        "Ask it again.",
        "Relaydeck",
        reference,
        retry_safe=True,
        code="unsent",
    )


def shutting_down(reference: str) -> Problem:
    return Problem(
        "Relaydeck was stopped",
        "The process ended before the answer was there. A run that was started goes on without it.",
        "Open the conversation again after the restart: its run is taken up where it is.",
        "Relaydeck",
        reference,
        retry_safe=False,
        code="stopped",
    )
