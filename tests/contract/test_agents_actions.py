"""What an operator does to agents: ours only, told, and right also when the reply is not."""

import pytest

from services.agents.catalogue import CATALOGUE
from services.errors import AccessDenied, Conflict, InvalidInput, ServiceError, Throttled, Unavailable
from tests.contract.agents_inventory_support import Desk, by_role, desk_of, foreign, read
from tests.contract.agents_support import Lab
from tests.contract.seam_support import Seam


@pytest.fixture
def desk(seam: Seam) -> Desk:
    found = desk_of(seam)
    found.team.orchestrator()
    read(found.inventory)
    return found


def ids(seam: Seam) -> set[str]:
    return {agent.id for agent in seam.backend.list_agents(1000)}


def test_one_of_ours_is_deleted_and_told(seam: Seam, desk: Desk) -> None:
    foo = by_role(desk.inventory.board(), "foo")

    desk.actions.delete(foo.id)

    assert foo.id not in ids(seam)
    assert foo.id not in desk.inventory.board().by_id  # the table that is drawn next is already true
    assert desk.told == [("delete agent", foo.id, "done")]


def test_the_next_question_makes_a_deleted_member_again(seam: Seam, desk: Desk) -> None:
    """The process remembers its team; a deletion must make it look."""
    foo = by_role(desk.inventory.board(), "foo")
    desk.actions.delete(foo.id)
    desk.team.orchestrator()
    assert by_role(read(desk.inventory), "foo").id != foo.id


def test_what_is_gone_already_is_done(seam: Seam, desk: Desk) -> None:
    foo = by_role(desk.inventory.board(), "foo")
    seam.backend.delete_agent(foo.id)

    desk.actions.delete(foo.id)

    assert foo.id not in desk.inventory.board().by_id
    assert desk.told == [("delete agent", foo.id, "done")]


def test_one_of_others_is_never_deleted(seam: Seam, lab: Lab, desk: Desk) -> None:
    """Whatever the page says: what counts is the tag that the service has now."""
    stranger = foreign(lab)
    with pytest.raises(InvalidInput) as caught:
        desk.actions.delete(stranger)
    assert "not made by this Relaydeck" in caught.value.message
    assert stranger in ids(seam)
    assert desk.told == [("delete agent", stranger, "InvalidInput")]


def test_one_of_another_environment_is_never_deleted(seam: Seam, desk: Desk) -> None:
    elsewhere = seam.team(environment="elsewhere").orchestrator()
    with pytest.raises(InvalidInput):
        desk.actions.delete(elsewhere.id)
    assert elsewhere.id in ids(seam)


def test_one_whose_tag_was_taken_away_since_it_was_indexed_is_not_deleted(
    seam: Seam, lab: Lab, desk: Desk
) -> None:
    foo = by_role(desk.inventory.board(), "foo")
    lab.client.update_agent(foo.id, metadata={"kept": "for the audit"})
    with pytest.raises(InvalidInput):
        desk.actions.delete(foo.id)
    assert foo.id in ids(seam)


@pytest.mark.parametrize(
    ("status", "times", "expected", "says"),
    [
        (403, 1, AccessDenied, "Foundry User"),
        (409, 1, Conflict, "wait"),
        (429, 4, Throttled, "limit"),
    ],
    ids=["denied", "busy", "throttled"],
)
def test_a_refused_deletion_says_why_and_the_agent_stays(
    seam: Seam, desk: Desk, status: int, times: int, expected: type[ServiceError], says: str
) -> None:
    foo = by_role(desk.inventory.board(), "foo")
    seam.fail("foundry.delete_agent", status=status, code="Refused", times=times)

    with pytest.raises(expected) as caught:
        desk.actions.delete(foo.id)

    assert says in caught.value.hint
    assert foo.id in ids(seam)
    assert desk.told == [("delete agent", foo.id, expected.__name__)]


def test_a_deletion_that_failed_after_it_had_happened_is_done(seam: Seam, desk: Desk) -> None:
    """500 says nothing of the effect; the repeat finds nothing left to do."""
    foo = by_role(desk.inventory.board(), "foo")
    seam.fail("foundry.delete_agent", status=500, code="InternalServerError", when="after")

    desk.actions.delete(foo.id)

    assert foo.id not in ids(seam)
    assert desk.told == [("delete agent", foo.id, "done")]


def test_a_deletion_of_which_nothing_is_known_makes_the_index_look(seam: Seam, desk: Desk) -> None:
    foo = by_role(desk.inventory.board(), "foo")
    seam.fail("foundry.delete_agent", status=500, code="InternalServerError", when="after")
    seam.fail("foundry.delete_agent", status=500, code="InternalServerError", times=3)

    with pytest.raises(Unavailable):
        desk.actions.delete(foo.id)

    assert foo.id not in read(desk.inventory).by_id


def test_an_update_makes_what_is_missing(seam: Seam, desk: Desk) -> None:
    """Of a member that was deleted by hand the orchestrator still has the id: both are made."""
    foo = by_role(desk.inventory.board(), "foo")
    seam.backend.delete_agent(foo.id)

    done = desk.actions.update_team()

    assert (len(done.made), done.restored) == (2, ())
    assert done.words == "Team: 2 made."
    assert desk.told == [("update team", desk.team.definition, "done")]


def test_an_update_puts_right_what_was_changed_by_hand(seam: Seam, lab: Lab, desk: Desk) -> None:
    """The pooled team is found by its tags, so a changed agent would be asked for ever."""
    board = desk.inventory.board()
    foo, leader = by_role(board, "foo"), by_role(board, "orchestrator")
    lab.client.update_agent(foo.id, instructions="Say bar.", tools=[])
    lab.client.update_agent(leader.id, tools=[])

    done = desk.actions.update_team()

    assert sorted(done.restored) == sorted([foo.id, leader.id]) and done.made == ()
    after = read(desk.inventory)
    assert {entry.standing for entry in after.entries} == {"present"}
    assert {tool.agent_id for tool in after.by_id[leader.id].tools} == {
        entry.id for entry in after.entries if entry.id != leader.id
    }
    assert len(after.entries) == len(CATALOGUE) + 1


def test_an_update_leaves_other_definitions_alone(seam: Seam, lab: Lab) -> None:
    """A replica with other settings may be asking them at this moment."""
    old = seam.team(trace_context=False)
    leader = old.orchestrator()
    stranger = foreign(lab)

    done = desk_of(seam).actions.update_team()

    assert (len(done.made), done.others) == (4, 4)
    assert {leader.id, stranger} <= ids(seam)
    assert done.words == "Team: 4 made. 4 of other definitions were left alone."


def test_an_update_of_a_team_that_is_right_changes_nothing(seam: Seam, desk: Desk) -> None:
    before = len(seam.asked())
    assert desk.actions.update_team().words == "Team: all was as it should be."
    assert {"foundry.create_agent", "foundry.update_agent"}.isdisjoint(seam.asked(before))


def test_an_update_that_is_denied_names_the_role(seam: Seam, lab: Lab, desk: Desk) -> None:
    lab.client.update_agent(by_role(desk.inventory.board(), "foo").id, instructions="Say bar.")
    seam.fail("foundry.update_agent", status=403, code="Forbidden")
    with pytest.raises(AccessDenied) as caught:
        desk.actions.update_team()
    assert "Foundry User" in caught.value.hint
    assert desk.told == [("update team", desk.team.definition, "AccessDenied")]
