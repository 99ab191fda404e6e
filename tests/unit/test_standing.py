"""How a dependency stands: from its latest calls, in words that a page, Doctor and /statusz share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.errors import AccessDenied, NotFound, ServiceError, Throttled, Unavailable
from services.resilience import Dependencies, Limits
from services.resilience.dependencies import FOUNDRY, LOGS, QUEUES
from services.standing import Standing, Standings
from tests.unit.test_resilience import HandPace
from tests.waiting import wait_for

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class World:
    def __init__(self) -> None:
        self.pace = HandPace()
        self.dependencies = Dependencies(Limits(call_retries=0), self.pace)
        self.tried: list[str] = []
        tries: dict[str, Callable[[], object]] = {LOGS: lambda: self.tried.append(LOGS)}
        self.standings = Standings(self.dependencies, lambda: NOW, (FOUNDRY, QUEUES, LOGS), tries)

    def call(self, name: str, error: ServiceError | None = None) -> None:
        def answer() -> None:
            if error is not None:
                raise error

        try:
            self.dependencies.caller(name).read("look", "", answer)
        except ServiceError:
            assert error is not None

    def of(self, name: str) -> Standing:
        found = self.standings.of(name)
        assert found is not None
        return found


@pytest.fixture
def world() -> World:
    return World()


def away() -> Unavailable:
    return Unavailable("Could not look: nobody there.", operation="look")


def test_what_was_never_asked_is_not_called_well(world: World) -> None:
    standing = world.of(QUEUES)
    assert (standing.state, standing.worked_at, standing.since, standing.calls) == ("unknown", None, None, 0)


def test_a_success_makes_it_well_and_says_when(world: World) -> None:
    world.call(QUEUES)
    world.pace.time_s += 40
    assert (world.of(QUEUES).state, world.of(QUEUES).worked_at) == ("ok", NOW - 40 * SECOND)


def test_it_fails_since_the_first_failure_that_no_success_has_followed(world: World) -> None:
    world.call(QUEUES)
    world.pace.time_s += 5
    world.call(QUEUES, away())
    world.pace.time_s += 7
    world.call(QUEUES, away())
    standing = world.of(QUEUES)

    assert (standing.state, standing.since, standing.failed_at) == ("degraded", NOW - 7 * SECOND, NOW)
    assert (standing.failure, standing.message) == ("Unavailable", "Could not look: nobody there.")
    world.pace.time_s += 4
    assert world.of(QUEUES).state == "down", "for longer than one can call a hiccup"


def test_one_success_ends_the_failing(world: World) -> None:
    world.call(QUEUES, away())
    world.call(QUEUES)
    assert (world.of(QUEUES).state, world.of(QUEUES).since) == ("ok", None)


def test_an_open_breaker_is_down_and_says_when_it_is_tried(world: World) -> None:
    for _ in range(10):
        world.call(QUEUES, away())
    standing = world.of(QUEUES)
    assert (standing.state, standing.breaker, standing.failures, standing.calls) == ("down", "open", 10, 10)
    assert standing.next_try_s == pytest.approx(15, abs=3.1)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (AccessDenied("No role.", operation="look"), "down"),
        (Throttled("Slow down.", operation="look"), "degraded"),
        (NotFound("Not there.", operation="look"), "ok"),
    ],
    ids=["refused", "throttled", "an answer"],
)
def test_what_an_error_says_of_the_service(world: World, error: ServiceError, state: str) -> None:
    """A refusal lets nobody through; a request to wait passes; that something is not there is an answer."""
    world.call(QUEUES, error)
    assert world.of(QUEUES).state == state


def test_only_what_fails_and_nobody_asks_is_tried(world: World) -> None:
    """Logs are asked by the pages that show them alone: who looks at another one would never learn that they are back."""
    world.call(FOUNDRY, away())
    world.standings.try_failing()
    assert world.tried == []
    world.call(LOGS, away())
    world.standings.try_failing()
    assert wait_for(lambda: world.tried) == [LOGS]


def test_what_is_not_in_use_is_not_told_of(world: World) -> None:
    assert [one.dependency for one in world.standings.all()] == [FOUNDRY, QUEUES, LOGS]
    assert world.standings.of("sign-in") is None
