"""ClassicBackend's agents and threads against Local Azure: real SDK, real HTTP."""

import pytest

from services.agents.backend import (
    AgentDefinition,
    ConnectedAgent,
    QueueBinding,
    QueueFunction,
)
from services.errors import AccessDenied, NotFound
from tests.contract.agents_support import Lab
from tests.contract.seam_support import Seam, open_seam

ENDPOINT = "https://acct.queue.core.windows.net"
FUNCTION = QueueFunction(
    "foo",
    "Get answers from the foo bot.",
    {"type": "object", "properties": {"query": {"type": "string"}}},
    QueueBinding(ENDPOINT, "azure-function-foo-input"),
    QueueBinding(ENDPOINT, "azure-function-foo-output"),
)
DEFINITION = AgentDefinition("foo_bot", "gpt-4o", "Speak for foo.", "Knows foo.", functions=(FUNCTION,))


def test_an_agent_is_created_as_it_is_defined(seam: Seam, lab: Lab) -> None:
    """The function's binding is what makes the service use the queues: read back as the wire has it."""
    made = seam.backend.create_agent(DEFINITION, {"opid": "op_1", "role": "foo"})

    found = lab.client.get_agent(made.id).as_dict()
    assert (found["name"], found["description"], found["model"]) == ("foo_bot", "Knows foo.", "gpt-4o")
    (tool,) = found["tools"]
    binding = tool["azure_function"]["input_binding"]["storage_queue"]
    assert binding == {"queue_service_endpoint": ENDPOINT, "queue_name": "azure-function-foo-input"}
    assert tool["azure_function"]["function"]["parameters"] == FUNCTION.parameters
    assert (made.name, made.model, made.metadata) == ("foo_bot", "gpt-4o", {"opid": "op_1", "role": "foo"})


def test_an_orchestrator_is_connected_to_its_agents(seam: Seam, lab: Lab) -> None:
    """By id, under the name that the model calls."""
    child = seam.backend.create_agent(DEFINITION, {"opid": "op_1"})
    leader = AgentDefinition(
        "orchestrator", "gpt-4o", "Lead.", connected=(ConnectedAgent(child.id, "foo_bot", "Knows foo."),)
    )

    made = seam.backend.create_agent(leader, {"opid": "op_2"})

    (tool,) = lab.client.get_agent(made.id).as_dict()["tools"]
    assert tool["connected_agent"] == {"id": child.id, "name": "foo_bot", "description": "Knows foo."}


@pytest.mark.parametrize(
    "trouble",
    [
        {"kind": "reset"},
        {"kind": "status", "status": 503},
        {"kind": "status", "status": 500},
        {"kind": "truncate"},
    ],
    ids=["reset", "503", "500", "truncated"],
)
def test_a_creation_whose_reply_is_lost_happens_once(
    seam: Seam, lab: Lab, trouble: dict[str, object]
) -> None:
    """On 503 the SDK's own repeat would leave a second agent behind."""
    seam.fail("foundry.create_agent", when="after", **trouble)

    made = seam.backend.create_agent(DEFINITION, {"opid": "op_1"})

    assert [agent.id for agent in lab.client.list_agents()] == [made.id]


def test_a_creation_that_failed_is_repeated(seam: Seam, lab: Lab) -> None:
    """Before its effect, as the look-up shows."""
    seam.fail("foundry.create_agent", kind="reset", times=2)

    made = seam.backend.create_agent(DEFINITION, {"opid": "op_1"})

    assert [agent.id for agent in lab.client.list_agents()] == [made.id]


def test_agents_are_listed_newest_first_over_several_pages(seam: Seam) -> None:
    """The service gives at most 100 at once."""
    for number in range(103):
        seam.backend.create_agent(AgentDefinition(f"a{number}", "gpt-4o", "x"), {"opid": f"op_{number}"})
    before = len(seam.asked())

    names = [agent.name for agent in seam.backend.list_agents(1000)]

    assert names == [f"a{number}" for number in reversed(range(103))]
    assert seam.asked(before) == ["foundry.list_agents"] * 2
    assert len(seam.backend.list_agents(7)) == 7


def test_a_short_list_costs_one_request(seam: Seam) -> None:
    """The SDK by itself asks for one page too many."""
    seam.backend.create_agent(DEFINITION, {"opid": "op_1"})
    before = len(seam.asked())

    assert len(seam.backend.list_agents()) == 1
    assert len(seam.asked()) - before == 1


def test_deleting_twice_is_fine(seam: Seam) -> None:
    """Whether the reply was lost or somebody else was faster."""
    agent = seam.backend.create_agent(DEFINITION, {"opid": "op_1"})
    seam.fail("foundry.delete_agent", kind="reset", when="after")

    seam.backend.delete_agent(agent.id)
    seam.backend.delete_agent(agent.id)

    assert seam.backend.list_agents() == []


def test_threads_keep_their_tags_and_are_listed_newest_first(seam: Seam) -> None:
    """The history of an installation is the list of its threads."""
    made = [seam.backend.create_thread({"opid": f"op_{number}", "title": str(number)}) for number in range(3)]

    assert seam.backend.get_thread(made[0].id).metadata["title"] == "0"
    assert [thread.id for thread in seam.backend.list_threads(2)] == [made[2].id, made[1].id]


def test_a_lost_thread_reply_leaves_one_thread(seam: Seam) -> None:
    """Threads cost nothing and nobody ever finds the second one."""
    seam.fail("foundry.create_thread", kind="reset", when="after")

    made = seam.backend.create_thread({"opid": "op_1"})

    assert [thread.id for thread in seam.backend.list_threads(10)] == [made.id]


def test_an_unknown_thread_is_not_found(seam: Seam) -> None:
    """With its id and Azure's request id, for the page that has it from the address bar."""
    with pytest.raises(NotFound) as caught:
        seam.backend.get_thread("thread_unknown")
    assert caught.value.resource == "thread_unknown" and caught.value.status == 404


def test_a_deleted_thread_is_gone(seam: Seam) -> None:
    """And deleting it again is no error."""
    thread = seam.backend.create_thread({"opid": "op_1"})
    seam.backend.delete_thread(thread.id)
    seam.backend.delete_thread(thread.id)
    with pytest.raises(NotFound):
        seam.backend.get_thread(thread.id)


def test_the_model_behind_a_deployment_is_named(seam: Seam) -> None:
    """Health asks for it; an unknown deployment is a setting to correct."""
    assert seam.backend.model_of(seam.settings.model)
    with pytest.raises(NotFound):
        seam.backend.model_of("no-such-deployment")


def test_a_wrong_identity_is_denied(lab: Lab) -> None:
    """After one try with a fresh token."""
    with open_seam(lab.emulator, token="not-the-token") as seam, pytest.raises(AccessDenied) as caught:
        seam.backend.list_agents()
    assert caught.value.status in (401, 403)
