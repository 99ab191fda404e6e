"""Which runs the reader wants to see, and in what order. The address says it; a foreign address may say anything."""

import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Final, Literal, TypeVar

from services.monitor.kql import Value
from ui.time_range import View, written

PREFIX = "runs-"
OUTCOMES: Final = ("answered", "failed", "expired", "cancelled")
LONGEST_TEXT = 200
MOST_S = 86_400.0
MOST_PAGES = 1_000_000
QUOTED = 40
_RUN_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
T = TypeVar("T")
Measure = Literal["started", "took", "wait", "function", "tokens"]


@dataclass(frozen=True, slots=True)
class Sort:
    """*direction*: 1 has the largest first, -1 the smallest. What is not known comes last either way."""

    words: str
    measure: Measure
    direction: Literal[1, -1]


SORTS: Final[dict[str, Sort]] = {
    "newest": Sort("Newest first", "started", 1),
    "oldest": Sort("Oldest first", "started", -1),
    "longest": Sort("Longest first", "took", 1),
    "shortest": Sort("Shortest first", "took", -1),
    "longest-wait": Sort("Longest queue wait first", "wait", 1),
    "shortest-wait": Sort("Shortest queue wait first", "wait", -1),
    "longest-function": Sort("Longest function time first", "function", 1),
    "shortest-function": Sort("Shortest function time first", "function", -1),
    "most-tokens": Sort("Most tokens first", "tokens", 1),
    "fewest-tokens": Sort("Fewest tokens first", "tokens", -1),
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of the range that was marked in the chart."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Filters:
    """What is empty lets all pass. *words*: looked for in ids, names and problems. *stretch*: None: the whole range."""

    outcomes: tuple[str, ...] = ()
    agent: str = ""
    tool: str = ""
    min_s: float = 0.0
    min_wait_s: float = 0.0
    problem: str = ""
    words: str = ""
    stretch: Stretch | None = None

    @property
    def is_any(self) -> bool:
        """Whether anything but the stretch keeps runs out."""
        return any(getattr(self, one.name) for one in fields(self) if one.name != "stretch")

    def values(self) -> dict[str, Value]:
        """Return the queries' values for all but the times."""
        return {
            "outcomes": list(self.outcomes),
            "agent": self.agent,
            "tool": self.tool,
            "min_ms": math.ceil(self.min_s * 1000),
            "min_wait_ms": math.ceil(self.min_wait_s * 1000),
            "problem": self.problem,
            "words": self.words,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for. *page* begins at 1. *run*: the selected run's id. *problems*: what was left out of it."""

    filters: Filters = Filters()
    sort: str = "newest"
    page: int = 1
    run: str = ""
    problems: tuple[str, ...] = ()


def parse(address: Mapping[str, str], view: View) -> Wanted:
    """Return what *address* says that can be understood; the rest is left out, and told in words."""
    problems: list[str] = []

    def read(name: str, understand: Callable[[str], T | None], instead: T, what: str) -> T:
        said = address.get(PREFIX + name, "").strip()
        if not said:
            return instead
        found = understand(said)
        if found is None:
            problems.append(f"“{_quoted(said)}” is not {what}, so it was left out.")
            return instead
        return found

    filters = Filters(
        outcomes=_outcomes(address, problems),
        agent=read("agent", _text, "", "a name that an agent can have"),
        tool=read("tool", _text, "", "a name that a tool can have"),
        min_s=read("min", _seconds, 0.0, "a duration in seconds, up to a day"),
        min_wait_s=read("wait", _seconds, 0.0, "a queue wait in seconds, up to a day"),
        problem=read("problem", _text, "", f"a text of at most {LONGEST_TEXT} characters"),
        words=read("text", _text, "", f"a text of at most {LONGEST_TEXT} characters"),
        stretch=_stretch(address, view, problems),
    )
    return Wanted(
        filters,
        read("sort", lambda said: said if said in SORTS else None, "newest", "an order there is"),
        read("page", _page, 1, "a page number"),
        read("run", lambda said: said if is_run_id(said) else None, "", "the id of a run"),
        tuple(problems),
    )


def is_run_id(text: str) -> bool:
    """Whether *text* can be the id of a run, or of a thread: nothing else goes into a link."""
    return _RUN_ID.fullmatch(text) is not None


def stretch_parameters(start: datetime, end: datetime) -> dict[str, str]:
    """Return what the address says of a marked stretch, in whole seconds that hold all of it."""
    last = end.astimezone(UTC)
    if last.microsecond:
        last = datetime.fromtimestamp(math.ceil(last.timestamp()), UTC)
    return {"from": written(start), "to": written(last)}


def _outcomes(address: Mapping[str, str], problems: list[str]) -> tuple[str, ...]:
    said = [word.strip() for word in address.get(PREFIX + "outcome", "").split(",") if word.strip()]
    if unknown := [word for word in said if word not in OUTCOMES]:
        problems.append(f"“{_quoted(unknown[0])}” is no outcome of a run, so it was left out.")
    return tuple(word for word in OUTCOMES if word in said)


def _stretch(address: Mapping[str, str], view: View, problems: list[str]) -> Stretch | None:
    said = [address.get(PREFIX + name, "") for name in ("from", "to")]
    if not any(said):
        return None
    ends = [_moment(text) for text in said]
    start, end = ends
    if start is None or end is None:
        problems.append("The marked stretch of time could not be read, so the whole range is shown.")
        return None
    start, end = max(min(start, end), view.start), min(max(start, end), view.end)
    if start >= end:
        problems.append("The marked stretch lies outside of the range, so the whole range is shown.")
        return None
    return Stretch(start, end)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(
            text[:QUOTED].strip().replace(" ", "+")
        )  # an address turns + into a space
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _text(said: str) -> str | None:
    if len(said) > LONGEST_TEXT or any(unicodedata.category(letter)[0] == "C" for letter in said):
        return None
    return None if {"\u2028", "\u2029"} & set(said) else said


def _seconds(said: str) -> float | None:
    try:
        found = float(said)
    except ValueError:
        return None
    return found if 0 <= found <= MOST_S else None


def _page(said: str) -> int | None:
    if not (said.isascii() and said.isdigit() and len(said) <= len(str(MOST_PAGES))):
        return None
    return int(said) if 1 <= int(said) <= MOST_PAGES else None


def _quoted(text: str) -> str:
    return text if len(text) <= QUOTED else text[:QUOTED] + "…"
