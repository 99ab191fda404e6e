"""From the parameters of an address to a range of time, a period of refresh and a zone. Pure; any text can be given."""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final

from services.monitor.kql import Value
from ui import formats

RANGES: Final = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}
CUSTOM = "custom"
REFRESH: Final[dict[str, float | None]] = {"off": None, "5s": 5.0, "30s": 30.0}
ZONES = ("local", "utc")
DEFAULTS: Final = {"range": "1h", "refresh": "5s", "zone": "local"}
NAMES = ("range", "from", "to", "refresh", "zone")
ENDS = ("range", "from", "to")
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LONGEST = timedelta(days=31)
SHORTEST = timedelta(minutes=1)
AHEAD = timedelta(minutes=1)  # the clock of who made the link may be a little ahead of ours
MOST_POINTS = 120
QUOTED = 40
_GRAINS: Final = {"15m": 30, "1h": 60, "6h": 300, "24h": 900, "7d": 7_200}
_GRAINS_S = (10, 30, 60, 300, 900, 1_800, 3_600, 7_200, 21_600, 43_200)
_WORDS: Final = {
    "15m": "the last 15 minutes",
    "1h": "the last hour",
    "6h": "the last 6 hours",
    "24h": "the last 24 hours",
    "7d": "the last 7 days",
}


@dataclass(frozen=True, slots=True)
class View:
    """What the reader looks at, in aware UTC. *label* tells this range from others: `1h`, or both ends of a custom one.

    *grain*: one point of a chart. *refresh_s*: None when paused, off, or when the range does not move. *problem*: what
    was wrong with the address, and what is shown instead; plain text, not safe to draw as it is.
    """

    start: datetime
    end: datetime
    label: str
    grain: timedelta
    refresh_s: float | None
    zone: tzinfo
    problem: str = ""

    @property
    def moves(self) -> bool:
        """Whether the range ends now and goes on with the time; False for a custom one."""
        return self.label in RANGES

    @property
    def words(self) -> str:
        """`the last hour`, or `21 Nov 14:00 to 15:30 UTC`."""
        return _WORDS[self.label] if self.moves else f"{self.short} {self.end.astimezone(self.zone):%Z}"

    @property
    def short(self) -> str:
        """`1h`, or `21 Nov 14:00 to 15:30`, in the reader's zone; with the year when it is not this one."""
        if self.moves:
            return self.label
        start, end, today = (one.astimezone(self.zone) for one in (self.start, self.end, formats.now()))
        year = "" if start.year == end.year == today.year else f" {start.year}"
        began = f"{start.day} {start:%b}{year} {start:%H:%M}"
        if start.date() == end.date():
            return f"{began} to {end:%H:%M}"
        return f"{began} to {end.day} {end:%b}{year and f' {end.year}'} {end:%H:%M}"

    def clock(self, moment: datetime | None) -> str:
        """Return the time of day in the reader's zone, with the date when that is not today; `not known` for None."""
        return formats.clock(moment, self.zone)

    def values(self, **more: Value) -> dict[str, Value]:
        """Return the values of a query over this range: start, end and *more*."""
        return {"start": self.start, "end": self.end, **more}


def parse(stated: Mapping[str, str], now: datetime, local: tzinfo) -> View:
    """Return the view that *stated* describes at *now*; what is wrong in it is replaced, and told in `problem`."""
    problems: list[str] = []
    label, start, end = _ends(stated, now, problems)
    refresh = _known(stated, "refresh", REFRESH, "the page is read again every 5 s", problems)
    zone = UTC if _known(stated, "zone", ZONES, "times are local", problems) == "utc" else local
    span_s = (end - start).total_seconds()
    grain_s = _GRAINS.get(label) or next((s for s in _GRAINS_S if span_s / s <= MOST_POINTS), _GRAINS_S[-1])
    moves = label in RANGES
    return View(
        start,
        end,
        label,
        timedelta(seconds=grain_s),
        REFRESH[refresh] if moves else None,
        zone,
        " ".join(problems),
    )


def canonical(stated: Mapping[str, str], shown: View) -> dict[str, str]:
    """Return the parameters that say what is shown: those that were stated, as they were understood."""
    known: dict[str, Container[str]] = {"refresh": REFRESH, "zone": ZONES}
    found = {name: stated[name] for name, values in known.items() if stated.get(name) in values}
    if not shown.moves:
        return {"range": CUSTOM, "from": written(shown.start), "to": written(shown.end), **found}
    return {"range": shown.label, **found} if any(name in stated for name in ENDS) else found


def written(moment: datetime) -> str:
    """Return *moment* as the address has it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _ends(stated: Mapping[str, str], now: datetime, problems: list[str]) -> tuple[str, datetime, datetime]:
    chosen = stated.get("range") or (CUSTOM if "from" in stated or "to" in stated else DEFAULTS["range"])
    found = _custom(stated, now, problems) if chosen == CUSTOM else None
    if found is not None:
        return f"{written(found[0])}/{written(found[1])}", *found
    if chosen not in RANGES:
        if chosen != CUSTOM:
            problems.append(f"There is no range “{_quoted(chosen)}”: the last hour is shown.")
        chosen = DEFAULTS["range"]
    return chosen, now - RANGES[chosen], now


def _custom(
    stated: Mapping[str, str], now: datetime, problems: list[str]
) -> tuple[datetime, datetime] | None:
    start, end = (_moment(stated.get(name, "")) for name in ("from", "to"))
    if start is None or end is None:
        name = "from" if start is None else "to"
        said = stated.get(name, "")
        told = (
            f"“{_quoted(said)}” is not a time that can be read" if said else f"The address has no {name} time"
        )
        problems.append(f"{told}: the last hour is shown. Write it like {written(now)}.")
        return None
    if start > end:
        problems.append("The range was the wrong way round: its ends were exchanged.")
        start, end = end, start
    if end < EARLIEST:
        problems.append(f"The range ends before the year {EARLIEST.year}: the last hour is shown.")
        return None
    if start >= now:
        problems.append("The range lies in the future, where nothing has happened: the last hour is shown.")
        return None
    if end > now + AHEAD:
        problems.append("The range reaches into the future: it is shown up to now.")
    end = min(end, now)
    if end - start > LONGEST:
        problems.append(
            f"A range lasts {LONGEST.days} days at most: the last {LONGEST.days} of it are shown."
        )
        start = end - LONGEST
    if end - start < SHORTEST:
        problems.append("A range lasts a minute at least: the minute up to its end is shown.")
        start = end - SHORTEST
    return start, end


def _moment(text: str) -> datetime | None:
    """Return the time that *text* writes, UTC when it names no zone; None when it is not one."""
    try:
        found = datetime.fromisoformat(
            text[:QUOTED].strip().replace(" ", "+")
        )  # an address turns + into a space
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def _known(
    stated: Mapping[str, str],
    name: str,
    known: Mapping[str, object] | tuple[str, ...],
    instead: str,
    problems: list[str],
) -> str:
    said = stated.get(name) or DEFAULTS[name]
    if said in known:
        return said
    problems.append(f"There is no {name} “{_quoted(said)}”: {instead}.")
    return DEFAULTS[name]


def _quoted(text: str) -> str:
    return text if len(text) <= QUOTED else text[:QUOTED] + "…"
