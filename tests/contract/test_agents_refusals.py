"""What the Agent Service refuses, in which words, and what a repeated request does not do twice."""

from typing import Any

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceNotFoundError,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.agents_support import MODEL, Lab, Pause, say

FUNCTION: dict[str, Any] = {"type": "function", "function": {"name": "f", "parameters": {}}}
REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    ("no model", {"name": "x"}, "model", "Missing required parameter: 'model'."),
    ("empty model", {"model": " "}, "model", "Invalid 'model': empty string."),
    ("model of another type", {"model": 4}, "model", "Invalid type for 'model': expected a string"),
    ("long name", {"model": MODEL, "name": "n" * 257}, "name", "maximum length 256, but got a string"),
    (
        "long instructions",
        {"model": MODEL, "instructions": "i" * 256_001},
        "instructions",
        "maximum length 256000, but got a string with length 256001",
    ),
    (
        "too many tools",
        {"model": MODEL, "tools": [{"type": "code_interpreter"}] * 129},
        "tools",
        "array with maximum length 128, but got an array with length 129",
    ),
    (
        "unknown kind of tool",
        {"model": MODEL, "tools": [{"type": "teapot"}]},
        "tools[0].type",
        "Invalid value: 'teapot'. Supported values are:",
    ),
    (
        "two tools of one name",
        {"model": MODEL, "tools": [FUNCTION, FUNCTION]},
        "tools",
        "tool names must be unique, but 'f' appears twice",
    ),
    (
        "function without a name",
        {"model": MODEL, "tools": [{"type": "function", "function": {}}]},
        "tools[0].function.name",
        "Missing required parameter: 'tools[0].function.name'.",
    ),
    (
        "connected agent with a digit in its name",
        {
            "model": MODEL,
            "tools": [{"type": "connected_agent", "connected_agent": {"id": "asst_1", "name": "bot1"}}],
        },
        "tools[0].connected_agent.name",
        "string that matches the pattern '^[a-zA-Z_]+$'",
    ),
    (
        "queue function without a queue",
        {
            "model": MODEL,
            "tools": [{"type": "azure_function", "azure_function": {"function": {"name": "f"}}}],
        },
        "tools[0].azure_function.input_binding",
        "Missing required parameter",
    ),
    ("hot", {"model": MODEL, "temperature": 2.5}, "temperature", "Expected a value <= 2, but got 2.5"),
    ("negative top_p", {"model": MODEL, "top_p": -1}, "top_p", "Expected a value >= 0, but got -1"),
    (
        "too much metadata",
        {"model": MODEL, "metadata": {str(n): "v" for n in range(17)}},
        "metadata",
        "at most 16 properties, but got an object with 17 properties",
    ),
    (
        "long metadata key",
        {"model": MODEL, "metadata": {"k" * 65: "v"}},
        "metadata",
        "key too long. Expected keys with maximum length 64",
    ),
    (
        "long metadata value",
        {"model": MODEL, "metadata": {"k": "v" * 513}},
        "metadata.k",
        "maximum length 512, but got a string with length 513",
    ),
    (
        "metadata that is no text",
        {"model": MODEL, "metadata": {"k": 1}},
        "metadata.k",
        "expected a string, but got an integer",
    ),
    (
        "json_schema without a schema",
        {"model": MODEL, "response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "Missing required parameter",
    ),
]


@pytest.mark.parametrize(
    ("body", "param", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_a_bad_agent_is_refused_in_words(lab: Lab, body: dict[str, Any], param: str, words: str) -> None:
    """Where the mistake is, and what was expected instead."""
    with pytest.raises(HttpResponseError) as caught:
        lab.client.create_agent(body=body)

    assert caught.value.status_code == 400
    error = caught.value.response.json()["error"]  # type: ignore[union-attr]  # a refusal has a response
    assert error["param"] == param
    assert words in error["message"]
    assert error["type"] == "invalid_request_error"
    assert list(lab.client.list_agents()) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"role": "user", "content": ""}, "Message content must be non-empty."),
        ({"role": "user", "content": " \n"}, "Message content must be non-empty."),
        ({"role": "user", "content": []}, "Message content must be non-empty."),
        ({"role": "user"}, "Missing required parameter: 'content'."),
        ({"role": "user", "content": "x" * 256_001}, "maximum length 256000"),
        ({"role": "system", "content": "x"}, "Supported values are: 'assistant' and 'user'."),
        ({"role": "user", "content": [{"type": "sound"}]}, "Invalid value: 'sound'."),
        ({"role": "user", "content": [7]}, "expected an object, but got an integer"),
    ],
    ids=["empty", "blank", "no blocks", "absent", "too long", "bad role", "bad block", "no block"],
)
def test_a_bad_message_is_refused_in_words(lab: Lab, fields: dict[str, Any], words: str) -> None:
    """Nothing of it reaches the thread."""
    thread = lab.client.threads.create()

    with pytest.raises(HttpResponseError, match=r"400|invalid|Invalid|Message|Missing") as caught:
        lab.client.messages.create(thread.id, body=fields)

    assert caught.value.status_code == 400
    assert words in str(caught.value)
    assert list(lab.client.messages.list(thread.id)) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Missing required parameter: 'assistant_id'."),
        ({"assistant_id": "x", "max_completion_tokens": 0}, "Expected a value >= 1, but got 0"),
        ({"assistant_id": "x", "truncation_strategy": {"type": "last_messages"}}, "last_messages"),
        ({"assistant_id": "x", "tool_choice": "sometimes"}, "Invalid value: 'sometimes'."),
        ({"assistant_id": "x", "parallel_tool_calls": "yes"}, "expected a boolean, but got a string"),
        ({"assistant_id": "x", "additional_messages": [{"role": "user"}]}, "additional_messages[0].content"),
        ({"assistant_id": "x", "model": ""}, "Invalid 'model': empty string."),
    ],
    ids=["no agent", "no tokens", "truncation", "choice", "flag", "message", "model"],
)
def test_a_bad_run_is_refused_in_words(lab: Lab, fields: dict[str, Any], words: str) -> None:
    """No run is left behind."""
    thread = lab.thread("Hello")

    with pytest.raises(HttpResponseError) as caught:
        lab.client.runs.create(thread.id, body=fields)

    assert caught.value.status_code == 400
    assert words in str(caught.value)
    assert list(lab.client.runs.list(thread.id)) == []


def test_what_does_not_exist_is_not_found_by_name(lab: Lab) -> None:
    """The sentence names the kind of thing and its id."""
    client, thread, agent = lab.client, lab.thread("Hello"), lab.agent()
    run = lab.ask(agent)
    missing = [
        (lambda: client.get_agent("asst_x"), "No assistant found with id 'asst_x'."),
        (lambda: client.update_agent("asst_x", name="n"), "No assistant found with id 'asst_x'."),
        (lambda: client.delete_agent("asst_x"), "No assistant found with id 'asst_x'."),
        (lambda: client.threads.get("thread_x"), "No thread found with id 'thread_x'."),
        (lambda: client.threads.delete("thread_x"), "No thread found with id 'thread_x'."),
        (lambda: list(client.messages.list("thread_x")), "No thread found with id 'thread_x'."),
        (lambda: client.messages.get(thread.id, "msg_x"), "No message found with id 'msg_x'."),
        (lambda: client.runs.get(thread.id, "run_x"), "No run found with id 'run_x'."),
        (lambda: client.runs.get(thread.id, run.id), f"No run found with id '{run.id}'."),
        (lambda: client.runs.create(thread.id, agent_id="asst_x"), "No assistant found with id 'asst_x'."),
        (
            lambda: client.run_steps.get(run.thread_id, run.id, "step_x"),
            "No run step found with id 'step_x'.",
        ),
    ]
    for ask, sentence in missing:
        with pytest.raises(ResourceNotFoundError) as caught:
            ask()  # type: ignore[no-untyped-call]  # calls of the SDK, of many types
        error = caught.value.response.json()["error"]  # type: ignore[union-attr]  # it has a response
        assert error == {
            "message": sentence,
            "type": "invalid_request_error",
            "param": None,
            "code": "not_found",
        }


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("limit=0", "Expected a value >= 1, but got 0"),
        ("limit=101", "Expected a value <= 100, but got 101"),
        ("limit=many", "expected an integer, but got 'many'"),
        ("order=up", "Supported values are: 'asc' and 'desc'."),
        ("after=asst_x", "this list has no object with id 'asst_x'"),
    ],
)
def test_a_bad_page_is_refused_in_words(lab: Lab, query: str, words: str) -> None:
    """An ignored cursor would make the SDK read the same page for ever."""
    reply = lab.send("GET", f"{lab.emulator.project_endpoint}/assistants", query=query)

    assert (reply.status_code, words in reply.json()["error"]["message"]) == (400, True)


def test_a_body_that_is_no_json_object_is_refused(lab: Lab) -> None:
    """Malformed JSON, a list, broken UTF-8: each is the client's mistake, none a crash."""
    url = f"{lab.emulator.project_endpoint}/threads"
    for body in (b"{", b"[]", b'"x"', b"\xff\xfe", b'{"metadata": "\\ud800"}'):
        reply = lab.send("POST", url, body=body)
        assert reply.status_code == 400
        assert "JSON" in reply.json()["error"]["message"]


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
WORDS = st.sampled_from(
    ["user", "auto", "function", "azure_function", "connected_agent", "json_schema", "text", "last_messages"]
)
KEYS = st.sampled_from(
    [
        "model",
        "name",
        "instructions",
        "tools",
        "tool_resources",
        "temperature",
        "top_p",
        "response_format",
        "metadata",
        "messages",
        "role",
        "content",
        "attachments",
        "assistant_id",
        "stream",
        "additional_messages",
        "truncation_strategy",
        "last_messages",
        "tool_choice",
        "thread",
        "type",
        "text",
        "function",
        "azure_function",
        "connected_agent",
        "id",
        "json_schema",
        "parameters",
        "input_binding",
        "storage_queue",
        "tool_outputs",
        "tool_call_id",
        "output",
        "max_prompt_tokens",
    ]
)
DOCUMENTS = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(body=st.dictionaries(KEYS, DOCUMENTS, max_size=6))
@settings(
    max_examples=40,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_body_breaks_the_service(lab: Lab, body: dict[str, Any]) -> None:
    """Whatever JSON comes, the reply is a document or a refusal, never a defect."""
    base, thread = lab.emulator.project_endpoint, lab.client.threads.create()
    for path in ("assistants", "threads", f"threads/{thread.id}/messages", f"threads/{thread.id}/runs"):
        reply = lab.send("POST", f"{base}/{path}", json=body)
        assert reply.status_code in (200, 400, 404), (path, body, reply.text)


def test_an_update_without_metadata_keeps_it(lab: Lab) -> None:
    """Only what the body speaks of is changed."""
    run = lab.ask(lab.agent(), metadata={"a": "1"})

    kept = lab.client.runs.update(run.thread_id, run.id)
    emptied = lab.client.runs.update(run.thread_id, run.id, metadata={})

    assert (kept.metadata, emptied.metadata) == ({"a": "1"}, {})


def test_a_busy_thread_takes_no_message_and_no_second_run(lab: Lab) -> None:
    """The two sentences that clients look for after a crash."""
    lab.model.plays("Slow.", [Pause(), *say("done")])
    agent = lab.agent("Slow.")
    run = lab.start(agent)

    with pytest.raises(HttpResponseError) as second:
        lab.client.runs.create(run.thread_id, agent_id=agent.id)
    with pytest.raises(HttpResponseError) as message:
        lab.client.messages.create(run.thread_id, role="user", content="Me too")

    lab.release()
    assert f"Thread {run.thread_id} already has an active run {run.id}." in str(second.value)
    assert f"Can't add messages to {run.thread_id} while a run {run.id} is active." in str(message.value)
    assert lab.wait(run).status == "completed"
