"""A day at a place that does not exist: who asks when, what waits in the queues, and what goes wrong. Pure and repeatable.

Times are seconds since the day began; it ends at DAY_S, which is now.
"""

import heapq
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from services.demo.questions import Sample, Samples

Ending = Literal["answered", "throttled", "broken", "repeated", "poison", "expired", "cancelled"]
DAY_S = 86_400.0
HOUR_S = 3600.0
# Questions an hour, by the hour of the day: quiet at night, a dip at noon.
RHYTHM = (2, 1.5, 1, 1, 1, 1.5, 4, 9, 20, 30, 32, 28, 18, 24, 30, 32, 28, 20, 12, 9, 7, 6, 4, 3)
BUSIEST = 40.0
RECENT_S, RECENT_RATE = (
    1.5 * HOUR_S,
    30.0,
)  # whoever looks first at the last hour finds something, also at night
LAST_S = 90.0  # before now: what is asked for real comes after it
BURST_AT_S, BURST_S, BURST_QUESTIONS = DAY_S - 52 * 60, 45.0, 44
PAUSE_AT_S, PAUSE_S = DAY_S - 5 * HOUR_S, 3300.0
IDLE_S = 2400.0  # after this long without work the function app is put to sleep
WORKERS = 8
DELIVERIES = 3  # maxDequeueCount of the function app
HIDDEN_S = 10.0  # its visibilityTimeout: how long a failed message waits for its next delivery
DEADLINE_S, EXPIRY_S = 120.0, 600.0
_TYPICAL_S = {"foo": 0.34, "calculate": 0.12, "order_status": 0.22}
_SCRIPT: tuple[tuple[Ending, int], ...] = (
    ("broken", 2),
    ("repeated", 5),
    ("expired", 1),
    ("cancelled", 3),
    ("poison", 1),
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One run of the function. *outcome*: as the function app tells it."""

    began_s: float
    ended_s: float
    outcome: Literal["answered", "error", "failed"]


@dataclass(frozen=True, slots=True)
class Visit:
    """One question. *plan_s* … *write_s*: how long each turn of a model takes. *sent_s*: when the call reached the
    input queue, None without one."""

    asked_s: float
    sample: Sample
    ending: Ending
    begin_s: float
    plan_s: float
    call_s: float
    reply_s: float
    write_s: float
    deliveries: tuple[Delivery, ...] = ()

    @property
    def sent_s(self) -> float | None:
        if not self.sample.tool or self.ending == "throttled":
            return None
        return self.asked_s + self.begin_s + self.plan_s + self.call_s


def visits(chance: random.Random, hour: float, samples: Samples) -> list[Visit]:
    """Return the questions of the day, oldest first. *hour*: what the clock shows now, 0 to 24."""
    came = [_visit(chance, at_s, samples.next(), hour) for at_s in _arrivals(chance, hour)]
    burst = sorted(BURST_AT_S + chance.random() * BURST_S for _ in range(BURST_QUESTIONS))
    rush = [_visit(chance, at_s, samples.next(), hour) for at_s in burst]
    return _served(chance, sorted(_scripted(chance, came, rush), key=lambda one: one.asked_s))


def _arrivals(chance: random.Random, hour: float) -> Iterator[float]:
    at_s = 0.0
    while (at_s := at_s + chance.expovariate(BUSIEST / HOUR_S)) < DAY_S - LAST_S:
        pausing = PAUSE_AT_S <= at_s < PAUSE_AT_S + PAUSE_S
        if not pausing and chance.random() * BUSIEST < _rate(at_s, hour):
            yield at_s


def _rate(at_s: float, hour: float) -> float:
    usual = RHYTHM[int(hour + at_s / HOUR_S) % 24]  # a day ago the clock showed the same
    return max(usual, RECENT_RATE) if at_s >= DAY_S - RECENT_S else usual


def _visit(chance: random.Random, at_s: float, sample: Sample, hour: float) -> Visit:
    busy = 1 + 0.4 * _rate(at_s, hour) / BUSIEST

    def turn(typical_s: float) -> float:
        return busy * typical_s * chance.lognormvariate(0, 0.35)

    return Visit(
        at_s,
        sample,
        "answered",
        begin_s=chance.uniform(0.08, 0.3),
        plan_s=turn(0.9),
        call_s=turn(0.7),
        reply_s=turn(0.8),
        write_s=turn(0.5) + sample.words * 0.03,
    )


def _scripted(chance: random.Random, came: Sequence[Visit], rush: Sequence[Visit]) -> list[Visit]:
    """Return all questions with the faults of the day spread over them."""
    marked: list[Visit] = list(came)
    places = [place for place, one in enumerate(came) if one.sample.tool and not one.sample.refused]
    earlier = [place for place in places if came[place].asked_s < BURST_AT_S]
    chosen = iter(chance.sample(earlier, sum(count for _, count in _SCRIPT)))
    for ending, count in _SCRIPT:
        for _ in range(count):
            place = next(chosen)
            marked[place] = replace(marked[place], ending=ending)
    recent = [place for place in places if DAY_S - 1800 < came[place].asked_s < DAY_S - 2 * DEADLINE_S]
    if recent:
        marked[recent[0]] = replace(marked[recent[0]], ending="poison")
    throttled = set(chance.sample(range(len(rush)), 5))
    hit = [replace(one, ending="throttled") if n in throttled else one for n, one in enumerate(rush)]
    return [*marked, *hit]


def _served(chance: random.Random, asked: Sequence[Visit]) -> list[Visit]:
    """Return *asked* with what the function app made of their messages, in the order in which they came to it."""
    free, slow_free_s, busy_until_s, awake_s = [0.0] * WORKERS, 0.0, 0.0, 0.0
    served = {place: one for place, one in enumerate(asked) if one.sent_s is None}
    for sent_s, place in sorted((one.sent_s, n) for n, one in enumerate(asked) if one.sent_s is not None):
        one = asked[place]
        if sent_s - busy_until_s > IDLE_S:
            awake_s = sent_s + chance.uniform(5.0, 9.0)
        seen_s = max(sent_s + min(2.0, chance.expovariate(4.0)), awake_s)
        if 0 <= sent_s - BURST_AT_S < BURST_S or sent_s < slow_free_s:  # one slow worker is left
            began_s = max(seen_s, slow_free_s)
            ended_s = slow_free_s = began_s + chance.uniform(1.8, 2.4)
        else:
            began_s = max(seen_s, heapq.heappop(free))
            ended_s = began_s + _TYPICAL_S[one.sample.tool] * chance.lognormvariate(0, 0.4)
            heapq.heappush(free, ended_s)
        served[place] = replace(one, deliveries=tuple(_deliveries(one, began_s, ended_s)))
        busy_until_s = max(busy_until_s, served[place].deliveries[-1].ended_s)
    return [served[place] for place in range(len(asked))]


def _deliveries(one: Visit, began_s: float, ended_s: float) -> Iterator[Delivery]:
    took_s = ended_s - began_s
    failures = {"poison": DELIVERIES, "broken": DELIVERIES, "repeated": 1}.get(one.ending, 0)
    for number in range(failures):
        yield Delivery(began_s + number * HIDDEN_S, began_s + number * HIDDEN_S + took_s, "failed")
    if failures < DELIVERIES:
        at_s = began_s + failures * HIDDEN_S
        yield Delivery(at_s, at_s + took_s, "error" if one.sample.refused else "answered")
