"""AgentInventory against Local Azure: who is there, whose they are, what is broken, and what a bad day does to it."""

import threading

import pytest

from services.agents.backend import AgentDefinition, ConnectedAgent
from services.errors import AccessDenied, Unavailable
from services.inventory.agents import MANY
from services.inventory.agents_board import previous_of
from tests.contract.agents_inventory_support import (
    WAIT_S,
    CountedPace,
    by_role,
    foreign,
    inventory_of,
    make_queues,
    read,
)
from tests.contract.agents_support import MODEL, Lab
from tests.contract.seam_support import Seam
from tests.waiting import wait_for

LONGEST = "x" * 256_000


def test_the_team_is_ours_present_and_knows_who_calls_whom(seam: Seam) -> None:
    make_queues(seam)
    leader = seam.team().orchestrator()

    board = read(inventory_of(seam))

    assert (board.state, board.problem) == ("ready", None)
    assert sorted(entry.role for entry in board.entries) == [
        "calculate",
        "foo",
        "orchestrator",
        "order_status",
    ]
    assert {(entry.owner, entry.standing) for entry in board.entries} == {("pooled", "present")}
    foo = by_role(board, "foo")
    assert [caller.id for caller in board.callers_of(foo)] == [leader.id]
    assert (board.kind_of(by_role(board, "orchestrator")), board.kind_of(foo)) == (
        "orchestrator",
        "connected",
    )
    assert all(board.broken(entry) == () for entry in board.entries)


def test_agents_of_others_are_shown_as_theirs(seam: Seam, lab: Lab) -> None:
    """Another environment's team carries the tag of Relaydeck and is still not ours to touch."""
    foreign(lab)
    seam.team(environment="elsewhere").orchestrator()

    board = read(inventory_of(seam))

    assert sorted((entry.owner, entry.standing) for entry in board.entries if entry.role != "x") == [
        *[("elsewhere", None)] * 4,
        ("foreign", None),
    ]
    assert not any(entry.is_ours for entry in board.entries)


def test_what_was_changed_by_hand_is_named(seam: Seam, lab: Lab) -> None:
    seam.team().orchestrator()
    board = read(inventory_of(seam))
    lab.client.update_agent(by_role(board, "foo").id, instructions="Say bar.", model="gpt-4.1-mini")

    foo = by_role(read(inventory_of(seam)), "foo")

    assert foo.standing == "changed"
    assert foo.differences == (f"model: gpt-4.1-mini in place of {seam.settings.model}", "instructions")


def test_a_team_of_another_definition_stands_apart(seam: Seam) -> None:
    """After a change of settings the old agents are still there; each is compared with its successor."""
    seam.team().orchestrator()
    seam.emulator.advance(60)
    later = seam.team(trace_context=False)
    later.orchestrator()

    board = read(inventory_of(seam, later))

    standings = [entry.standing for entry in board.entries]
    assert sorted(map(str, standings)) == ["other"] * 4 + ["present"] * 4
    foo, old = [entry for entry in board.entries if entry.role == "foo"]
    assert [one.id for one in previous_of(foo, board.entries)] == [old.id]


def test_a_missing_agent_and_a_missing_queue_are_broken(seam: Seam) -> None:
    team = seam.team()
    leader = team.orchestrator()
    board = read(inventory_of(seam))
    foo = by_role(board, "foo")
    assert board.broken(foo) == ("the queue azure-function-foo-input", "the queue azure-function-foo-output")
    seam.backend.delete_agent(foo.id)

    board = read(inventory_of(seam))

    assert board.broken(board.by_id[leader.id]) == ("the agent foo_bot",)


def test_a_queue_of_another_account_is_not_called_missing(seam: Seam, lab: Lab) -> None:
    """Relaydeck looks at one storage account; what is in others it cannot know."""
    tool = {
        "type": "azure_function",
        "azure_function": {
            "function": {"name": "far", "parameters": {}},
            **{
                f"{way}_binding": {
                    "type": "storage_queue",
                    "storage_queue": {
                        "queue_service_endpoint": "https://far.queue.core.windows.net",
                        "queue_name": f"far-{way}",
                    },
                }
                for way in ("input", "output")
            },
        },
    }
    foreign(lab, tools=[tool])
    board = read(inventory_of(seam))
    assert board.broken(board.entries[0]) == ()


def test_when_the_queues_cannot_be_read_nothing_is_called_missing(seam: Seam) -> None:
    seam.team().orchestrator()
    seam.fail("queues.list_queues", status=403, code="AuthorizationFailure")

    board = read(inventory_of(seam))

    assert board.queues is None and isinstance(board.queues_problem, AccessDenied)
    assert all(board.broken(entry) == () for entry in board.entries)


def test_odd_agents_do_no_harm(seam: Seam, lab: Lab) -> None:
    """No name, the longest instructions, tools of kinds that Relaydeck has no word for, markup."""
    agent_id = str(
        lab.client.create_agent(
            body={"model": MODEL, "instructions": LONGEST, "tools": [{"type": "azure_ai_search"}]}
        ).id
    )
    foreign(lab, "<img src=x onerror=alert(1)> **bold**")

    board = read(inventory_of(seam))

    odd = board.by_id[agent_id]
    assert (odd.name, odd.characters, odd.tools[0].kind) == ("", 256_000, "azure_ai_search")
    assert len(odd.excerpt) < 1_000  # of thousands of them, the index keeps the beginning
    assert board.state == "ready"


def test_looking_sends_nothing_while_what_is_known_is_fresh(seam: Seam) -> None:
    """However many look: a redraw of the page costs Azure nothing."""
    inventory = inventory_of(seam)
    read(inventory)
    before = len(seam.asked())
    boards = [inventory.board() for _ in range(50)]

    assert seam.asked(before) == []
    assert {board.so_far for board in boards} == {None}


def test_who_looks_first_starts_one_reading_for_all(seam: Seam, lab: Lab) -> None:
    foreign(lab)
    inventory = inventory_of(seam)
    before = len(seam.asked())
    viewers = [threading.Thread(target=inventory.settled, args=[WAIT_S]) for _ in range(8)]
    for viewer in viewers:
        viewer.start()
    for viewer in viewers:
        viewer.join(WAIT_S)

    assert [entry.name for entry in inventory.board().entries] == ["stranger"]
    assert seam.asked(before).count("foundry.list_agents") == 1


def test_after_a_while_a_look_reads_again(seam: Seam, lab: Lab) -> None:
    inventory = inventory_of(seam)
    read(inventory)
    foreign(lab)
    assert inventory.board().entries == ()
    seam.emulator.advance(31)

    wait_for(lambda: inventory.board().entries)


def test_the_first_reading_shows_what_it_has_so_far(seam: Seam, lab: Lab) -> None:
    """Of thousands the newest are there at once, and an agent that is not read yet is not called missing."""
    child = foreign(lab, "child")
    seam.backend.create_agent(
        AgentDefinition("leader", MODEL, "Lead.", connected=(ConnectedAgent(child, "child", "Helps."),)),
        {"opid": "op_1"},
    )
    seam.fail("foundry.list_agents", kind="slow", delay_s=0.5, skip=1)
    inventory = inventory_of(seam, page=1)

    board = wait_for(lambda: found if (found := inventory.board()).entries else None)

    assert (board.state, board.so_far, [entry.name for entry in board.entries]) == ("indexing", 1, ["leader"])
    assert board.broken(board.entries[0]) == ()
    assert [entry.name for entry in inventory.read_again(WAIT_S).entries] == ["leader", "child"]


def test_the_budget_is_never_exceeded(seam: Seam, lab: Lab) -> None:
    """Twelve pages and the queues at five requests a minute take two more minutes."""
    for number in range(12):
        foreign(lab, f"a{number}")
    pace = CountedPace()

    board = read(inventory_of(seam, page=1, calls_per_min=5, pace=pace))

    assert len(board.entries) == 12
    assert pace.slept_s == pytest.approx(120)


def test_an_agent_deleted_while_the_others_are_indexed_loses_none_of_them(seam: Seam, lab: Lab) -> None:
    """The next page begins at an agent that is gone."""
    for number in range(4):
        foreign(lab, f"a{number}")
    seam.fail("foundry.list_agents", kind="slow", delay_s=0.4, skip=1)
    inventory = inventory_of(seam, page=2)
    cursor = wait_for(lambda: found.entries[-1].id if (found := inventory.board()).entries else "")
    lab.client.delete_agent(cursor)

    assert {"a3", "a1", "a0"} <= {entry.name for entry in inventory.read_again(WAIT_S).entries}


def test_a_page_that_the_service_will_not_continue_from_makes_the_reading_begin_again(
    seam: Seam, lab: Lab
) -> None:
    for number in range(4):
        foreign(lab, f"a{number}")
    before = len(seam.asked())
    seam.fail("foundry.list_agents", status=400, code="invalid_value", skip=1)

    board = read(inventory_of(seam, page=2))

    assert (board.state, [entry.name for entry in board.entries]) == ("ready", ["a3", "a2", "a1", "a0"])
    assert seam.asked(before).count("foundry.list_agents") == 4


def test_one_deleted_by_us_stays_away_from_a_reading_that_had_seen_it(seam: Seam, lab: Lab) -> None:
    for number in range(2):
        foreign(lab, f"a{number}")
    seam.fail("foundry.list_agents", kind="slow", delay_s=0.4, skip=1)
    inventory = inventory_of(seam, page=1)
    first = wait_for(lambda: found.entries[0].id if (found := inventory.board()).entries else "")

    inventory.drop(first)
    board = wait_for(lambda: found if (found := inventory.board()).so_far is None else None)

    assert [entry.name for entry in board.entries] == ["a0"]


def test_reading_again_is_not_content_with_a_reading_that_began_before(seam: Seam, lab: Lab) -> None:
    """It may have passed the place of what was made meanwhile: who has just changed something would not see it."""
    foreign(lab, "before")
    seam.fail("queues.list_queues", kind="slow", delay_s=0.4)
    inventory = inventory_of(seam)
    wait_for(lambda: inventory.board().so_far)
    foreign(lab, "after")

    assert [entry.name for entry in inventory.read_again(WAIT_S).entries] == ["after", "before"]


def test_a_project_that_refuses_is_a_failure_and_not_an_empty_one(seam: Seam) -> None:
    seam.fail("foundry.list_agents", status=403, code="Forbidden", times=1)
    board = read(inventory_of(seam))
    assert (board.state, board.read_at) == ("failed", None)
    assert isinstance(board.problem, AccessDenied)


def test_what_failed_midway_is_partial(seam: Seam, lab: Lab) -> None:
    for number in range(3):
        foreign(lab, f"a{number}")
    seam.fail("foundry.list_agents", status=503, skip=1, times=4)

    board = read(inventory_of(seam, page=1))

    assert (board.state, len(board.entries)) == ("partial", 1)
    assert isinstance(board.problem, Unavailable)


def test_a_later_failure_leaves_what_was_known_with_its_age(seam: Seam, lab: Lab) -> None:
    foreign(lab)
    inventory = inventory_of(seam)
    known = read(inventory)
    seam.emulator.advance(31)
    seam.fail("foundry.list_agents", status=403, code="Forbidden")

    board = read(inventory)

    assert (board.state, board.read_at) == ("ready", known.read_at)
    assert [entry.name for entry in board.entries] == ["stranger"]
    assert isinstance(board.problem, AccessDenied)


def test_of_too_many_the_newest_are_read_and_that_is_said(seam: Seam, lab: Lab) -> None:
    for number in range(4):
        foreign(lab, f"a{number}")
    board = read(inventory_of(seam, page=2, most=2))
    assert (board.state, [entry.name for entry in board.entries]) == ("partial", ["a3", "a2"])
    assert board.problem is MANY


def test_after_the_end_nothing_is_read(seam: Seam) -> None:
    inventory = inventory_of(seam)
    inventory.close()
    before = len(seam.asked())
    inventory.board()
    assert seam.asked(before) == []
