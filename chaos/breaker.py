"""The circuit breaker against a model of it, step by step, and against the clock: when it opens, and when it closes again."""

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import hypothesis.strategies as st
from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from chaos.figure import Figure
from services.resilience.breaker import Admission, CircuitBreaker

SHARE, MIN_CALLS, CALLS, WINDOW_S, OPEN_S, SPREAD = 0.5, 10, 20, 30.0, 15.0, 0.2
LONGEST_S = OPEN_S * (1 + SPREAD)
STEPS_EACH = 50
CALLERS = 20


class HandPace:
    """Time that a test moves; chance that it seeds."""

    def __init__(self, seed: int = 0) -> None:
        self.time_s, self._chance = 1000.0, random.Random(seed)

    def now_s(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> bool:
        self.time_s += seconds
        return True

    def between(self, low: float, high: float) -> float:
        return self._chance.uniform(low, high)


def new_breaker(pace: HandPace) -> CircuitBreaker:
    return CircuitBreaker(
        "model",
        pace,
        failure_share=SHARE,
        min_calls=MIN_CALLS,
        window_s=WINDOW_S,
        open_s=OPEN_S,
        calls=CALLS,
        spread=SPREAD,
    )


class Model(RuleBasedStateMachine):
    """What the breaker should do, told in another way: from the list of all that was reported, not from counters."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        self.pace = HandPace()
        self.breaker = new_breaker(self.pace)
        self.told: list[tuple[float, bool]] = []  # since it last closed, as (when, failed)
        self.out: list[tuple[int, Admission]] = []  # calls under way, each with the era it began in
        self.era = 0  # changes whenever calls under way lose their say
        self.state = "closed"
        self.probed_s = float("-inf")  # when it opened or was last probed
        self.decided = True  # False: a probe came back and told nothing

    @rule()
    def call(self) -> None:
        Model.steps += 1
        answer, since_s = self.breaker.admit(), self.pace.time_s - self.probed_s
        if self.state == "closed":
            assert isinstance(answer, Admission)
        elif not self.decided or since_s >= LONGEST_S:
            assert isinstance(answer, Admission), "its time had come"
        elif since_s < OPEN_S * (1 - SPREAD):
            assert isinstance(answer, float), "a second call within one period"
        if isinstance(answer, float):
            assert 0 < answer <= LONGEST_S
            return
        if self.state != "closed":
            self.era += 1
            self.state, self.probed_s, self.decided = "half_open", self.pace.time_s, True
        self.out.append((self.era, answer))

    @rule(which=st.integers(0, 30), failed=st.sampled_from([True, True, False, None]))
    def end(self, which: int, failed: bool | None) -> None:
        Model.steps += 1
        if not self.out:
            return
        era, admission = self.out.pop(which % len(self.out))
        self.breaker.report(admission, failed)
        if era != self.era:
            return  # too late: it speaks of another time
        if self.state == "half_open":
            self.era += 1
            self.decided = failed is not None
            self.state = "closed" if failed is False else "open"
            self.told.clear()
        elif failed is not None:
            self.told.append((self.pace.time_s, failed))
            if failed and self._fails_now():
                self.era += 1
                self.state, self.probed_s, self.decided = "open", self.pace.time_s, True

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 11.9, 12.1, 18.1, 31.0]))
    def wait(self, seconds: float) -> None:
        Model.steps += 1
        self.pace.time_s += seconds

    @invariant()
    def stands_as_it_should(self) -> None:
        view = self.breaker.view()
        assert view.state == self.breaker.state == self.state
        assert (view.next_try_s is None) is (self.state == "closed")
        if self.state == "closed":
            recent = self._recent()
            assert (view.failures, view.calls) == (sum(recent), len(recent))

    def _recent(self) -> list[bool]:
        return [failed for at_s, failed in self.told[-CALLS:] if at_s >= self.pace.time_s - WINDOW_S]

    def _fails_now(self) -> bool:
        recent = self._recent()
        return len(recent) >= MIN_CALLS and sum(recent) / len(recent) >= SHARE


def check_model(steps: int, seed: int) -> int:
    """Run the breaker beside its model for *steps* at least; return how many there were. Raises AssertionError."""
    Model.steps = 0
    chosen = settings(
        max_examples=max(1, steps // STEPS_EACH),
        stateful_step_count=STEPS_EACH,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        phases=[Phase.generate],  # what differs is told as it was met
        report_multiple_bugs=False,
    )
    while Model.steps < steps:
        run_state_machine_as_test(seeded(seed + Model.steps)(Model), settings=chosen)
    return Model.steps


def outage(seed: int) -> tuple[int, float, int]:
    """Play an outage: calls every 0.1 s, all of which fail until the service comes back at a random moment.

    Return how many failed before it opened, how many seconds after the recovery it closed, and the most calls that
    reached the service in any period of being open.
    """
    chance, pace = random.Random(seed), HandPace(seed)
    breaker = new_breaker(pace)
    for _ in range(chance.randrange(CALLS)):
        _settle(breaker, False)
        pace.time_s += 0.1
    pace.time_s += WINDOW_S + 1  # all quiet before
    until_open = 0
    while _is_closed(breaker):
        _settle(breaker, True)
        until_open += 1
        pace.time_s += 0.1
    recovery_s = pace.time_s + chance.uniform(0, 200)
    reached: list[float] = []
    while not _is_closed(breaker):
        pace.time_s += 0.1
        well = pace.time_s >= recovery_s
        if _settle(breaker, not well):
            reached.append(pace.time_s)
    shortest_s = OPEN_S * (1 - SPREAD)
    crowd = max(sum(1 for other in reached if 0 <= other - one < shortest_s - 0.01) for one in reached)
    return until_open, pace.time_s - recovery_s, crowd


def rush(seed: int) -> int:
    """Return how many of twenty threads that come at once get through to a service that has just become due again."""
    pace = HandPace(seed)
    breaker = new_breaker(pace)
    while _is_closed(breaker):
        _settle(breaker, True)
    pace.time_s += LONGEST_S + 0.1
    together = threading.Barrier(CALLERS)

    def come(_: int) -> bool:
        together.wait()
        return isinstance(breaker.admit(), Admission)

    with ThreadPoolExecutor(CALLERS) as pool:
        return sum(pool.map(come, range(CALLERS)))


def run(size: int, seed: int) -> Iterator[Figure]:
    """Yield the figures of *size* steps beside the model (the whole suite: 50,000) and of as many outages as fit."""
    steps = check_model(size, seed)
    yield Figure("breaker.model_steps", steps, size, "steps", steps >= size, {"seed": seed, "differences": 0})
    outages = [outage(seed + number) for number in range(max(5, size // 250))]
    told = {"seed": seed, "outages": len(outages)}
    opened, closed = max(one for one, _, _ in outages), max(late for _, late, _ in outages)
    crowd = max(max(many for _, _, many in outages), *(rush(seed + number) for number in range(10)))
    yield Figure("breaker.failed_calls_until_open", opened, 10, "calls", opened <= 10, told)
    yield Figure("breaker.calls_per_open_period", crowd, 1, "calls", crowd <= 1, told)
    yield Figure("breaker.closes_after_recovery", round(closed, 2), 20, "s", closed <= 20, told)


def _settle(breaker: CircuitBreaker, failed: bool) -> bool:
    admission = breaker.admit()
    if isinstance(admission, Admission):
        breaker.report(admission, failed)
        return True
    return False


def _is_closed(breaker: CircuitBreaker) -> bool:
    return breaker.state == "closed"
