"""Whether an agent can do what it is there for, what has drifted, and the five stages of its life."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.agents.backend import Agent, AgentDefinition, AgentRecord
from services.agents.catalogue import CATALOGUE
from services.agents.plan import plan_team
from services.agents.shapes import agent_body, agent_record
from services.inventory.agents_board import AgentBoard, entry_of
from services.inventory.agents_checks import checks_of
from services.inventory.agents_drift import Wanted, differences, holds
from services.inventory.agents_lifecycle import stages_of
from services.inventory.agents_use import Use
from services.settings_source import load_settings
from tests.unit.agent_rows import NOW, board, calls, entry

ENDPOINT = "https://acct.queue.core.windows.net"
SETTINGS = load_settings({}).at(project_endpoint="https://p", storage_endpoint=ENDPOINT, model="gpt-4o")
PLAN = plan_team(SETTINGS, CATALOGUE)
WANTED = Wanted(PLAN, "local", ENDPOINT)
FOO = PLAN.members[0]
QUEUES = {name for tool in CATALOGUE for name in (tool.input_queue, tool.output_queue)}
TOOLS: list[Any] = agent_body(FOO, {})["tools"]  # type: ignore[assignment]  # of a body, by its name
TAGS = {"relaydeck": "pooled", "environment": "local", "role": "foo", "definition": PLAN.hash}


def record(definition: AgentDefinition = FOO, tags: dict[str, str] = TAGS, **body: object) -> AgentRecord:
    """Return what the service would answer for an agent made of *definition*, changed by *body*."""
    made = {**agent_body(definition, tags), "id": "asst_1", "created_at": int(NOW.timestamp()), **body}
    return agent_record(made)


def shown(found: AgentRecord, queues: set[str] | None = QUEUES) -> AgentBoard:
    return board(entry_of(found, WANTED), queues=queues)


def failed(found: AgentRecord, queues: set[str] | None = QUEUES, verdict: str = "wrong") -> list[str]:
    return [
        check.told for check in checks_of(found, shown(found, queues), WANTED) if check.verdict == verdict
    ]


def test_an_agent_of_the_team_passes_all_checks() -> None:
    found = record()
    checks = checks_of(found, shown(found), WANTED)
    assert {check.verdict for check in checks} == {"ok"}
    assert any("instructions name the output queue" in check.told for check in checks)


def test_a_missing_queue_is_wrong_and_an_unread_one_unknown() -> None:
    assert failed(record(), set())[0] == "Its input queue azure-function-foo-input does not exist."
    assert failed(record(), None) == []
    assert len(failed(record(), None, "unknown")) == 2


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "array"}, "not the JSON schema of an object"),
        (
            {"type": "object", "properties": {"a": {}}, "required": ["b"]},
            "requires what it does not describe: b",
        ),
        ({"type": "object", "properties": {"CorrelationId": {}}}, "a field CorrelationId of its own"),
        ({"type": "object", "properties": []}, "not the JSON schema of an object"),
    ],
    ids=["array", "required", "envelope", "no object"],
)
def test_a_schema_that_no_call_can_fit_is_wrong(schema: dict[str, object], said: str) -> None:
    function = replace(FOO.functions[0], parameters=schema)
    found = record(replace(FOO, functions=(function,)))
    assert any(said in told for told in failed(found))


def test_instructions_that_name_another_queue_than_the_tool_is_wrong() -> None:
    """The original way of telling the function where to answer: both places must say the same."""
    found = record(instructions=FOO.instructions.replace("foo-output", "bar-output"))
    assert any("bar-output, the tool is bound to" in told for told in failed(found))


def test_queues_that_the_function_app_does_not_read_are_wrong() -> None:
    other = replace(FOO.functions[0].input, queue="elsewhere-input")
    found = record(replace(FOO, functions=(replace(FOO.functions[0], input=other),)))
    assert any("The function app reads azure-function-foo-input" in told for told in failed(found))


def test_a_tool_of_an_unknown_kind_is_unknown_and_a_torn_one_is_wrong() -> None:
    tools = [{"type": "future_tool"}, {"type": "azure_function", "azure_function": {"function": {}}}]
    found = record(tags={}, tools=tools)
    assert failed(found, verdict="unknown") == ["Relaydeck does not know tools of the kind future_tool."]
    assert failed(found) == ["The definition lacks what the service needs."]


def test_an_agent_without_name_and_instructions_is_doubtful() -> None:
    found = record(tags={}, name=None, instructions=None, tools=[])
    assert len(failed(found, verdict="doubtful")) == 2


def test_a_connected_agent_that_is_itself_or_has_an_odd_name_is_wrong() -> None:
    tools = [
        {
            "type": "connected_agent",
            "connected_agent": {"id": "asst_1", "name": "my-self", "description": "x"},
        }
    ]
    told = failed(record(tags={}, tools=tools))
    assert "It calls itself." in told
    assert any("letters and _ only" in one for one in told)


# Drift ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"model": "gpt-5"}, ["model: gpt-5 in place of gpt-4o"]),
        ({"description": "Else."}, ["description"]),
        ({"tools": []}, ["without foo"]),
        (
            {"tools": [*TOOLS, {"type": "code_interpreter"}]},
            ["an added tool: code_interpreter"],
        ),
    ],
    ids=["model", "description", "tool taken away", "tool added"],
)
def test_what_differs_is_said(body: dict[str, object], said: list[str]) -> None:
    assert list(differences(record(**body), FOO)) == said  # type: ignore[arg-type]  # fields of the body


def test_what_the_service_adds_by_itself_is_no_difference() -> None:
    tools = agent_body(FOO, {})["tools"]
    assert isinstance(tools, list)
    tools[0]["azure_function"]["function"]["strict"] = False
    assert list(differences(record(tools=tools), FOO)) == []


def test_a_property_that_was_added_to_a_schema_is_a_difference() -> None:
    """It is passed on to the function."""
    wanted = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert holds({**wanted, "strict": True}, wanted)
    assert holds({"type": "object", "properties": {"a": {"type": "string", "title": "A"}}}, wanted)
    assert not holds({"type": "object", "properties": {"a": {"type": "string"}, "b": {}}}, wanted)
    assert not holds({"type": "object", "properties": {}}, wanted)


def test_a_property_may_itself_be_called_properties() -> None:
    wanted = {"properties": {"properties": {"type": "string"}}}
    assert holds({"properties": {"properties": {"type": "string", "title": "x"}}}, wanted)


def test_an_agent_of_a_role_that_is_gone_is_changed() -> None:
    assert WANTED.compare(record(tags={**TAGS, "role": "gone"}))[0] == "changed"
    assert WANTED.compare(record(tags={**TAGS, "definition": "old"})) == ("other", ())


# The five stages --------------------------------------------------------------------------------------


def test_the_five_stages_of_an_agent_that_works() -> None:
    one = entry("asst_1")
    use = Use(3, 0, 1.0, oldest=NOW - timedelta(minutes=5), newest=NOW)
    stages = stages_of(one, board(one), use, 0, NOW)
    assert [stage.name for stage in stages] == [
        "creation",
        "configuration",
        "execution",
        "monitoring",
        "cleanup",
    ]
    assert [stage.state for stage in stages] == ["done", "done", "active", "active", "done"]
    assert stages[4].told == "Kept: the next question needs it."


def test_what_nobody_tells_is_unknown_and_not_none() -> None:
    one = entry("asst_1", owner="foreign", standing=None)
    stages = stages_of(one, board(one), None, 0, NOW)
    assert [stage.state for stage in stages[2:4]] == ["unknown", "unknown"]
    assert stages[4].told == "Not ours: Relaydeck never deletes it."


def test_an_agent_made_for_one_question_should_be_gone_after_it() -> None:
    fresh = entry("asst_1", owner="per_query", created_at=NOW - timedelta(minutes=1))
    old = replace(fresh, created_at=NOW - timedelta(hours=1))
    assert stages_of(fresh, board(fresh), None, 0, NOW)[4].state == "active"
    assert stages_of(old, board(old), None, 0, NOW)[4].told == "Should be gone: its question is long over."


def test_one_of_another_definition_that_the_present_team_calls_is_kept() -> None:
    old = entry("asst_old", standing="other")
    leader = entry("asst_lead", calls("asst_old", "old"))
    assert "present team calls it" in stages_of(old, board(old, leader), Use(), 0, NOW)[4].told
    alone = stages_of(old, board(old), Use(), 0, NOW)[4]
    assert (alone.state, alone.told) == ("attention", "Not of the present team, not used in this range.")


def test_what_is_missing_makes_the_configuration_stand_out() -> None:
    lead = entry("asst_lead", calls("asst_gone", "vanished"))
    stage = stages_of(lead, board(lead), Use(), 0, NOW)[1]
    assert stage.state == "attention" and "Missing: the agent vanished." in stage.told


def test_an_agent_is_read_whatever_it_lacks() -> None:
    """The record of an agent that has nothing but what the service always gives."""
    bare = agent_record({"id": "asst_1", "created_at": 0, "tools": [7, {}, {"type": 3}]})
    assert isinstance(bare.agent, Agent) and (bare.agent.name, bare.instructions) == ("", "")
    assert [tool.kind for tool in bare.tools] == ["not readable", "without a kind", "3"]
