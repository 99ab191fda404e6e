"""Fault scripts: each scripted failure meets the request it was meant for, and is counted until it has."""

import pytest

from emulator.faults import Fault, FaultScript


def test_a_fault_meets_its_operation_only_as_often_as_scripted() -> None:
    script = FaultScript()
    script.add(Fault("queues.send_message", times=2))

    met = [script.take(name) is not None for name in ("foundry.create_run", *["queues.send_message"] * 3)]

    assert met == [False, True, True, False]
    assert not script


def test_skipped_requests_pass_before_the_fault_strikes() -> None:
    """«The second poll fails» is the usual shape of a bug report."""
    script = FaultScript()
    script.add(Fault("foundry.get_run", skip=1))

    assert [script.take("foundry.get_run") is not None for _ in range(3)] == [False, True, False]


def test_a_pattern_covers_every_operation_of_a_service() -> None:
    script = FaultScript()
    script.add(Fault("queues.*"))

    assert script.take("queues.list_queues") is not None


def test_what_was_not_met_can_be_asked_for() -> None:
    """A test that scripts a failure and never meets it has tested nothing."""
    script = FaultScript()
    script.add(Fault("foundry.delete_agent"))

    assert [fault["operation"] for fault in script.pending()] == ["foundry.delete_agent"]


@pytest.mark.parametrize(
    "wrong",
    [{"times": 0}, {"skip": -1}, {"status": 99}, {"kind": "explode"}, {"when": "never"}, {"delay_s": -1}],
    ids=["no-times", "negative-skip", "no-status", "unknown-kind", "unknown-moment", "negative-delay"],
)
def test_a_fault_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"kind|times"):
        Fault("queues.*", **wrong)  # type: ignore[arg-type]  # wrong on purpose
