"""The agent service's own storage client tries again, as Azure's does: one bad moment of the queue fails no run."""

from emulator.faults import Fault
from emulator.queues.patient import TRIES
from tests.contract.agents_support import Lab, start_foo

INPUT = "azure-function-foo-input"


def test_a_call_reaches_its_queue_although_the_queue_fails_a_few_times(lab: Lab) -> None:
    lab.emulator.fail(Fault("project.put_message", "status", 503, times=TRIES - 1))

    assert start_foo(lab).status == "requires_action"
    assert len(lab.left(INPUT)) == 1


def test_a_queue_that_keeps_failing_fails_the_run(lab: Lab) -> None:
    lab.emulator.fail(Fault("project.put_message", "status", 503, times=TRIES))

    assert start_foo(lab).status == "failed"
    assert lab.left(INPUT) == []


def test_a_missing_role_is_not_tried_again(lab: Lab) -> None:
    """It does not pass; a second fault of the same kind would be left unspent."""
    lab.emulator.fail(Fault("project.put_message", "status", 403, "AuthorizationPermissionMismatch"))

    assert start_foo(lab).status == "failed"
    assert lab.left(INPUT) == []
