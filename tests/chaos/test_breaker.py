"""The chaos suite's work on the circuit breaker, in short."""

import pytest

from chaos import breaker
from services.resilience.breaker import Admission, CircuitBreaker


def test_the_breaker_does_what_its_model_does() -> None:
    """Calls begun, ended late, lost and repeated in any order, with time passing in between."""
    figures = {figure.name: figure for figure in breaker.run(600, seed=1)}

    assert all(figure.met for figure in figures.values()), figures
    assert figures["breaker.model_steps"].value >= 600


def test_a_wrong_breaker_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that agrees with everything would prove nothing: one breaker lets all in, one never forgets."""

    def lets_all_in(self: CircuitBreaker) -> Admission:
        return Admission(self._generation)

    def forgets_nothing(pace: breaker.HandPace) -> CircuitBreaker:
        return CircuitBreaker("x", pace, failure_share=0.5, min_calls=10, window_s=1e9, open_s=15)

    with monkeypatch.context() as patch:
        patch.setattr(CircuitBreaker, "admit", lets_all_in)
        with pytest.raises(AssertionError):
            breaker.check_model(600, seed=1)
    with monkeypatch.context() as patch:
        patch.setattr(breaker, "new_breaker", forgets_nothing)
        with pytest.raises(AssertionError):
            breaker.check_model(2_000, seed=1)


def test_a_probe_that_hangs_does_not_keep_the_service_shut() -> None:
    """Its reply may take half a minute; the service may be well again in a second."""
    pace = breaker.HandPace()
    one = breaker.new_breaker(pace)
    while one.state == "closed":
        admission = one.admit()
        assert isinstance(admission, Admission)
        one.report(admission, True)
    pace.time_s += breaker.LONGEST_S
    hanging = one.admit()
    pace.time_s += breaker.LONGEST_S
    second = one.admit()

    assert isinstance(hanging, Admission) and isinstance(second, Admission)
    one.report(second, False)
    one.report(hanging, True)
    assert one.view().state == "closed"
