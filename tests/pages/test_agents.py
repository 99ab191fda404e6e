"""The Agents page in every state: real services, real agents in Local Azure, a workspace as the test wrote it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.inventory.agents import AgentInventory
from services.inventory.agents_pace import CallBudget
from services.resilience.clock import RealPace
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, address, words
from tests.pages.workspaces import Workspace, install, partial, refusal, table
from tests.scripted_server import ScriptedServer
from ui import agents_actions, context

MARKUP = "<img src=x onerror=alert(1)> **bold** [here](http://evil.example) $x$"
AT = "2026-11-22T12:00:00Z"
WAIT_S = 10.0


@pytest.fixture
def workspace(control: Control, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return install(scripted, monkeypatch)


@pytest.fixture
def fresh(control: Control, monkeypatch: pytest.MonkeyPatch) -> AgentInventory:
    """An index that has read nothing yet, in place of the process's own."""
    services = runtime.current().services
    found = AgentInventory(services.backend, services.queues, services.agents.wanted, runtime.now)
    for name in ("board", "settled", "read_again", "drop"):
        monkeypatch.setattr(services.agents, name, getattr(found, name))
    return found


@pytest.fixture
def strangers(control: Control) -> Iterator[Any]:
    """Make agents as somebody else would; they are deleted after the test."""
    client, made = runtime.current()._clients.agents, list[str]()

    def make(**body: Any) -> str:
        made.append(str(client.create_agent(body={"model": "gpt-4o", **body}).id))
        runtime.current().services.agents.read_again(WAIT_S)
        return made[-1]

    yield make
    for agent_id in made:
        runtime.current().services.backend.delete_agent(agent_id)
    runtime.current().services.agents.read_again(WAIT_S)


@pytest.fixture(autouse=True)
def team(control: Control, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The whole team, as the settings want it, in an index that may read as often as tests do."""
    services = runtime.current().services
    monkeypatch.setattr(services.agents, "_budget", CallBudget(10_000, RealPace()))
    services.team.forget()
    services.team.orchestrator()
    services.agents.read_again(WAIT_S)
    yield
    services.team.forget()


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name.replace("_", "-") if name.startswith("agents_") else name] = value
    at.switch_page(str(ROOT / "pages" / "agents.py"))
    at.run()
    assert not at.exception
    return at


def id_of(role: str) -> str:
    entries = runtime.current().services.agents.board().entries
    return next(entry.id for entry in entries if entry.role == role and entry.is_ours)


def rows(at: AppTest) -> list[dict[str, Any]]:
    return list(at.dataframe[0].value.to_dict("records"))


def row(at: AppTest, name: str) -> dict[str, Any]:
    return next(found for found in rows(at) if found["Agent"] == name)


def told(at: AppTest) -> str:
    return words(at).replace("\\", "")


def metric(at: AppTest, label: str) -> str:
    return next(str(one.value) for one in at.metric if label in one.label)


def use(part: str, name: str, **more: object) -> list[object]:
    """Return a row of agent_use in the order of its columns."""
    known: dict[str, object] = {
        "part": part,
        "leader_id": "",
        "agent": "",
        "agent_id": "",
        "name": name,
        "demo": False,
        "calls": 4,
        "failed": 1,
        "p95_ms": 2500.0,
        "counted": 4,
        "input_tokens": 400.0,
        "output_tokens": 80.0,
        "oldest": AT,
        "newest": AT,
    }
    return list({**known, **more}.values())


def test_the_team_is_shown_with_what_telemetry_tells_of_each(workspace: Workspace) -> None:
    leader = id_of("orchestrator")
    workspace.bodies["agent_use"] = table(
        "agent_use",
        [
            use("agent", "orchestrator", agent_id=leader),
            use("connected", "foo_bot", leader_id=leader, calls=2, failed=0, counted=0),
        ],
    )
    at = opened()

    assert (row(at, "orchestrator")["Kind"], row(at, "orchestrator")["Tokens"]) == ("Orchestrator", 480)
    assert (row(at, "orchestrator")["Success"], row(at, "orchestrator")["p95"]) == (0.75, 2.5)
    assert (row(at, "foo_bot")["Called by"], row(at, "foo_bot")["Calls"]) == ("orchestrator", 2)
    assert row(at, "calculator")["Calls"] == 0
    assert list(row(at, "foo_bot")["State"]) == ["as wanted"]


def test_a_press_and_a_redraw_ask_azure_nothing(control: Control) -> None:
    at = opened(refresh="off")
    before = control.last_request()
    at.selectbox(key="agents-widget-sort").select("name").run()
    at.text_input(key="agents-widget-text").set_value("azure-function-foo").run()
    assert [found["Agent"] for found in rows(at)] == ["foo_bot"]
    asked = [str(seen["operation"]) for seen in control.requests(before)]
    assert not [one for one in asked if one.startswith(("foundry.", "queues.list", "monitor."))]


def test_filters_come_from_the_address_and_lead_out_again(workspace: Workspace) -> None:
    at = opened(agents_kind="orchestrator", agents_state="present")
    assert [found["Agent"] for found in rows(at)] == ["orchestrator"]
    at.text_input(key="agents-widget-text").set_value("no such agent").run()
    assert "match.**" in told(at) and "0 of" in told(at)
    assert address(at, "agents-text") == "no such agent"
    at.button(key="agents-clear-list").click().run()
    assert len(rows(at)) >= 4
    assert address(at, "agents-kind") == ""


def test_what_the_address_says_wrongly_is_told_and_left_out(workspace: Workspace) -> None:
    at = opened(agents_kind="<b>", agents_sort="x", agents_page="-3")
    assert "is no kind that there is" in told(at) and "is no sort that there is" in told(at)
    assert len(rows(at)) >= 4


def test_what_is_compared_with_stands_in_the_address(workspace: Workspace) -> None:
    at = opened(agent=id_of("foo"), agents_compare="settings")
    assert "The instructions are the same." in told(at)
    at.selectbox(key="agents-widget-compare").select("nothing").run()
    assert address(at, "agents-compare") == "nothing"
    assert "The instructions are the same." not in told(at)


def test_what_others_wrote_is_shown_as_they_wrote_it_and_does_nothing(
    workspace: Workspace, strangers: Any
) -> None:
    agent_id = strangers(
        name=MARKUP, instructions=MARKUP, description=MARKUP, tools=[{"type": "azure_ai_search"}]
    )
    at = opened()
    assert row(at, MARKUP)["Whose"] == "Foreign"
    assert row(at, MARKUP)["Tools"] == "azure_ai_search"

    at = opened(agent=agent_id)
    assert "never deleted here" in told(at)
    assert not [one for one in at.button if one.key == "agent-delete-do"]
    assert not [
        one.value
        for one in at.markdown
        if "[here](http" in one.value or "<img" in one.value.replace("\\<", "")
    ]


def test_about_agents_of_others_nothing_is_claimed(workspace: Workspace, strangers: Any) -> None:
    strangers(name="stranger")
    at = opened()
    assert row(at, "stranger")["Calls"] != row(at, "stranger")["Calls"]  # not a number: not known


@pytest.mark.usefixtures("without_workspace")
def test_without_a_workspace_calls_are_not_known_and_the_rest_is_there() -> None:
    at = opened()
    assert row(at, "foo_bot")["Calls"] is None or row(at, "foo_bot")["Calls"] != row(at, "foo_bot")["Calls"]
    assert "no Log Analytics workspace is set" in told(at)
    at = opened(agent=id_of("foo"))
    assert metric(at, "Calls") == "not known"
    assert "No telemetry of it reaches this workspace." in told(at)


def test_a_workspace_that_refuses_leaves_the_list(workspace: Workspace) -> None:
    workspace.bodies["agent_use"] = refusal("InsufficientAccessError", "No access to the workspace.")
    at = opened()
    assert "No access to the workspace." in told(at)
    assert row(at, "foo_bot")["Kind"] == "Connected"


def test_a_part_of_the_calls_is_said_to_be_one(workspace: Workspace) -> None:
    workspace.bodies["agent_use"] = partial("agent_use", [use("queue", "q")], "Too much.")
    assert "Only a part of the calls was read." in told(opened())


def test_an_agent_shows_its_definition_its_checks_and_its_five_stages(workspace: Workspace) -> None:
    at = opened(agent=id_of("foo"))
    for words_ in (
        "# foo",
        "Creation",
        "Configuration",
        "Execution",
        "Monitoring",
        "Cleanup",
        "speaks for foo",
    ):
        assert words_ in told(at)
    at = opened(agent=id_of("foo"), agents_show="Contract")
    assert "The instructions name the output queue that the tool is bound to." in told(at)
    at = opened(agent=id_of("foo"), agents_show="Tools")
    assert "azure-function-foo-input" in told(at)


def test_what_was_changed_is_compared_with_what_the_settings_would_make(workspace: Workspace) -> None:
    foo = id_of("foo")
    runtime.current()._clients.agents.update_agent(foo, instructions="You are a helpful bar.")
    runtime.current().services.agents.read_again(WAIT_S)
    at = opened(agent=foo)
    assert "+You are a helpful bar." in told(at)
    assert "Changed since: instructions" in told(at)

    at = opened()
    assert metric(at, "Changed") == "1"
    at.button(key="agents-update-do").click().run()

    assert "1 restored" in at.toast[0].value
    assert list(row(at, "foo_bot")["State"]) == ["as wanted"]


def test_one_of_ours_is_deleted_and_the_list_is_shown_without_it(workspace: Workspace) -> None:
    foo = id_of("foo")
    at = opened(agent=foo)
    assert "It is of the present team: the next question makes it anew" in told(at)
    at.button(key="agent-delete-do").click().run()

    assert "Deleted" in at.toast[0].value
    assert address(at, "agent") == ""
    assert foo not in [found["Id"] for found in rows(at)]
    assert metric(at, "Broken") == "1"  # the orchestrator that called it


def test_a_deletion_that_is_denied_names_the_role_and_stays_there(
    control: Control, workspace: Workspace
) -> None:
    foo = id_of("foo")
    at = opened(agent=foo)
    control.fail(operation="foundry.delete_agent", status=403, code="Forbidden")
    at.button(key="agent-delete-do").click().run()

    assert "Foundry User" in at.toast[0].value
    assert address(at, "agent") == foo
    assert runtime.current().services.backend.get_definition(foo)


def test_an_agent_deleted_while_it_is_shown_is_said_to_be_gone(workspace: Workspace, strangers: Any) -> None:
    agent_id = strangers(name="passing")
    at = opened(agent=agent_id)
    runtime.current().services.backend.delete_agent(agent_id)
    context.agent_definition.clear()
    at.run()

    assert "This agent does not exist, or no longer" in told(at)
    at.button(key="agent-back").click().run()
    assert "passing" not in [found["Agent"] for found in rows(at)]


def test_what_is_no_id_in_the_address_is_said_to_be_none(workspace: Workspace) -> None:
    assert "This agent does not exist, or no longer" in told(opened(agent="../../threads"))


def test_a_project_that_refuses_is_a_failure_with_a_way_to_try_again(
    control: Control, workspace: Workspace, fresh: AgentInventory
) -> None:
    control.fail(operation="foundry.list_agents", status=403, code="Forbidden")
    at = opened()
    assert "HTTP 403" in told(at) and not at.dataframe
    at.button(key="agents-retry").click().run()
    assert row(at, "foo_bot")["Kind"] == "Connected"


def test_a_first_reading_that_takes_long_says_that_it_is_under_way(
    control: Control, workspace: Workspace, fresh: AgentInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.agents_data.SETTLES_S", 0.05)
    control.fail(operation="foundry.list_agents", kind="slow", delay_s=1.0)
    at = opened()
    assert "Indexing the agents of the project" in told(at)
    assert "no agent in this project" not in told(at)
    fresh.read_again(WAIT_S)
    at.run()
    assert row(at, "foo_bot")["Kind"] == "Connected"


def test_when_the_agents_cannot_be_read_again_the_old_ones_stay_with_their_time(
    control: Control, workspace: Workspace
) -> None:
    control.fail(operation="foundry.list_agents", status=403, code="Forbidden")
    runtime.current().services.agents.read_again(WAIT_S)
    at = opened()
    assert "and cannot be now" in told(at)
    assert row(at, "foo_bot")["Kind"] == "Connected"


def test_an_export_is_the_definition_as_the_service_has_it(strangers: Any) -> None:
    agent_id = strangers(name="a/../b", tools=[{"type": "azure_ai_search"}])
    record = runtime.current().services.backend.get_definition(agent_id)
    assert json.loads(agents_actions.exported(record))["tools"] == [{"type": "azure_ai_search"}]
    entry = runtime.current().services.agents.board().by_id[agent_id]
    assert "/" not in agents_actions.file_name(entry) and ".." not in agents_actions.file_name(entry)


def test_agents_that_telemetry_tells_of_and_that_are_gone_are_listed_apart(workspace: Workspace) -> None:
    workspace.bodies["agent_use"] = table("agent_use", [use("agent", "old_one", agent_id="asst_old")])
    assert "1 agent of this range no longer there" in told(opened())


def test_the_words_of_an_empty_project(workspace: Workspace, fresh: AgentInventory) -> None:
    client = runtime.current().services.backend
    for agent in client.list_agents(1000):
        client.delete_agent(agent.id)
    at = opened()
    assert "There is no agent in this project yet." in at.info[0].value
    at.button(key="agents-update-do").click().run()
    assert "4 made" in at.toast[0].value
    assert len(rows(at)) == 4
