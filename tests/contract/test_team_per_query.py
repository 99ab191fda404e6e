"""The team for one question: everything is created, used and deleted again, whatever happens."""

import pytest

from services.errors import InvalidInput, ServiceError, Unavailable
from tests.contract.seam_support import Seam


def left(seam: Seam) -> int:
    return len(seam.backend.list_agents(1000))


def test_a_team_is_made_for_the_question_and_deleted_after_it(seam: Seam) -> None:
    """What the original script does."""
    with seam.team().per_query_team() as leader:
        assert leader.metadata["role"] == "orchestrator" and left(seam) == 4
    assert left(seam) == 0


@pytest.mark.parametrize(
    "error", [RuntimeError, KeyboardInterrupt, GeneratorExit], ids=lambda kind: kind.__name__
)
def test_it_is_deleted_when_the_question_fails(seam: Seam, error: type[BaseException]) -> None:
    """Also when the process is being stopped: nobody else knows of these agents."""
    with pytest.raises(error), seam.team().per_query_team():
        raise error
    assert left(seam) == 0


@pytest.mark.parametrize("skip", [0, 1, 3], ids=["first", "second", "orchestrator"])
def test_a_team_that_cannot_be_completed_leaves_nothing(seam: Seam, skip: int) -> None:
    """The third agent is refused: the first two must go."""
    seam.fail("foundry.create_agent", kind="status", status=400, code="invalid_request_error", skip=skip)

    with pytest.raises(InvalidInput), seam.team().per_query_team():
        raise AssertionError("there is no team")
    assert left(seam) == 0


def test_an_agent_that_nobody_knows_of_is_found_and_deleted(seam: Seam) -> None:
    """Its creation's reply was lost, and so was the look-up: its tag still tells that it is of this team."""
    seam.fail("foundry.create_agent", kind="reset", when="after", skip=1)
    seam.fail("foundry.list_agents", kind="status", status=403)

    with pytest.raises(Unavailable), seam.team().per_query_team():
        raise AssertionError("there is no team")
    assert left(seam) == 0


def test_deleting_is_tried_until_it_works(seam: Seam) -> None:
    """With growing pauses, beyond the repeats of a single call."""
    seam.fail("foundry.delete_agent", kind="status", status=403, times=6)

    with seam.team().per_query_team():
        pass

    assert left(seam) == 0 and 0 < seam.pauses.slept_s < 20


def test_what_cannot_be_deleted_is_told_and_tried_after_the_next_question(
    seam: Seam, caplog: pytest.LogCaptureFixture
) -> None:
    """In bounded time: an answer does not wait for ever for its clean-up, and nothing is swallowed."""
    team = seam.team(counted=True)
    seam.fail("foundry.delete_agent", kind="status", status=403, times=28)
    with team.per_query_team():
        pass

    assert len(team.leftovers()) == 4 == left(seam)
    assert seam.pauses.slept_s <= 20
    assert "agents.left_over" in caplog.messages
    with team.per_query_team():
        pass
    assert team.leftovers() == () and left(seam) == 0


def test_pooled_agents_and_those_of_others_survive(seam: Seam) -> None:
    """Both modes may be used in one project."""
    pooled = seam.team().orchestrator()

    with seam.team().per_query_team() as leader:
        assert leader.id != pooled.id
    assert left(seam) == 4


def test_an_error_of_the_question_is_the_one_that_is_seen(seam: Seam) -> None:
    """Not the failed clean-up that followed it."""
    team = seam.team(counted=True)
    seam.fail("foundry.delete_agent", kind="status", status=403, times=28)

    with pytest.raises(ServiceError, match="the question failed"), team.per_query_team():
        raise ServiceError("the question failed", operation="ask")
    assert len(team.leftovers()) == 4
