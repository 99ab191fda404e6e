"""Connected agents: a main agent that asks others, each in a thread and a run of its own."""

from typing import Any

from azure.ai.agents.models import ThreadRun

from emulator.model import ModelError, TextPiece
from tests.contract.agents_support import Lab, Pause, call, calls, connected, say
from tests.waiting import wait_for


def team(lab: Lab, *children: tuple[str, str], **fields: Any) -> Any:
    """Return a main agent whose connected agents have these names and instructions."""
    tools = [
        connected(lab.agent(instructions, **fields), name, f"About {name}.")
        for name, instructions in children
    ]
    return lab.agent("Delegate.", tools=tools)


def child_of(lab: Lab, call_payload: Any) -> ThreadRun:
    return lab.client.runs.get(call_payload["thread_id"], call_payload["run_id"])


def test_a_connected_agent_answers_for_the_main_one(lab: Lab) -> None:
    """The connected-agent sample, with everything the step tells about the child."""
    lab.model.plays("Delegate.", calls(call("stock_bot", query="MSFT?")), say("It is $350."))
    lab.model.plays("Stocks.", say("$350"))
    main = team(lab, ("stock_bot", "Stocks."))

    run = lab.ask(main, "How is MSFT?")

    assert lab.answer(run) == "It is $350."
    (told,) = lab.tool_calls(run)
    payload = told["connected_agent"]
    assert told["type"] == "connected_agent"
    assert payload["name"] == "stock_bot"
    assert payload["arguments"] == '{"query": "MSFT?"}'
    assert payload["output"] == "$350"
    child = child_of(lab, payload)
    assert child.status == "completed"
    assert (child.agent_id, child.agent_id != main.id) == (payload["assistant_id"], True)
    assert (child.thread_id != run.thread_id, child.id != run.id) == (True, True)
    assert lab.answer(child) == "$350"
    question = next(iter(lab.client.messages.list(child.thread_id, order="asc")))
    assert (question.role, question.text_messages[0].text.value) == ("user", "MSFT?")


def test_the_model_learns_what_a_connected_agent_knows(lab: Lab) -> None:
    """Routing needs more than a name: instructions and tools of the other agent."""
    tools = lab.function_tool("quote").definitions
    main = team(lab, ("stock_bot", "Stocks are yours."), tools=tools)

    lab.ask(main)

    (offered,) = lab.model.requests[0].tools
    assert (offered.name, offered.kind, offered.parameters) == ("stock_bot", "connected_agent", None)
    assert offered.description == "About stock_bot."
    assert offered.knowledge == "Stocks are yours.\nquote: Get answers from the quote bot."


def test_two_connected_agents_work_at_the_same_time(lab: Lab) -> None:
    """Two calls of one turn: the second does not wait for the first."""
    lab.model.plays("Delegate.", calls(call("one", query="1"), call("two", query="2")), say("Both."))
    lab.model.plays("First.", [Pause(), *say("uno")])
    lab.model.plays("Second.", [Pause(), *say("due")])
    run = lab.start(team(lab, ("one", "First."), ("two", "Second.")))

    lab.wait_for_pause(2)
    lab.release()

    assert lab.wait(run).status == "completed"
    assert [told["connected_agent"]["output"] for told in lab.tool_calls(run)] == ["uno", "due"]


def test_the_child_can_be_followed_while_it_works(lab: Lab) -> None:
    """Ids of the child stand in the first delta and in the step, before there is an output."""
    lab.model.plays("Delegate.", calls(call("slow_bot", query="x")), say("Done."))
    lab.model.plays("Slowly.", [Pause(), *say("at last")])
    main, thread = team(lab, ("slow_bot", "Slowly.")), lab.thread("Hello")
    names: list[str] = []
    deltas: list[Any] = []

    with lab.client.runs.stream(thread.id, agent_id=main.id) as stream:
        for name, data, _ in stream:
            names.append(str(name))
            if name == "thread.run.step.delta":
                deltas.append(data["delta"]["step_details"]["tool_calls"][0])
            if len(deltas) == 2 and not lab.emulator.call(lab.model.released):
                lab.wait_for_pause()
                (run,) = lab.client.runs.list(thread.id)
                (told,) = lab.tool_calls(run)
                child = child_of(lab, told["connected_agent"])
                lab.release()

    opening, arguments, output = deltas
    assert told["connected_agent"]["output"] is None
    assert (run.status, child.status) == ("in_progress", "in_progress")
    assert opening["connected_agent"] == {**told["connected_agent"], "arguments": ""}
    assert arguments["connected_agent"] == {"arguments": '{"query": "x"}'}
    assert output["connected_agent"] == {"output": "at last"}
    assert "thread.run.requires_action" not in names
    assert names[7:10] == ["thread.run.step.delta", "thread.run.step.completed", "thread.run.step.created"]


def test_a_function_behind_a_connected_agent_is_waited_for_by_the_child(lab: Lab) -> None:
    """The pattern this product shows: main agent, connected agent, queue, function, and back."""
    tools = lab.function_tool().definitions
    lab.model.plays("Delegate.", calls(call("foo_bot", query="why")), say("Foo says: because."))
    lab.model.plays("Call foo.", calls(call("foo", query="why")), say("because"))
    run = lab.start(team(lab, ("foo_bot", "Call foo."), tools=tools))

    sent = lab.sent("azure-function-foo-input")
    (told,) = lab.tool_calls(run)
    child = child_of(lab, told["connected_agent"])
    parent_status = lab.get(run).status
    lab.reply("azure-function-foo-output", {"Value": "yes", "CorrelationId": sent["CorrelationId"]})

    assert (child.status, parent_status) == ("requires_action", "in_progress")
    assert lab.wait(run).status == "completed"
    assert lab.answer(run) == "Foo says: because."
    assert lab.tool_calls(child)[0]["azure_function"]["output"] == "yes"


def test_a_function_and_a_connected_agent_of_one_turn_are_both_waited_for(lab: Lab) -> None:
    """The run says what it waits for at each moment: the function first, then the other agent alone."""
    tools = lab.function_tool().definitions
    child = lab.agent("Slowly.")
    lab.model.plays("Both.", calls(call("foo", query="a"), call("slow_bot", query="b")), say("Both done."))
    lab.model.plays("Slowly.", [Pause(), *say("at last")])
    main = lab.agent("Both.", tools=[*tools, connected(child, "slow_bot")])
    run = lab.wait(lab.start(main), "requires_action")
    lab.wait_for_pause()

    sent = lab.sent("azure-function-foo-input")
    lab.reply("azure-function-foo-output", {"Value": "fast", "CorrelationId": sent["CorrelationId"]})
    between = lab.wait(run, "in_progress")
    lab.release()

    assert [c["type"] for c in run["required_action"]["submit_tool_outputs"]["tool_calls"]] == [
        "azure_function"
    ]
    assert between.required_action is None
    assert lab.wait(run).status == "completed"
    assert [finished.output for finished in lab.model.requests[-1].calls] == ["fast", "at last"]


def test_a_failing_child_is_an_error_for_the_parents_model(lab: Lab) -> None:
    """One broken agent does not break the answer; the main agent can say what is missing."""
    lab.model.plays("Delegate.", calls(call("sad_bot", query="x")), say("It could not be done."))
    lab.model.plays("Fail.", [TextPiece("Hm"), ModelError("server_error", "Overloaded.")])

    run = lab.ask(team(lab, ("sad_bot", "Fail.")))

    assert lab.answer(run) == "It could not be done."
    (finished,) = lab.model.requests[-1].calls
    assert finished.output == '{"error":"The connected agent \'sad_bot\' failed: Overloaded."}'
    assert child_of(lab, lab.tool_calls(run)[0]["connected_agent"]).status == "failed"


def test_a_connected_agent_that_was_deleted_is_an_error_for_the_model(lab: Lab) -> None:
    """The definition outlives the agent it names."""
    child = lab.agent("Gone.")
    main = lab.agent("Delegate.", tools=[connected(child, "gone_bot")])
    lab.client.delete_agent(child.id)
    lab.model.plays("Delegate.", calls(call("gone_bot", query="x")), say("Nobody there."))

    run = lab.ask(main)

    assert lab.answer(run) == "Nobody there."
    output = lab.tool_calls(run)[0]["connected_agent"]["output"]
    assert output == (f'{{"error":"The connected agent \'gone_bot\' ({child.id}) does not exist any more."}}')


def test_a_third_level_is_a_depth_error(lab: Lab) -> None:
    """The service allows a main agent and its connected agents, no deeper."""
    third = lab.agent("Third.")
    second = lab.agent("Second.", tools=[connected(third, "third_bot")])
    main = lab.agent("Delegate.", tools=[connected(second, "second_bot")])
    lab.model.plays("Delegate.", calls(call("second_bot", query="x")), say("never"))
    lab.model.plays("Second.", calls(call("third_bot", query="x")), say("never"))

    run = lab.ask(main)

    assert run.status == "failed"
    assert run.last_error is not None
    assert run.last_error.message.startswith("Assistant Tool Call Depth Error: ")
    child = child_of(lab, lab.tool_calls(run)[0]["connected_agent"])
    assert child.last_error == run.last_error
    assert len(list(lab.client.threads.list())) == 2


def test_a_connected_agent_cannot_call_local_functions(lab: Lab) -> None:
    """Nobody listens to the child's requires_action; it must not wait there."""
    local: Any = {"type": "function", "function": {"name": "local", "parameters": {"type": "object"}}}
    lab.model.plays("Delegate.", calls(call("local_bot", query="x")), say("Not possible."))
    lab.model.plays("Call local.", calls(call("local")), say("never"))

    run = lab.ask(team(lab, ("local_bot", "Call local."), tools=[local]))

    assert lab.answer(run) == "Not possible."
    child = child_of(lab, lab.tool_calls(run)[0]["connected_agent"])
    assert child.status == "failed"
    assert child.last_error is not None
    assert "cannot call local functions such as 'local'" in child.last_error.message


def test_cancelling_the_parent_cancels_the_child(lab: Lab) -> None:
    """No work goes on for an answer that nobody wants."""
    tools = lab.function_tool().definitions
    lab.model.plays("Delegate.", calls(call("foo_bot", query="why")), say("never"))
    lab.model.plays("Call foo.", calls(call("foo", query="why")), say("never"))
    run = lab.start(team(lab, ("foo_bot", "Call foo."), tools=tools))
    sent = lab.sent("azure-function-foo-input")

    lab.client.runs.cancel(run.thread_id, run.id)

    assert lab.wait(run).status == "cancelled"
    child = child_of(lab, lab.tool_calls(run)[0]["connected_agent"])
    assert lab.wait(child).status == "cancelled"
    lab.reply("azure-function-foo-output", {"Value": "late", "CorrelationId": sent["CorrelationId"]})
    wait_for(lambda: lab.left("azure-function-foo-output") == [])


def test_cancelling_the_child_tells_the_parent(lab: Lab) -> None:
    """An operator may stop one branch; the main agent answers with the rest."""
    lab.model.plays("Delegate.", calls(call("slow_bot", query="x")), say("Without it, then."))
    lab.model.plays("Slowly.", [Pause(), *say("never")])
    run = lab.start(team(lab, ("slow_bot", "Slowly.")))
    lab.wait_for_pause()
    child = child_of(lab, lab.tool_calls(run)[0]["connected_agent"])

    lab.client.runs.cancel(child.thread_id, child.id)

    assert lab.wait(run).status == "completed"
    assert lab.model.requests[-1].calls[0].output == (
        '{"error":"The connected agent \'slow_bot\' was cancelled."}'
    )


def test_parent_and_child_expire_together(lab: Lab) -> None:
    """Ten minutes are up for both; neither fails."""
    lab.model.plays("Delegate.", calls(call("slow_bot", query="x")), say("never"))
    lab.model.plays("Slowly.", [Pause(), *say("never")])
    run = lab.start(team(lab, ("slow_bot", "Slowly.")))
    lab.wait_for_pause()

    lab.emulator.advance(605)

    assert lab.wait(run).status == "expired"
    assert child_of(lab, lab.tool_calls(run)[0]["connected_agent"]).status == "expired"


def test_deleting_the_thread_deletes_the_childrens_threads(lab: Lab) -> None:
    """Clean-up by the one id that a script knows leaves nothing behind."""
    lab.model.plays("Delegate.", calls(call("bot", query="x")), say("Done."))
    run = lab.ask(team(lab, ("bot", "Answer.")))
    assert len(list(lab.client.threads.list())) == 2

    lab.client.threads.delete(run.thread_id)

    assert list(lab.client.threads.list()) == []


def test_a_call_without_a_query_hands_over_all_arguments(lab: Lab) -> None:
    """Models phrase the call of an agent in more than one way."""
    lab.model.plays("Delegate.", calls(call("bot", city="Rome", day="today")), say("Done."))

    run = lab.ask(team(lab, ("bot", "Answer.")))

    output = lab.tool_calls(run)[0]["connected_agent"]["output"]
    assert output == 'You said: {"city": "Rome", "day": "today"}'
