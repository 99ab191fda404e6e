"""ThreadIndex against Local Azure: what it finds, in what order, and what it costs. The test moves its clock."""

import json

import pytest

from services.inventory.threads_search import ThreadQuery
from tests.contract.agents_support import Lab, Pause, call, calls, connected, say, start_foo
from tests.contract.seam_support import Seam
from tests.contract.threads_support import Desk


@pytest.fixture
def desk(lab: Lab, seam: Seam) -> Desk:
    return Desk(lab, seam)


def test_an_empty_project_is_known_to_be_empty(desk: Desk) -> None:
    """Nothing there and nothing read yet are not the same."""
    before = desk.index.status()
    desk.settle()
    after = desk.index.status()

    assert (before.phase, before.as_of, before.whole) == ("idle", None, False)
    assert (after.phase, after.threads, after.whole, after.settled) == ("current", 0, True, True)


def test_threads_of_anybody_are_found_with_all_that_their_runs_tell(desk: Desk, lab: Lab) -> None:
    repeater = lab.agent()
    ours = desk.ours("What is it?", repeater.id)
    foreign = lab.ask(repeater, "A question of another program").thread_id
    desk.settle()

    rows = desk.rows()
    one, other = rows[ours].thread, rows[foreign].thread
    assert (one.ours, one.question, one.turns, one.worst) == (True, "What is it?", 1, "completed")
    assert (other.ours, other.question, other.turns) == (False, "A question of another program", 1)
    assert one.tokens == 120
    assert rows[ours].agents == ("tested",)
    assert one.active_at >= one.created_at


def test_a_thread_that_carries_its_title_costs_one_request_and_any_other_two(desk: Desk, lab: Lab) -> None:
    """Half of the requests in a project of ours: the question stands on the thread, and each run brings one."""
    repeater = lab.agent()
    desk.ours("What is it?", repeater.id)
    lab.thread("Somebody else's")
    since = len(desk.asked())
    desk.settle()

    asked = desk.asked(since)
    assert (asked.count("list_runs"), asked.count("list_messages")) == (2, 1)


def test_what_a_connected_agent_did_is_nested_both_ways(desk: Desk, lab: Lab) -> None:
    """Its thread carries no tag and names no parent: only the steps of the run that asked tell."""
    lab.model.plays("Delegate.", calls(call("stock_bot", query="MSFT?")), say("It is $350."))
    lab.model.plays("Stocks.", say("$350"))
    main = lab.agent("Delegate.", tools=[connected(lab.agent("Stocks."), "stock_bot", "About stocks.")])
    run = lab.ask(main, "How is MSFT?")
    desk.settle()

    (conversation,) = desk.ids(ThreadQuery())
    (child,) = desk.ids(ThreadQuery(kind="children"))
    rows = desk.rows()
    assert conversation == run.thread_id
    assert [link.thread_id for link in rows[conversation].thread.children] == [child]
    assert rows[child].parent == (conversation, run.id)
    assert rows[child].thread.question == "MSFT?"
    assert rows[conversation].agents == ("tested", "stock_bot")


def test_runs_of_agents_without_connected_agents_cost_no_request_for_steps(desk: Desk, lab: Lab) -> None:
    lab.ask(lab.agent(), "Alone")
    since = len(desk.asked())
    desk.settle()

    assert "list_run_steps" not in desk.asked(since)


def test_an_open_run_is_told_until_it_has_ended(desk: Desk, lab: Lab) -> None:
    """The diagnosis of stuck answers begins here."""
    run = start_foo(lab)
    desk.settle()
    (told,) = desk.index.open_runs()

    assert (told.run_id, told.thread_id, told.state) == (run.id, run.thread_id, "requires_action")
    assert (told.agent, told.ours) == ("tested", False)
    assert told.since.timestamp() == run.created_at.timestamp()

    lab.client.runs.cancel(run.thread_id, run.id)
    lab.wait(run)
    desk.settle(seconds=11)
    assert desk.index.open_runs() == ()
    assert desk.rows()[run.thread_id].thread.worst == "cancelled"


def test_more_threads_than_one_page_are_listed_page_by_page(desk: Desk, lab: Lab) -> None:
    made = [lab.client.threads.create().id for _ in range(120)]
    since = len(desk.asked())
    desk.settle()

    assert desk.asked(since).count("list_threads") == 2
    assert set(desk.ids()) == set(made)
    last = desk.index.find(ThreadQuery(sort="newest"), page=3, size=50)
    assert (last.matching, len(last.rows)) == (120, 20)


def test_what_is_new_is_found_before_what_is_old_is_read_again(desk: Desk, lab: Lab) -> None:
    for number in range(3):
        lab.thread(f"Old {number}")
    desk.settle()
    new = lab.thread("New")
    since = len(desk.asked())
    desk.settle(seconds=21)

    assert desk.asked(since)[:3] == ["list_threads", "list_runs", "list_messages"]
    assert desk.rows()[new.id].thread.question == "New"


def test_progress_is_told_while_it_grows(desk: Desk, lab: Lab) -> None:
    for number in range(12):
        lab.thread(f"Question {number}")
    desk.index.status()
    for _ in range(8):
        desk.step(1.0)
    status = desk.index.status()

    assert (status.phase, status.threads, status.whole) == ("indexing", 12, True)
    assert 0 < status.read < 12


def test_no_minute_costs_more_than_the_budget(lab: Lab, seam: Seam) -> None:
    """Counted at the service, over every window of sixty seconds."""
    for number in range(60):
        lab.thread(f"Question {number}")
    desk = Desk(lab, seam, calls_per_min=30)
    desk.index.status()
    sent: list[float] = []
    while desk.now_s < 1_300:
        before = len(desk.asked())
        wait_s = desk.step()
        sent += [desk.now_s] * (len(desk.asked()) - before)
        desk.now_s += wait_s
        desk.index.status()

    assert len(sent) > 100
    assert max(sum(at <= other < at + 60 for other in sent) for at in sent) <= 30


def test_nobody_looks_so_nothing_is_asked(desk: Desk, lab: Lab) -> None:
    lab.thread("Question")
    desk.settle()
    since = len(desk.asked())
    desk.now_s += 3_600
    for _ in range(5):
        desk.step(30.0)

    assert desk.asked(since) == []
    desk.settle()
    assert "list_threads" in desk.asked(since)


def test_a_thread_that_rests_is_read_less_and_less_often(desk: Desk, lab: Lab) -> None:
    """A project of thousands that rests must cost next to nothing."""
    lab.thread("Long ago")
    lab.emulator.advance(86_400)
    desk.settle()
    since = len(desk.asked())
    desk.settle(seconds=300)

    assert "list_runs" not in desk.asked(since)


def test_a_thread_this_process_works_in_is_read_when_the_answer_is_there(desk: Desk, lab: Lab) -> None:
    """Its list position does not change when it is continued, so nothing else would tell."""
    repeater = lab.agent()
    thread_id = desk.ours("First?", repeater.id)
    lab.emulator.advance(86_400)
    desk.settle()
    desk.hot.add(thread_id)
    desk.settle(seconds=1)
    lab.client.messages.create(thread_id, role="user", content="Second?")
    lab.client.runs.create_and_process(thread_id, agent_id=repeater.id, polling_interval=0)
    desk.hot.clear()
    desk.settle(seconds=1)

    found = desk.rows()[thread_id].thread
    assert found.runs is not None
    assert (len(found.runs), found.turns, found.question) == (2, 2, "First?")


def test_a_hundred_runs_are_kept_and_more_are_said_to_be_there(desk: Desk, lab: Lab) -> None:
    repeater = lab.agent()
    thread = lab.thread("Many")
    for _ in range(101):
        lab.client.runs.create_and_process(thread.id, agent_id=repeater.id, polling_interval=0)
    desk.settle()

    found = desk.rows()[thread.id].thread
    assert found.runs is not None
    assert (len(found.runs), found.more) == (100, True)


def test_a_waiting_model_shows_a_run_that_works(desk: Desk, lab: Lab) -> None:
    lab.model.plays("Think.", [Pause(), *say("done")])
    run = lab.start(lab.agent("Think."))
    lab.wait_for_pause()
    desk.settle()

    assert [one.state for one in desk.index.open_runs()] == ["in_progress"]
    assert desk.rows()[run.thread_id].thread.is_open
    lab.release()
    lab.wait(run)


def test_things_of_an_unknown_shape_do_not_hide_the_rest(desk: Desk, lab: Lab) -> None:
    good = {"id": "thread_good", "object": "thread", "created_at": 1_760_000_000, "metadata": {}}
    odd = {"id": "thread_odd", "object": "thread", "created_at": "yesterday"}
    page = {"object": "list", "data": [odd, good], "first_id": "a", "last_id": "b", "has_more": False}
    desk.fail("list_threads", status=200, body=json.dumps(page), headers={"content-type": "application/json"})
    desk.index.status()
    for _ in range(2):
        desk.step()

    assert desk.ids() == ["thread_good"]
    assert desk.index.status().unread == 1


def test_one_odd_thing_counts_once_however_often_it_is_met(desk: Desk, lab: Lab) -> None:
    odd = {"id": "thread_odd", "object": "thread", "created_at": "yesterday"}
    page = {"object": "list", "data": [odd], "first_id": "a", "last_id": "b", "has_more": False}
    json_type = {"content-type": "application/json"}
    desk.fail("list_threads", status=200, body=json.dumps(page), headers=json_type, times=3)
    for _ in range(3):
        desk.settle(seconds=21)

    assert desk.index.status().unread == 1
