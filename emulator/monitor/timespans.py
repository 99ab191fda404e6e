"""Stretches of time as the query API writes them: ISO 8601 durations and intervals. And KQL's own timespans."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,6}(?:\.\d+)?)W)?(?:(?P<days>\d{1,6}(?:\.\d+)?)D)?"
    r"(?:T(?:(?P<hours>\d{1,9}(?:\.\d+)?)H)?(?:(?P<minutes>\d{1,9}(?:\.\d+)?)M)?(?:(?P<seconds>\d{1,12}(?:\.\d+)?)S)?)?"
)
LONGEST = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Span:
    """From *start* to *end*, both naive UTC."""

    start: datetime
    end: datetime


def read_span(text: str, now: datetime) -> Span:
    """Return the span that *text* names: `PT1H` (until *now*), `start/end`, `start/PT1H` or `PT1H/end`.

    *now* is naive UTC. Raises ValueError with what is wrong, also when the start is not before the end.
    """
    first, slash, second = text.partition("/")
    if not slash:
        return _ordered(_back(now, read_duration(first)), now)
    if first.startswith("P"):
        end = read_time(second)
        return _ordered(_back(end, read_duration(first)), end)
    start = read_time(first)
    try:
        end = start + read_duration(second) if second.startswith("P") else read_time(second)
    except OverflowError:
        raise ValueError(f"'{text}' ends after the year 9999") from None
    return _ordered(start, end)


def read_duration(text: str) -> timedelta:
    """Return an ISO 8601 duration of weeks, days, hours, minutes and seconds. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    parts = {name: float(value) for name, value in (found.groupdict() if found else {}).items() if value}
    if not parts:
        raise ValueError(f"'{text}' is not an ISO 8601 duration such as PT1H or P1D")
    try:
        return min(timedelta(**parts), LONGEST)
    except OverflowError:
        return LONGEST


def read_time(text: str) -> datetime:
    """Return *text* as naive UTC; a time without offset is UTC. Raises ValueError."""
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        raise ValueError(f"'{text}' is not an ISO 8601 time such as 2030-01-31T09:00:00Z") from None


def write_time(at: datetime) -> str:
    return at.isoformat() + "Z"


def write_duration(span: timedelta) -> str:
    """Return *span*, whole minutes, as Azure Monitor names a grain: PT1M, PT1H, P1D."""
    minutes = round(span.total_seconds() / 60)
    days, minutes = divmod(minutes, 1440)
    hours, minutes = divmod(minutes, 60)
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    return "P" + (f"{days}D" if days else "") + (f"T{clock}" if clock else "")


def write_timespan(span: timedelta) -> str:
    """Return *span* as KQL prints it: [-][d.]hh:mm:ss[.fffffff]."""
    sign, left = ("-", -span) if span < timedelta() else ("", span)
    minutes, seconds = divmod(left.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days = f"{left.days}." if left.days else ""
    fraction = f".{left.microseconds * 10:07d}" if left.microseconds else ""
    return f"{sign}{days}{hours:02d}:{minutes:02d}:{seconds:02d}{fraction}"


def _back(end: datetime, duration: timedelta) -> datetime:
    try:
        return end - duration
    except OverflowError:
        return datetime.min  # noqa: DTZ901 - naive UTC, as everywhere in the tables


def _ordered(start: datetime, end: datetime) -> Span:
    if start >= end:
        raise ValueError(f"the start {write_time(start)} is not before the end {write_time(end)}")
    return Span(start, end)
