"""Where an answer's time went: intervals of its hops, joined so that nothing is counted twice."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.models import Certainty, TimeParts

_RANK: dict[Certainty, int] = {"exact": 0, "strong": 1, "guess": 2}


@dataclass(frozen=True, slots=True)
class Interval:
    """Seconds since the question was asked."""

    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class HopTimes:
    """One function call. *unsplit*: time between call and reply of which nobody saw how much was waiting.

    *known*: False when not even call and reply were seen closely enough to say how long it took.
    """

    waits: tuple[Interval, ...] = ()
    runs: tuple[Interval, ...] = ()
    unsplit: tuple[Interval, ...] = ()
    certainty: Certainty = "guess"
    known: bool = True


def middle(low_s: float, high_s: float) -> float:
    """Return the instant assumed for what happened between two looks: off by half their distance at most."""
    return (low_s + max(low_s, high_s)) / 2


def covered_s(intervals: Iterable[Interval]) -> float:
    """Return how many seconds at least one of *intervals* covers."""
    total_s, reached_s = 0.0, float("-inf")
    for interval in sorted(intervals, key=lambda one: one.start_s):
        start_s = max(interval.start_s, reached_s)
        if interval.end_s > start_s:
            total_s += interval.end_s - start_s
            reached_s = interval.end_s
    return total_s


def measure(hops: Sequence[HopTimes], began_s: float, closed_s: float, *, complete: bool) -> TimeParts:
    """Return the parts of the time from *began_s* to *closed_s*; the three add up to it when all are known.

    While one call waits and another runs, the time counts as function: somebody worked. *complete*: False when
    there were calls that nobody could follow; then nothing is claimed.
    """
    total_s = max(0.0, closed_s - began_s)
    if not complete or not all(hop.known for hop in hops):
        return TimeParts(None, None, None, "guess")
    runs = [_clip(one, began_s, closed_s) for hop in hops for one in hop.runs]
    others = [_clip(one, began_s, closed_s) for hop in hops for one in (*hop.waits, *hop.unsplit)]
    away_s = min(total_s, covered_s([*runs, *others]))
    model_s = total_s - away_s
    certainty: Certainty = max((hop.certainty for hop in hops), key=_RANK.__getitem__, default="exact")
    if any(hop.unsplit for hop in hops):
        return TimeParts(model_s, None, None, "guess")
    function_s = min(away_s, covered_s(runs))
    return TimeParts(model_s, away_s - function_s, function_s, certainty)


def _clip(one: Interval, low_s: float, high_s: float) -> Interval:
    return Interval(min(max(one.start_s, low_s), high_s), min(max(one.end_s, low_s), high_s))
