"""ThreadIndex when the service refuses, slows it down, breaks, or loses what is being read."""

import threading

import pytest

from services.errors import AccessDenied, Throttled, Unavailable
from services.inventory.threads import ThreadIndex
from services.inventory.threads_search import ThreadQuery
from tests.contract.agents_support import Lab
from tests.contract.seam_support import Seam
from tests.contract.threads_support import MARKS, Desk
from tests.waiting import wait_for


@pytest.fixture
def desk(lab: Lab, seam: Seam) -> Desk:
    return Desk(lab, seam)


def test_a_thread_deleted_while_it_waits_to_be_read_is_dropped(desk: Desk, lab: Lab) -> None:
    made = [lab.thread(f"Question {number}").id for number in range(3)]
    desk.index.status()
    desk.step()
    desk.step()
    lab.client.threads.delete(made[1])
    desk.settle()

    assert set(desk.ids()) == {made[0], made[2]}
    assert desk.index.status().problem is None


def test_a_thread_deleted_elsewhere_leaves_with_the_next_look_at_the_list(desk: Desk, lab: Lab) -> None:
    made = [lab.thread(f"Question {number}").id for number in range(3)]
    desk.settle()
    lab.client.threads.delete(made[2])
    desk.settle(seconds=21)

    assert set(desk.ids()) == set(made[:2])


def test_one_deleted_far_down_the_list_leaves_with_the_next_sweep(desk: Desk, lab: Lab) -> None:
    made = [lab.client.threads.create().id for _ in range(110)]
    desk.settle()
    lab.client.threads.delete(made[0])
    desk.settle(seconds=21)
    before = made[0] in desk.rows()
    desk.settle(seconds=901)

    assert (before, made[0] in desk.rows()) == (True, False)


def test_the_page_that_follows_a_deleted_thread_is_still_read(desk: Desk, lab: Lab) -> None:
    """The last thread of a page is where the next one begins."""
    made = [lab.client.threads.create().id for _ in range(110)]
    desk.index.status()
    while not desk.rows():
        desk.step()
    lab.client.threads.delete(made[10])
    desk.settle()

    assert set(desk.ids()) == set(made) - {made[10]}


def test_a_cursor_that_the_service_does_not_know_begins_the_list_again(desk: Desk, lab: Lab) -> None:
    made = [lab.client.threads.create().id for _ in range(110)]
    desk.fail("list_threads", status=400, code="invalid_value", skip=1)
    desk.settle()
    desk.settle(seconds=70)

    assert set(desk.ids()) == set(made)
    assert desk.index.status().problem is None


def test_when_the_service_asks_for_a_pause_the_index_makes_one_and_says_so(desk: Desk, lab: Lab) -> None:
    lab.thread("Question")
    desk.fail("list_threads", status=429, code="too_many_requests", headers={"retry-after": "17"})
    desk.settle()
    status = desk.index.status()
    since = len(desk.asked())

    assert isinstance(status.problem, Throttled)
    assert status.phase == "failing"
    assert status.resumes_s == pytest.approx(17, abs=1)
    desk.step(10.0)
    assert desk.asked(since) == []


def test_a_pause_ends_by_itself_and_the_failure_with_it(desk: Desk, lab: Lab) -> None:
    lab.thread("Question")
    desk.fail("list_threads", status=503)
    desk.settle()
    failed = desk.index.status()
    desk.settle(seconds=failed.resumes_s + 31)

    assert isinstance(failed.problem, Unavailable)
    assert desk.index.status().problem is None
    assert desk.index.find(ThreadQuery()).matching == 1


def test_pauses_grow_while_nothing_gets_better(desk: Desk) -> None:
    desk.fail("*", status=503, times=30)
    pauses = []
    for _ in range(5):
        desk.settle()
        pauses.append(desk.index.status().resumes_s)
        desk.now_s += pauses[-1] + 31
    desk.lab.emulator.call(desk.lab.emulator.faults.clear)

    assert pauses == sorted(pauses)
    assert pauses[0] < 5 < pauses[-1] <= 120


def test_a_refusal_is_told_and_what_is_known_stays(desk: Desk, lab: Lab) -> None:
    lab.thread("Question")
    desk.settle()
    desk.fail("list_threads", status=403, code="Forbidden")
    desk.settle(seconds=21)
    status = desk.index.status()

    assert isinstance(status.problem, AccessDenied)
    assert (status.threads, status.settled) == (1, True)
    assert status.resumes_s > 50


def test_somebody_can_end_the_pause(desk: Desk, lab: Lab) -> None:
    lab.thread("Question")
    desk.fail("list_threads", status=403, code="Forbidden")
    desk.settle()
    desk.index.try_again()
    desk.settle()

    assert desk.index.status().problem is None
    assert desk.index.status().threads == 1


def test_a_thread_that_cannot_be_read_does_not_hold_up_the_others(desk: Desk, lab: Lab) -> None:
    made = [lab.thread(f"Question {number}").id for number in range(4)]
    desk.fail("list_runs", status=500)
    desk.settle()
    desk.settle(seconds=5)
    unread = [row for row in desk.rows().values() if row.thread.runs is None]

    assert len(unread) == 1
    assert unread[0].thread.problem
    assert desk.index.status().settled
    desk.settle(seconds=70)
    assert all(desk.rows()[thread_id].thread.runs is not None for thread_id in made)


def test_closed_it_sends_nothing_more(desk: Desk, lab: Lab) -> None:
    lab.thread("Question")
    desk.index.close()
    since = len(desk.asked())
    desk.index.status()

    assert desk.step() > 60
    assert desk.asked(since) == []


def test_by_itself_it_reads_in_the_background_and_ends_when_it_is_closed(lab: Lab, seam: Seam) -> None:
    """The same index with readers of its own: looking at it is enough."""
    lab.thread("Question")
    index = ThreadIndex(seam.backend, MARKS, lab.emulator.clock.now, calls_per_min=6_000, readers=2)
    before = {thread.name for thread in threading.enumerate()}
    wait_for(lambda: index.status().settled)
    found = index.find(ThreadQuery()).matching
    index.close()
    wait_for(lambda: not [one for one in threading.enumerate() if one.name.startswith("index-")])

    assert found == 1
    assert not [name for name in before if name.startswith("index-")]
