"""Errands: who waits gives up, the reading goes on, and whoever comes next finds it."""

import threading

import pytest

from services.errands import Errands
from services.errors import NotFound, NotYet
from tests.waiting import wait_for


def test_what_comes_in_time_is_returned() -> None:
    assert Errands[int]().send("a", "The answer", lambda: 42).wait(5.0) == 42


def test_who_waits_too_long_is_told_what_has_not_come(now_s: "list[float]") -> None:
    """And the errand itself goes on: its end can be waited for."""
    let_go = threading.Event()
    errands = Errands[int](lambda: now_s[0])
    errand = errands.send("a", "The list of queues", lambda: 7 if let_go.wait(10) else 0)
    now_s[0] += 2.4
    with pytest.raises(NotYet, match="The list of queues has not come yet: asked for 2 s ago") as caught:
        errand.wait(0.01)

    assert not caught.value.errand.done.is_set()
    let_go.set()
    assert caught.value.errand.done.wait(5.0) and errand.result() == 7


def test_who_asks_for_the_same_meanwhile_shares_it() -> None:
    let_go, calls = threading.Event(), []

    def fetch() -> int:
        calls.append(1)
        let_go.wait(10)
        return len(calls)

    errands = Errands[int]()
    first, second = errands.send("a", "It", fetch), errands.send("a", "It", fetch)
    let_go.set()
    assert first is second and first.wait(5.0) == second.wait(5.0) == 1


def test_a_failure_is_met_by_all_who_wait_and_the_next_one_tries_anew() -> None:
    def fail() -> int:
        raise NotFound("gone", operation="read")

    errands = Errands[int]()
    errand = errands.send("a", "It", fail)
    for _ in range(2):
        with pytest.raises(NotFound):
            errand.wait(5.0)
    wait_for(lambda: errands.send("a", "It", lambda: 5) is not errand)
    assert errands.send("b", "It", lambda: 5).wait(5.0) == 5


@pytest.fixture
def now_s() -> "list[float]":
    """A clock that the test moves."""
    return [100.0]
