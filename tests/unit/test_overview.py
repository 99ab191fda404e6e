"""The arithmetic of Overview: changes, rates, gaps, parts. What is not known never becomes 0."""

from datetime import UTC, datetime, timedelta

import pytest

from services.monitor.overview import (
    DEPTH,
    OLDEST,
    Figures,
    Parts,
    buckets,
    counts,
    difference,
    figures_of,
    mean_parts,
    oldest_of_all,
    only_whole,
    parts_of,
    per_minute,
    queue_pasts,
    success_shares,
    values,
)
from services.monitor.results import Row

START = datetime(2026, 11, 22, 12, 0, 30, tzinfo=UTC)
END = START + timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
FIRST = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def kpi(period: str, **more: float | str | None) -> Row:
    row: dict[str, float | str | None] = {
        "period": period,
        "answers": 10,
        "succeeded": 8,
        "failed": 1,
        "cancelled": 1,
        "p95_ms": 2500.0,
        "waited": 6,
        "wait_p95_ms": 900.0,
        "counted": 9,
        "input_tokens": 90.0,
        "output_tokens": 10.0,
        "demo": 0,
        "slowest_ms": 4000.0,
        "slowest_run": "run_1",
        "slowest_thread": None,
    }
    return {**row, **more}


def bucket(minute: int, **more: float | str | None) -> Row:
    return {"bucket": FIRST + minute * MINUTE, **more}


def reading(minute: int, queue: str, metric: str, highest: float | None) -> Row:
    return bucket(minute, queue=queue, metric=metric, highest=highest)


def test_figures_come_in_seconds_and_apart_for_now_and_before() -> None:
    now, before = figures_of([kpi("now"), kpi("before", answers=4, p95_ms=1000.0)])

    assert (now.answers, now.p95_s, now.wait_p95_s, now.tokens, now.slowest_s) == (10, 2.5, 0.9, 100.0, 4.0)
    assert (before.answers, before.p95_s) == (4, 1.0)
    assert now.success_share == pytest.approx(8 / 9)  # whoever stops a question is no failure


def test_a_stretch_without_a_row_had_no_answers_and_no_times() -> None:
    """A first visit: 0 answers is known; how long none took is not."""
    now, before = figures_of([])

    assert now == before == Figures()
    assert (now.answers, now.p95_s, now.tokens, now.success_share) == (0, None, None, None)


def test_a_sum_of_nothing_is_not_zero_tokens() -> None:
    """KQL sums no values to 0; that would be a claim."""
    now, _ = figures_of(
        [kpi("now", counted=0, input_tokens=0.0, output_tokens=0.0, waited=0, wait_p95_ms=None)]
    )

    assert (now.tokens, now.wait_p95_s) == (None, None)


def test_a_change_needs_both_ends() -> None:
    assert difference(3.0, 1.0) == 2.0
    assert difference(None, 1.0) is None
    assert difference(1.0, None) is None


def test_a_rate_is_by_the_length_of_the_stretch() -> None:
    assert per_minute(30, timedelta(minutes=15)) == 2.0
    assert per_minute(0, timedelta(hours=1)) == 0.0
    assert per_minute(3, timedelta()) is None


def test_a_stretch_without_answers_is_a_gap_in_a_line_and_a_zero_in_a_count() -> None:
    rows = [bucket(1, answers=2, p95_ms=500.0), bucket(3, answers=1, p95_ms=None)]
    moments = buckets(rows, START, END, MINUTE)

    assert [moment.minute for moment in moments] == [0, 1, 2, 3, 4, 5]
    assert [value for _, value in counts(rows, "answers", moments)] == [0, 2, 0, 1, 0, 0]
    assert [value for _, value in values(rows, "p95_ms", moments, 0.001)] == [
        None,
        0.5,
        None,
        None,
        None,
        None,
    ]


@pytest.mark.parametrize("offset_s", [0, 17, -13])
def test_buckets_lie_as_the_service_laid_them(offset_s: int) -> None:
    """Log Analytics and its local stand-in count odd grains from different years."""
    anchor = FIRST + 2 * MINUTE + timedelta(seconds=offset_s)
    moments = buckets([{"bucket": anchor}], START, END, MINUTE)

    assert anchor in moments
    assert moments[0] <= START < moments[0] + MINUTE
    assert moments[-1] < END <= moments[-1] + MINUTE


def test_a_bucket_that_begins_with_the_stretch_is_the_first() -> None:
    assert buckets([{"bucket": START + MINUTE}], START, END, MINUTE)[0] == START


def test_without_a_row_and_for_absurd_ranges_there_are_no_buckets() -> None:
    assert buckets([], START, END, MINUTE) == ()
    assert buckets([{"bucket": FIRST}], START, START + timedelta(days=3650), MINUTE) == ()
    assert buckets([{"bucket": None}], START, END, MINUTE) == ()


def test_cut_buckets_are_left_out_of_a_sparkline() -> None:
    """The minute that has just begun would look like a collapse."""
    points = counts([], "answers", buckets([{"bucket": FIRST}], START, END, MINUTE))

    assert [at.minute for at, _ in only_whole(points, START, END, MINUTE)] == [1, 2, 3, 4]


def test_success_is_of_those_that_nobody_stopped() -> None:
    rows = [bucket(0, answers=4, answered=2, cancelled=2), bucket(1, answers=1, answered=0, cancelled=1)]
    moments = [FIRST, FIRST + MINUTE, FIRST + 2 * MINUTE]

    assert [value for _, value in success_shares(rows, moments)] == [1.0, None, None]


# Where the time goes ----------------------------------------------------------------------------------


def part_row(measured: int, whole: float, model: float, wait: float, function: float) -> Row:
    return bucket(
        0,
        answers=measured + 1,
        measured=measured,
        whole_ms=whole,
        model_ms=model,
        wait_ms=wait,
        function_ms=function,
    )


def test_what_the_parts_leave_is_other_and_never_less_than_nothing() -> None:
    assert parts_of(part_row(2, 1000, 500, 200, 100)).other_s == pytest.approx(0.2)
    assert parts_of(part_row(2, 1000, 800, 400, 100)).other_s == 0.0  # two calls side by side


def test_a_bucket_that_nobody_measured_has_no_parts() -> None:
    found = parts_of(
        bucket(0, answers=3, measured=0, whole_ms=None, model_ms=None, wait_ms=None, function_ms=None)
    )

    assert found == Parts(3, 0)
    assert found.whole_s is None


def test_the_mean_of_all_weighs_each_bucket_by_its_answers() -> None:
    found = mean_parts([Parts(1, 1, 4.0, 1.0, 1.0, 0.0), Parts(5, 3, 0.0, 1.0, 1.0, 0.0), Parts(2, 0)])

    assert (found.answers, found.measured, found.wait_s, found.whole_s) == (8, 4, 1.0, 3.0)
    assert mean_parts([]).whole_s is None


# Queues -----------------------------------------------------------------------------------------------


def test_queues_come_with_the_longest_wait_first_and_gaps_where_nobody_looked() -> None:
    rows = [
        reading(0, "a", DEPTH, 1.0),
        reading(4, "a", DEPTH, 2.0),
        reading(0, "b", DEPTH, 1.0),
        reading(0, "b", OLDEST, 9.0),
    ]
    worst, other = queue_pasts(rows, START, END, MINUTE, sampled_s=15)

    assert (worst.name, worst.longest_s, other.name, other.deepest) == ("b", 9.0, "a", 2.0)
    assert [value for _, value in other.depth] == [1.0, None, None, None, 2.0, None]


def test_readings_rarer_than_the_grain_make_no_gaps() -> None:
    """With a look every two minutes, every other minute without one means nothing."""
    rows = [reading(0, "a", DEPTH, 3.0), reading(2, "a", DEPTH, 0.0)]
    (past,) = queue_pasts(rows, START, END, MINUTE, sampled_s=60)

    assert [value for _, value in past.depth] == [3.0, 3.0, 0.0, 0.0, 0.0, None]


def test_a_queue_whose_depth_was_never_told_is_not_an_empty_one() -> None:
    (past,) = queue_pasts([reading(0, "a", DEPTH, None)], START, END, MINUTE, sampled_s=15)

    assert (past.deepest, past.longest_s) == (None, None)


def test_no_waiting_message_is_an_age_of_zero_only_where_queues_were_read() -> None:
    rows = [reading(0, "a", DEPTH, 0.0), reading(1, "a", OLDEST, 5.0), reading(1, "b", OLDEST, 7.0)]
    moments = [FIRST, FIRST + MINUTE, FIRST + 2 * MINUTE]

    assert [value for _, value in oldest_of_all(rows, moments)] == [0.0, 7.0, None]
