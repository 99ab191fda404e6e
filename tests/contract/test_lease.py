"""The lease of a clean-up, on our own queue service and, with --azurite, on Microsoft's emulator."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from azure.storage.queue import QueueServiceClient

from services.errors import Conflict
from services.housekeeping.lease import Lease
from services.queues import LEASE_PREFIX
from services.resilience import Resilience
from tests.contract.conftest import QueueTarget, new_name
from tests.contract.seam_support import LIMITS
from tests.unit.conftest import Impatient
from tests.waiting import wait_for

Claim = Callable[..., Lease]


@pytest.fixture
def claim(queue_service: QueueServiceClient) -> Claim:
    """Make the claim of one more process on the same environment."""
    environment = new_name("env")

    def made(held_s: int = 60) -> Lease:
        return Lease(queue_service, Resilience("Storage", LIMITS, Impatient()), environment, held_s)

    return made


def test_one_holds_it_and_the_others_are_told_who(claim: Claim) -> None:
    holder = claim()
    holder.acquire()
    with pytest.raises(Conflict, match=r"Another Relaydeck of this environment is cleaning up: .*-\d+"):
        claim().acquire()
    holder.release()
    claim().acquire()


def test_it_is_taken_once_at_a_time_by_the_same_process(claim: Claim) -> None:
    lease = claim()
    lease.acquire()
    with pytest.raises(Conflict):
        lease.acquire()
    lease.release()
    lease.acquire()
    lease.release()


def test_that_of_a_process_that_died_runs_out_by_itself(claim: Claim, queue_target: QueueTarget) -> None:
    """And when the dead one comes to itself, its receipt is worth nothing any more."""
    dead, living = claim(held_s=2), claim()
    dead.acquire()
    dead._over.set()  # nobody renews it
    with pytest.raises(Conflict, match="Another Relaydeck"):
        living.acquire()
    queue_target.pass_time(3)
    living.acquire()
    dead.release()
    with pytest.raises(Conflict):
        claim().acquire()
    living.release()


def test_a_holder_that_lost_it_notices(claim: Claim, queue_target: QueueTarget) -> None:
    """It slept past its time, and somebody else was allowed to begin."""
    slow, other = claim(held_s=2), claim()
    slow.acquire()
    with slow._lock:  # its thread cannot renew
        queue_target.pass_time(3)
        other.acquire()
    wait_for(slow.lost)
    other.release()


def test_a_holder_that_was_paused_knows_before_it_sends_anything(
    claim: Claim, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped for minutes and awake again, it must not go on until its next renewal fails."""
    holder = claim()
    holder.acquire()
    assert not holder.lost()
    now_s = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now_s + 61)
    assert holder.lost()
    monkeypatch.undo()
    holder.release()


def test_renewed_it_outlasts_its_time(claim: Claim, queue_target: QueueTarget) -> None:
    holder = claim(held_s=3)
    holder.acquire()
    first = holder._message
    wait_for(lambda: holder._message is not first)
    with pytest.raises(Conflict, match="Another Relaydeck"):
        claim().acquire()
    assert not holder.lost()
    holder.release()


def test_two_messages_are_made_one_again(claim: Claim, queue_service: QueueServiceClient) -> None:
    """Two saw an empty queue and put one in each: whoever sees two takes one out and begins again."""
    first = claim()
    first.acquire()
    queue_service.get_queue_client(first.queue).send_message("lease")
    with pytest.raises(Conflict, match="Another Relaydeck"):
        claim().acquire()
    first.release()
    second = claim()
    second.acquire()
    second.release()


def test_a_queue_without_its_message_is_repaired(claim: Claim, queue_service: QueueServiceClient) -> None:
    """Its maker died between making the queue and putting the message in."""
    lease = claim()
    queue_service.create_queue(lease.queue)
    lease.acquire()
    lease.release()


def test_of_many_that_begin_at_once_at_most_one_holds_it_at_any_time(claim: Claim) -> None:
    """The very first time, when each of them may make the queue and the message."""
    holding, most, lock = 0, 0, threading.Lock()

    def one(_: int) -> bool:
        nonlocal holding, most
        lease = claim()
        try:
            lease.acquire()
        except Conflict:
            return False
        with lock:
            holding += 1
            most = max(most, holding)
        threading.Event().wait(0.02)
        with lock:
            holding -= 1
        lease.release()
        return True

    with ThreadPoolExecutor(6) as pool:
        held = list(pool.map(one, range(6)))
    assert most == 1 and any(held)


@pytest.mark.parametrize("name", ["local", "Prod_EU", "dev--2", "__"])
def test_any_name_of_an_environment_makes_a_queue_name(queue_service: QueueServiceClient, name: str) -> None:
    lease = Lease(queue_service, Resilience("Storage", LIMITS, Impatient()), name)
    lease.acquire()
    lease.release()
    assert lease.queue.startswith(LEASE_PREFIX)
    queue_service.delete_queue(lease.queue)
