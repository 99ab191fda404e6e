"""The only way to draw a table: its text at once, and then the grid, which one sorts, searches and presses."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any, Literal

import streamlit as st

from ui import first_paint, safe, sheet

Mode = Literal["single-row", "multi-row", "single-column"]


def draw(
    rows: Iterable[Mapping[str, object]],
    *,
    key: str,
    alt: str,
    columns: Mapping[str, Any] | None = None,
    placeholder: str = "",
    most: int | None = None,
    on_select: Callable[[], None] | Literal["ignore"] = "ignore",
    selection_mode: Mode | tuple[Mode, ...] = "single-row",
) -> None:
    """Draw *rows*, a column for each name in the order in which they come.

    *alt*: what it shows, in words. *columns*: Streamlit's column_config. *placeholder*: stands where a value is None.
    *most*: so many rows are seen before one scrolls; None: as Streamlit decides. Sends nothing.
    """
    shown = safe.table(rows)
    columns = dict(columns or {})
    height_px = _height_px(len(shown), sheet.MOST_ROWS if most is None else most)
    text = None
    if first_paint.is_first():
        plain = {name: getattr(one, "config", one) for name, one in columns.items()}  # buttons wrap theirs
        text = sheet.html_of(
            shown,
            plain,
            alt=alt,
            placeholder=placeholder,
            height_px=height_px,
            marked=on_select != "ignore" and "row" in str(selection_mode),
        )
    with st.container(key=f"table-{key}", gap=None):  # ui/sheet.css shows one of the two that are in it
        if text is None:
            st.empty()
        else:
            st.html(text)
        with first_paint.later(None) if text else nullcontext():
            st.dataframe(
                shown,
                key=key,
                hide_index=True,
                height="auto" if most is None else height_px,
                placeholder=placeholder,
                column_config=columns,
                on_select=on_select,
                selection_mode=selection_mode,
                alt=alt,
            )


def _height_px(rows: int, most: int) -> int:
    """Return the height that shows *rows* and the head, or the head and *most* of them to scroll through."""
    return sheet.ROW_PX * (min(rows, most) + 1) + sheet.BORDERS_PX
