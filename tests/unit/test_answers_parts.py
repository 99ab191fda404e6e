"""The three parts of an answer's time: they add up, and nothing is counted twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.answers.parts import HopTimes, Interval, covered_s, measure, middle

intervals = st.builds(
    lambda start, length: Interval(start, start + length), st.floats(0, 10), st.floats(0, 10)
)
hops = st.builds(
    HopTimes,
    st.lists(intervals, max_size=3).map(tuple),
    st.lists(intervals, max_size=3).map(tuple),
    certainty=st.sampled_from(["exact", "strong", "guess"]),
)


@given(st.lists(hops, max_size=4), st.floats(0, 5), st.floats(0, 20))
def test_the_parts_add_up_to_the_total(calls: list[HopTimes], began_s: float, took_s: float) -> None:
    """A person adds the three numbers on the screen and compares."""
    parts = measure(calls, began_s, began_s + took_s, complete=True)

    assert parts.model_s is not None and parts.queue_wait_s is not None and parts.function_s is not None
    assert min(parts.model_s, parts.queue_wait_s, parts.function_s) >= -1e-9
    assert parts.model_s + parts.queue_wait_s + parts.function_s == pytest.approx(took_s)


def test_parallel_functions_count_once() -> None:
    """Two agents work side by side for 2 s: that is 2 s of the answer, not 4."""
    both = HopTimes(runs=(Interval(1.0, 3.0),), certainty="strong")
    parts = measure([both, both], 0.0, 4.0, complete=True)
    assert (parts.model_s, parts.queue_wait_s, parts.function_s) == pytest.approx((2.0, 0.0, 2.0))


def test_waiting_beside_a_running_function_is_function_time() -> None:
    """Somebody worked on the answer all that time."""
    running = HopTimes(runs=(Interval(1.0, 3.0),), certainty="exact")
    waiting = HopTimes(waits=(Interval(1.0, 4.0),), certainty="strong")
    parts = measure([running, waiting], 0.0, 5.0, complete=True)
    assert (parts.model_s, parts.queue_wait_s, parts.function_s) == pytest.approx((2.0, 1.0, 2.0))
    assert parts.certainty == "strong"


def test_without_a_function_all_is_model_time_and_certain() -> None:
    """Nothing was out of sight."""
    parts = measure([], 0.5, 2.5, complete=True)
    assert (parts.model_s, parts.queue_wait_s, parts.function_s, parts.certainty) == (2.0, 0.0, 0.0, "exact")


def test_a_call_that_nobody_split_leaves_both_parts_open() -> None:
    """Unknown is not zero: the model's share is known, the others are not."""
    parts = measure([HopTimes(unsplit=(Interval(1.0, 2.0),))], 0.0, 3.0, complete=True)
    assert (parts.model_s, parts.queue_wait_s, parts.function_s) == (2.0, None, None)


@pytest.mark.parametrize("hop", [HopTimes(known=False), HopTimes()], ids=["still-out", "not-followed"])
def test_what_was_not_followed_is_not_claimed(hop: HopTimes) -> None:
    """A deadline in mid-call must not show the time so far as if it were the whole."""
    parts = measure([hop], 0.0, 3.0, complete=hop.known is False)
    assert (parts.model_s, parts.queue_wait_s, parts.function_s) == (None, None, None)


@given(st.lists(intervals, max_size=6))
def test_covered_time_is_bounded_by_sum_and_span(some: list[Interval]) -> None:
    """The union of intervals is at most their sum and at least the longest of them."""
    covered = covered_s(some)
    assert covered <= sum(one.end_s - one.start_s for one in some) + 1e-6
    assert covered >= max((one.end_s - one.start_s for one in some), default=0.0) - 1e-6


def test_an_instant_between_two_looks_is_put_in_the_middle() -> None:
    """Off by half their distance at most, also when the looks overlap."""
    assert (middle(1.0, 2.0), middle(2.0, 1.0)) == (1.5, 2.0)
