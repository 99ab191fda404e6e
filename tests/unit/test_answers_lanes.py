"""Whose turn it is: limits, order per thread, refusals."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from services.answers.events import Asked, Closed
from services.answers.job import Job
from services.answers.journal import Journal
from services.answers.lanes import Lanes
from services.answers.registry import Registry
from services.errors import Throttled, Unavailable

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
LONG_S = 10.0


def job(name: str, thread_id: str = "", token: str = "") -> Job:
    journal = Journal(Asked(0.0, name, f"{name}?", thread_id, NOON))
    return Job(name, journal, f"{name}?", f"op_{name}", 60.0, token)


class Work:
    """Stands in for answering: each job runs until it is let go."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.gates: dict[str, threading.Event] = {}
        self.changed = threading.Condition()

    def __call__(self, one: Job) -> None:
        gate = threading.Event()
        with self.changed:
            self.gates[one.id] = gate
            self.began.append(one.id)
            self.changed.notify_all()
        assert gate.wait(LONG_S)

    def wait_for(self, *names: str) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: all(name in self.gates for name in names), LONG_S)

    def let_go(self, *names: str) -> None:
        for name in names:
            self.wait_for(name)
            self.gates[name].set()


def test_questions_of_one_thread_wait_for_each_other_and_know_their_place() -> None:
    """The service refuses a second run on a thread; a person must not lose the second question to that."""
    work = Work()
    lanes = Lanes(work, max_running=4, max_waiting=8)
    first, second, third = (job(name, "thread_1") for name in ("one", "two", "three"))
    for one in (first, second, third):
        lanes.submit(one)
    work.wait_for("one")
    assert (second.answer.ahead, third.answer.ahead) == (1, 2)
    assert work.began == ["one"]

    work.let_go("one")
    work.wait_for("two")
    assert third.answer.ahead == 1
    work.let_go("two", "three")
    assert lanes.wait_idle(LONG_S)
    assert work.began == ["one", "two", "three"]
    lanes.close()


def test_other_threads_pass_a_blocked_one() -> None:
    """One slow conversation holds up itself only."""
    work = Work()
    lanes = Lanes(work, max_running=2, max_waiting=8)
    for one in (job("slow", "thread_1"), job("behind", "thread_1"), job("other", "thread_2")):
        lanes.submit(one)
    work.wait_for("slow", "other")
    assert "behind" not in work.began
    work.let_go("slow", "other", "behind")
    assert lanes.wait_idle(LONG_S)
    lanes.close()


def test_one_question_too_many_is_refused_in_words() -> None:
    """A refusal names the limit and says that nothing was sent; those that wait stay in line."""
    work = Work()
    lanes = Lanes(work, max_running=1, max_waiting=2)
    for name in ("one", "two", "three"):
        lanes.submit(job(name))
    work.wait_for("one")
    with pytest.raises(Throttled) as caught:
        lanes.submit(job("four"))

    assert "at most 2 may wait" in caught.value.message and "number 3" in caught.value.message
    work.let_go("one", "two", "three")
    assert lanes.wait_idle(LONG_S)
    assert work.began == ["one", "two", "three"]
    lanes.close()


def test_a_waiting_question_can_be_taken_back() -> None:
    """Cancel before its turn: it never runs, and those behind it move up."""
    work = Work()
    lanes = Lanes(work, max_running=1, max_waiting=8)
    waiting, last = job("two"), job("three")
    for one in (job("one"), waiting, last):
        lanes.submit(one)
    work.wait_for("one")
    assert last.answer.ahead == 2

    assert lanes.withdraw(waiting)
    assert not lanes.withdraw(waiting)
    assert last.answer.ahead == 1
    work.let_go("one", "three")
    assert lanes.wait_idle(LONG_S)
    assert work.began == ["one", "three"]
    lanes.close()


def test_a_defect_in_one_answer_does_not_stop_the_next(caplog: pytest.LogCaptureFixture) -> None:
    """A worker that died would silently shrink the service until nothing is answered."""
    ran: list[str] = []

    def work(one: Job) -> None:
        ran.append(one.id)
        if one.id == "bad":
            raise RuntimeError("a defect")

    lanes = Lanes(work, max_running=1, max_waiting=8)
    lanes.submit(job("bad"))
    lanes.submit(job("good"))
    assert lanes.wait_idle(LONG_S)
    assert ran == ["bad", "good"]
    assert any(record.message == "answer.worker_failed" for record in caplog.records)
    lanes.close()


def test_a_closed_line_takes_nothing() -> None:
    """During shutdown a question is refused rather than forgotten."""
    lanes = Lanes(Work(), 1, 1)
    lanes.close()
    with pytest.raises(Unavailable, match="shutting down"):
        lanes.submit(job("late"))


def test_the_same_token_is_the_same_answer() -> None:
    """A double click sends one question."""
    registry = Registry()
    first = registry.add(job("one", token="click"))
    assert registry.add(job("two", token="click")) is first
    assert registry.get("two") is None
    assert registry.add(job("three", token="other")).id == "three"


@pytest.mark.parametrize("close", [True, False], ids=["finished", "open"])
def test_finished_answers_are_forgotten_in_time_and_open_ones_never(close: bool) -> None:
    """The registry is a cache of bounded size; an answer that is still worked on is no cache."""
    registry = Registry(finished_kept=2)
    jobs = [job(f"a{number}", token=f"t{number}") for number in range(5)]
    finish: Callable[[Job], None] = lambda one: one.journal.record(Closed(1.0, "answered"))  # noqa: E731 - short
    for one in jobs:
        registry.add(one)
        if close:
            finish(one)
    registry.add(job("last"))

    kept = [one.id for one in jobs if registry.get(one.id)]
    assert kept == (["a3", "a4"] if close else [one.id for one in jobs])
    assert (registry.with_token("t0") is None) is close


def test_a_journal_wakes_whoever_waits_for_the_next_version() -> None:
    """Pages long-poll: a change must reach them at once, not at the end of their time."""
    one = job("one")
    seen: list[int] = []
    waiter = threading.Thread(target=lambda: seen.append(one.journal.wait(1, LONG_S).version))
    waiter.start()
    one.journal.record(Closed(1.0, "answered"))
    waiter.join(LONG_S)
    assert seen == [2]


def test_the_events_of_a_journal_end_with_the_answer() -> None:
    """The terminal prints them as they come and then goes on."""
    one = job("one")
    one.journal.record(Closed(1.0, "answered"))
    assert [type(event).__name__ for event in one.journal.events()] == ["Asked", "Closed"]
    assert [type(event).__name__ for event in one.journal.events(cursor=1)] == ["Closed"]
