"""Which threads the reader wants to see: the address says it, and a foreign address may say anything."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar, cast

from services.inventory.threads_search import SORTS, Kind, Owner, ThreadQuery
from ui.runs_filters import is_run_id
from ui.threads_looks import STATES

PREFIX: Final = "threads-"
FILTERS: Final = ("text", "status", "agent", "owner", "kind", "quiet")
LONGEST_TEXT: Final = 200
MOST_DAYS: Final = 3_650
MOST_PAGES: Final = 100_000
QUOTED: Final = 40
OWNERS: Final[dict[Owner, str]] = {"": "Anybody's", "ours": "Ours", "foreign": "Of others"}
KINDS: Final[dict[Kind, str]] = {
    "conversations": "Conversations",
    "children": "Child threads",
    "all": "Both",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for. *page* begins at 1. *thread*: the one that is shown alone, empty: the list.
    *problems*: what was left out of it."""

    query: ThreadQuery = field(default_factory=ThreadQuery)
    page: int = 1
    thread: str = ""
    problems: tuple[str, ...] = ()

    @property
    def is_filtered(self) -> bool:
        return self.query != ThreadQuery(sort=self.query.sort)


def parse(address: Mapping[str, str], thread: str = "") -> Wanted:
    """Return what *address* says that can be understood; the rest is left out, and told in words."""
    problems: list[str] = []

    def read(name: str, understand: Callable[[str], T | None], instead: T, what: str) -> T:
        said = address.get(PREFIX + name, "").strip()
        if not said:
            return instead
        found = understand(said)
        if found is None:
            short = said if len(said) <= QUOTED else said[:QUOTED] + "…"
            problems.append(f"“{short}” is not {what}, so it was left out.")
            return instead
        return found

    query = ThreadQuery(
        words=read("text", _text, "", f"a text of at most {LONGEST_TEXT} characters"),
        states=read("status", _states, (), "a status there is"),
        agent=read("agent", _text, "", "a name that an agent can have"),
        owner=cast(Owner, read("owner", lambda said: _one_of(said, OWNERS), "", "whose a thread can be")),
        kind=cast(Kind, read("kind", lambda said: _one_of(said, KINDS), "conversations", "a kind of thread")),
        quiet_days=read("quiet", lambda said: _number(said, MOST_DAYS), 0, "a number of days"),
        sort=read("sort", lambda said: _one_of(said, SORTS), "active", "an order there is"),
    )
    page = read("page", lambda said: _number(said, MOST_PAGES), 1, "a page number")
    return Wanted(query, page, thread.strip(), tuple(problems))


def is_thread_id(text: str) -> bool:
    """Whether *text* can be the id of a thread: nothing else goes into a link or a request."""
    return is_run_id(text)


def _states(said: str) -> tuple[str, ...] | None:
    wanted = [word.strip() for word in said.split(",") if word.strip()]
    return None if any(word not in STATES for word in wanted) else tuple(dict.fromkeys(wanted))


def _one_of(said: str, known: Mapping[str, object] | Mapping[Owner, str] | Mapping[Kind, str]) -> str | None:
    return said if said in known else None


def _text(said: str) -> str | None:
    if len(said) > LONGEST_TEXT or any(unicodedata.category(letter)[0] == "C" for letter in said):
        return None
    return said


def _number(said: str, most: int) -> int | None:
    if not (said.isascii() and said.isdigit() and len(said) <= 8):
        return None
    return int(said) if 1 <= int(said) <= most else None
