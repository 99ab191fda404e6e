"""What the Agents page is made of: filters, order, the difference of two instructions, the line of life."""

from datetime import UTC, timedelta

import pytest

from services.inventory.agents_lifecycle import stages_of
from services.inventory.agents_use import Use, uses_of
from tests.unit.agent_rows import NOW, board, calls, entry, function, row
from ui.agents_data import Reading
from ui.agents_definition import changes
from ui.agents_filters import SORTS, Filters, matching
from ui.charts import lifecycle

BOARD = board(
    entry("asst_lead", calls("asst_foo", "foo_bot"), role="orchestrator", name="lead", created_at=NOW),
    entry("asst_foo", function(), name="foo_bot", standing="changed"),
    entry(
        "asst_x", owner="foreign", standing=None, name="", model="gpt-5", created_at=NOW - timedelta(days=9)
    ),
    queues=set(),
)
ROWS = [
    row("agent", "lead", agent_id="asst_lead", calls=4),
    row("connected", "foo_bot", leader_id="asst_lead", calls=9),
]
READING = Reading(BOARD, None, uses_of(ROWS, BOARD), is_told=True)


def names(filters: Filters) -> list[str]:
    return [one.id for one in matching(READING, filters)]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (Filters(), ["asst_lead", "asst_foo", "asst_x"]),
        (Filters(kind="orchestrator"), ["asst_lead"]),
        (Filters(kind="connected"), ["asst_foo"]),
        (Filters(owner="foreign"), ["asst_x"]),
        (Filters(owner="ours"), ["asst_lead", "asst_foo"]),
        (Filters(state="broken"), ["asst_foo"]),
        (Filters(state="changed"), ["asst_foo"]),
        (Filters(text="FOO-IN"), ["asst_foo"]),
        (Filters(text="gpt-5"), ["asst_x"]),
        (Filters(text="no name"), ["asst_x"]),
        (Filters(text="nothing like it"), []),
    ],
    ids=lambda value: "" if isinstance(value, list) else repr(value)[:60],
)
def test_a_filter_lets_pass_what_it_says(filters: Filters, found: list[str]) -> None:
    assert names(filters) == found


@pytest.mark.parametrize(
    ("sort", "first", "last"),
    [
        ("oldest", "asst_x", "asst_lead"),
        ("most-called", "asst_foo", "asst_x"),
        ("name", "asst_foo", "asst_x"),
        ("last-used", "asst_lead", "asst_x"),
        ("no such order", "asst_lead", "asst_x"),
    ],
)
def test_the_order_is_over_all_and_the_unknown_comes_last(sort: str, first: str, last: str) -> None:
    found = names(Filters(sort=sort))
    assert (found[0], found[-1]) == (first, last)


def test_every_order_can_be_drawn() -> None:
    for sort in SORTS:
        assert len(names(Filters(sort=sort))) == 3


def test_the_difference_is_told_sentence_by_sentence() -> None:
    """Instructions are one long line: a comparison of lines would say that all has changed."""
    lines, left_out = changes("Be kind. Be brief. Ask.", "Be kind. Be exact. Ask.")
    assert [line for line in lines if line[0] in "+-"] == ["-Be brief.", "+Be exact."]
    assert left_out == 0


def test_the_same_instructions_have_no_difference() -> None:
    assert changes("Be kind.", "Be kind.") == ((), 0)


def test_a_difference_in_blanks_only_is_said_so() -> None:
    (line,) = changes("Be kind. Ask.", "Be kind.\nAsk.")[0]
    assert "blanks only" in line


def test_the_longest_instructions_are_compared() -> None:
    before = "".join(f"Sentence number {n} of the longest. " for n in range(8_000))[:256_000]
    after = before.replace("number 7 ", "number seven ")
    lines, _ = changes(before, after)
    assert any("number seven" in line for line in lines)


def test_a_life_that_began_before_the_range_stands_at_its_edge() -> None:
    one = entry("asst_1", created_at=NOW - timedelta(days=3))
    stages = stages_of(one, board(one), Use(2, 1, 1.0, oldest=NOW, newest=NOW), 0, NOW)
    start = NOW - timedelta(hours=1)
    points = tuple((start + timedelta(minutes=5 * n), float(n == 3)) for n in range(12))
    drawn = lifecycle.figure(
        stages,
        points,
        points,
        start=start,
        end=NOW,
        grain=timedelta(minutes=5),
        theme="light",
        zone=UTC,
    )
    creation = drawn.data[0]
    assert creation.x[0] == start.replace(tzinfo=None)
    assert creation.marker.symbol == ("triangle-left",)
    assert drawn.data[-1].text == ("1 call, 1 failed",)
