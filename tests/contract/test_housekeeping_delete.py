"""Deleting what was found: every answer that the service may give, who holds the lease, and what is never touched."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from emulator.faults import Fault
from services.errors import Conflict
from services.housekeeping.deleting import Deleter, Progress
from services.housekeeping.findings import Finding
from services.housekeeping.pacing import RateLimit
from tests.contract.agents_support import Lab
from tests.contract.answers_support import operations, plays_talk
from tests.contract.housekeeping_support import DAY_S, TOMORROW_S, Yard, open_yard, ours
from tests.waiting import wait_for

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture
def yard(lab: Lab) -> Iterator[Yard]:
    with open_yard(lab, thread_retention_d="30", call_retries="0") as yard:
        yield yard


def leave(yard: Yard, agents: int = 0, threads: int = 0) -> list[Finding]:
    """Leave what a crashed answer would, and return it as it is found."""
    left = [yard.agent(ours()) for _ in range(agents)] + [yard.thread(ours()) for _ in range(threads)]
    yard.pass_time(TOMORROW_S)
    found = yard.found("crashed-answer")
    return [found[one] for one in left]


def hurried(yard: Yard, patience_s: float = 0.0) -> Deleter:
    """Return a deleter that gives what is busy no time."""
    services = yard.desk.running.services
    return Deleter(yard.backend, services.queues, services.actions, RateLimit(1000), patience_s=patience_s)


def rows_of(deleter: Deleter, findings: list[Finding]) -> dict[str, tuple[str, str]]:
    progress = Progress()
    deleter.delete(findings, progress, lambda: False, at_once=1)
    return {row.finding.id: (row.outcome, row.why) for row in progress.rows()}


# What is deleted, and what never is ---------------------------------------------------------------------


def test_what_is_ours_is_deleted_and_nothing_else(lab: Lab, yard: Yard) -> None:
    """All kinds at once, among things of others that look much like ours."""
    theirs = {
        yard.agent({}, "plain"),
        yard.agent(ours(environment="staging")),
        yard.agent({"relaydeck": "per_query"}),
        yard.agent({"environment": "local", "role": "orchestrator"}),
    }
    talks = {yard.thread({}), yard.thread(ours(environment="prod")), yard.thread({"relaydeck": "pooled"})}
    plays_talk(lab, "Fine.")
    yard.desk.ask("Hello?")
    team = yard.agents() - theirs
    old = yard.pooled("orchestrator", "older")
    leave(yard, agents=2, threads=2)
    yard.pass_time(40 * DAY_S)

    look = yard.look()
    rows = yard.delete(*look.findings)

    assert yard.agents() == theirs | team and old not in yard.agents()
    assert yard.threads() == talks
    outcomes = {one.id: rows[one.id].outcome for one in look.findings}
    assert {outcomes[one.id] for one in look.findings if one.ours} == {"deleted"}
    assert {outcomes[one.id] for one in look.findings if not one.ours} == {"skipped"}


def test_what_is_foreign_is_deleted_only_when_it_is_named(yard: Yard) -> None:
    """An administrator's widening names things one by one; there is no switch for all of them."""
    one, other = (yard.agent(ours(environment="staging")) for _ in range(2))
    yard.pass_time(TOMORROW_S)
    rows = yard.delete(*yard.found().values(), widened=frozenset({one}))
    assert (rows[one].outcome, rows[other].outcome) == ("deleted", "skipped")
    assert yard.agents() == {other}


def test_a_queue_is_deleted_only_when_it_is_named(lab: Lab, yard: Yard) -> None:
    for name in ("loose", "loose-too"):
        lab.queues.create_queue(name)
    rows = yard.delete(*yard.found("loose-queue").values(), widened=frozenset({"loose"}))
    assert (rows["loose"].outcome, rows["loose-too"].outcome) == ("deleted", "skipped")
    assert "loose" not in yard.desk.running.services.queues.list_names()


def test_messages_are_never_deleted(lab: Lab, yard: Yard) -> None:
    queue = "azure-function-foo-input"
    lab.put(queue, "one", time_to_live=3600)
    rows = yard.delete(*yard.found("expiring-message").values(), widened=frozenset({queue}))
    assert rows[queue].outcome == "skipped" and len(lab.left(queue)) == 1


def test_an_orchestrator_goes_before_the_agents_it_is_connected_to(lab: Lab, yard: Yard) -> None:
    members = [yard.agent(ours()) for _ in range(3)]
    leader = yard.agent(ours(), "orchestrator", tuple(members))
    yard.pass_time(TOMORROW_S)
    yard.delete(*yard.found().values())
    paths = [seen.path for seen in lab.emulator.requests() if seen.operation == "foundry.delete_agent"]
    assert paths[0].endswith(leader) and len(paths) == 4


# What the service may answer ---------------------------------------------------------------------------


def test_what_is_gone_already_is_done(yard: Yard) -> None:
    (finding,) = leave(yard, agents=1)
    yard.backend.delete_agent(finding.id)
    assert yard.delete(finding)[finding.id].outcome == "gone"


def test_a_refusal_names_the_role_and_ends_the_trying(lab: Lab, yard: Yard) -> None:
    """A missing role does not come back in between; a thousand more refusals teach nobody anything."""
    findings = leave(yard, agents=5, threads=1)
    lab.emulator.fail(Fault("foundry.delete_agent", "status", 403, "Forbidden", times=3))
    rows = rows_of(hurried(yard), findings)
    outcomes = [rows[one.id][0] for one in findings]
    assert outcomes == ["refused"] * 5 + ["deleted"]
    assert all("role Foundry User on the Foundry project" in rows[one.id][1] for one in findings[:5])
    assert operations(lab.emulator).count("foundry.delete_agent") == 3


@pytest.mark.parametrize(("status", "code"), [(409, "Conflict"), (429, "TooManyRequests")])
def test_what_is_busy_is_waited_for(lab: Lab, yard: Yard, status: int, code: str) -> None:
    (finding,) = leave(yard, threads=1)
    lab.emulator.fail(Fault("foundry.delete_thread", "status", status, code))
    row = yard.delete(finding)[finding.id]
    assert row.outcome == "deleted" and row.waited_s > 0
    assert yard.threads() == set()


@pytest.mark.parametrize(("status", "code"), [(409, "Conflict"), (429, "TooManyRequests")])
def test_what_stays_busy_is_left(lab: Lab, yard: Yard, status: int, code: str) -> None:
    (finding,) = leave(yard, threads=1)
    lab.emulator.fail(Fault("foundry.delete_thread", "status", status, code))
    assert rows_of(hurried(yard), [finding])[finding.id][0] == "busy"
    assert yard.threads() == {finding.id}


@pytest.mark.parametrize("kind", ["status", "reset"])
def test_a_failure_after_it_happened_is_done(lab: Lab, yard: Yard, kind: str) -> None:
    """500, or no reply at all, although it is deleted: the second try finds nothing, and that is fine."""
    (finding,) = leave(yard, agents=1)
    lab.emulator.fail(Fault("foundry.delete_agent", kind, 500, when="after"))  # type: ignore[arg-type]  # two kinds
    assert yard.delete(finding)[finding.id].outcome in ("deleted", "gone")
    assert yard.agents() == set()


def test_what_fails_is_told_and_the_others_go_on(lab: Lab, yard: Yard) -> None:
    findings = leave(yard, threads=3)
    lab.emulator.fail(Fault("foundry.delete_thread", "status", 503))
    rows = rows_of(hurried(yard), findings)
    assert [rows[one.id][0] for one in findings] == ["failed", "deleted", "deleted"]


def test_every_deletion_is_told_as_an_action(yard: Yard, caplog: pytest.LogCaptureFixture) -> None:
    """One place sees every write: each thing by itself, and the clean-up as a whole."""
    findings = leave(yard, agents=1, threads=1)
    with caplog.at_level("INFO", "services.actions"):
        yard.delete(*findings)
    told = [vars(record) for record in caplog.records if record.message == "operator.acted"]
    assert {(one["action"], one["target"]) for one in told} == {
        ("delete agent", findings[0].id),
        ("delete thread", findings[1].id),
        ("clean up", "1 thread, 1 agent"),
    }


# Stop, rate, lease -------------------------------------------------------------------------------------


def test_it_stops_in_between(lab: Lab, yard: Yard) -> None:
    findings = leave(yard, threads=4)
    progress = Progress()
    hurried(yard).delete(findings, progress, lambda: len(progress.rows()) >= 2, at_once=1)
    assert [row.outcome for row in progress.rows()] == ["deleted", "deleted", "skipped", "skipped"]
    assert len(yard.threads()) == 2


def test_requests_never_come_faster_than_the_rate(lab: Lab) -> None:
    """Forty deletions at 100 a second, thirty-two workers: between two of them at least 8 of 10 ms pass."""
    with open_yard(lab, cleanup_per_s="100") as yard:
        findings = leave(yard, threads=40)
        yard.delete(*findings)
    at_s = [seen.at_s for seen in lab.emulator.requests() if seen.operation == "foundry.delete_thread"]
    assert len(at_s) == 40 and at_s[-1] - at_s[0] >= 39 * 0.01 * 0.95


def test_two_processes_never_clean_up_at_the_same_time(lab: Lab, yard: Yard) -> None:
    (finding,) = leave(yard, threads=1)
    with open_yard(lab) as other:
        lease = other.housekeeping._lease_of()
        lease.acquire()
        with pytest.raises(Conflict, match="Another Relaydeck"):
            yard.delete(finding)
        assert yard.threads() == {finding.id}
        lease.release()
    assert yard.delete(finding)[finding.id].outcome == "deleted"


def test_the_lease_receives_from_its_own_queue_alone(lab: Lab, yard: Yard) -> None:
    """A message received from a tool's queue would be hidden from its reader."""
    (finding,) = leave(yard, threads=1)
    lab.put("azure-function-foo-input", "work")
    yard.delete(finding)
    taken = {seen.path for seen in lab.emulator.requests() if seen.operation == "queues.get_messages"}
    assert {path.split("/")[2] for path in taken} == {"relaydeck-lease-local"}
    assert "relaydeck-lease-local" not in yard.desk.running.services.queues.list_names()


# In the background -------------------------------------------------------------------------------------


def done(yard: Yard) -> None:
    wait_for(lambda: not yard.housekeeping.status().is_busy)


def test_only_what_was_chosen_and_still_is_so_is_deleted(lab: Lab, yard: Yard) -> None:
    """The list on a screen may be hours old: a conversation that somebody went on with since is kept."""
    plays_talk(lab, "Fine.")
    first, second, third = (yard.desk.ask(text) for text in ("One", "Two", "Three"))
    yard.pass_time(31 * DAY_S)
    yard.housekeeping.start_look()
    done(yard)
    yard.desk.ask("Going on", thread_id=first.thread_id)
    yard.pass_time(600)
    yard.housekeeping.start_delete(frozenset({first.thread_id, second.thread_id}))
    done(yard)
    assert yard.threads() == {first.thread_id, third.thread_id}
    status = yard.housekeeping.status()
    assert status.result is not None and len(status.result.rows) == 1
    assert status.found is not None and {one.id for one in status.found.findings} == {third.thread_id}


def test_one_piece_of_work_at_a_time_and_it_can_be_stopped(lab: Lab, yard: Yard) -> None:
    leave(yard, threads=3)
    lab.emulator.fail(Fault("foundry.list_agents", "slow", delay_s=0.3))
    yard.housekeeping.start_look()
    with pytest.raises(Conflict):
        yard.housekeeping.start_look()
    wait_for(lambda: lab.emulator.unspent_faults() == [])  # the request is out
    yard.housekeeping.stop()
    done(yard)
    status = yard.housekeeping.status()
    assert (status.found, status.problem) == (None, None)


def test_an_export_holds_what_is_about_to_go(lab: Lab, yard: Yard) -> None:
    plays_talk(lab, "Fine.")
    answer = yard.desk.ask("Hello?")
    agent = yard.pooled("orchestrator", "older")
    gone = leave(yard, threads=1)[0]
    yard.backend.delete_thread(gone.id)
    yard.pass_time(40 * DAY_S)
    found = (*yard.look().findings, gone)
    made = yard.housekeeping.export(found)
    things = {one["id"]: one for one in json.loads(made.data)["things"]}
    assert [one["text"] for one in things[answer.thread_id]["messages_read"]] == ["Hello?", "Fine."]
    assert things[agent]["definition"]["instructions"] == "Repeat."
    assert "not_read" in things[gone.id]
    assert (made.things, made.missed) == (3, 0)


def test_a_look_that_fails_is_told_and_what_was_known_is_kept(lab: Lab, yard: Yard) -> None:
    leave(yard, threads=1)
    yard.housekeeping.start_look()
    done(yard)
    lab.emulator.fail(Fault("foundry.list_threads", "status", 403, "Forbidden"))
    yard.housekeeping.start_look()
    done(yard)
    status = yard.housekeeping.status()
    assert status.found is not None and list(status.found.problems) == ["threads"]


def test_close_ends_what_is_under_way(lab: Lab) -> None:
    with open_yard(lab, cleanup_per_s="4") as yard:
        findings = leave(yard, threads=6)
        yard.housekeeping._keep(found=replace(yard.look(), findings=tuple(findings)))
        yard.housekeeping.start_delete(frozenset(one.id for one in findings))
        wait_for(lambda: "foundry.delete_thread" in operations(lab.emulator))
    assert not any(thread.name.startswith("cleanup-deleting") for thread in threading.enumerate())
