"""The messages of a poison queue as a table. What is selected is kept by message id, whatever stands at its place later."""

from typing import Any

import streamlit as st

from services.poison.shapes import Awaited, CauseKind, Look, PoisonMessage
from ui import formats, safe, tables

TABLE_KEY = "poison-table"
SHOWN_KEY = "poison-shown"
CHOSEN_KEY = "poison-chosen"
PREVIEW = 120
MOST_VISIBLE = 12
WHY: dict[CauseKind, tuple[str, str]] = {
    "encoding": ("encoding", "orange"),
    "form": ("no question", "orange"),
    "exception": ("exception", "red"),
    "contract": ("contract", "violet"),
    "unknown": ("not known", "gray"),
}
WAITS: dict[Awaited, str] = {"yes": "waits", "no": "is over", "unknown": "not known"}


def draw(look: Look) -> tuple[PoisonMessage, ...]:
    """Return the messages that are selected, in the order of the table. Sends nothing."""
    ids = [message.id for message in look.messages]
    st.session_state[SHOWN_KEY] = tuple(ids)
    chosen = chosen_ids()
    _select([place for place, one in enumerate(ids) if one in chosen])
    tables.draw(
        [as_row(message) for message in look.messages],
        key=TABLE_KEY,
        most=MOST_VISIBLE,
        columns=_columns(),
        on_select=take_selection,
        selection_mode="multi-row",
        alt=f"Messages in {look.queue}, oldest first",
    )
    return tuple(message for message in look.messages if message.id in chosen)


def chosen_ids() -> frozenset[str]:
    found: tuple[str, ...] = st.session_state.get(CHOSEN_KEY, ())
    return frozenset(found)


def take_selection() -> None:
    """Callback: positions become ids at once."""
    places = st.session_state.get(TABLE_KEY, {}).get("selection", {}).get("rows") or []
    shown: tuple[str, ...] = st.session_state.get(SHOWN_KEY, ())
    choose(shown[place] for place in places if 0 <= place < len(shown))


def choose(ids: Any = ()) -> None:
    """For callbacks: select exactly *ids*."""
    st.session_state[CHOSEN_KEY] = tuple(ids)


def as_row(message: PoisonMessage) -> dict[str, Any]:
    why = [WHY[cause.kind][0] for cause in message.causes]
    return {
        "Given up": formats.age(formats.since_s(message.inserted_at)),
        "Why": list(dict.fromkeys(why)),
        "Its run": WAITS[message.awaited],
        "Expires": expires_words(message),
        "Message": safe.clean(" ".join(message.reading.text[:PREVIEW].split())),
        "Size": message.size_bytes,
        "Taken": message.dequeue_count,
    }


def expires_words(message: PoisonMessage) -> str:
    """Return `in 6 days`, `never`, or that it has."""
    if message.expires_at is None:
        return formats.UNKNOWN
    if message.expires_at.year >= 9999:
        return "never"
    left_s = (message.expires_at - formats.now()).total_seconds()
    if left_s <= 0:
        return "has expired"
    for unit_s, unit in ((86_400, "day"), (3_600, "h"), (60, "min")):
        if left_s >= unit_s:
            count = int(left_s // unit_s)
            return f"in {count} {unit}{'s' if unit == 'day' and count > 1 else ''}"
    return f"in {int(left_s)} s"


def _select(wanted: list[int]) -> None:
    """Have the table show the selected messages' rows, wherever they stand now."""
    held = st.session_state.get(TABLE_KEY, {}).get("selection", {})
    if list(held.get("rows") or []) != wanted:
        st.session_state[TABLE_KEY] = {"selection": {"rows": wanted, "columns": []}}


def _columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "Given up": config.TextColumn(width=100),
        "Why": config.MultiselectColumn(
            options=[word for word, _ in WHY.values()],
            color=[colour for _, colour in WHY.values()],
            width=190,
        ),
        "Its run": config.TextColumn(
            width=85, help="Whether the run that a message belongs to is still open"
        ),
        "Expires": config.TextColumn(width=85, help="When the storage account drops it by itself"),
        "Message": config.TextColumn(width=345),
        "Size": config.NumberColumn(format="bytes", width=75),
        "Taken": config.NumberColumn(width=65, help="How often it was taken from this poison queue"),
    }
