"""From events to an answer. Pure: the same events give the same answer, whoever folds them and whenever."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from services.answers.events import (
    AnswerEvent,
    Asked,
    Began,
    ChildFound,
    Closed,
    Lined,
    Noted,
    PartsMeasured,
    RunFound,
    Settled,
    StageBegan,
    StageEnded,
    StepBegan,
    StepEnded,
    StepFilled,
    TextGrew,
    TextSet,
    ThreadFound,
    TokensCounted,
)
from services.models import OPEN_STATES, Answer, AnswerState, Stage, Step, StepState, TokenCount

_OWN_STEPS = frozenset({"plan", "write"})  # the others are seen from outside; their end may be learnt later
_STEP_OUTCOME: dict[AnswerState, StepState] = {
    "answered": "done",
    "cancelled": "cancelled",
    "failed": "failed",
    "expired": "failed",
}


def begin(event: Asked) -> Answer:
    """Return the answer of a question that was just asked."""
    return Answer(
        event.answer_id, event.question, "queued", 1, thread_id=event.thread_id, asked_at=event.asked_at
    )


def fold(events: Iterable[AnswerEvent]) -> Answer:
    """Return what *events* amount to. Raises ValueError when the first is not Asked."""
    rest = iter(events)
    first = next(rest, None)
    if not isinstance(first, Asked):
        raise ValueError("the first event of an answer is Asked")
    answer = begin(first)
    for event in rest:
        answer = apply(answer, event)
    return answer


def apply(answer: Answer, event: AnswerEvent) -> Answer:
    """Return *answer* after *event*, one version on; the very same object when the event changes nothing.

    A final answer takes what was measured late and nothing else: its state, text and problem stay.
    """
    changed = _apply_open(answer, event) if answer.state in OPEN_STATES else answer
    return _apply_any(answer, event) if changed is answer else changed


def _next(answer: Answer, **changes: object) -> Answer:
    """Return *answer* one version on, with *changes*."""
    return replace(answer, version=answer.version + 1, **changes)  # type: ignore[arg-type]  # fields of Answer


def _apply_open(answer: Answer, event: AnswerEvent) -> Answer:
    match event:
        case Lined(ahead=ahead) if answer.state == "queued" and ahead != answer.ahead:
            return _next(answer, ahead=ahead)
        case Began() if answer.state == "queued":
            return _next(answer, state="working", ahead=0)
        case ThreadFound(thread_id=thread_id) if thread_id != answer.thread_id:
            return _next(answer, thread_id=thread_id)
        case RunFound(run_id=run_id) if run_id != answer.run_id:
            return _next(answer, run_id=run_id)
        case StepBegan():
            return _begin_step(answer, event)
        case TextGrew(at_s=at_s, text=text) if text:
            return _next(answer, text=answer.text + text, first_token_s=_first(answer, at_s))
        case TextSet(at_s=at_s, text=text) if text != answer.text:
            first_s = _first(answer, at_s) if text and event.timed else answer.first_token_s
            return _next(answer, text=text, first_token_s=first_s)
        case Closed():
            return _close(answer, event)
    return answer


def _apply_any(answer: Answer, event: AnswerEvent) -> Answer:
    match event:
        case StageBegan(at_s=at_s, name=name) if all(stage.name != name for stage in answer.stages):
            return _next(answer, stages=(*answer.stages, Stage(name, at_s)))
        case StageEnded():
            return _end_stage(answer, event)
        case ChildFound(run_id=run_id) if run_id not in answer.child_run_ids:
            return _next(answer, child_run_ids=(*answer.child_run_ids, run_id))
        case StepBegan(kind=kind) if kind not in _OWN_STEPS and answer.measuring:
            return _begin_step(answer, event)
        case StepFilled():
            return _fill_step(answer, event)
        case StepEnded():
            return _end_step(answer, event)
        case TokensCounted(prompt=prompt, completion=completion):
            tokens = TokenCount(prompt, completion)
            return answer if tokens == answer.tokens else _next(answer, tokens=tokens)
        case Noted(text=text) if text != answer.notice:
            return _next(answer, notice=text)
        case PartsMeasured(parts=parts) if parts != answer.parts:
            return _next(answer, parts=parts)
        case Settled() if answer.measuring:
            return _next(answer, measuring=False)
    return answer


def _first(answer: Answer, at_s: float) -> float:
    return at_s if answer.first_token_s is None else answer.first_token_s


def _close(answer: Answer, event: Closed) -> Answer:
    if event.state in OPEN_STATES:
        return answer
    return _next(
        answer,
        state=event.state,
        problem=event.problem,
        took_s=event.at_s if event.timed else None,
        ahead=0,
        measuring=event.measuring,
        steps=tuple(_close_step(step, event) for step in answer.steps),
    )


def _close_step(step: Step, event: Closed) -> Step:
    if step.state != "active":
        return step
    took_s = max(0.0, event.at_s - step.started_s) if step.kind in _OWN_STEPS else None
    return replace(step, state=_STEP_OUTCOME[event.state], took_s=took_s)


def _begin_step(answer: Answer, event: StepBegan) -> Answer:
    known = {step.key for step in answer.steps}
    if event.key in known:
        return answer
    parent = event.parent if event.parent in known else None
    step = Step(event.key, parent, event.kind, event.name, "active", event.at_s, arguments=event.arguments)
    if answer.state not in OPEN_STATES:
        step = replace(step, state=_STEP_OUTCOME[answer.state])
    # What a watcher learns late has happened earlier: steps stand in the order of their beginnings.
    place = next((at for at, other in enumerate(answer.steps) if other.started_s > step.started_s), None)
    earlier = answer.steps[:place]
    return _next(answer, steps=(*earlier, step, *answer.steps[len(earlier) :]))


def _fill_step(answer: Answer, event: StepFilled) -> Answer:
    def fill(step: Step) -> Step:
        arguments = step.arguments if event.arguments is None else event.arguments
        output = step.output if event.output is None else event.output
        same = (arguments, output) == (step.arguments, step.output)
        return step if same else replace(step, arguments=arguments, output=output)

    return _with_step(answer, event.key, fill)


def _end_step(answer: Answer, event: StepEnded) -> Answer:
    def end(step: Step) -> Step:
        if step.took_s is not None or event.state == "active":
            return step
        state = event.state if step.state == "active" else step.state
        if not event.timed:
            return step if state == step.state else replace(step, state=state)
        took_s = event.at_s - step.started_s if event.took_s is None else event.took_s
        return replace(step, state=state, took_s=max(0.0, took_s), certainty=event.certainty)

    return _with_step(answer, event.key, end)


def _with_step(answer: Answer, key: str, change: Callable[[Step], Step]) -> Answer:
    for position, step in enumerate(answer.steps):
        if step.key == key:
            changed = change(step)
            if changed is step:
                return answer
            return _next(answer, steps=(*answer.steps[:position], changed, *answer.steps[position + 1 :]))
    return answer


def _end_stage(answer: Answer, event: StageEnded) -> Answer:
    for position, stage in enumerate(answer.stages):
        if stage.name == event.name and stage.took_s is None:
            ended = replace(stage, took_s=max(0.0, event.at_s - stage.started_s), failed=event.failed)
            return _next(answer, stages=(*answer.stages[:position], ended, *answer.stages[position + 1 :]))
    return answer
