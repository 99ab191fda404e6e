"""What Overview shows, read once for all who look: one request for everything of the past, one look at the queues."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from services.errors import ServiceError
from services.models import Answer, QueueDepth
from services.monitor.attention import (
    Concern,
    concerns_of_failures,
    concerns_of_open,
    concerns_of_queues,
    concerns_of_telemetry,
    concerns_of_times,
    ordered,
)
from services.monitor.overview import Figures, figures_of
from services.monitor.results import Ask, Result
from ui import context, formats
from ui.view import View

HELD_KEY = "overview-held"
EARLY_S = 0.5  # a timer that comes a little early must still find something new


@dataclass(frozen=True, slots=True)
class Past:
    """One result for each query of the page."""

    figures: Result
    series: Result
    failures: Result
    queues: Result

    @property
    def is_known(self) -> bool:
        return all(one.is_known for one in (self.figures, self.series, self.failures, self.queues))


@dataclass(frozen=True, slots=True)
class Queues:
    """*depths*: None when they could not be read, and *problem* says why. *at*: when they were looked at."""

    depths: Sequence[QueueDepth] | None
    at: datetime | None
    problem: ServiceError | None = None

    @property
    def oldest(self) -> QueueDepth | None:
        """Return the queue whose oldest message waits longest; poison waits for a person and does not count."""
        waiting = [one for one in self.depths or () if one.oldest_age_s is not None and one.state != "poison"]
        return max(waiting, key=lambda one: one.oldest_age_s or 0.0, default=None)

    @property
    def poison(self) -> int | None:
        if self.depths is None:
            return None
        return sum(one.messages for one in self.depths if one.state == "poison")


@dataclass(frozen=True, slots=True)
class _Held:
    """What this session saw last. *key*: which range that was."""

    key: tuple[object, ...]
    at: datetime
    past: Past | None
    queues: Queues | None = None


def read_past(view: View) -> Past | None:
    """Return what the workspace tells; None when none is set. One request, none within the refresh of the page.

    While the refresh is off, what was read stays: a press of a button must not cost a request.
    """
    held = _held(view)
    if held is not None:
        return held.past
    asks = [
        Ask("kpis", view.values(), view.label),
        Ask("answers_over_time", view.values(grain=view.grain), view.label),
        Ask("attention", view.values(), view.label),
        Ask("queue_history", view.values(grain=view.grain, queues=[]), view.label),
    ]
    found = context.ask_logs(*asks)
    past = None if found is None else Past(*found)
    st.session_state[HELD_KEY] = _Held(_key(view), formats.now(), past)
    return past


def read_queues() -> Queues:
    """Return the queues as they are now, from the reading that all viewers share. Call after read_past()."""
    held: _Held | None = st.session_state.get(HELD_KEY)
    if held is not None and held.queues is not None:
        return held.queues
    try:
        depths, at = context.queue_depths("")
        queues = Queues(depths, at)
    except ServiceError as error:
        queues = Queues(None, None, error)
    if held is not None:
        st.session_state[HELD_KEY] = _Held(held.key, held.at, held.past, queues)
    return queues


def read_again() -> None:
    """Callback: forget what this session holds."""
    st.session_state.pop(HELD_KEY, None)
    context.queue_depths.clear()


def is_first() -> bool:
    """Return whether this session has seen nothing of the page yet."""
    return HELD_KEY not in st.session_state


def open_answers() -> tuple[Answer, ...]:
    return context.services().answers.open_answers()


def slo_s() -> float:
    return context.services().settings.slo_s


def stuck_s() -> float:
    """Return from when on an open answer is called stuck: no function may be silent for so long."""
    return max(context.services().settings.tool_wait_s, slo_s())


def figures(past: Past | None) -> tuple[Figures, Figures] | None:
    """Return the figures of now and before; None when they are not known."""
    return None if past is None or not past.figures.is_known else figures_of(past.figures.rows)


def concerns(past: Past | None, queues: Queues, answers: Sequence[Answer]) -> tuple[Concern, ...]:
    """Return what needs somebody, from all that could be read."""
    found = concerns_of_open(answers, formats.now(), slo_s(), stuck_s())
    if queues.depths is not None and queues.at is not None:
        found += concerns_of_queues(queues.depths, queues.at, slo_s())
    sums = figures(past)
    now = sums[0] if sums else Figures()
    found += concerns_of_times(now, slo_s())
    if past is not None and past.failures.is_known:
        found += concerns_of_failures(past.failures.rows, now)
    if past is not None:
        found += concerns_of_telemetry(*context.services().telemetry.health().verdict())
    return ordered(found)


def _held(view: View) -> _Held | None:
    held: _Held | None = st.session_state.get(HELD_KEY)
    if held is None or held.key != _key(view):
        return None
    if view.refresh_s is None:
        return held if held.past is None or held.past.is_known else None
    age_s = formats.since_s(held.at) or 0.0
    return held if age_s < view.refresh_s - EARLY_S else None


def _key(view: View) -> tuple[object, ...]:
    return (view.label, view.grain, view.zone, None if view.refresh_s else view.end)
