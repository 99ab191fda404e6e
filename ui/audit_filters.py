"""Which actions the reader of the Audit page wants to see. The address says it; a foreign address may say anything."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import streamlit as st

from services.access import NEEDS
from services.monitor.kql import Value
from ui import safe

PREFIX: Final = "audit-"
WIDGET: Final = "audit-widget-"
ENDINGS: Final = ("done", "failed", "refused", "not started", "no result")
NAMES: Final = ("person", "action", "outcome", "target")
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
    return parse({name: st.query_params.get(PREFIX + name, "") for name in (*NAMES, "act")})


def change(**parameters: str) -> None:
    """For callbacks: put *parameters* (names without the prefix, empty: none) into the address."""
    for name, value in parameters.items():
        if value:
            st.query_params[PREFIX + name] = value
        else:
            st.query_params.pop(PREFIX + name, None)


def clear() -> None:
    """Callback: all filters go. The widgets above the list must show it: all is drawn again."""
    change(**dict.fromkeys(NAMES, ""))
    st.rerun()


def draw(filters: Filters) -> None:
    """Draw all filters as widgets over the address. Sends nothing."""
    with st.grid(4, min_column_width=150, gap="small", vertical_alignment="bottom", key="audit-filters"):
        _draw_text("person", "Who", filters.person, "Name or id")
        _put("action", filters.action or None)
        st.selectbox(
            "Action",
            list(NEEDS) if filters.action in ("", *NEEDS) else [*NEEDS, filters.action],
            index=None,
            key=f"{WIDGET}action",
            placeholder="All",
            accept_new_options=True,
            on_change=_take,
            args=["action"],
        )
        _draw_text("target", "On what", filters.target, "Id or name")
        _put("outcome", list(filters.outcomes))
        st.multiselect(
            "Outcome",
            ENDINGS,
            key=f"{WIDGET}outcome",
            format_func=str.capitalize,
            placeholder="All",
            on_change=_take,
            args=["outcome"],
        )


def draw_clear(key: str) -> None:
    st.button("Clear the filters", key=f"audit-clear-{key}", icon=":material/filter_alt_off:", on_click=clear)


def _draw_text(name: str, label: str, value: str, placeholder: str) -> None:
    _put(name, value)
    st.text_input(
        label,
        key=f"{WIDGET}{name}",
        max_chars=LONGEST_TEXT,
        placeholder=placeholder,
        on_change=_take,
        args=[name],
    )


def _put(name: str, value: object) -> None:
    """Have the widget show what the address says."""
    if st.session_state.get(f"{WIDGET}{name}") != value:
        st.session_state[f"{WIDGET}{name}"] = value


def _take(name: str) -> None:
    """Callback: what was chosen goes into the address."""
    value = st.session_state.get(f"{WIDGET}{name}")
    change(**{name: ",".join(value) if isinstance(value, list) else _text(value or "")})


def _text(value: str) -> str:
    return " ".join(safe.clean(value).split())[:LONGEST_TEXT]
