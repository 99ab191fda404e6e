"""The pooled team: made once, shared by all questions and by all processes."""

import threading
from dataclasses import replace

from services.agents.backend import Agent
from services.agents.catalogue import CATALOGUE
from services.agents.team import TeamService
from tests.contract.agents_support import Lab
from tests.contract.seam_support import Seam

ROLES = ["calculate", "foo", "orchestrator", "order_status"]


def agents(seam: Seam) -> list[Agent]:
    return seam.backend.list_agents(1000)


def roles(seam: Seam) -> list[str]:
    return sorted(agent.metadata["role"] for agent in agents(seam))


def test_the_first_question_makes_the_team_and_the_next_costs_nothing(seam: Seam) -> None:
    """Creating agents for each question is most of what the original script waits for."""
    team = seam.team()
    first = team.orchestrator()
    before = len(seam.asked())

    assert team.orchestrator() is first
    assert len(seam.asked()) == before
    assert roles(seam) == ROLES


def test_another_process_finds_the_team_with_one_request(seam: Seam) -> None:
    """A restart, or a second replica, must not make a second team."""
    made = seam.team().orchestrator()
    before = len(seam.asked())

    assert seam.team().orchestrator().id == made.id
    assert seam.asked(before) == ["foundry.list_agents"]


def test_processes_that_start_together_end_up_with_one_team(seam: Seam) -> None:
    """Each creates what it does not see; all choose the oldest, and whoever made another one deletes it."""
    teams = [seam.team() for _ in range(4)]
    together, chosen = threading.Barrier(len(teams)), []

    def start(team: TeamService) -> None:
        together.wait()
        chosen.append(team.orchestrator().id)

    threads = [threading.Thread(target=start, args=[team]) for team in teams]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(chosen) == len(teams) and len(set(chosen)) == 1
    assert roles(seam) == ROLES


def test_threads_of_one_process_make_the_team_once(seam: Seam) -> None:
    """Ten people ask in the first second."""
    team = seam.team()
    threads = [threading.Thread(target=team.orchestrator) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert seam.asked().count("foundry.create_agent") == len(ROLES)


def test_several_orchestrators_take_turns(seam: Seam) -> None:
    """They share the connected agents, which have no state."""
    team = seam.team(team_size=3)

    turns = [team.orchestrator().id for _ in range(6)]

    assert len(set(turns)) == 3 and turns[:3] == turns[3:]
    assert roles(seam).count("orchestrator") == 3 and roles(seam).count("foo") == 1


def test_the_orchestrator_leads_the_agents_of_the_catalogue(seam: Seam, lab: Lab) -> None:
    """Under names the service accepts, each carrying its own function."""
    leader = lab.client.get_agent(seam.team().orchestrator().id).as_dict()

    connected = {tool["connected_agent"]["name"]: tool["connected_agent"]["id"] for tool in leader["tools"]}
    assert list(connected) == [tool.agent for tool in CATALOGUE]
    foo = lab.client.get_agent(connected["foo_bot"]).as_dict()
    assert foo["tools"][0]["azure_function"]["function"]["name"] == "foo"
    assert f"'{seam.settings.storage_endpoint}/azure-function-foo-output'" in foo["instructions"]
    assert "{" not in foo["instructions"]


def test_a_changed_definition_makes_a_new_team_and_leaves_the_old_one(seam: Seam) -> None:
    """Questions may still be running on it; the same goes for another model or storage account."""
    old = seam.team().orchestrator()
    changed = (replace(CATALOGUE[0], agent_instructions="Say foo."), *CATALOGUE[1:])

    new = seam.team(catalogue=changed).orchestrator()

    assert new.id != old.id and new.metadata["definition"] != old.metadata["definition"]
    assert seam.team().orchestrator().id == old.id
    assert (
        seam.team(storage_endpoint="https://other.queue.core.windows.net").definition
        != old.metadata["definition"]
    )


def test_environments_do_not_share_a_team(seam: Seam) -> None:
    """Two installations in one project would delete each other's agents."""
    ours = seam.team(environment="test").orchestrator()

    assert seam.team(environment="prod").orchestrator().id != ours.id


def test_a_lost_orchestrator_is_replaced_by_itself_alone(seam: Seam) -> None:
    """Somebody deleted it in the portal; the connected agents are still good."""
    team = seam.team()
    lost = team.orchestrator()
    before = {agent.id for agent in agents(seam)} - {lost.id}
    seam.backend.delete_agent(lost.id)

    team.forget()
    found = team.orchestrator()

    assert found.id != lost.id and before < {agent.id for agent in agents(seam)}
    assert roles(seam) == ROLES


def test_a_lost_connected_agent_gets_a_new_orchestrator_too(seam: Seam) -> None:
    """The old one is connected to an agent that is gone: every question to it would fail."""
    team = seam.team()
    old = team.orchestrator()
    seam.backend.delete_agent(next(a.id for a in agents(seam) if a.metadata["role"] == "foo"))

    team.forget()
    new = team.orchestrator()

    assert new.id != old.id and new.metadata["links"] != old.metadata["links"]
    assert seam.team().orchestrator().id == new.id


def test_agents_of_others_are_left_alone(seam: Seam, lab: Lab) -> None:
    """A project is shared; only our tags say what is ours."""
    other = lab.agent(metadata={"role": "orchestrator"})

    assert seam.team().orchestrator().id != other.id
    assert other.id in {agent.id for agent in agents(seam)}


def test_a_creation_whose_reply_is_lost_leaves_no_double(seam: Seam) -> None:
    """The most ordinary way to leak an agent."""
    seam.fail("foundry.create_agent", kind="reset", when="after", times=2)

    seam.team().orchestrator()

    assert roles(seam) == ROLES


def test_a_question_is_answered_by_the_team(seam: Seam, lab: Lab) -> None:
    """The definitions are not only stored, the service runs them."""
    leader = seam.team().orchestrator()
    thread = seam.backend.create_thread({"opid": "op_1"})

    list(seam.backend.start_run(thread.id, leader.id, "Hello", {"opid": "op_2"}))

    assert seam.backend.list_messages(thread.id, 1)[0].text == "You said: Hello"
    (request,) = lab.model.requests
    assert [tool.name for tool in request.tools] == [tool.agent for tool in CATALOGUE]
