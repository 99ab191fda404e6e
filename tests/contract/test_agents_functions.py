"""Function tools that the client itself runs: requires_action and submit_tool_outputs."""

import json
from typing import Any

import pytest
from azure.ai.agents.models import AgentEventHandler, FunctionTool, ThreadRun, ToolOutput, ToolSet
from azure.core.exceptions import HttpResponseError

from tests.contract.agents_support import Lab, Pause, call, calls, say


def temperature(place: str) -> str:
    """Measure the temperature.

    :param place: Where to measure.
    """
    return json.dumps({"place": place, "degrees": 21})


def wind(place: str) -> str:
    """Measure the wind.

    :param place: Where to measure.
    """
    raise ValueError(f"no anemometer in {place}")


TOOLS: Any = FunctionTool({temperature, wind}).definitions


def both(lab: Lab) -> ThreadRun:
    """Return a run that waits for two outputs."""
    lab.model.plays(
        "Measure.",
        calls(call("temperature", place="Rome"), call("wind", place="Oslo")),
        say("Measured."),
    )
    return lab.wait(lab.start(lab.agent("Measure.", tools=TOOLS)), "requires_action")


def wanted(run: ThreadRun) -> list[Any]:
    found: list[Any] = run["required_action"]["submit_tool_outputs"]["tool_calls"]
    return found


def test_the_sdk_runs_functions_while_it_polls(lab: Lab) -> None:
    """The function-calling sample: a toolset, auto calls, create_and_process."""
    toolset = ToolSet()
    toolset.add(FunctionTool({temperature}))
    lab.client.enable_auto_function_calls(toolset)
    lab.model.plays("Measure.", calls(call("temperature", place="Rome")), say("21 degrees in Rome."))
    agent = lab.client.create_agent(model="gpt-4o", instructions="Measure.", toolset=toolset)

    run = lab.ask(agent, "How warm is Rome?", toolset=toolset)

    assert lab.answer(run) == "21 degrees in Rome."
    (offered,) = lab.model.requests[0].tools
    assert (offered.name, offered.kind) == ("temperature", "function")
    assert offered.parameters is not None
    assert "place" in offered.parameters["properties"]  # type: ignore[operator]  # a JSON object
    assert lab.model.requests[1].calls[0].output == '{"place": "Rome", "degrees": 21}'
    (done,) = lab.tool_calls(run)
    assert done["function"] == {
        "name": "temperature",
        "arguments": '{"place": "Rome"}',
        "output": '{"place": "Rome", "degrees": 21}',
    }


def test_a_run_that_needs_outputs_says_which(lab: Lab) -> None:
    """Id, name and arguments: what a client needs to do the work itself."""
    run = both(lab)

    first, second = wanted(run)

    assert run["required_action"]["type"] == "submit_tool_outputs"
    assert first == {
        "id": first["id"],
        "type": "function",
        "function": {"name": "temperature", "arguments": '{"place": "Rome"}'},
    }
    assert second["function"]["name"] == "wind"
    (step,) = lab.steps(run)
    assert (step["status"], step["usage"]) == ("in_progress", None)
    assert [c["function"]["output"] for c in step["step_details"]["tool_calls"]] == [None, None]


def test_outputs_take_the_run_on(lab: Lab) -> None:
    """The reply shows the run queued again; the outputs stand in the step."""
    run = both(lab)
    outputs = [ToolOutput(tool_call_id=c["id"], output=c["function"]["name"]) for c in wanted(run)]

    queued = lab.client.runs.submit_tool_outputs(run.thread_id, run.id, tool_outputs=outputs)

    assert (queued.status, queued.required_action) == ("queued", None)
    ended = lab.wait(run)
    assert (ended.status, lab.answer(run)) == ("completed", "Measured.")
    assert [c["function"]["output"] for c in lab.tool_calls(run)] == ["temperature", "wind"]
    assert ended["usage"]["total_tokens"] == 240


@pytest.mark.parametrize("kind", ["some", "unknown", "none"])
def test_outputs_must_be_exactly_those_asked_for(lab: Lab, kind: str) -> None:
    """Half the outputs, or foreign ones, change nothing."""
    run = both(lab)
    first, second = (tool_call["id"] for tool_call in wanted(run))
    given = {"some": [first], "unknown": [first, second, "call_x"], "none": []}[kind]

    with pytest.raises(HttpResponseError) as caught:
        lab.client.runs.submit_tool_outputs(
            run.thread_id, run.id, tool_outputs=[ToolOutput(tool_call_id=c, output="1") for c in given]
        )

    assert caught.value.status_code == 400
    expected = f"Expected tool outputs for call_ids ['{first}', '{second}'], got {given}."
    assert expected in str(caught.value)
    assert lab.get(run).status == "requires_action"


def test_a_run_that_waits_for_nothing_takes_no_outputs(lab: Lab) -> None:
    """A second submit, a late one: refused by the run's state."""
    run = lab.ask(lab.agent())

    with pytest.raises(HttpResponseError, match='Runs in status "completed" do not accept tool outputs'):
        lab.client.runs.submit_tool_outputs(
            run.thread_id, run.id, tool_outputs=[ToolOutput(tool_call_id="call_x", output="1")]
        )


def test_a_function_that_raises_is_tried_again_with_its_error(lab: Lab) -> None:
    """The SDK sends {"error": ...}; the model sees it and may call again."""
    lab.client.enable_auto_function_calls({wind}, max_retry=2)
    lab.model.answers(
        "Measure.",
        lambda request: say("Gave up.") if len(request.calls) == 2 else calls(call("wind", place="Oslo")),
    )

    run = lab.ask(lab.agent("Measure.", tools=TOOLS))

    assert lab.answer(run) == "Gave up."
    assert "no anemometer in Oslo" in lab.model.requests[-1].calls[0].output
    assert [finished.round for finished in lab.model.requests[-1].calls] == [0, 1]


def test_outputs_can_be_submitted_by_hand_within_a_stream(lab: Lab) -> None:
    """The streaming sample with an event handler that answers requires_action itself."""
    lab.model.plays("Measure.", calls(call("temperature", place="Rome")), say("Warm."))
    agent, thread = lab.agent("Measure.", tools=TOOLS), lab.thread("How warm?")
    client = lab.client

    class Answering(AgentEventHandler):  # type: ignore[type-arg]  # what its methods return is not used
        def on_thread_run(self, run: ThreadRun) -> None:
            if run["status"] == "requires_action":
                (tool_call,) = wanted(run)
                client.runs.submit_tool_outputs_stream(
                    run.thread_id,
                    run.id,
                    tool_outputs=[ToolOutput(tool_call_id=tool_call["id"], output="21")],
                    event_handler=self,
                )

    with _without_auto_calls(lab).runs.stream(
        thread.id, agent_id=agent.id, event_handler=Answering()
    ) as stream:
        names = [str(name) for name, _, _ in stream]

    assert names.count("done") == 2
    assert names[-2:] == ["thread.run.completed", "done"]
    assert lab.model.requests[-1].calls[0].output == "21"


def _without_auto_calls(lab: Lab) -> Any:
    """Return the client with no functions of its own to run."""
    lab.client.enable_auto_function_calls(set())
    return lab.client


def test_a_run_that_waits_for_outputs_can_be_cancelled(lab: Lab) -> None:
    """The client lost interest; the thread must become free."""
    run = both(lab)

    lab.client.runs.cancel(run.thread_id, run.id)

    ended = lab.wait(run)
    assert (ended.status, ended.required_action) == ("cancelled", None)
    (step,) = lab.steps(run)
    assert step["status"] == "cancelled"


def test_a_run_whose_outputs_never_come_expires(lab: Lab) -> None:
    """A client that died holds its thread for ten minutes, not for ever."""
    run = both(lab)

    lab.emulator.advance(601)

    ended = lab.wait(run)
    assert (ended.status, ended.required_action) == ("expired", None)
    assert lab.steps(run)[0]["status"] == "expired"


def test_calls_come_one_at_a_time_when_asked(lab: Lab) -> None:
    """parallel_tool_calls=False is a promise to clients that can do one thing at a time."""
    lab.model.plays("Measure.", calls(call("temperature", place="Rome"), call("wind", place="Oslo")))
    agent = lab.agent("Measure.", tools=TOOLS)

    run = lab.wait(lab.start(agent, parallel_tool_calls=False), "requires_action")

    assert [tool_call["function"]["name"] for tool_call in wanted(run)] == ["temperature"]


def test_a_forced_tool_is_forced_once(lab: Lab) -> None:
    """Forced at every turn, the run could never end."""
    choice: Any = {"type": "function", "function": {"name": "temperature"}}
    lab.client.enable_auto_function_calls({temperature})
    lab.model.plays("Measure.", calls(call("temperature", place="Rome")), [Pause(), *say("Warm.")])
    run = lab.start(lab.agent("Measure.", tools=TOOLS), tool_choice=choice)

    (tool_call,) = wanted(lab.wait(run, "requires_action"))
    outputs = [ToolOutput(tool_call_id=tool_call["id"], output="21")]
    lab.client.runs.submit_tool_outputs(run.thread_id, run.id, tool_outputs=outputs)
    lab.wait_for_pause()
    lab.release()

    assert lab.wait(run)["tool_choice"] == choice
    assert [request.tool_choice for request in lab.model.requests] == [choice, "auto"]
