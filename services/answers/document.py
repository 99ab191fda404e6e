"""An answer as one JSON document, for `ask --json` and for whoever keeps answers in files."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

from services.answers.events import AnswerEvent, ChildFound, RunFound
from services.answers.fold import fold
from services.models import Answer, Problem, Step, TimeParts

Document = dict[str, object]


def document(events: Iterable[AnswerEvent]) -> Document:
    """Return the answer that *events* tell of. Times in seconds; null is not known, which is not zero."""
    happened = list(events)
    answer = fold(happened)
    found = next((event for event in happened if isinstance(event, RunFound)), None)
    children = {event.step: event for event in happened if isinstance(event, ChildFound)}
    return {
        "question": answer.question,
        "answer": answer.text,
        "state": answer.state,
        "thread_id": answer.thread_id or None,
        "run_id": answer.run_id or None,
        "orchestrator": None
        if found is None
        else {"name": found.agent_name or None, "id": found.agent_id, "run": found.run_id},
        "connected_agents": [
            _agent(step, children.get(step.key), answer) for step in answer.steps if step.kind == "delegate"
        ],
        "calls": _calls(answer, None),
        "parts": _parts(answer.parts),
        "total_s": _seconds(answer.took_s),
        "first_token_s": _seconds(answer.first_token_s),
        "tokens": None
        if answer.tokens is None
        else {
            "prompt": answer.tokens.prompt,
            "completion": answer.tokens.completion,
            "total": answer.tokens.total,
        },
        "stages": [
            {
                "name": stage.name,
                "started_s": _seconds(stage.started_s),
                "took_s": _seconds(stage.took_s),
                "failed": stage.failed,
            }
            for stage in answer.stages
        ],
        "notice": answer.notice or None,
        "problem": problem_document(answer.problem),
    }


def problem_document(problem: Problem | None) -> Mapping[str, object] | None:
    """Return the fields of *problem* by name; None when there is none."""
    return None if problem is None else asdict(problem)


def _agent(step: Step, child: ChildFound | None, answer: Answer) -> Document:
    return {
        "name": step.name,
        "run_id": child.run_id if child else None,
        "thread_id": child.thread_id if child else None,
        "arguments": _value(step.arguments),
        "output": step.output or None,
        "took_s": _seconds(step.took_s),
        "calls": _calls(answer, step.key),
    }


def _calls(answer: Answer, parent: str | None) -> list[Document]:
    """Return the function calls below *parent*. A call delivered more than once has a wait and a run for each time."""
    waits: dict[str, list[Step]] = {}
    runs: dict[str, list[Step]] = {}
    for step in answer.steps:
        if step.parent == parent and step.kind in ("wait", "function"):
            call_id = step.key.split(":")[1]
            (waits if step.kind == "wait" else runs).setdefault(call_id, []).append(step)
    return [_call(waits.get(key, []), runs.get(key, [])) for key in dict.fromkeys([*waits, *runs])]


def _call(waits: list[Step], runs: list[Step]) -> Document:
    last = (runs or waits)[-1]
    certainties = [step.certainty for step in (*waits, *runs) if step.certainty]
    return {
        "function": last.name,
        "arguments": _value(last.arguments),
        "output": last.output or None,
        "state": last.state,
        "queue_wait_s": _sum(waits),
        "function_s": _sum(runs),
        "certainty": max(certainties, key=("exact", "strong", "guess").index, default=None),
        "deliveries": max(1, len(runs)),
    }


def _sum(steps: list[Step]) -> float | None:
    known = [step.took_s for step in steps if step.took_s is not None]
    return round(sum(known), 4) if steps and len(known) == len(steps) else None


def _parts(parts: TimeParts | None) -> Document | None:
    if parts is None:
        return None
    return {
        "model_s": _seconds(parts.model_s),
        "queue_wait_s": _seconds(parts.queue_wait_s),
        "function_s": _seconds(parts.function_s),
        "certainty": parts.certainty,
    }


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _value(arguments: str) -> object:
    """Return the arguments as JSON when they are, else as the text that travelled."""
    try:
        return json.loads(arguments) if arguments else None
    except ValueError:
        return arguments
