"""What Overview shows, read once for all who look: one request for everything of the past, one look at the queues."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.errors import ServiceError
from services.models import Answer, QueueDepth
from services.monitor.attention import (
    Concern,
    concerns_of_failures,
    concerns_of_open,
    concerns_of_queues,
    concerns_of_runs,
    concerns_of_telemetry,
    concerns_of_times,
    ordered,
)
from services.monitor.overview import Figures, figures_of
from services.monitor.results import Ask, Result
from ui import context, formats
from ui.view import View


@dataclass(frozen=True, slots=True)
class Past:
    """One result for each query of the page. *tokens*: None without a price list, since only the cost needs it."""

    figures: Result
    series: Result
    failures: Result
    queues: Result
    tokens: Result | None = None


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


def read_past(seen: View) -> Past | None:
    """Return what the workspace tells; None when none is set. One request, none when it was read since the last refresh."""
    found = context.ask_logs(*asks_of(seen))
    return None if found is None else Past(*found)


def asks_of(seen: View) -> list[Ask]:
    """Return what is asked of the workspace, in the order of Past."""
    asks = [
        Ask("kpis", seen.values(), seen.label),
        Ask("answers_over_time", seen.values(grain=seen.grain), seen.label),
        Ask("attention", seen.values(), seen.label),
        Ask("queue_history", seen.values(grain=seen.grain, queues=[]), seen.label),
    ]
    if context.services().prices.models:
        asks.append(Ask("token_use", seen.values(grain=seen.grain), seen.label))
    return asks


def begin_queues() -> None:
    """Have the queues read while the past is. read_queues() then finds them."""
    context.begin_depths()


def read_queues() -> Queues:
    """Return the queues as they are now, from a reading that all viewers share and that lasts until the next refresh."""
    try:
        return Queues(*context.all_depths())
    except ServiceError as error:
        return Queues(None, None, error)


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
    runs = context.services().diagnosis.open_runs()
    found += concerns_of_runs(runs, answers, formats.now(), stuck_s())
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


def age_words(moment: datetime | None, seen: View) -> str:
    """Return `3 s ago`; the time of day while the page is paused, for nothing would draw an age anew."""
    if seen.refresh_s is None:
        return f"at {formats.told(seen.clock(moment))}"
    return formats.age(formats.since_s(moment))
