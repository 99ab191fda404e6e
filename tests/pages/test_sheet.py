"""A table as HTML says what the grid says, lets nothing in a cell be more than text, and leaves to the grid what it cannot draw."""

import re
from html import unescape
from typing import Any

import pytest
import streamlit as st

from ui import sheet

COLUMN = st.column_config
HOSTILE = "<img src=x onerror=alert(1)>\"'><b>&amp;"


def html(
    rows: list[dict[str, object]], configs: Any = None, *, height_px: int = 200, **more: Any
) -> str | None:
    options = {"alt": "All", "placeholder": "", "marked": False, **more}
    return sheet.html_of(rows, configs or {}, height_px=height_px, **options)


def written(value: object, config: Any = None, *, placeholder: str = "") -> str:
    """Return the HTML of a cell that holds *value*."""
    found = html([{"A": value}], {"A": config} if config else {}, placeholder=placeholder)
    assert found is not None
    return found.rpartition("<span role=cell")[2]


def words(found: str) -> str:
    return unescape(re.sub(r"<[^>]*>", " ", found.partition(">")[2])).strip()


@pytest.mark.parametrize(
    ("value", "config", "shown"),
    [
        ("two\nlines ", None, "two lines"),
        (1234, COLUMN.NumberColumn(format="localized"), "1,234"),
        (1234, None, "1234"),
        (0.5, None, "0.5"),
        (1000000, None, "1000000"),
        (0.0, COLUMN.NumberColumn(format="localized"), "0"),
        (20, COLUMN.NumberColumn(format="localized"), "20"),
        (1.005, COLUMN.NumberColumn(format="%.2f s"), "1.00 s"),
        (0.9811, COLUMN.NumberColumn(format="percent"), "98.11%"),
        (1.0, COLUMN.NumberColumn(format="percent"), "100%"),
        (0.0, COLUMN.NumberColumn(format="percent"), "0%"),
        (8, COLUMN.ProgressColumn(format="%d", min_value=0, max_value=10), "8"),
        ("run_a", COLUMN.ButtonColumn("Run"), "run_a"),
        ("trace?run=a", COLUMN.LinkColumn(display_text="Open the trace"), "Open the trace"),
        (["Answered", "demo"], COLUMN.MultiselectColumn(options=["Answered"], color=["green"]), "Answered  demo"),
        (None, None, "not known"),
        (None, COLUMN.NumberColumn(format="%.2f s"), "not known"),
    ],
)  # fmt: skip
def test_a_cell_says_what_the_grid_says(value: object, config: Any, shown: str) -> None:
    assert words(written(value, config, placeholder="not known")) == shown


@pytest.mark.parametrize(
    "config", [None, COLUMN.TextColumn(), COLUMN.ButtonColumn("A"), COLUMN.LinkColumn(), COLUMN.LinkColumn(display_text=HOSTILE)]
)  # fmt: skip
def test_nothing_in_a_cell_is_more_than_text(config: Any) -> None:
    assert "<img" not in written(HOSTILE, config)
    assert "<img" not in written([HOSTILE], COLUMN.MultiselectColumn(options=["x"]))
    assert "<img" not in (html([{HOSTILE: HOSTILE}], alt=HOSTILE, placeholder=HOSTILE) or "<img")
    assert words(written(HOSTILE, config)).startswith("<img src=x")


@pytest.mark.parametrize(
    ("value", "config"),
    [
        ({"a": 1}, None),
        (object(), None),
        (True, None),
        (float("nan"), COLUMN.NumberColumn(format="%d")),
        (["a"], COLUMN.MultiselectColumn(options=["a"], color=["#123456"])),
        (["a"], COLUMN.MultiselectColumn(options=["a"], color=["primary"])),
        ("x", COLUMN.NumberColumn(format="%.2f s")),
        (True, COLUMN.CheckboxColumn()),
        (1, COLUMN.NumberColumn(format="bytes")),
        (1.5, COLUMN.BarChartColumn()),
        ("a", COLUMN.MultiselectColumn(options=["a"])),
        ("a", COLUMN.TextColumn(pinned=True)),
    ],
)
def test_what_only_the_grid_can_draw_is_left_to_it(value: object, config: Any) -> None:
    assert html([{"A": value}], {"A": config} if config else {}) is None


def test_no_row_is_left_to_the_grid_which_says_so() -> None:
    assert html([]) is None


def test_only_rows_that_are_seen_are_written() -> None:
    found = html([{"A": f"row {place}"} for place in range(50)], height_px=200) or ""
    assert "row 5" in found
    assert "row 6" not in found


def test_a_row_may_lack_what_others_have() -> None:
    found = html([{"A": 1}, {"B": 2}], placeholder="none") or ""
    rows = re.findall("<div role=row(>.*?)</div>", found)
    assert [words(one).split() for one in rows] == [["A", "B"], ["1", "none"], ["none", "2"]]


@pytest.mark.parametrize(("share", "value"), [("0.0%", -3.0), ("50.0%", 5.0), ("100.0%", 99.0)])
def test_a_bar_stays_within_its_cell(share: str, value: float) -> None:
    assert f"width:{share}" in written(value, COLUMN.ProgressColumn(min_value=0, max_value=10, format="%.1f"))


def test_a_little_picture_has_a_bar_for_each_figure_and_none_for_what_is_not_known() -> None:
    found = written([2.0, None, 1.0, 9.0], COLUMN.BarChartColumn(y_min=0, y_max=4.0))
    assert re.findall(r"height:(\d+%)", found) == ["50%", "0%", "25%", "100%"]


def test_a_bar_with_no_range_is_empty() -> None:
    assert "width:0.0%" in written(0.0, COLUMN.ProgressColumn(min_value=0, max_value=0, format="%.1f"))


def test_a_row_that_can_be_chosen_has_its_box() -> None:
    assert 'class="sheet marked"' in (html([{"A": 1}], marked=True) or "")
    assert 'class="sheet"' in (html([{"A": 1}]) or "")
