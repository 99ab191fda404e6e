"""Bars from an answer: what the agent service tells of its run and steps, and what was seen in the queues."""

from dataclasses import replace

from services.models import Answer, Certainty, Step, StepKind
from services.monitor.shapes import Bar, BarKind, BarState

ROOT = "run"
WHOLE_SECONDS_S = 1.0
_KINDS: dict[StepKind, BarKind] = {
    "plan": "model",
    "write": "model",
    "delegate": "run",
    "wait": "wait",
    "function": "function",
}
_NAMES: dict[StepKind, str] = {
    "plan": "model: plans",
    "write": "model: writes the answer",
    "delegate": "connected agent",
    "wait": "input queue: wait",
    "function": "function",
}
_ENDS: dict[str, BarState] = {
    "answered": "done",
    "failed": "failed",
    "expired": "failed",
    "cancelled": "cancelled",
}
_SEEN = {
    "exact": "The message names the call or its run.",
    "strong": "The same arguments, at the right time.",
    "guess": "Told apart by the times around it only.",
}
NOT_SEPARATED = "queue + function, not separated"


def bars_of(answer: Answer) -> tuple[Bar, ...]:
    """Return the run and its steps; a call whose queue wait nobody saw is one uncertain bar."""
    state: BarState = "active" if answer.state in ("queued", "working") else _ENDS[answer.state]
    root = Bar(
        ROOT,
        None,
        "run",
        "question → orchestrator (run)",
        0.0,
        answer.took_s,
        state,
        evidence="The run that the question started.",
    )
    steps = [_bar(step) for step in answer.steps]
    waits = any(bar.kind == "wait" for bar in steps)
    functions = [bar for bar in steps if bar.kind == "function"]
    if functions and not waits:
        steps = [part for bar in steps for part in _split(bar, answer, alone=len(functions) == 1)]
    return (root, *steps)


def _bar(step: Step) -> Bar:
    name = _NAMES[step.kind]
    certainty, told = _surety(step)
    return Bar(
        step.key,
        step.parent or ROOT,
        _KINDS[step.kind],
        _named(step, name),
        step.started_s,
        step.took_s,
        step.state,
        certainty,
        told,
        step.arguments,
        step.output,
        call_id(step) if step.kind in ("wait", "function") else "",
    )


def call_id(step: Step) -> str:
    """Return the call that a step belongs to: `function:call_1` and `wait:call_1:2`, its second delivery."""
    rest = step.key.partition(":")[2]
    found, _, delivery = rest.rpartition(":")
    return found if found and delivery.isdecimal() else rest


def _surety(step: Step) -> tuple[Certainty, str]:
    if step.kind not in ("wait", "function"):
        return "exact", "A step of the run."
    if step.certainty is not None and not _is_unmeasured(step):
        return step.certainty, _SEEN[step.certainty]
    if step.state == "active":
        return "guess", "The call was made; its message has not been recognised in the queue."
    return "guess", "Nobody saw the message leave the queue; only that the call was answered."


def _named(step: Step, name: str) -> str:
    if step.kind == "function" and _is_unmeasured(step):
        return f"{name} {step.name}: {NOT_SEPARATED}"
    return f"{name} {step.name}" if step.name and step.kind in ("delegate", "function") else name


def _is_unmeasured(step: Step) -> bool:
    return step.state == "done" and step.took_s is None


def _split(bar: Bar, answer: Answer, *, alone: bool) -> tuple[Bar, ...]:
    """Return *bar* as wait and function where the record of the answer tells them apart, else marked uncertain."""
    if bar.kind != "function":
        return (bar,)
    parts = answer.parts
    if not alone or parts is None or parts.queue_wait_s is None or parts.function_s is None:
        return (
            replace(
                bar,
                name=bar.name if NOT_SEPARATED in bar.name else f"{bar.name}: {NOT_SEPARATED}",
                certainty="guess",
                evidence="Only the step's own times are known, in whole seconds. The function's telemetry tells more.",
                blur_s=WHOLE_SECONDS_S,
            ),
        )
    told = "Measured when the answer was followed; placed by the step's whole seconds."
    wait = Bar(
        f"wait:{bar.key}",
        bar.parent,
        "wait",
        _NAMES["wait"],
        bar.started_s,
        parts.queue_wait_s,
        certainty=parts.certainty,
        evidence=told,
        call=bar.call,
    )
    ran = replace(
        bar,
        name=bar.name.removesuffix(f": {NOT_SEPARATED}"),
        started_s=bar.started_s + parts.queue_wait_s,
        took_s=parts.function_s,
        certainty=parts.certainty,
        evidence=told,
    )
    return (wait, ran)
