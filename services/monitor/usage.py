"""How agents and tools did, what tokens were taken and what they cost, from the rows of the queries. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Literal

from services.monitor.overview import Points, counts, in_seconds, number, share, values, whole
from services.monitor.results import Row
from services.prices import Prices

Kind = Literal["agent", "tool", "function"]
Split = Literal["direction", "model", "agent"]
READ, WRITTEN = "read", "written"
NOT_TOLD = "not told"
HOURS, DAYS = 24, 7


@dataclass(frozen=True, slots=True)
class Part:
    """An agent, tool or function in a stretch of time. Times in seconds; None: not known."""

    kind: Kind
    name: str
    calls: int
    failed: int
    p50_s: float | None
    p95_s: float | None
    wait_p95_s: float | None
    newest: datetime | None

    @property
    def failed_share(self) -> float | None:
        """Return the share of calls that failed, 0 to 1; None without a call."""
        return share(self.failed, self.calls)


@dataclass(frozen=True, slots=True)
class Lines:
    """A part over time, one point a bucket. A gap (None) is a bucket without a duration."""

    name: str
    calls: Points
    failed: Points
    p50_s: Points
    p95_s: Points


@dataclass(frozen=True, slots=True)
class Use:
    """Tokens of the answers of one bucket, model and agent. *counted*: the answers whose tokens are told.

    *cost_usd*: what the counted ones cost; None when there is no price for the model.
    """

    at: datetime
    model: str
    agent: str
    answers: int
    counted: int
    input_tokens: float
    output_tokens: float
    cost_usd: Decimal | None


@dataclass(frozen=True, slots=True)
class Spent:
    """All uses together. *cost_usd*: of those that have a price; None when none has. *unpriced*: answers by model."""

    answers: int
    counted: int
    input_tokens: float | None
    output_tokens: float | None
    cost_usd: Decimal | None
    unpriced: Mapping[str, int]

    @property
    def is_whole(self) -> bool:
        """Whether the cost covers every answer."""
        return not self.unpriced and self.counted == self.answers


def parts_in(rows: Iterable[Row], kind: Kind) -> tuple[Part, ...]:
    """Return the parts of *kind*, the busiest first."""
    found = [_part(row, kind) for row in rows if row["part"] == kind]
    return tuple(sorted(found, key=lambda part: (-part.calls, part.name)))


def lines_of(rows: Sequence[Row], kind: Kind, name: str, moments: Sequence[datetime]) -> Lines:
    """Return the part over time."""
    own = [row for row in rows if row["part"] == kind and (row["name"] or NOT_TOLD) == name]
    return Lines(
        name,
        counts(own, "calls", moments),
        counts(own, "failed", moments),
        values(own, "p50_ms", moments, 0.001),
        values(own, "p95_ms", moments, 0.001),
    )


def uses_of(rows: Iterable[Row], prices: Prices) -> tuple[Use, ...]:
    """Return the rows as what was used, with its cost where *prices* has the model."""
    return tuple(_use(row, row["bucket"], prices) for row in rows if isinstance(row["bucket"], datetime))


def spent_on(uses: Sequence[Use]) -> Spent:
    """Return what *uses* come to. Tokens are not known when no answer tells them."""
    counted = sum(use.counted for use in uses)
    costs = [use.cost_usd for use in uses if use.cost_usd is not None and use.counted]
    unpriced: dict[str, int] = {}
    for use in uses:
        if use.cost_usd is None and use.counted:
            unpriced[use.model] = unpriced.get(use.model, 0) + use.counted
    return Spent(
        sum(use.answers for use in uses),
        counted,
        sum(use.input_tokens for use in uses) if counted else None,
        sum(use.output_tokens for use in uses) if counted else None,
        sum(costs, Decimal(0)) if costs else None,
        unpriced,
    )


def token_stacks(uses: Sequence[Use], split: Split, moments: Sequence[datetime]) -> dict[str, Points]:
    """Return tokens by what *split* tells apart, the largest first, a point at each of *moments*."""
    sums: dict[str, dict[datetime, float]] = {}
    for use in uses:
        for name, tokens in _shares(use, split):
            bins = sums.setdefault(name, {})
            bins[use.at] = bins.get(use.at, 0.0) + tokens
    ranked = sorted(sums, key=lambda name: -sum(sums[name].values()))
    return {name: tuple((at, sums[name].get(at, 0.0)) for at in moments) for name in ranked}


def cost_stacks(uses: Sequence[Use], moments: Sequence[datetime]) -> dict[str, Points]:
    """Return USD by model, the dearest first; a model without a price is not in it."""
    sums: dict[str, dict[datetime, Decimal]] = {}
    for use in uses:
        if use.cost_usd is not None and use.counted:
            bins = sums.setdefault(use.model, {})
            bins[use.at] = bins.get(use.at, Decimal(0)) + use.cost_usd
    ranked = sorted(sums, key=lambda name: -sum(sums[name].values(), Decimal(0)))
    return {name: tuple((at, float(sums[name].get(at, Decimal(0)))) for at in moments) for name in ranked}


def by_day(stacks: Mapping[str, Points], zone: tzinfo) -> dict[str, Points]:
    """Return *stacks* with one point a day, at midnight in *zone*."""
    found: dict[str, Points] = {}
    for name, points in stacks.items():
        days: dict[datetime, float] = {}
        for at, value in points:
            day = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
            days[day] = days.get(day, 0.0) + (value or 0.0)
        found[name] = tuple(sorted(days.items()))
    return found


@dataclass(frozen=True, slots=True)
class Week:
    """Answers and their 95th percentile in seconds, by weekday (Monday first) and hour; None: none answered then."""

    answers: tuple[tuple[int, ...], ...]
    p95_s: tuple[tuple[float | None, ...], ...]


def week_of(rows: Iterable[Row]) -> Week:
    """Return answers and their p95 by weekday, Monday first, and hour."""
    answers = [[0] * HOURS for _ in range(DAYS)]
    p95_s: list[list[float | None]] = [[None] * HOURS for _ in range(DAYS)]
    for row in rows:
        day, hour = (whole(row["weekday"]) + DAYS - 1) % DAYS, whole(row["hour"]) % HOURS
        answers[day][hour] += whole(row["answers"])
        p95_s[day][hour] = in_seconds(row["p95_ms"])
    return Week(tuple(map(tuple, answers)), tuple(map(tuple, p95_s)))


def utc_shift(zone: tzinfo, at: datetime) -> timedelta:
    """Return how far *zone* is from UTC at *at*."""
    return at.astimezone(zone).utcoffset() or timedelta()


def _part(row: Row, kind: Kind) -> Part:
    newest = row["newest"]
    return Part(
        kind,
        str(row["name"] or NOT_TOLD),
        whole(row["calls"]),
        whole(row["failed"]),
        in_seconds(row["p50_ms"]),
        in_seconds(row["p95_ms"]),
        in_seconds(row["wait_p95_ms"]),
        newest if isinstance(newest, datetime) else None,
    )


def _use(row: Row, at: datetime, prices: Prices) -> Use:
    read, written = number(row["input_tokens"]) or 0.0, number(row["output_tokens"]) or 0.0
    model = str(row["model"] or "")
    return Use(
        at,
        model or NOT_TOLD,
        str(row["agent"] or NOT_TOLD),
        whole(row["answers"]),
        whole(row["counted"]),
        read,
        written,
        prices.cost(model, read, written),
    )


def _shares(use: Use, split: Split) -> tuple[tuple[str, float], ...]:
    match split:
        case "direction":
            return (READ, use.input_tokens), (WRITTEN, use.output_tokens)
        case "model":
            return ((use.model, use.input_tokens + use.output_tokens),)
        case "agent":
            return ((use.agent, use.input_tokens + use.output_tokens),)
