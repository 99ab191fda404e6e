"""What others wrote is text in every file that a spreadsheet may open."""

import pytest

from chaos import payloads
from ui import safe

FORMULAS = (
    "=1+1",
    "+1",
    "-1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    " =1",
    "\u200b=1",
    "＝1",
    "\x00=1",
    "\ufeff=1",
)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_text_in_a_file_and_in_a_table(text: str) -> None:
    written = safe.for_spreadsheet(text)
    (row,) = safe.table([{"Name": text, "Names": [text], "Count": -1, "Nothing": None}])

    assert written.startswith("'")
    assert isinstance(row["Name"], str) and not row["Name"].lstrip(" \t\r\n").startswith(safe.FORMULA_STARTS)
    assert isinstance(row["Names"], list) and row["Names"][0] == row["Name"]
    assert (row["Count"], row["Nothing"]) == (-1, None)


def test_what_is_no_formula_stays_as_it_is() -> None:
    assert safe.for_spreadsheet("run_a=1 - 2") == "run_a=1 - 2"
    assert safe.table([{"Run": "run_abc", "Share": 0.5}]) == [{"Run": "run_abc", "Share": 0.5}]


def test_a_thousand_hostile_texts_are_text() -> None:
    for text in payloads.markup(1_000, 3, "127.0.0.2:9"):
        assert not safe.for_spreadsheet(text).startswith(safe.FORMULA_STARTS)
        (row,) = safe.table([{"x": text}])
        assert not str(row["x"]).lstrip().startswith(safe.FORMULA_STARTS)
