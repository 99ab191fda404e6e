"""Where axes have their marks, and what stands at them."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from ui.charts import ticks

NOON = datetime(2026, 11, 27, 12, 0)


def across(length: timedelta, most: int = 6, *, one_line: bool = False) -> list[str]:
    found = ticks.across([NOON, NOON + length], most, one_line=one_line)
    assert found["range"] == [NOON, NOON + length]
    assert all(NOON <= place <= NOON + length for place in found["tickvals"])
    assert len(found["tickvals"]) == len(found["ticktext"])
    return list(found["ticktext"])


def test_times_have_their_day_below_where_it_is_another() -> None:
    day = across(timedelta(hours=24))
    assert day == ["12:00<br>27 Nov", "18:00", "00:00<br>28 Nov", "06:00", "12:00"]


def test_days_stand_alone_and_seconds_are_told() -> None:
    assert across(timedelta(days=4)) == ["28 Nov", "29 Nov", "30 Nov", "1 Dec"]
    assert across(timedelta(seconds=25)) == [
        "12:00:00<br>27 Nov",
        *(f"12:00:{at:02}" for at in (5, 10, 15, 20, 25)),
    ]


@pytest.mark.parametrize("most", [3, 4, 6, 10])
@pytest.mark.parametrize("minutes", [1, 15, 60, 90, 360, 1_440, 2_880, 10_080, 44_640])
def test_marks_are_few_and_evenly_apart_however_long_the_range(minutes: int, most: int) -> None:
    found = ticks.across([NOON, NOON + timedelta(minutes=minutes)], most)["tickvals"]
    assert 1 <= len(found) <= most + 1
    assert len({later - sooner for sooner, later in pairwise(found)}) <= 1


def test_on_one_line_there_are_times_or_days_and_never_both() -> None:
    assert across(timedelta(hours=24), 4, one_line=True) == ["12:00", "18:00", "00:00", "06:00", "12:00"]
    assert across(timedelta(days=2), 4, one_line=True) == ["28 Nov", "29 Nov"]


def test_near_an_edge_there_is_no_mark_where_another_axis_is_beside_it() -> None:
    week = [NOON, NOON + timedelta(days=7)]
    assert ticks.across(week, 3, edge=0.05)["ticktext"] == ["28 Nov", "1 Dec", "4 Dec"]
    assert ticks.across(week, 3, edge=0.1)["ticktext"] == ["1 Dec"]


@pytest.mark.parametrize("highest", [0.0, 0.004, 0.9, 1, 3, 7, 49, 100, 1_234, 98_765, 4_000_000])
def test_an_axis_upwards_begins_at_nothing_and_has_room_for_the_highest(highest: float) -> None:
    found = ticks.up(highest)
    assert found["range"][0] == found["tickvals"][0] == 0
    assert found["range"][1] >= max(highest, found["tickvals"][-1])
    assert 2 <= len(found["tickvals"]) <= ticks.MOST_COUNTS + 1
    assert len(set(found["ticktext"])) == len(found["ticktext"])  # none is written like another


def test_what_is_counted_has_no_halves() -> None:
    assert ticks.up(1, whole=True)["ticktext"] == ["0", "1"]
    assert ticks.up(3, whole=True)["ticktext"] == ["0", "1", "2", "3"]
    assert ticks.up(1)["ticktext"] == ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]


def test_large_amounts_are_written_short_and_small_ones_with_enough_decimals() -> None:
    assert ticks.up(98_765)["ticktext"] == ["0", "20k", "40k", "60k", "80k", "100k"]
    assert ticks.up(0.004)["ticktext"] == ["0.000", "0.001", "0.002", "0.003", "0.004"]


def test_a_logarithmic_axis_has_fewer_marks_over_more_decades() -> None:
    assert ticks.log_seconds([0.5, 20.0])["ticktext"] == [
        "0.1 s",
        "0.3 s",
        "1 s",
        "3 s",
        "10 s",
        "30 s",
        "100 s",
        "300 s",
    ]
    assert ticks.log_seconds([0.002, 900.0])["ticktext"][:3] == ["0.001 s", "0.01 s", "0.1 s"]
