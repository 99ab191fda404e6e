"""The sweeper: takes by itself only what is provably ours, expired and nobody's; and one of two replicas sweeps."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulator.faults import Fault
from services.housekeeping.sweeper import Sweeper
from tests.contract.agents_support import Lab
from tests.contract.answers_support import plays_talk
from tests.contract.housekeeping_support import DAY_S, TOMORROW_S, Yard, open_yard, ours
from tests.waiting import wait_for


@pytest.fixture
def yard(lab: Lab) -> Iterator[Yard]:
    with open_yard(lab, thread_retention_d="30") as yard:
        yield yard


def sweeper(yard: Yard) -> Sweeper:
    return yard.desk.running.services.sweeper


def test_one_sweep_takes_what_is_expired_and_leaves_the_rest(lab: Lab, yard: Yard) -> None:
    plays_talk(lab, "Fine.")
    old = yard.desk.ask("Hello?").thread_id
    yard.agent(ours()), yard.thread(ours()), yard.pooled("orchestrator", "older")
    lab.queues.create_queue("loose")
    kept = {yard.agent(ours(environment="staging")), yard.agent({}, "plain")} | {
        agent.id
        for agent in yard.backend.list_agents()
        if agent.metadata.get("definition") == yard.desk.running.services.team.definition
    }
    foreign = yard.thread({})
    yard.pass_time(40 * DAY_S)
    young = yard.agent(ours())

    sweep = sweeper(yard).sweep()

    assert sweep.outcome == "swept", sweep
    assert sweep.words == "Swept 2 threads, 2 agents: 4 deleted."
    assert yard.agents() == kept | {young}
    assert yard.threads() == {foreign} and old != foreign
    assert "loose" in yard.desk.running.services.queues.list_names()
    assert sweeper(yard).last() is sweep
    assert sweeper(yard).sweep().outcome == "nothing"


def test_a_team_that_may_still_be_used_is_left_to_people(yard: Yard) -> None:
    yard.pooled("orchestrator", "older")
    yard.pass_time(3600)
    assert yard.found("old-team") and sweeper(yard).sweep().outcome == "nothing"


def test_whether_an_older_team_is_in_use_is_looked_at_every_six_hours(lab: Lab, yard: Yard) -> None:
    """It costs a request for each thread of the project, and a team is only swept after a day."""
    leader = yard.pooled("orchestrator", "older")
    lab.thread("Hello")
    yard.pass_time(3600)
    for _ in range(3):
        sweeper(yard).sweep()
    looks = [seen for seen in lab.emulator.requests() if seen.operation == "foundry.list_runs"]
    assert len(looks) == 1
    yard.pass_time(2 * DAY_S)
    assert sweeper(yard).sweep().outcome == "swept" and leader not in yard.agents()


def test_while_another_replica_cleans_up_nothing_is_swept(lab: Lab, yard: Yard) -> None:
    left = yard.agent(ours())
    yard.pass_time(TOMORROW_S)
    with open_yard(lab) as other:
        lease = other.housekeeping._lease_of()
        lease.acquire()
        sweep = sweeper(yard).sweep()
        assert (sweep.outcome, yard.agents()) == ("elsewhere", {left})
        lease.release()
    assert sweeper(yard).sweep().outcome == "swept"


def test_two_replicas_that_sweep_at_once_delete_each_thing_once(lab: Lab, yard: Yard) -> None:
    """Both run at the same time; what both tried to delete would answer 404 to one of them."""
    for _ in range(5):
        yard.agent(ours())
    yard.pass_time(TOMORROW_S)
    with open_yard(lab) as other, ThreadPoolExecutor(2) as pool:
        sweeps = list(pool.map(lambda one: sweeper(one).sweep(), [yard, other]))
    asked = [seen.status for seen in lab.emulator.requests() if seen.operation == "foundry.delete_agent"]
    assert yard.agents() == set() and asked.count(200) == 5
    assert {sweep.outcome for sweep in sweeps} <= {"swept", "elsewhere", "nothing"}


def test_without_the_role_for_the_lease_the_sweeper_says_so(lab: Lab, yard: Yard) -> None:
    left = yard.agent(ours())
    yard.pass_time(TOMORROW_S)
    lab.emulator.fail(Fault("queues.get_messages", "status", 403, "AuthorizationPermissionMismatch"))
    sweep = sweeper(yard).sweep()
    assert sweep.outcome == "refused" and "Storage Queue Data Contributor" in sweep.words
    assert yard.agents() == {left}


def test_what_could_not_be_read_is_told(lab: Lab, yard: Yard) -> None:
    yard.thread(ours())
    yard.pass_time(TOMORROW_S)
    lab.emulator.fail(Fault("foundry.list_agents", "status", 403, "Forbidden"))
    sweep = sweeper(yard).sweep()
    assert sweep.outcome == "failed" and "Could not read the agents" in sweep.words
    assert yard.threads() == set()


def test_it_sweeps_by_itself_again_and_again_until_it_is_stopped(lab: Lab, yard: Yard) -> None:
    services = yard.desk.running.services
    one = Sweeper(services.housekeeping, lab.emulator.clock.now, every_s=0.05)
    yard.agent(ours())
    yard.pass_time(TOMORROW_S)
    one.start()
    wait_for(lambda: yard.agents() == set())
    yard.agent(ours())
    yard.pass_time(TOMORROW_S)
    wait_for(lambda: yard.agents() == set())
    one.stop()
    assert one._thread is not None
    one._thread.join(5)
    assert not one._thread.is_alive()


def test_switched_off_it_does_nothing(lab: Lab) -> None:
    with open_yard(lab, sweep="off") as yard:
        sweeper(yard).start()
        assert sweeper(yard)._thread is None
