"""Which actions the reader of the Audit page wants to see. The address says it; a foreign address may say anything."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from services.access import NEEDS
from services.monitor.kql import Value
from ui import filter_bar, safe
from ui.filter_bar import FilterBar

BAR: Final = FilterBar("audit", ("person", "action", "outcome", "target"), forgets=(), keeps=("act",))
ENDINGS: Final = ("done", "failed", "refused", "not started", "no result")
LONGEST_TEXT: Final = 200
_PAIR = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Filters:
    """What is empty lets all pass. *person*, *target*: a part of a name or an id. *pair*: the selected action's id."""

    person: str = ""
    action: str = ""
    outcomes: tuple[str, ...] = ()
    target: str = ""
    pair: str = ""

    @property
    def is_any(self) -> bool:
        return bool(self.person or self.action or self.outcomes or self.target)

    def values(self) -> dict[str, Value]:
        """Return the query's values for all but the times and the place."""
        return {
            "person": self.person,
            "action": self.action,
            "outcomes": list(self.outcomes),
            "target": self.target,
        }


def parse(stated: Mapping[str, str]) -> Filters:
    """Return what *stated*, names without the prefix, asks for; what makes no sense is left out."""
    pair = stated.get("act", "")
    return Filters(
        person=_text(stated.get("person", "")),
        action=_text(stated.get("action", "")),
        outcomes=tuple(one for one in stated.get("outcome", "").split(",") if one in ENDINGS),
        target=_text(stated.get("target", "")),
        pair=pair if _PAIR.fullmatch(pair) else "",
    )


def current() -> Filters:
    """Return what the address asks for now."""
    return parse({name: st.query_params.get(BAR.prefix + name, "") for name in (*BAR.names, *BAR.keeps)})


def draw(filters: Filters) -> None:
    """Draw all filters as widgets over the address. Sends nothing."""
    with filter_bar.row(4, "audit-filters"):
        BAR.draw_text("person", "Who", filters.person, "Name or id", LONGEST_TEXT)
        BAR.draw_name("action", "Action", filters.action, list(NEEDS))
        BAR.draw_text("target", "On what", filters.target, "Id or name", LONGEST_TEXT)
        BAR.draw_several("outcome", "Outcome", filters.outcomes, ENDINGS, str.capitalize)


def _text(value: str) -> str:
    return " ".join(safe.clean(value).split())[:LONGEST_TEXT]
