"""What housekeeping calls nobody's, and what it leaves alone, on Local Azure through the real SDK."""

from collections.abc import Iterator

import pytest

from emulator.faults import Fault
from services.errors import AccessDenied
from tests.contract.agents_support import Lab, Pause, say
from tests.contract.answers_support import open_desk, plays_talk
from tests.contract.housekeeping_support import DAY_S, HOUR_S, TOMORROW_S, Yard, open_yard, ours


@pytest.fixture
def yard(lab: Lab) -> Iterator[Yard]:
    with open_yard(lab, thread_retention_d="30") as yard:
        yield yard


# Crashed answers ---------------------------------------------------------------------------------------


def test_what_a_team_for_one_question_leaves_is_marked_with_how_long_it_may_live(
    lab: Lab, yard: Yard
) -> None:
    """The mark comes from the process that made it: another one may have a longer deadline."""
    with (
        open_desk(lab.emulator, team="per_query", answer_deadline_s="30") as desk,
        desk.running.services.team.per_query_team(),
    ):
        agents = yard.backend.list_agents()
        assert {agent.metadata["lives_s"] for agent in agents} == {str(30 + 20 * 30)}


def test_a_thread_that_an_answer_could_not_delete_is_found_once_nobody_can_be_at_work_on_it(
    lab: Lab, yard: Yard
) -> None:
    plays_talk(lab, "Fine.")
    with open_desk(lab.emulator, team="per_query", call_retries="0", answer_deadline_s="30") as desk:
        lab.emulator.fail(Fault("foundry.delete_thread", "status", 503))
        answer = desk.ask("Hello?")
        assert desk.answers.drain(10)
    assert yard.found() == {}

    yard.pass_time(30 + 20 * 30 + 1)
    (finding,) = yard.found().values()
    assert (finding.id, finding.kind, finding.sort) == (answer.thread_id, "crashed-answer", "thread")
    assert (finding.name, finding.ours, finding.sweepable) == ("Hello?", True, False)
    yard.pass_time(11 * 60)
    assert yard.found()[answer.thread_id].sweepable


def test_agents_of_a_living_answer_are_not_found(yard: Yard) -> None:
    yard.agent(ours() | {"lives_s": "630"})
    yard.pass_time(629)
    assert yard.found() == {}


def test_an_agent_without_the_mark_is_given_the_longest_time(yard: Yard) -> None:
    """Left by a version that did not mark; a mark that is no number is none."""
    plain, odd = yard.agent(ours()), yard.agent(ours() | {"lives_s": "soon"})
    yard.pass_time(1190)
    assert yard.found() == {}
    yard.pass_time(20)
    assert set(yard.found()) == {plain, odd}


def test_leftovers_of_another_environment_are_reported_as_foreign(yard: Yard) -> None:
    other = yard.agent(ours(environment="staging"))
    yard.pass_time(TOMORROW_S)
    finding = yard.found()[other]
    assert (finding.ours, finding.deletable, finding.sweepable) == (False, False, False)
    assert "staging" in finding.reason


def test_foreign_things_are_counted_and_never_found(yard: Yard) -> None:
    yard.agent({"team": "per_query"})
    yard.thread({"topic": "theirs"})
    yard.agent({"relaydeck": "something else", "environment": "local"})
    yard.pass_time(400 * DAY_S)
    look = yard.look()
    assert look.findings == ()
    assert (look.agents, look.foreign_agents, look.threads, look.foreign_threads) == (2, 2, 1, 1)


def test_what_somebody_marked_to_be_kept_is_not_found(yard: Yard) -> None:
    keep = {"relaydeck_keep": "evidence"}
    yard.agent(ours() | keep), yard.thread(ours() | keep), yard.thread(ours("pooled") | keep)
    yard.pooled("orchestrator", "older", (), **keep)
    yard.pass_time(400 * DAY_S)
    assert yard.found() == {}


# Teams -------------------------------------------------------------------------------------------------


def test_a_team_of_an_older_definition_is_found_when_nothing_runs_on_it(yard: Yard) -> None:
    member = yard.pooled("clerk", "older")
    leader = yard.pooled("orchestrator", "older", (member,))
    yard.pass_time(HOUR_S)
    found = yard.found("old-team")
    assert set(found) == {member, leader}
    assert "no run of it is left" in found[leader].reason
    assert (found[leader].leads, found[leader].sweepable, found[member].leads) == (True, False, False)
    yard.pass_time(DAY_S)
    assert all(one.sweepable for one in yard.found("old-team").values())


def test_a_team_that_ran_within_a_day_is_not_swept(lab: Lab, yard: Yard) -> None:
    """A replica of an older version may still ask it: two versions must not delete each other's teams in turn."""
    leader = yard.pooled("orchestrator", "older")
    yard.pass_time(3 * DAY_S)
    lab.client.runs.create_and_process(lab.thread("Hello").id, agent_id=leader, polling_interval=0)
    yard.pass_time(HOUR_S)
    (finding,) = yard.found("old-team").values()
    assert "last used" in finding.reason and not finding.sweepable


def test_a_team_on_which_something_runs_is_not_found(lab: Lab, yard: Yard) -> None:
    """Its connected agents are busy with it, also when the run is on a thread of somebody else."""
    member = yard.pooled("clerk", "older")
    leader = yard.pooled("orchestrator", "older", (member,))
    yard.pass_time(3 * DAY_S)
    lab.model.answers("Repeat.", lambda _: [Pause(), *say("Done.")])
    run = lab.client.runs.create(lab.thread("Hello").id, agent_id=leader)
    lab.wait_for_pause()
    assert yard.found("old-team") == {}
    lab.release()
    lab.wait(run)
    assert set(yard.found("old-team")) == {member, leader}


def test_a_connected_agent_of_an_older_team_stays_while_somebody_else_uses_it(yard: Yard) -> None:
    member = yard.pooled("clerk", "older")
    yard.agent({}, "theirs", (member,))
    yard.pass_time(3 * DAY_S)
    assert yard.found("old-team") == {}


def test_the_team_in_use_is_not_found(lab: Lab, yard: Yard) -> None:
    plays_talk(lab, "Fine.")
    yard.desk.ask("Hello?")
    yard.pass_time(400 * DAY_S)
    assert {one.kind for one in yard.found().values()} == {"old-thread"}


def test_a_second_agent_with_the_same_role_is_found_and_the_one_that_is_chosen_is_not(
    lab: Lab, yard: Yard
) -> None:
    """Left by a process that died between creating it and seeing that another was faster."""
    plays_talk(lab, "Fine.")
    yard.desk.ask("Hello?")
    yard.pass_time(1)
    double = yard.pooled("foo")
    yard.pass_time(HOUR_S)
    (finding,) = yard.found("unlinked-agent").values()
    assert (finding.id, finding.sweepable) == (double, True)


def test_a_member_that_waits_for_its_orchestrator_is_not_found(yard: Yard) -> None:
    """The next question takes it; deleted in between, it would be missing in a new team."""
    yard.pooled("clerk")
    yard.pass_time(3 * DAY_S)
    assert yard.found() == {}


def test_an_orchestrator_whose_connected_agents_are_gone_is_found(yard: Yard) -> None:
    member = yard.pooled("clerk")
    leader = yard.pooled("orchestrator", "", (member,), links="some")
    yard.backend.delete_agent(member)
    yard.pass_time(HOUR_S)
    assert list(yard.found("unlinked-agent")) == [leader]


# Conversations -----------------------------------------------------------------------------------------


def test_a_conversation_is_found_when_nothing_happened_in_it_for_the_retention(lab: Lab, yard: Yard) -> None:
    """Its beginning does not count: somebody may go on with it for months."""
    plays_talk(lab, "Fine.")
    kept, old = yard.desk.ask("First"), yard.desk.ask("Second")
    foreign = lab.thread("Theirs").id
    yard.pass_time(20 * DAY_S)
    yard.desk.ask("Going on", thread_id=kept.thread_id)
    yard.pass_time(11 * DAY_S)
    found = yard.found("old-thread")
    assert list(found) == [old.thread_id] and foreign not in found
    before = len(lab.emulator.requests())
    assert list(yard.found("old-thread")) == [old.thread_id]
    asked = [seen.path for seen in lab.emulator.requests()[before:] if seen.operation == "foundry.list_runs"]
    assert len(asked) == 1 and old.thread_id in asked[0]  # the other one cannot be old for three weeks
    assert found[old.thread_id].reason == "Nothing happened in it for 31 days; conversations are kept for 30."


def test_without_a_retention_no_conversation_is_old(lab: Lab) -> None:
    plays_talk(lab, "Fine.")
    with open_yard(lab) as yard:
        yard.desk.ask("Hello?")
        yard.pass_time(4000 * DAY_S)
        assert yard.found("old-thread") == {}


# Queues ------------------------------------------------------------------------------------------------


def test_a_queue_that_no_tool_names_is_reported(lab: Lab, yard: Yard) -> None:
    """Those of agents that are not ours are named too, and a poison queue belongs to its source."""
    lab.agent(tools=lab.function_tool("theirs").definitions)
    for name in ("azure-function-theirs-input-poison", "loose", "azure-function-foo-input-poison"):
        lab.queues.create_queue(name)
    lab.put("loose", "one")
    found = yard.found("loose-queue")
    assert list(found) == ["loose"]
    assert (found["loose"].count, found["loose"].deletable) == (1, False)


def test_messages_that_expire_within_a_day_are_reported_and_not_taken(lab: Lab, yard: Yard) -> None:
    queue = "azure-function-foo-input-poison"
    lab.queues.create_queue(queue)
    lab.put(queue, "late", time_to_live=int(2 * HOUR_S))
    lab.put(queue, "early", time_to_live=int(5 * DAY_S))
    (finding,) = yard.found("expiring-message").values()
    assert (finding.id, finding.count, finding.deletable) == (queue, 1, False)
    assert len(lab.left(queue)) == 2


# What cannot be read -----------------------------------------------------------------------------------


def test_what_cannot_be_read_is_a_problem_and_not_an_empty_list(lab: Lab, yard: Yard) -> None:
    yard.agent(ours())
    yard.pass_time(HOUR_S)
    lab.emulator.fail(Fault("foundry.list_agents", "status", 403, "Forbidden"))
    lab.emulator.fail(Fault("queues.list_queues", "status", 403, "AuthorizationFailure"))
    look = yard.look()
    assert look.findings == () and look.agents is None and look.threads == 0
    assert {part: type(error) for part, error in look.problems.items()} == {
        "agents": AccessDenied,
        "queues": AccessDenied,
    }


def test_when_runs_cannot_be_read_no_team_is_called_unused(lab: Lab, yard: Yard) -> None:
    yard.pooled("orchestrator", "older")
    lab.thread("Hello")
    yard.pass_time(3 * DAY_S)
    lab.emulator.fail(Fault("foundry.list_runs", "status", 403, "Forbidden"))
    look = yard.look()
    assert look.findings == () and list(look.problems) == ["runs"]


def test_a_look_reads_page_by_page_and_only_what_it_needs(lab: Lab, yard: Yard) -> None:
    """230 threads cost three pages and, while all of them are young, not one look at runs."""
    for _ in range(230):
        yard.thread(ours("pooled"))
    before = len(lab.emulator.requests())
    look = yard.look()
    asked = [seen.operation for seen in lab.emulator.requests()][before:]
    assert look.threads == 230
    assert (asked.count("foundry.list_threads"), asked.count("foundry.list_agents")) == (3, 1)
    assert "foundry.list_runs" not in asked
