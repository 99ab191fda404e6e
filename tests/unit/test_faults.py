"""Fault scripts: each scripted failure meets the request it was meant for, and is counted until it has."""

import pytest

from emulator.clock import Clock
from emulator.faults import WEATHER, Fault, FaultScript


def take(script: FaultScript, operation: str, path: str = "") -> Fault | None:
    return next(iter(script.meet(operation, path)), None)


def test_a_fault_meets_its_operation_only_as_often_as_scripted() -> None:
    script = FaultScript()
    script.add(Fault("queues.send_message", times=2))

    met = [take(script, name) is not None for name in ("foundry.create_run", *["queues.send_message"] * 3)]

    assert met == [False, True, True, False]
    assert not script


def test_skipped_requests_pass_before_the_fault_strikes() -> None:
    """«The second poll fails» is the usual shape of a bug report."""
    script = FaultScript()
    script.add(Fault("foundry.get_run", skip=1))

    assert [take(script, "foundry.get_run") is not None for _ in range(3)] == [False, True, False]


def test_a_pattern_covers_every_operation_of_a_service() -> None:
    script = FaultScript()
    script.add(Fault("queues.*"))

    assert take(script, "queues.list_queues") is not None


def test_what_was_not_met_can_be_asked_for() -> None:
    """A test that scripts a failure and never meets it has tested nothing."""
    script = FaultScript()
    script.add(Fault("foundry.delete_agent"))

    assert [fault["operation"] for fault in script.pending()] == ["foundry.delete_agent"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"times": 0},
        {"skip": -1},
        {"status": 99},
        {"kind": "explode"},
        {"when": "never"},
        {"delay_s": -1},
        {"chance": 0},
        {"count": 2.5},
        {"lasts_s": 0},
    ],
    ids=[
        "no-times",
        "negative-skip",
        "no-status",
        "unknown-kind",
        "unknown-moment",
        "negative-delay",
        "no-chance",
        "no-whole-number",
        "no-time",
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"kind|times"):
        Fault("queues.*", **wrong)  # type: ignore[arg-type]  # wrong on purpose


def test_chance_is_the_same_for_the_same_seed_whatever_other_operations_do() -> None:
    """Threads interleave differently each time; what the n-th request of an operation meets must not follow that."""
    alone, crowded = FaultScript(seed=7), FaultScript(seed=7)
    for script in (alone, crowded):
        script.add(Fault("foundry.*", "reset", times=None, chance=0.2))

    quiet = [take(alone, "foundry.get_run") is not None for _ in range(200)]
    busy = []
    for _ in range(200):
        take(crowded, "foundry.create_run")
        busy.append(take(crowded, "foundry.get_run") is not None)

    assert quiet == busy
    assert 20 <= sum(quiet) <= 60


def test_weather_of_every_kind_is_counted_by_operation_and_kind() -> None:
    script = FaultScript(seed=3)
    script.add(Fault("queues.*", "weather", times=None, chance=0.5))

    struck = [fault for _ in range(400) if (fault := take(script, "queues.get_messages"))]

    assert {met.kind for met in script.met()} == set(WEATHER)
    assert sum(met.count for met in script.met()) == len(struck)
    assert all(fault.headers == {"Retry-After": "1"} for fault in struck if fault.status == 429)
    assert all(fault.kind != "weather" for fault in struck)


def test_a_mix_leaves_out_what_it_does_not_name() -> None:
    script = FaultScript()
    script.add(Fault("queues.*", "weather", times=None, mix=("drip", "503 after")))

    for _ in range(50):
        take(script, "queues.put_message")

    assert {met.kind for met in script.met()} == {"drip", "503 after"}


def test_weather_is_never_unspent_and_a_promise_by_chance_is() -> None:
    """«One of the next deletes fails» is a promise; «deletes may fail» is none."""
    script = FaultScript()
    script.add(Fault("foundry.*", "weather", times=None, chance=0.05))
    script.add(Fault("foundry.delete_agent", chance=0.5))

    assert [fault["operation"] for fault in script.pending()] == ["foundry.delete_agent"]
    assert [fault["operation"] for fault in script.weather()] == ["foundry.*"]


def test_weather_ends_by_itself() -> None:
    clock = Clock()
    script = FaultScript(clock)
    script.add(Fault("foundry.*", times=None, lasts_s=60, scenario="rain"))

    met = take(script, "foundry.get_run")
    clock.advance(60)

    assert met is not None
    assert take(script, "foundry.get_run") is None
    assert script.weather() == []
    assert [(one.scenario, one.count) for one in script.met()] == [("rain", 1)]


def test_one_scenario_is_cleared_and_the_other_stays() -> None:
    script = FaultScript()
    for name in ("rain", "fog"):
        script.add(Fault("foundry.*", times=None, scenario=name))

    script.clear("rain")

    assert [fault["scenario"] for fault in script.weather()] == ["fog"]


def test_a_fault_can_be_for_one_path_only() -> None:
    script = FaultScript()
    script.add(Fault("queues.put_message", on="*/foo-output/messages"))

    met = [take(script, "queues.put_message", f"/account/{name}/messages") for name in ("bar", "foo-output")]

    assert [fault is not None for fault in met] == [False, True]


def test_what_is_slow_can_fail_as_well() -> None:
    """Two scenarios at once: neither hides the other, and a request still fails in one way only."""
    script = FaultScript()
    for kind in ("reset", "slow", "status", "asleep", "duplicate"):
        script.add(Fault("queues.*", kind, times=None))

    assert [fault.kind for fault in script.meet("queues.get_messages")] == [
        "slow",
        "reset",
        "asleep",
        "duplicate",
    ]
    assert [fault.kind for fault in script.meet("queues.list_queues")] == ["slow", "reset"]
