"""RateLimit: turns in order, never closer than the rate allows."""

import pytest

from services.housekeeping.pacing import RateLimit


class Time:
    def __init__(self) -> None:
        self.now_s = 100.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def turns(rate: RateLimit, time: Time, count: int) -> list[float]:
    found = []
    for _ in range(count):
        rate.wait()
        found.append(time.now_s)
    return found


def most_in_a_second(found: list[float]) -> int:
    return max(sum(begin <= one < begin + 1 for one in found) for begin in found)


@pytest.mark.parametrize("per_s", [1, 7, 20, 250])
def test_no_second_sees_more_than_the_rate(time: Time, per_s: int) -> None:
    """Also when a quiet time came before, and when the threads are woken late now and then."""
    rate = RateLimit(per_s, time.clock, time.sleep)
    found = turns(rate, time, 3 * per_s)
    time.now_s += 60
    found += turns(rate, time, 3 * per_s)
    time.now_s += 0.07
    found += turns(rate, time, 3 * per_s)
    assert most_in_a_second(found) <= per_s


def test_it_loses_no_more_than_a_fifth(time: Time) -> None:
    found = turns(RateLimit(100, time.clock, time.sleep), time, 101)
    assert found[-1] - found[0] == pytest.approx(1.2, abs=0.06)


def test_a_service_at_its_limit_halves_the_rate_for_a_while(time: Time) -> None:
    rate = RateLimit(10, time.clock, time.sleep)
    rate.slow_down()
    rate.slow_down()  # the other workers were told the same
    found = turns(rate, time, 30)
    assert most_in_a_second(found[:15]) <= 5 < most_in_a_second(found) + 1


def test_after_a_while_it_is_as_fast_as_before(time: Time) -> None:
    rate = RateLimit(10, time.clock, time.sleep)
    rate.slow_down()
    time.now_s += 10
    rate.wait()
    found = turns(rate, time, 40)
    assert 8 <= most_in_a_second(found) <= 10


def test_it_never_slows_down_to_nothing(time: Time) -> None:
    rate = RateLimit(16, time.clock, time.sleep)
    for _ in range(20):
        rate.slow_down()
        time.now_s += 1
    found = turns(rate, time, 5)
    assert found[-1] - found[0] < 5
