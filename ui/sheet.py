"""A table as plain HTML, which a browser shows at once: it stands where the grid will be, until the grid's scripts are read.

Only what the grid shows without scrolling, at the same places and in the same words. What is not written here as the grid
draws it (a kind of column that no page of ours has) is left to the grid. ui/sheet.css has how it looks.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, TypeGuard

import streamlit as st

from ui.charts import palette

ROW_PX = 33  # Streamlit's 2.1875 rem, at our size of text
BORDERS_PX = 2
MOST_ROWS = 10  # of a table whose height nobody said
WIDTHS_PX = {"small": 75, "medium": 200, "large": 400}
LETTER_PX, PADDING_PX, NARROWEST_PX, WIDEST_PX = 7, 17, 50, 500  # where the grid would measure the text
Settings = Mapping[str, Any]
Row = Mapping[str, object]


class UnwrittenError(Exception):
    """The grid draws this in a way that is not written here."""


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    head: str
    width_px: int
    kind: str
    settings: Settings
    on_the_right: bool


def html_of(
    rows: Sequence[Row],
    configs: Mapping[str, Settings],
    *,
    alt: str,
    placeholder: str,
    height_px: int,
    marked: bool,
) -> str | None:
    """Return the table as HTML; None when only the grid can draw it, and when there is no row.

    *configs*: as for the grid. *placeholder*: for what is not known. *marked*: rows can be chosen, and have a box for it.
    """
    shown = rows[: height_px // ROW_PX]
    if not shown:
        return None
    try:
        columns = [
            _column(name, configs.get(name, {}), shown)
            for name in dict.fromkeys(name for row in rows for name in row)
        ]
        lines = [
            _line(columns, [_text(one.head) for one in columns], "columnheader", "<span class=mark></span>")
        ]
        lines += [
            _line(
                columns,
                [_cell(one, row.get(one.name), placeholder) for one in columns],
                "cell",
                "<span class=mark><i></i></span>",
            )
            for row in shown
        ]
    except (UnwrittenError, ValueError):  # the latter: a figure that is none, in a form for whole ones
        return None
    kind = "sheet marked" if marked else "sheet"
    return f'<div class="{kind}" role="table" aria-label="{escape(alt)}" style="height:{height_px}px">{"".join(lines)}</div>'


def _column(name: str, config: Settings, rows: Sequence[Row]) -> _Column:
    known = [row[name] for row in rows if row.get(name) is not None]
    settings: Settings = config.get("type_config") or {}
    kind = settings.get("type") or ("number" if known and all(map(_is_number, known)) else "text")
    if kind not in CELLS or config.get("hidden") or config.get("pinned"):
        raise UnwrittenError
    head = str(config.get("label") or name)
    width = config.get("width")
    width_px = WIDTHS_PX.get(width) if isinstance(width, str) else width
    if width_px is None:
        letters = max([len(head), *(len(str(one)) for one in known)])
        width_px = min(max(letters * LETTER_PX + PADDING_PX, NARROWEST_PX), WIDEST_PX)
    alignment = config.get("alignment") or ("right" if kind == "number" else "left")
    return _Column(name, head, int(width_px), kind, settings, alignment == "right")


def _line(columns: Sequence[_Column], cells: Sequence[str], role: str, mark: str) -> str:
    written = [mark]
    for column, cell in zip(columns, cells, strict=True):
        right = " class=right" if column.on_the_right and role == "cell" else ""
        written.append(f'<span role={role}{right} style="width:{column.width_px}px">{cell}</span>')
    return f"<div role=row>{''.join(written)}</div>"


def _cell(column: _Column, value: object, placeholder: str) -> str:
    if value is None:
        return f"<em>{_text(placeholder)}</em>"
    return CELLS[column.kind](value, column.settings)


def _text(value: object) -> str:
    return escape(" ".join(str(value).split()))


def _plain(value: object, _: Settings) -> str:
    if not isinstance(value, str) and not _is_number(value):
        raise UnwrittenError
    return _text(value)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: object, settings: Settings) -> str:
    """As the grid writes it where the browser's language is English."""
    if not _is_number(value):
        raise UnwrittenError
    form = settings.get("format")
    if form == "localized":
        return _short(f"{value:,.3f}")
    if form == "percent":
        return _short(f"{value * 100:.2f}") + "%"
    if form and "%" not in form:
        raise UnwrittenError
    return _text(form % value) if form else _short(f"{value:.4f}")


def _short(decimal: str) -> str:
    return decimal.rstrip("0").rstrip(".")


def _progress(value: object, settings: Settings) -> str:
    if not _is_number(value):
        raise UnwrittenError
    low, high = float(settings.get("min_value") or 0), float(settings.get("max_value") or 1)
    share = min(max((value - low) / (high - low), 0.0), 1.0) if high > low else 0.0
    colour = escape(str(settings.get("color") or _theme("primaryColor")))
    room = len(_number(high, settings))  # the grid keeps as much for every label
    return (
        f'<span class=bar><u><s style="width:{share:.1%};background:{colour}"></s></u>'
        f'<small style="width:{room}ch">{_number(value, settings)}</small></span>'
    )


def _bars(value: object, settings: Settings) -> str:
    if not isinstance(value, list):
        raise UnwrittenError
    figures = [float(one or 0.0) for one in value]
    highest = float(settings.get("y_max") or max(figures, default=0.0) or 1.0)
    bars = (f'<s style="height:{min(max(one / highest, 0.0), 1.0):.0%}"></s>' for one in figures)
    return f'<span class=bars style="color:{_theme("primaryColor")}">{"".join(bars)}</span>'


def _pills(value: object, settings: Settings) -> str:
    if not isinstance(value, list):
        raise UnwrittenError
    colours = {one["value"]: one.get("color") for one in settings.get("options") or ()}
    behind = [_theme(f"{colours.get(one) or 'gray'}BackgroundColor") for one in value]
    return "".join(
        f'<b style="background:{colour}">{_text(one)}</b>' for one, colour in zip(value, behind, strict=True)
    )


def _link(value: object, settings: Settings) -> str:
    return f'<span style="color:{_theme("linkColor")}">{_text(settings.get("display_text") or value)}</span>'


def _button(value: object, _: Settings) -> str:
    return f"<span class=press>{_text(value)}</span>"


def _theme(name: str) -> str:
    """Return a colour of .streamlit/config.toml, as the reader sees the page."""
    try:
        found = st.get_option(f"theme.{palette.theme()}.{name}")
    except RuntimeError:  # Streamlit knows no such colour by name
        found = None
    if not found:
        raise UnwrittenError
    return str(found)


CELLS: Mapping[str, Callable[[object, Settings], str]] = {
    "text": _plain,
    "number": _number,
    "progress": _progress,
    "bar_chart": _bars,
    "multiselect": _pills,
    "link": _link,
    "button": _button,
}
