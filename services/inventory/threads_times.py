"""How long a run was in each state, as far as the service tells: in whole seconds, and waits for tools by its steps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.agents.backend import TERMINAL, Run, RunStep

StretchKind = Literal["queued", "working", "tools", "untold"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """*kind*: `queued` until the service began, `tools` while a call of a tool was open, `working` else; `untold`: the
    service does not tell when it began, or when it ended. *end*: None while it lasts, and when it is not told."""

    kind: StretchKind
    start: datetime
    end: datetime | None


def stretches(run: Run, steps: Sequence[RunStep]) -> tuple[Stretch, ...]:
    """Return what *run* did from its creation to its end, in order, without gaps, each at least a second long; a run of
    less than a second was working all the time."""
    is_open = run.state not in TERMINAL
    end = None if is_open else run.ended_at
    if not is_open and end is None:
        return (Stretch("untold", run.created_at, None),)
    if run.started_at is None:
        if run.state == "queued" or (not is_open and run.state not in ("completed", "incomplete")):
            return (Stretch("queued", run.created_at, end),)
        return (Stretch("untold", run.created_at, end),)
    found = [Stretch("queued", run.created_at, run.started_at)]
    at = run.started_at
    for start, stop in _tool_times(steps, at, end):
        if start > at:
            found.append(Stretch("working", at, start))
        found.append(Stretch("tools", start, stop))
        if stop is None:
            break
        at = stop
    else:
        found.append(Stretch("working", at, end))
    lasting = tuple(one for one in found if one.end is None or one.end > one.start)
    return lasting or (Stretch("working", run.started_at, end),)


def seconds_in(found: Sequence[Stretch], kind: StretchKind, now: datetime) -> float | None:
    """Return the seconds spent in *kind* so far; None when that is not told."""
    if any(one.kind == "untold" for one in found):
        return None
    return sum(max(0.0, ((one.end or now) - one.start).total_seconds()) for one in found if one.kind == kind)


def _tool_times(
    steps: Sequence[RunStep], began: datetime, end: datetime | None
) -> list[tuple[datetime, datetime | None]]:
    """Return when calls of tools were open, within the run and without overlaps."""
    found: list[tuple[datetime, datetime | None]] = []
    known = [step for step in steps if step.kind == "calls" and step.created_at is not None]
    for step in sorted(known, key=lambda one: one.created_at or began):
        start = max(began, step.created_at or began)
        if found and (last := found[-1][1]) is not None:
            start = max(start, last)
        elif found:
            break
        stop = step.completed_at or end
        if stop is not None and end is not None:
            stop = min(stop, end)
        if stop is None or stop >= start:
            found.append((start, stop))
    return found
