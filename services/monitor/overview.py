"""The figures of a stretch of time: what they come to, how they changed, and where nothing is known. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.monitor.results import Cell, Row

DEPTH, OLDEST = "relaydeck.queue.depth", "relaydeck.queue.oldest_age_s"
MOST_POINTS = 2_000
Points = tuple[tuple[datetime, float | None], ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """One stretch of time. *waited*: answers that went through a queue; *counted*: those whose tokens are told.

    Times in seconds. None: not known, or nothing to take it from.
    """

    answers: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    p95_s: float | None = None
    waited: int = 0
    wait_p95_s: float | None = None
    counted: int = 0
    input_tokens: float | None = None
    output_tokens: float | None = None
    demo: int = 0
    slowest_s: float | None = None
    slowest_run: str = ""
    slowest_thread: str = ""

    @property
    def success_share(self) -> float | None:
        """Return the share of the answers that came, of those that nobody stopped; None when there is none."""
        return share(self.succeeded, self.answers - self.cancelled)

    @property
    def tokens(self) -> float | None:
        """Return tokens in and out together; None when no answer tells them."""
        if not self.counted or self.input_tokens is None or self.output_tokens is None:
            return None
        return self.input_tokens + self.output_tokens


def figures_of(rows: Iterable[Row]) -> tuple[Figures, Figures]:
    """Return the figures of the stretch and of the one before it; no row for one of them means no answer in it."""
    by_period = {str(row["period"]): _figures(row) for row in rows}
    return by_period.get("now", Figures()), by_period.get("before", Figures())


def _figures(row: Row) -> Figures:
    waited, counted = whole(row["waited"]), whole(row["counted"])
    return Figures(
        whole(row["answers"]),
        whole(row["succeeded"]),
        whole(row["failed"]),
        whole(row["cancelled"]),
        in_seconds(row["p95_ms"]),
        waited,
        in_seconds(row["wait_p95_ms"]) if waited else None,
        counted,
        number(row["input_tokens"]) if counted else None,
        number(row["output_tokens"]) if counted else None,
        whole(row["demo"]),
        in_seconds(row["slowest_ms"]),
        str(row["slowest_run"] or ""),
        str(row["slowest_thread"] or ""),
    )


def number(value: Cell) -> float | None:
    """Return *value* as a number; None when it is none. A truth value is none."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def whole(value: Cell) -> int:
    """Return a count; one that is missing counts nothing."""
    return int(number(value) or 0)


def in_seconds(value_ms: Cell) -> float | None:
    found = number(value_ms)
    return None if found is None else found / 1000.0


def share(part: int, of: int) -> float | None:
    """Return *part* of *of* as 0 to 1; None of nothing."""
    return part / of if of > 0 else None


def per_minute(count: int, span: timedelta) -> float | None:
    """Return how many a minute; None for a stretch without length."""
    minutes = span.total_seconds() / 60.0
    return count / minutes if minutes > 0 else None


def difference(now: float | None, before: float | None) -> float | None:
    """Return by how much *now* is more than *before*; None when one of them is not known."""
    return None if now is None or before is None else now - before


# Over time --------------------------------------------------------------------------------------------


def buckets(rows: Iterable[Row], start: datetime, end: datetime, grain: timedelta) -> tuple[datetime, ...]:
    """Return the beginning of every bucket from *start* to *end*, also of those without a row; none without rows.

    Laid out from a bucket that the service returned: where it begins to count is its own affair.
    """
    anchor = next((row["bucket"] for row in rows if isinstance(row["bucket"], datetime)), None)
    if anchor is None or grain <= timedelta() or (end - start) / grain > MOST_POINTS:
        return ()
    first = anchor - ((anchor - start) // grain + 1) * grain
    if first + grain <= start:
        first += grain
    found = []
    while first < end:
        found.append(first)
        first += grain
    return tuple(found)


def counts(rows: Iterable[Row], column: str, moments: Sequence[datetime]) -> Points:
    """Return *column* at each of *moments*; 0 where there is no row, for where nothing happened nothing is counted."""
    known = _by_bucket(rows, column)
    return tuple((moment, known.get(moment) or 0.0) for moment in moments)


def values(rows: Iterable[Row], column: str, moments: Sequence[datetime], scale: float = 1.0) -> Points:
    """Return *column* times *scale* at each of *moments*; None, a gap, where there is no row or it is not known."""
    known = _by_bucket(rows, column)
    return tuple(
        (moment, None if (found := known.get(moment)) is None else found * scale) for moment in moments
    )


def only_whole(points: Points, start: datetime, end: datetime, grain: timedelta) -> Points:
    """Return the points whose bucket lies in the stretch from end to end: a cut one would look like a fall."""
    return tuple((at, value) for at, value in points if at >= start and at + grain <= end)


def success_shares(rows: Iterable[Row], moments: Sequence[datetime]) -> Points:
    """Return the share of answers that were answered, of those that nobody cancelled, at each moment; None without
    one.
    """
    known = {
        row["bucket"]: share(whole(row["answered"]), whole(row["answers"]) - whole(row["cancelled"]))
        for row in rows
    }
    return tuple((moment, known.get(moment)) for moment in moments)


def _by_bucket(rows: Iterable[Row], column: str) -> Mapping[datetime, float | None]:
    return {row["bucket"]: number(row[column]) for row in rows if isinstance(row["bucket"], datetime)}


# Where the time goes ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Parts:
    """Mean seconds per answer, over the *measured* ones of *answers*. None: none was measured."""

    answers: int
    measured: int
    wait_s: float | None = None
    function_s: float | None = None
    model_s: float | None = None
    other_s: float | None = None

    @property
    def whole_s(self) -> float | None:
        """Return all that is known together, in seconds; None when nothing is."""
        known = [one for one in (self.wait_s, self.function_s, self.model_s, self.other_s) if one is not None]
        return sum(known) if known else None


def parts_of(row: Row) -> Parts:
    """Return the parts of one bucket. `other_s` is what the measured parts leave; calls side by side leave none."""
    measured = whole(row["measured"])
    if not measured:
        return Parts(whole(row["answers"]), 0)
    wait_s, function_s, model_s, whole_s = (
        in_seconds(row[name]) for name in ("wait_ms", "function_ms", "model_ms", "whole_ms")
    )
    other_s = max(0.0, (whole_s or 0.0) - sum(one or 0.0 for one in (wait_s, function_s, model_s)))
    return Parts(whole(row["answers"]), measured, wait_s, function_s, model_s, other_s)


def mean_parts(found: Sequence[Parts]) -> Parts:
    """Return the parts of all of *found* together, each weighed by how many answers it was measured on."""
    answers, measured = sum(one.answers for one in found), sum(one.measured for one in found)
    if not measured:
        return Parts(answers, 0)

    def mean(name: str) -> float:
        return sum((getattr(one, name) or 0.0) * one.measured for one in found) / measured

    return Parts(answers, measured, mean("wait_s"), mean("function_s"), mean("model_s"), mean("other_s"))


# Queues over time -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QueuePast:
    """One queue over time. A stretch without a reading is None in *depth*; without a waiting message, in *oldest_s*."""

    name: str
    depth: Points
    oldest_s: Points

    @property
    def deepest(self) -> float | None:
        """Return the most messages that were seen; None without a sample."""
        return max((value for _, value in self.depth if value is not None), default=None)

    @property
    def longest_s(self) -> float | None:
        """Return the longest that a message was seen to wait, in seconds; None without a sample."""
        return max((value for _, value in self.oldest_s if value is not None), default=None)


def queue_pasts(
    rows: Sequence[Row], start: datetime, end: datetime, grain: timedelta, sampled_s: float
) -> tuple[QueuePast, ...]:
    """Return every queue that was read, the one whose messages waited longest first.

    *sampled_s*: how often queues are read. Buckets narrower than that are widened: they would be full of gaps that
    mean nothing.
    """
    moments = buckets(rows, start, end, grain)
    reach = max(0, int(2 * sampled_s / grain.total_seconds()))
    names = sorted({str(row["queue"]) for row in rows})
    pasts = [
        QueuePast(
            name,
            _bridged(values(_of(rows, name, DEPTH), "highest", moments), reach),
            values(_of(rows, name, OLDEST), "highest", moments),
        )
        for name in names
    ]
    return tuple(sorted(pasts, key=lambda one: (-(one.longest_s or 0.0), -(one.deepest or 0.0), one.name)))


def oldest_of_all(rows: Sequence[Row], moments: Sequence[datetime]) -> Points:
    """Return the age of the oldest message of any queue; 0 where queues were read and none waited."""
    oldest: dict[Cell, float] = {}
    for row in rows:
        found = number(row["highest"])
        if found is not None:
            oldest[row["bucket"]] = max(
                oldest.get(row["bucket"], 0.0), found if row["metric"] == OLDEST else 0.0
            )
    return tuple((moment, oldest.get(moment)) for moment in moments)


def _of(rows: Iterable[Row], queue: str, metric: str) -> list[Row]:
    return [row for row in rows if row["queue"] == queue and row["metric"] == metric]


def _bridged(points: Points, reach: int) -> Points:
    """Return *points* with what was read last standing in for at most *reach* buckets without a reading."""
    found: list[tuple[datetime, float | None]] = []
    last, since = None, reach
    for at, value in points:
        last, since = (value, 0) if value is not None else (last, since + 1)
        found.append((at, last if since <= reach else None))
    return tuple(found)
