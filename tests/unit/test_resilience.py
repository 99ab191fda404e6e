"""Resilience without a network: what is repeated, how often, and when a service is left alone."""

from collections.abc import Callable

import pytest

from services.errors import (
    AccessDenied,
    InvalidInput,
    NotFound,
    ServiceError,
    Throttled,
    Unavailable,
    UnexpectedReply,
)
from services.resilience import DEPENDENCIES, BreakerView, Dependencies, Limits, Resilience
from services.resilience.breaker import Admission, CircuitBreaker
from services.resilience.dependencies import FOUNDRY, QUEUES


class HandPace:
    """Time that passes only by waiting; chance that always draws the longest wait."""

    def __init__(self) -> None:
        self.time_s = 1000.0
        self.slept: list[float] = []
        self.stopped = False

    def now_s(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> bool:
        self.slept.append(seconds)
        self.time_s += seconds
        return not self.stopped

    def between(self, low: float, high: float) -> float:
        return high


@pytest.fixture
def pace() -> HandPace:
    return HandPace()


@pytest.fixture
def resilience(pace: HandPace) -> Resilience:
    return Resilience("Storage", Limits(breaker_min_calls=20), pace)


def lost() -> Unavailable:
    return Unavailable("the reply was lost", operation="x", sent=True)


def refused() -> Unavailable:
    return Unavailable("nobody listens", operation="x", sent=False)


def busy(seconds: float | None = None) -> Throttled:
    return Throttled("busy", operation="x", retry_after_s=seconds)


def failing(*errors: ServiceError, then: str = "done") -> Callable[[], str]:
    """Return a call that raises *errors*, one per attempt, and then succeeds."""
    left = list(errors)

    def call() -> str:
        if left:
            raise left.pop(0)
        return then

    return call


def test_a_read_survives_passing_failures(resilience: Resilience, pace: HandPace) -> None:
    """With growing, random pauses, drawn from zero up: callers that failed together must not return together."""
    assert resilience.read("peek", "q", failing(lost(), refused(), busy())) == "done"
    assert pace.slept == [0.2, 0.4, 0.8]


def test_a_read_gives_up_after_three_repeats(resilience: Resilience, pace: HandPace) -> None:
    """The operator is told, with the error of the last attempt."""
    with pytest.raises(Unavailable):
        resilience.read("peek", "q", failing(*(lost() for _ in range(9))))
    assert len(pace.slept) == 3


@pytest.mark.parametrize(
    "error",
    [
        NotFound("x", operation="x"),
        InvalidInput("x", operation="x"),
        UnexpectedReply("x", operation="x"),
        AccessDenied("x", operation="x", status=403),
        Unavailable("the disk is full", operation="x", status=507),
    ],
    ids=["not-found", "input", "reply", "forbidden", "disk-full"],
)
def test_what_cannot_pass_is_not_repeated(
    resilience: Resilience, pace: HandPace, error: ServiceError
) -> None:
    """Repeating it only delays the message."""
    with pytest.raises(type(error)):
        resilience.read("peek", "q", failing(error))
    assert pace.slept == []


def test_an_expired_token_is_tried_once_more_at_once(resilience: Resilience, pace: HandPace) -> None:
    """After a 401 the SDK fetches a new token; nothing was done, so even a create may be repeated."""
    expired = AccessDenied("expired", operation="x", status=401)

    assert resilience.create("create", "a", failing(expired), lambda: None) == "done"
    with pytest.raises(AccessDenied):
        resilience.read("peek", "q", failing(expired, expired))
    assert pace.slept == []


def test_a_pause_that_the_service_asks_for_is_kept(resilience: Resilience, pace: HandPace) -> None:
    """Coming back earlier makes it worse."""
    assert resilience.read("peek", "q", failing(busy(7))) == "done"
    assert pace.slept == [7.2]


@pytest.mark.parametrize("seconds", [31.0, 86_400.0, 1e9])
def test_a_pause_that_is_too_long_fails_at_once(
    resilience: Resilience, pace: HandPace, seconds: float
) -> None:
    """Azure OpenAI has asked for a day; the SDK would sleep it."""
    with pytest.raises(Throttled) as caught:
        resilience.read("peek", "q", failing(busy(seconds)))
    assert caught.value.retry_after_s == seconds and pace.slept == []


def test_a_pause_holds_for_everybody(resilience: Resilience, pace: HandPace) -> None:
    """Otherwise each caller would learn by itself, at the service's expense."""
    with pytest.raises(Throttled):
        resilience.once("put", "q", failing(busy(25), busy(25)))
    waited_s = sum(pace.slept)

    assert waited_s >= 25
    pace.time_s -= waited_s  # as another thread sees it, before the pause is over
    reached: list[str] = []
    with pytest.raises(Throttled) as caught:
        resilience.read("peek", "q", lambda: reached.append("x"), deadline_s=5)
    assert caught.value.code == "Paused" and not reached


def test_an_absent_service_that_asks_for_a_pause_gets_one_and_no_verdict(pace: HandPace) -> None:
    """503 with Retry-After: all wait, and the breaker, which would leave it alone for longer, is not asked."""
    resilience = Resilience("Storage", Limits(call_retries=0), pace)
    reached: list[str] = []
    for _ in range(20):
        with pytest.raises(Unavailable):
            resilience.read("peek", "q", failing(Unavailable("later", operation="x", retry_after_s=7)))
        with pytest.raises(Throttled):
            resilience.read("peek", "q", lambda: reached.append("x"))
        assert not reached
        pace.time_s += 7.1

    assert resilience.view().state == "closed" and resilience.view().calls == 0


def test_failures_that_last_are_not_repeated(resilience: Resilience, pace: HandPace) -> None:
    """A query that took too long once takes as long again, at the same cost."""
    slow = Unavailable("the gateway gave up", operation="x", status=504)

    with pytest.raises(Unavailable):
        resilience.read("query", "w", failing(slow), lasting=frozenset({504}))
    assert pace.slept == []


def test_callers_of_one_dependency_share_its_breaker_and_not_their_pauses(pace: HandPace) -> None:
    """Whoever finds out that it is down spares the others the wait; a pause asked of the index is none of a question's."""
    dependencies = Dependencies(Limits(call_retries=0), pace)
    index, question = dependencies.caller(FOUNDRY), dependencies.caller(FOUNDRY)
    with pytest.raises(Throttled):
        index.read("list", "", failing(busy(25)))
    assert question.read("get", "t", failing()) == "done"
    pace.time_s += 25

    for _ in range(20):
        with pytest.raises(Unavailable):
            index.read("list", "", failing(lost()))
        if index.state == "open":
            break

    assert question.state == "open"


def test_the_deadline_bounds_all_attempts_together(pace: HandPace) -> None:
    """A pause that would end after it is not begun."""
    resilience = Resilience("Storage", Limits(call_deadline_s=0.5, breaker_min_calls=20), pace)

    with pytest.raises(Unavailable):
        resilience.read("peek", "q", failing(lost(), lost(), lost(), lost()))
    assert pace.slept == [0.2]


def test_shutting_down_ends_the_waiting(resilience: Resilience, pace: HandPace) -> None:
    """Ctrl-C must not wait for a retry."""
    pace.stopped = True

    with pytest.raises(Unavailable):
        resilience.read("peek", "q", failing(lost()))
    assert len(pace.slept) == 1


def test_a_deletion_that_finds_nothing_has_succeeded(resilience: Resilience) -> None:
    """The first attempt's reply was lost after it worked: the second meets 404."""
    resilience.delete("delete agent", "a", failing(lost(), NotFound("gone", operation="x")))


def test_a_creation_is_looked_up_before_it_is_repeated(resilience: Resilience) -> None:
    """A lost reply says nothing about the effect; a repeat on a guess leaks an agent."""
    created: list[str] = []

    def create() -> str:
        created.append("agent")
        raise lost()

    assert resilience.create("create agent", "a", create, lambda: created[0]) == "agent"
    assert created == ["agent"]


def test_a_creation_that_did_not_happen_is_repeated(resilience: Resilience, pace: HandPace) -> None:
    """The look-ups find nothing, however late the list may be: now a repeat is safe."""
    looked_up: list[float] = []

    def look_up() -> None:
        looked_up.append(pace.now_s() - 1000)

    assert resilience.create("create agent", "a", failing(lost()), look_up) == "done"
    assert looked_up == [0, 0.5, 1.5]


def test_a_list_that_shows_late_what_was_made_is_asked_again(resilience: Resilience, pace: HandPace) -> None:
    """Lists of the agent service need not show at once what was just created; a repeat on the first look is a leak."""
    shown = iter([None, None, "agent"])
    created: list[int] = []

    def create() -> str:
        created.append(1)
        raise lost()

    assert resilience.create("create agent", "a", create, lambda: next(shown)) == "agent"
    assert created == [1]


def test_a_creation_is_not_repeated_when_there_is_no_time_to_look_it_up(pace: HandPace) -> None:
    """Nobody knows what became of it, and the error says so."""
    resilience = Resilience("Storage", Limits(call_deadline_s=0.4), pace)

    with pytest.raises(Unavailable, match="the reply was lost"):
        resilience.create("create agent", "a", failing(lost()), lambda: None)


@pytest.mark.parametrize("error", [refused(), busy()], ids=["never-sent", "refused"])
def test_a_creation_that_was_certainly_not_made_costs_no_look_up(
    resilience: Resilience, error: ServiceError
) -> None:
    """The service said so, or never heard of it."""

    def look_up() -> str:
        raise AssertionError("not asked")

    assert resilience.create("create agent", "a", failing(error), look_up) == "done"


def test_a_creation_whose_look_up_fails_stays_undecided(resilience: Resilience) -> None:
    """Nothing is repeated on a guess; the first error is the one that tells what happened."""
    attempts: list[int] = []

    def create() -> str:
        attempts.append(1)
        raise lost()

    with pytest.raises(Unavailable, match="the reply was lost"):
        resilience.create("create agent", "a", create, failing(NotFound("no list", operation="x")))
    assert len(attempts) == 1


def test_a_creation_answered_with_nonsense_is_looked_up_and_not_repeated(resilience: Resilience) -> None:
    """A proxy's page with status 200: found is found, else the operator must hear of the page."""
    page = UnexpectedReply("a page", operation="x")

    assert resilience.create("create agent", "a", failing(page), lambda: "found") == "found"
    with pytest.raises(UnexpectedReply):
        resilience.create("create agent", "a", failing(page), lambda: None)


def test_a_call_without_a_look_up_is_repeated_only_when_it_had_no_effect(resilience: Resilience) -> None:
    """once(): for what can neither be found again nor done twice."""
    assert resilience.once("put", "q", failing(refused(), busy())) == "done"
    with pytest.raises(Unavailable):
        resilience.once("put", "q", failing(lost()))


def test_repeats_stay_a_share_of_the_calls(pace: HandPace) -> None:
    """Ten to start with, then one for every five calls: a sick service does not get four times the load."""
    resilience = Resilience(
        "Storage", Limits(retry_share=0.2, breaker_failure_share=1.0, breaker_min_calls=20), pace
    )
    attempts = 0

    def call() -> None:
        nonlocal attempts
        attempts += 1
        if attempts % 4:  # every fourth succeeds, so the breaker stays closed
            raise lost()

    for _ in range(200):
        try:
            resilience.read("peek", "q", call)
        except Unavailable:
            pace.time_s += 1

    assert 200 < attempts <= 200 + 10 + 40


def test_a_defect_in_the_call_leaves_the_breaker_usable(resilience: Resilience) -> None:
    """A probe that ends in an exception of ours must not block the service for good."""
    with pytest.raises(KeyError):
        resilience.read("peek", "q", lambda: dict[str, int]()["x"])
    assert resilience.read("peek", "q", failing()) == "done"


# The breaker ----------------------------------------------------------------------------------------


@pytest.fixture
def breaker(pace: HandPace) -> CircuitBreaker:
    return CircuitBreaker("Storage", pace, failure_share=0.5, min_calls=10, window_s=30, open_s=15)


def run(breaker: CircuitBreaker, failed: bool | None, times: int = 1) -> None:
    for _ in range(times):
        admission = breaker.admit()
        assert isinstance(admission, Admission)
        breaker.report(admission, failed)


def test_half_of_the_calls_failing_opens_it(breaker: CircuitBreaker) -> None:
    """A service that answers every other call is down for a page that makes ten."""
    for _ in range(5):
        run(breaker, False)
        run(breaker, True)

    assert breaker.state == "open" and isinstance(breaker.admit(), float)


def test_few_failures_do_not_open_it(breaker: CircuitBreaker) -> None:
    """Nine calls are too few to judge by; refusals and throttling say nothing about health."""
    run(breaker, True, 9)
    run(breaker, None, 50)
    assert breaker.state == "closed"


def test_old_failures_are_forgotten(breaker: CircuitBreaker, pace: HandPace) -> None:
    """Nine failures an hour ago and one now are no outage."""
    run(breaker, True, 9)
    pace.time_s += 31
    run(breaker, True)
    assert breaker.state == "closed"


def test_one_call_tries_again_while_the_others_are_refused(breaker: CircuitBreaker, pace: HandPace) -> None:
    """A service that comes up must not be met by everybody at once."""
    run(breaker, True, 10)
    pace.time_s += 18.1  # 15 s and the most that chance adds

    probe = breaker.admit()
    assert isinstance(probe, Admission)
    assert [type(breaker.admit()) for _ in range(20)] == [float] * 20
    breaker.report(probe, False)
    assert breaker.state == "closed"
    run(breaker, True, 9)
    assert breaker.state == "closed"  # it starts with a clean sheet


def test_a_failed_probe_opens_it_again(breaker: CircuitBreaker, pace: HandPace) -> None:
    """For another whole period."""
    run(breaker, True, 10)
    pace.time_s += 18.1
    run(breaker, True)
    pace.time_s += 17.9
    assert isinstance(breaker.admit(), float)


def test_an_undecided_probe_hands_over_to_the_next_call(breaker: CircuitBreaker, pace: HandPace) -> None:
    """It was throttled or cut short: the question stays open."""
    run(breaker, True, 10)
    pace.time_s += 18.1
    run(breaker, None)
    assert isinstance(breaker.admit(), Admission)


def test_late_news_of_the_old_outage_is_ignored(breaker: CircuitBreaker, pace: HandPace) -> None:
    """Calls that began before it opened come back after it has closed."""
    slow = [breaker.admit() for _ in range(10)]
    run(breaker, True, 10)
    pace.time_s += 18.1
    run(breaker, False)
    for admission in slow:
        assert isinstance(admission, Admission)
        breaker.report(admission, True)

    assert breaker.state == "closed"


def test_an_open_breaker_refuses_in_words_and_without_a_request(pace: HandPace) -> None:
    """The operator reads which service, and when it is tried again."""
    resilience = Resilience("Storage", Limits(call_retries=0), pace)
    for _ in range(10):
        with pytest.raises(Unavailable):
            resilience.read("peek queue", "orders", failing(lost()))

    reached: list[int] = []
    with pytest.raises(Unavailable) as caught:
        resilience.read("peek queue", "orders", lambda: reached.append(1))

    assert not reached and caught.value.sent is False and resilience.state == "open"
    assert caught.value.message == (
        "Could not peek queue orders: Storage has failed repeatedly and is left alone; next try in 18 s."
    )


def test_how_a_breaker_stands_can_be_seen_from_outside(pace: HandPace) -> None:
    """The health board shows it: what is left alone, since when, and when it is tried again."""
    dependencies = Dependencies(Limits(call_retries=0), pace)
    caller, other = dependencies.caller(QUEUES), dependencies.caller(QUEUES)
    for _ in range(5):
        for one in (caller, other):
            with pytest.raises(Unavailable):
                one.read("peek queue", "orders", failing(lost()))
    pace.time_s += 3

    seen = {view.dependency: view for view in dependencies.views()}

    assert tuple(seen) == DEPENDENCIES
    assert seen[QUEUES] == caller.view() == BreakerView(QUEUES, "open", 15.0, 10, 10, 3.0)
    assert seen[FOUNDRY] == BreakerView(FOUNDRY, "closed", None, 0, 0, 3.0)
