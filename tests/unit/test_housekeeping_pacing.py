"""RateLimit: turns in order, never closer than the rate allows."""

from itertools import pairwise

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


def gaps(found: list[float]) -> list[float]:
    return [round(later - earlier, 6) for earlier, later in pairwise(found)]


def test_turns_keep_their_distance(time: Time) -> None:
    assert gaps(turns(RateLimit(20, time.clock, time.sleep), time, 5)) == [0.05] * 4


def test_a_quiet_time_earns_no_burst(time: Time) -> None:
    """A bucket that fills up would let a second see twice the rate."""
    rate = RateLimit(10, time.clock, time.sleep)
    rate.wait()
    time.now_s += 60
    assert gaps(turns(rate, time, 3)) == [0.1, 0.1]


def test_a_service_at_its_limit_halves_the_rate_for_a_while(time: Time) -> None:
    rate = RateLimit(10, time.clock, time.sleep)
    rate.slow_down()
    rate.slow_down()  # the other workers were told the same
    assert gaps(turns(rate, time, 3)) == [0.2, 0.2]
    time.now_s += 10
    rate.wait()
    assert gaps(turns(rate, time, 3)) == [0.1, 0.1]


def test_it_never_slows_down_to_nothing(time: Time) -> None:
    rate = RateLimit(16, time.clock, time.sleep)
    for _ in range(20):
        rate.slow_down()
        time.now_s += 1
    assert gaps(turns(rate, time, 3)) == [1.0, 1.0]
