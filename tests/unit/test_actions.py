"""Actions: whatever becomes of a write, it is told."""

import pytest

from services.access import Access, Principal
from services.actions import Actions
from services.errors import AccessDenied, NotFound


@pytest.fixture
def told() -> list[tuple[str, str, str]]:
    return []


@pytest.fixture
def actions(told: list[tuple[str, str, str]]) -> Actions:
    return Actions(lambda *what: told.append(what))


def test_what_was_done_is_told_and_its_result_returned(
    actions: Actions, told: list[tuple[str, str, str]]
) -> None:
    assert actions.perform("delete agent", "asst_1", lambda: 7) == 7
    assert told == [("delete agent", "asst_1", "done")]


def test_what_failed_is_told_with_the_kind_of_its_error(
    actions: Actions, told: list[tuple[str, str, str]]
) -> None:
    """The page still meets the error itself."""

    def fail() -> None:
        raise NotFound("Gone.", operation="delete agent", resource="asst_1")

    with pytest.raises(NotFound):
        actions.perform("delete agent", "asst_1", fail)
    assert told == [("delete agent", "asst_1", "NotFound")]


def test_a_write_that_was_broken_off_is_told_too(actions: Actions, told: list[tuple[str, str, str]]) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        actions.perform("clean up", "threads", stop)
    assert told == [("clean up", "threads", "broken")]


def test_who_lacks_the_role_changes_nothing(told: list[tuple[str, str, str]]) -> None:
    actions = Actions(
        lambda *what: told.append(what), Access(lambda: Principal("u1", "Ann", frozenset({"viewer"})))
    )
    done: list[str] = []

    with pytest.raises(AccessDenied, match="takes the role Admin"):
        actions.perform("purge queue", "parcels-poison", lambda: done.append("purged"))
    assert done == []
    assert told == [("purge queue", "parcels-poison", "refused")]
