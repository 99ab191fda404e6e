"""Which agents the reader wants to see, and in what order. The address says it; the widgets write it there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import streamlit as st

from ui import filter_bar
from ui.agents_data import AgentEntry, Reading
from ui.agents_words import KINDS, OWNERS, STATES, name_of, owner_of, states_of
from ui.filter_bar import FilterBar

LONGEST_TEXT = 200
PAGE_ROWS = 50
SHOWN_STATES: Final = ("present", "changed", "other", "broken")
Key = tuple[object, ...]
CHOICES: Final[dict[str, tuple[str, dict[str, str]]]] = {
    "kind": ("Kind", dict(KINDS)),
    "owner": ("Whose", dict(OWNERS)),
    "state": ("State", {name: STATES[name][0].capitalize() for name in SHOWN_STATES}),
}
BAR = FilterBar("agents", ("text", *CHOICES), {"sort": "newest"})


@dataclass(frozen=True, slots=True)
class Order:
    words: str
    key: Callable[[Reading, AgentEntry], Key]


def _number(value: float | None) -> Key:
    """Return what has the largest first and the unknown last."""
    return (value is None, -(value or 0.0))


def _use(name: str) -> Callable[[Reading, AgentEntry], Key]:
    def key(reading: Reading, entry: AgentEntry) -> Key:
        use = reading.use_of(entry)
        return _number(getattr(use, name) if use is not None else None)

    return key


def _last_used(reading: Reading, entry: AgentEntry) -> Key:
    use = reading.use_of(entry)
    return _number(use.newest.timestamp() if use is not None and use.newest is not None else None)


SORTS: Final[dict[str, Order]] = {
    "newest": Order("Newest first", lambda _, entry: (-entry.created_at.timestamp(),)),
    "oldest": Order("Oldest first", lambda _, entry: (entry.created_at.timestamp(),)),
    "name": Order("By name", lambda _, entry: (not entry.name.strip(), entry.name.casefold())),
    "most-called": Order("Most called first", _use("calls")),
    "most-failed": Order("Most failures first", _use("failed")),
    "slowest": Order("Slowest first", _use("p95_s")),
    "most-tokens": Order("Most tokens first", _use("tokens")),
    "last-used": Order("Last used first", _last_used),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What is empty lets all pass."""

    text: str = ""
    kind: str = ""
    owner: str = ""
    state: str = ""
    sort: str = "newest"

    @property
    def is_any(self) -> bool:
        return any((self.text, self.kind, self.owner, self.state))


def chosen() -> Filters:
    """Return what the address says that can be understood."""
    said = {name: _said(name) for name in ("text", "sort", *CHOICES)}
    known = {name: said[name] if said[name] in options else "" for name, (_, options) in CHOICES.items()}
    sort = said["sort"] if said["sort"] in SORTS else "newest"
    return Filters(said["text"][:LONGEST_TEXT], **known, sort=sort)


def problems() -> list[str]:
    """Return in words what of the address cannot be understood."""
    options = {name: list(names) for name, (_, names) in CHOICES.items()} | {"sort": list(SORTS)}
    return [
        f"“{_said(name)[:40]}” is no {name} that there is, so it was left out."
        for name, known in options.items()
        if _said(name) and _said(name) not in known
    ]


def draw(filters: Filters) -> None:
    """Draw the filters as widgets over the address. Sends nothing."""
    with filter_bar.row(5, "agents-filters"):
        BAR.draw_text("text", "Search", filters.text, "Name, tool, queue, id", LONGEST_TEXT)
        for name, (label, names) in CHOICES.items():
            BAR.draw_choice(name, label, names, getattr(filters, name))
        BAR.draw_sort({name: one.words for name, one in SORTS.items()}, filters.sort)
    filter_bar.draw_problems(problems())


def _said(name: str) -> str:
    return st.query_params.get(f"{BAR.prefix}{name}", "").strip()


def page_number() -> int:
    said = _said("page") or "1"
    return int(said) if said.isascii() and said.isdigit() and len(said) < 7 and int(said) > 0 else 1


def matching(reading: Reading, filters: Filters) -> list[AgentEntry]:
    """Return the agents that *filters* let pass, in their order."""
    found = [entry for entry in reading.board.entries if _fits(reading, entry, filters)]
    order = SORTS[filters.sort if filters.sort in SORTS else "newest"]
    return sorted(found, key=lambda entry: order.key(reading, entry))


def _fits(reading: Reading, entry: AgentEntry, filters: Filters) -> bool:
    board = reading.board
    return (
        (not filters.kind or board.kind_of(entry) == filters.kind)
        and (not filters.owner or owner_of(entry) == filters.owner)
        and (not filters.state or filters.state in states_of(entry, board))
        and (not filters.text or _mentions(entry, filters.text.casefold()))
    )


def _mentions(entry: AgentEntry, wanted: str) -> bool:
    texts: Sequence[str] = (
        name_of(entry),
        entry.id,
        entry.model,
        entry.role,
        entry.definition,
        entry.description,
        entry.excerpt,
        *(part for tool in entry.tools for part in (tool.name, tool.kind, *tool.queues)),
    )
    return any(wanted in text.casefold() for text in texts)
