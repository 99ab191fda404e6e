"""Azure Functions as tools: the call goes out by one queue, its reply comes back by another."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from azure.ai.agents.models import ThreadRun, ToolOutput
from azure.storage.queue import BinaryBase64DecodePolicy, BinaryBase64EncodePolicy, QueueClient

from tests.contract.agents_support import FOO_IN as IN
from tests.contract.agents_support import FOO_OUT as OUT
from tests.contract.agents_support import Lab, call, calls, say, start_foo
from tests.waiting import wait_for


@contextmanager
def worker(lab: Lab, name: str = "foo") -> Iterator[None]:
    """A function app by hand: reads its input queue, answers into its output queue."""
    stop = threading.Event()

    def client(direction: str) -> QueueClient:
        return QueueClient.from_connection_string(
            lab.emulator.connection_string,
            f"azure-function-{name}-{direction}",
            connection_verify=str(lab.emulator.ca_file),
            message_encode_policy=BinaryBase64EncodePolicy(),
            message_decode_policy=BinaryBase64DecodePolicy(),
        )

    def work() -> None:
        with client("input") as inbox, client("output") as outbox:
            while not stop.wait(0.005):
                for message in inbox.receive_messages():
                    asked = json.loads(message.content)
                    answer = {"Value": f"{name}: {asked['query']}", "CorrelationId": asked["CorrelationId"]}
                    outbox.send_message(json.dumps(answer).encode())
                    inbox.delete_message(message)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_a_function_behind_queues_answers_a_question(lab: Lab) -> None:
    """The Azure Functions sample, with a worker that uses the storage SDK."""
    tool = lab.function_tool()
    lab.model.plays("Use foo.", calls(call("foo", query="What burns?")), say("Foo says hydrogen."))
    agent = lab.agent("Use foo.", tools=tool.definitions)

    with worker(lab):
        run = lab.ask(agent)

    assert (run.status, lab.answer(run)) == ("completed", "Foo says hydrogen.")
    (offered,) = lab.model.requests[0].tools
    assert (offered.name, offered.kind) == ("foo", "azure_function")
    assert lab.model.requests[1].calls[0].output == "foo: What burns?"
    (done,) = lab.tool_calls(run)
    assert done == {
        "id": done["id"],
        "type": "azure_function",
        "azure_function": {
            "name": "foo",
            "arguments": '{"query": "What burns?"}',
            "output": "foo: What burns?",
        },
    }
    assert (lab.left(IN), lab.left(OUT)) == ([], [])


def test_the_call_is_flat_json_in_base64(lab: Lab) -> None:
    """The envelope of classic agents: arguments and CorrelationId side by side."""
    run = start_foo(lab, query="why", depth=3)

    (text,) = lab.left(IN)

    document = json.loads(base64.b64decode(text, validate=True))
    correlation_id = document.pop("CorrelationId")
    assert document == {"query": "why", "depth": 3}
    assert len(correlation_id) == 36
    lab.client.runs.cancel(run.thread_id, run.id)


def test_the_run_waits_in_requires_action_for_the_function(lab: Lab) -> None:
    """Clients tell by the call's type that they must wait, not answer."""
    run = start_foo(lab)

    (tool_call,) = run["required_action"]["submit_tool_outputs"]["tool_calls"]

    assert tool_call == {
        "id": tool_call["id"],
        "type": "azure_function",
        "azure_function": {"name": "foo", "arguments": '{"query": "why"}'},
    }
    lab.reply(OUT, {"Value": "because", "CorrelationId": lab.sent(IN)["CorrelationId"]})
    assert lab.wait(run).status == "completed"


def test_a_stream_stays_open_while_the_function_works(lab: Lab) -> None:
    """requires_action, then the output, then the answer: one stream, one done."""
    tool = lab.function_tool()
    lab.model.plays("Use foo.", calls(call("foo", query="why")), say("Because."))
    agent, thread = lab.agent("Use foo.", tools=tool.definitions), lab.thread("Why?")

    with worker(lab), lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
        events = [(str(name), data) for name, data, _ in stream]

    assert [name for name, _ in events] == [
        "thread.run.created",
        "thread.run.queued",
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.run.step.delta",
        "thread.run.step.delta",
        "thread.run.requires_action",
        "thread.run.step.delta",
        "thread.run.step.completed",
        "thread.run.in_progress",
        "thread.run.step.created",
        "thread.run.step.in_progress",
        "thread.message.created",
        "thread.message.in_progress",
        "thread.message.delta",
        "thread.message.completed",
        "thread.run.step.completed",
        "thread.run.completed",
        "done",
    ]
    (told,) = events[8][1]["delta"]["step_details"]["tool_calls"]
    assert told["azure_function"] == {"output": "foo: why"}


@pytest.mark.parametrize(
    ("value", "output"),
    [
        ("text", "text"),
        ("", ""),
        ({"answer": 42}, '{"answer":42}'),
        ([1, "two"], '[1,"two"]'),
        (None, "null"),
        ("ümläut 🚀", "ümläut 🚀"),
    ],
    ids=["text", "empty", "object", "list", "null", "unicode"],
)
def test_a_value_may_be_text_or_json(lab: Lab, value: object, output: str) -> None:
    """The model reads JSON as text."""
    run = start_foo(lab)

    lab.reply(OUT, {"Value": value, "CorrelationId": lab.sent(IN)["CorrelationId"]})

    assert lab.wait(run).status == "completed"
    assert lab.model.requests[-1].calls[0].output == output


def test_a_reply_without_a_value_is_an_error_for_the_model(lab: Lab) -> None:
    """The run does not wait for ten minutes for what has come already."""
    run = start_foo(lab)

    lab.reply(OUT, {"CorrelationId": lab.sent(IN)["CorrelationId"]})

    assert lab.wait(run).status == "completed"
    assert lab.model.requests[-1].calls[0].output == '{"error":"The function\'s reply has no Value."}'


def test_replies_find_their_calls_in_any_order(lab: Lab) -> None:
    """Two calls of one turn are out together; the second answer may come first."""
    tool = lab.function_tool()
    lab.model.plays("Use foo.", calls(call("foo", query="a"), call("foo", query="b")), say("Both."))
    run = lab.wait(lab.start(lab.agent("Use foo.", tools=tool.definitions)), "requires_action")
    first, second = lab.sent(IN), lab.sent(IN)

    lab.reply(OUT, {"Value": "for b", "CorrelationId": second["CorrelationId"]})
    half = wait_for(lambda: next((r for r in [lab.get(run)] if len(_waiting(r)) == 1), None))
    lab.reply(OUT, {"Value": "for a", "CorrelationId": first["CorrelationId"]})

    assert half.status == "requires_action"
    assert lab.wait(run).status == "completed"
    assert [c["azure_function"]["output"] for c in lab.tool_calls(run)] == ["for a", "for b"]


def test_functions_of_both_kinds_in_one_turn_wait_for_each_other(lab: Lab) -> None:
    """The client answers its own call, the queue the other; then the model goes on."""
    local: Any = {"type": "function", "function": {"name": "local", "parameters": {"type": "object"}}}
    tool = lab.function_tool()
    lab.model.plays("Use both.", calls(call("foo", query="a"), call("local")), say("Both."))
    agent = lab.agent("Use both.", tools=[*tool.definitions, local])
    run = lab.wait(lab.start(agent), "requires_action")
    by_type = {tool_call["type"]: tool_call["id"] for tool_call in _waiting(run)}

    answered = lab.client.runs.submit_tool_outputs(
        run.thread_id, run.id, tool_outputs=[ToolOutput(tool_call_id=by_type["function"], output="mine")]
    )
    lab.reply(OUT, {"Value": "theirs", "CorrelationId": lab.sent(IN)["CorrelationId"]})

    assert set(by_type) == {"azure_function", "function"}
    assert (answered.status, [c["type"] for c in _waiting(answered)]) == (
        "requires_action",
        ["azure_function"],
    )
    assert lab.wait(run).status == "completed"
    assert [finished.output for finished in lab.model.requests[-1].calls] == ["theirs", "mine"]


def test_the_queue_that_an_argument_names_is_read_too(lab: Lab) -> None:
    """`outputqueueuri`: the function answers where the model told it to."""
    lab.queues.create_queue("elsewhere")
    run = start_foo(lab, query="why", outputqueueuri=f"{lab.emulator.storage_endpoint}/elsewhere")

    lab.reply("elsewhere", {"Value": "there", "CorrelationId": lab.sent(IN)["CorrelationId"]})

    assert lab.wait(run).status == "completed"
    assert lab.left("elsewhere") == []


def test_a_reply_in_a_queue_that_its_call_does_not_read_stays_there(lab: Lab) -> None:
    """One output queue per tool: the wrong one is a configuration mistake to be seen."""
    lab.function_tool("bar")
    run = start_foo(lab)
    correlation_id = lab.sent(IN)["CorrelationId"]

    lab.reply("azure-function-bar-output", {"Value": "astray", "CorrelationId": correlation_id})
    lab.reply(OUT, {"Value": "home", "CorrelationId": correlation_id})

    assert lab.wait(run).status == "completed"
    assert len(lab.left("azure-function-bar-output")) == 1


def _waiting(run: ThreadRun) -> list[Any]:
    action = run["required_action"]
    return action["submit_tool_outputs"]["tool_calls"] if action else []
