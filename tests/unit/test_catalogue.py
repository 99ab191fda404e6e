"""The catalogue agrees with the function app, with the services' rules, and with itself."""

import ast
import re
from pathlib import Path

import pytest

from services.agents.catalogue import CATALOGUE, instructions_for
from services.agents.plan import plan_team
from services.models import FunctionTool
from services.settings import Settings

FUNCTION_APP = Path(__file__).parents[2] / "functions" / "function_app.py"
each_tool = pytest.mark.parametrize("tool", CATALOGUE, ids=lambda tool: tool.name)
PLACE = Settings().at(project_endpoint="https://p", storage_endpoint="https://s", model="m")


def functions() -> dict[str, tuple[str, str, set[str]]]:
    """Return each function's input queue, output queue and documented parameters, by its name."""
    found = {}
    for node in ast.parse(FUNCTION_APP.read_text()).body:
        if not isinstance(node, ast.FunctionDef):
            continue
        given: dict[str, str] = {}
        for decorator in node.decorator_list:
            assert isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute)
            values = [*decorator.args, *(one.value for one in decorator.keywords if one.arg == "queue_name")]
            texts = [
                one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)
            ]
            given[decorator.func.attr] = texts[-1]
        words = re.search(r"Parameters?: ([\w, ]+)\.", ast.get_docstring(node) or "")
        assert words, f"{node.name} does not document its parameters"
        names = {name.strip() for name in words[1].split(",")}
        found[given["function_name"]] = (given["queue_trigger"], given["queue_output"], names)
    return found


def test_every_tool_has_its_function_and_every_function_its_tool() -> None:
    """A tool without a function leaves its runs waiting until they expire."""
    assert functions().keys() == {tool.name for tool in CATALOGUE}


@each_tool
def test_a_tool_and_its_function_mean_the_same_queues_and_parameters(tool: FunctionTool) -> None:
    """The naming convention is applied on both sides by hand."""
    properties = tool.parameters["properties"]
    assert isinstance(properties, dict)

    assert functions()[tool.name] == (tool.input_queue, tool.output_queue, set(properties))


def test_a_tool_is_ordered_on_both_sides_or_on_neither() -> None:
    """Marked in the catalogue alone, calls would carry a turn that nobody keeps; in the app alone, every call fails."""
    marked = {
        node.name
        for node in ast.parse(FUNCTION_APP.read_text()).body
        if isinstance(node, ast.FunctionDef) and "ordered=True" in ast.unparse(node)
    }

    assert marked == {tool.name for tool in CATALOGUE if tool.ordered}


@each_tool
def test_names_are_those_that_the_services_accept(tool: FunctionTool) -> None:
    """Connected agents: letters and underscores. Queues: 3 to 63 lower-case letters, digits and single hyphens."""
    assert re.fullmatch(r"[A-Za-z_]+", tool.agent)
    for queue in (tool.input_queue, tool.output_queue, tool.input_queue + "-poison"):
        assert re.fullmatch(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*", queue)


@each_tool
def test_parameters_are_a_schema_that_models_understand(tool: FunctionTool) -> None:
    """Every parameter typed and described; what is required exists."""
    properties, required = tool.parameters["properties"], tool.parameters["required"]
    assert isinstance(properties, dict) and isinstance(required, list)

    assert tool.parameters["type"] == "object" and set(required) <= properties.keys()
    assert all(one["type"] == "string" and one["description"] for one in properties.values())


@each_tool
def test_a_tool_comes_with_an_example_to_ask(tool: FunctionTool) -> None:
    """The empty page offers it, and the end-to-end tests ask it."""
    assert tool.examples and all(len(example) < 100 for example in tool.examples)


def test_foos_agent_is_told_the_full_address_of_its_output_queue() -> None:
    """Its parameter outputqueueuri is no system field: the model copies it out of the instructions."""
    foo = next(tool for tool in CATALOGUE if tool.name == "foo")

    text = instructions_for(foo, "https://acct.queue.core.windows.net")

    assert "ALWAYS specify the output queue URI parameter as" in text
    assert "'https://acct.queue.core.windows.net/azure-function-foo-output'" in text
    assert 'Always responds with "Foo says" and then the response from the tool.' in text


def test_the_definition_changes_with_everything_that_defines_the_team() -> None:
    """Else a process would use a team that answers differently; and the same settings give the same hash."""
    plans = [
        plan_team(PLACE, CATALOGUE),
        plan_team(PLACE.model_copy(update={"model": "other"}), CATALOGUE),
        plan_team(PLACE.model_copy(update={"storage_endpoint": "https://other"}), CATALOGUE),
        plan_team(PLACE, CATALOGUE[:2]),
    ]

    assert len({plan.hash for plan in plans}) == len(plans)
    assert plan_team(PLACE, CATALOGUE).hash == plans[0].hash
    assert all(re.fullmatch(r"[0-9a-f]{16}", plan.hash) for plan in plans)


def test_the_orchestrator_offers_what_its_team_can_do() -> None:
    """To a question that is nobody's: also for a tool that is added tomorrow."""
    text = plan_team(PLACE, CATALOGUE).instructions

    assert all(tool.agent.replace("_", " ") in text for tool in CATALOGUE)
    assert CATALOGUE[-1].examples[0] in text and "{" not in text
    assert "questions for calculator." in plan_team(PLACE, (CATALOGUE[1],)).instructions
