"""Agents with all that defines them, read and written back: real SDK, real HTTP."""

from typing import Any

import pytest

from services.agents.backend import AgentDefinition
from services.errors import InvalidInput, NotFound
from tests.contract.agents_support import MODEL, Lab, connected, function_tool
from tests.contract.seam_support import Seam

SEARCH = {"type": "azure_ai_search"}
MAP = {
    "type": "openapi",
    "openapi": {"name": "weather", "spec": {"paths": {}}, "auth": {"type": "anonymous"}},
}
LARGEST = "instruct " * 28_444  # 255,996 of the 256,000 characters that fit


def make(lab: Lab, **body: Any) -> str:
    return str(lab.client.create_agent(body={"model": MODEL, **body}).id)


def test_a_function_tool_comes_with_its_queues_and_its_schema(seam: Seam, lab: Lab) -> None:
    tool = function_tool(lab.emulator.storage_endpoint, "foo", query="The question.")
    agent = lab.agent("Use foo.", tools=tool.definitions, description="Speaks for foo.", metadata={"a": "b"})

    found = seam.backend.get_definition(agent.id)

    assert (found.instructions, found.description) == ("Use foo.", "Speaks for foo.")
    assert found.agent.metadata == {"a": "b"}
    (carried,) = found.tools
    assert carried.function is not None
    assert (carried.kind, carried.name) == ("azure_function", "foo")
    assert carried.function.input.queue == "azure-function-foo-input"
    assert carried.function.output.endpoint == lab.emulator.storage_endpoint
    assert carried.function.parameters["properties"] == {
        "query": {"type": "string", "description": "The question."}
    }


def test_a_connected_agent_comes_with_its_id(seam: Seam, lab: Lab) -> None:
    child = lab.agent("Answer.")
    leader = lab.agent("Lead.", tools=[connected(child, "helper")])

    (tool,) = seam.backend.get_definition(leader.id).tools

    assert tool.connected is not None
    assert (tool.kind, tool.connected.agent_id, tool.connected.name) == (
        "connected_agent",
        child.id,
        "helper",
    )


def test_tools_of_other_kinds_are_kept_as_they_came(seam: Seam, lab: Lab) -> None:
    """Somebody else's agents use what Relaydeck has no word for; an export must not lose it."""
    agent_id = make(lab, name="foreign", tools=[SEARCH, MAP])

    search, weather = seam.backend.get_definition(agent_id).tools

    assert (search.kind, search.name, search.source) == ("azure_ai_search", "", SEARCH)
    assert (weather.kind, weather.name, weather.source) == ("openapi", "weather", MAP)


def test_an_agent_without_name_and_with_the_longest_instructions_is_read(seam: Seam, lab: Lab) -> None:
    agent_id = make(lab, instructions=LARGEST)
    (record,) = seam.backend.list_definitions().records
    assert (record.agent.id, record.agent.name, record.instructions) == (agent_id, "", LARGEST)


def test_pages_follow_each_other_without_a_gap(seam: Seam, lab: Lab) -> None:
    made = [make(lab, name=f"a{number}") for number in range(5)]
    before = len(seam.asked())

    first = seam.backend.list_definitions(limit=2)
    second = seam.backend.list_definitions(first.after, 2)
    last = seam.backend.list_definitions(second.after, 2)

    read = [record.agent.id for page in (first, second, last) for record in page.records]
    assert read == made[::-1]
    assert last.after == ""
    assert seam.asked(before) == ["foundry.list_agents"] * 3


def test_a_page_that_begins_at_an_agent_there_never_was_is_refused(seam: Seam, lab: Lab) -> None:
    make(lab, name="a")
    with pytest.raises(InvalidInput):
        seam.backend.list_definitions("asst_never", 1)


def test_an_update_puts_the_definition_in_place_of_what_was_there(seam: Seam, lab: Lab) -> None:
    agent_id = make(lab, name="old", instructions="Old.", tools=[SEARCH], metadata={"role": "x"})

    found = seam.backend.update_agent(agent_id, AgentDefinition("new", MODEL, "New."), {"role": "x"})

    assert (found.agent.id, found.agent.name, found.instructions, found.tools) == (
        agent_id,
        "new",
        "New.",
        (),
    )
    assert lab.client.get_agent(agent_id).instructions == "New."


def test_an_update_whose_reply_is_lost_happened_and_is_no_failure(seam: Seam, lab: Lab) -> None:
    agent_id = make(lab, name="old", instructions="Old.")
    seam.fail("foundry.update_agent", kind="reset", when="after")
    found = seam.backend.update_agent(agent_id, AgentDefinition("new", MODEL, "New."), {})
    assert found.instructions == "New."


def test_an_agent_that_is_gone_is_not_found(seam: Seam, lab: Lab) -> None:
    agent_id = make(lab, name="old")
    lab.client.delete_agent(agent_id)
    with pytest.raises(NotFound):
        seam.backend.get_definition(agent_id)
    with pytest.raises(NotFound):
        seam.backend.update_agent(agent_id, AgentDefinition("new", MODEL, "New."), {})


def test_what_is_no_id_is_refused_before_anything_is_sent(seam: Seam) -> None:
    before = len(seam.asked())
    with pytest.raises(InvalidInput):
        seam.backend.get_definition("../threads")
    assert seam.asked(before) == []
