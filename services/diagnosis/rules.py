"""From facts to one verdict. Pure: the same facts, the same verdict."""

from services.agents.backend import TERMINAL, Run
from services.answers import problems
from services.answers.narration import seconds
from services.diagnosis.calls import judge as judge_call
from services.diagnosis.facts import CallSeen, Facts
from services.diagnosis.verdicts import Code, Verdict
from services.diagnosis.why import DENIED, shorten
from services.diagnosis.words import ROLE_OF_PROJECT, ROLE_ON_PROJECT
from services.errors import AccessDenied, NotFound, ServiceError, Throttled
from services.models import Problem

EXPLAINED: frozenset[Code] = frozenset({"working", "not_known"})


def judge(facts: Facts) -> Verdict:
    """Return what is wrong, or that nothing is, or that it cannot be told."""
    if facts.run is None:
        return _without_run(facts)
    match facts.run.state:
        case "completed":
            return Verdict("answered", "The run has answered; nothing is stuck.", "Nothing to do.")
        case "expired":
            return _expired(facts)
        case "cancelled":
            return Verdict(
                "cancelled", "The run was told to stop, and has.", "Ask again if the answer is still wanted."
            )
        case "failed" | "incomplete":
            return _ended(facts.run, facts.child)
    return _open(facts, facts.run)


def _open(facts: Facts, run: Run) -> Verdict:
    if "function" in run.waits_for:
        return Verdict(
            "caller_tool",
            "The agent waits for a function in the program that asked, and that program has not answered.",
            "Answer it from that program, or cancel the run: its conversation stays locked until it ends.",
        )
    if facts.child is not None and facts.child.state in ("failed", "expired", "incomplete"):
        told = _ended(facts.child, None)
        return Verdict(
            told.code, f"A connected agent failed. {told.sentence}", told.next_step, told.certainty
        )
    if facts.call is not None and facts.call.output is None and not facts.call.given_up:
        return judge_call(facts, facts.call)
    waits = "after the function's reply" if facts.call is not None else "for its model"
    if facts.age_s <= facts.patience.seconds:
        return Verdict(
            "working",
            f"The run is at work, {seconds(facts.age_s)} old; nothing is wrong yet.",
            f"Wait. On this route an answer takes up to {seconds(facts.patience.seconds)} ({facts.patience.source}).",
        )
    if not facts.steps.is_read:
        return Verdict(
            "not_known",
            f"The run has been at work for {seconds(facts.age_s)}, and what it waits for could not be read.",
            "Look again in a moment.",
        )
    return Verdict(
        "model_slow",
        f"The run has been at work for {seconds(facts.age_s)} without a function call to wait for: it waits {waits}.",
        "Look at the load and the limits of the model deployment. The service gives the run up ten minutes after its "
        "beginning; cancel it to ask again.",
        "strong",
    )


def _expired(facts: Facts) -> Verdict:
    """Say why, too, where the queues still show it."""
    told = "The agent service gave the run up: it was not done within its ten minutes."
    cause = _cause(facts, facts.call)
    if cause is None:
        return Verdict(
            "run_expired",
            told,
            "Look at the function's log for the time of the run, then ask again.",
            "exact",
        )
    return Verdict("run_expired", f"{told} {cause.sentence}", cause.next_step, cause.certainty, cause.code)


def _cause(facts: Facts, call: CallSeen | None) -> Verdict | None:
    if call is None or call.output is not None:
        return None
    found = judge_call(facts, call)
    return None if found.code in EXPLAINED else found


def _ended(run: Run, child: Run | None) -> Verdict:
    """Return why *run* failed; where it gives no reason of its own, why the connected agent's run did."""
    source = child if child is not None and child.error_code and not run.error_message else run
    problem = problems.from_run(source)
    assert problem is not None, "it did not complete"
    return of_problem(problem, source.error_code, source.error_message)


def of_problem(problem: Problem, code: str = "", message: str = "") -> Verdict:
    """Return *problem* as a verdict. *code* and *message*: the service's own words, where it said any."""
    said = f"{code} {message} {problem.detail}"
    if problem.code == "throttled":
        kind: Code = "throttled"
    elif problems.SET_UP in said.lower():
        return Verdict(
            "basic_setup",
            f"This project has the basic agent set-up, which has no queue functions. {problem.detail}",
            f"{problems.SET_UP_STEP} Set the project up anew with it, or use another project.",
        )
    elif problem.code == "denied" or (problem.code in ("run_failed", "model_error") and DENIED.search(said)):
        return Verdict(
            "missing_role",
            f"A role is missing. {problem.detail}",
            f"Give the project's identity {ROLE_OF_PROJECT}, and the dashboard's {ROLE_ON_PROJECT}; a new role takes up "
            "to ten minutes.",
            "strong",
        )
    else:
        kinds: dict[str, Code] = {
            "incomplete": "cut_off",
            "cancelled_elsewhere": "cancelled",
            "conflict": "thread_locked",
        }
        kind = kinds.get(problem.code, "run_failed")
    return Verdict(kind, f"{problem.title}. {problem.detail}", problem.next_step)


def _without_run(facts: Facts) -> Verdict:
    answer = facts.answer
    if answer is not None and answer.problem is not None:
        return of_problem(answer.problem)
    if facts.refusal is not None:
        return _refused(facts.refusal)
    if facts.holder is not None:
        holder = facts.holder
        return Verdict(
            "thread_locked",
            f"Another run ({holder.id}, {holder.state}, {seconds(facts.since_s(holder.created_at))} old) holds this "
            "conversation, and only one may be open in it.",
            "Wait for it to end, or look at why it does not: open its trace. Cancelled or expired, it lets the next one in.",
        )
    if answer is not None and answer.is_open:
        told = answer.notice or "The question waits for its turn; nothing has been sent yet."
        return Verdict("working", told, "Wait a moment.")
    return Verdict(
        "not_known",
        "No run is open in this conversation, and no question waits for one here.",
        "Name the run, or look it up on the Runs page.",
    )


def _refused(error: ServiceError) -> Verdict:
    match error:
        case AccessDenied():
            return Verdict(
                "missing_role",
                f"Relaydeck may not read this run. {error.message}",
                f"Give the dashboard's identity {ROLE_ON_PROJECT}; a new role takes up to ten minutes.",
            )
        case NotFound():
            return Verdict(
                "not_known",
                "There is no such run in this conversation: it was deleted, or belongs to another one.",
                "Check the ids; telemetry may still know the run (open its trace).",
            )
        case Throttled():
            wait = f"in {seconds(error.retry_after_s)}" if error.retry_after_s else "in a minute"
            return Verdict(
                "throttled", f"The agent service is at its limit. {error.message}", f"Look again {wait}."
            )
    return Verdict("not_known", f"The run could not be read. {shorten(error.message)}", error.hint)


def is_over(facts: Facts) -> bool:
    return facts.run is not None and facts.run.state in TERMINAL
