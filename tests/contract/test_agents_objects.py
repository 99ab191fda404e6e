"""Agents, threads and messages through the real SDK: made, read, changed, listed, deleted."""

import pytest
from azure.ai.agents.models import (
    CodeInterpreterTool,
    ListSortOrder,
    MessageAttachment,
    MessageImageUrlParam,
    MessageInputImageUrlBlock,
    MessageInputTextBlock,
    ThreadMessageOptions,
)
from azure.core.exceptions import ResourceNotFoundError

from tests.contract.agents_support import MODEL, Lab, say


def test_an_agent_comes_back_as_it_was_created(lab: Lab) -> None:
    """Clients compare definitions to find out whether an agent has to be updated."""
    created = lab.client.create_agent(
        model=MODEL,
        name="clerk",
        description="Answers",
        instructions="Be brief.",
        tools=CodeInterpreterTool().definitions,
        temperature=0.5,
        top_p=0.9,
        response_format="auto",
        metadata={"team": "a"},
    )

    found = lab.client.get_agent(created.id)

    assert found.as_dict() == created.as_dict()
    assert found.as_dict() == {
        "id": created.id,
        "object": "assistant",
        "created_at": created["created_at"],
        "name": "clerk",
        "description": "Answers",
        "model": MODEL,
        "instructions": "Be brief.",
        "tools": [{"type": "code_interpreter"}],
        "tool_resources": {},
        "temperature": 0.5,
        "top_p": 0.9,
        "response_format": "auto",
        "metadata": {"team": "a"},
    }
    assert created.id.startswith("asst_")


def test_an_agent_has_the_defaults_of_the_service(lab: Lab) -> None:
    """A script prints what it did not set."""
    agent = lab.client.create_agent(model=MODEL)

    assert (agent["temperature"], agent["top_p"], agent["response_format"]) == (1.0, 1.0, "auto")
    assert (agent["name"], agent["tools"], agent["metadata"]) == (None, [], {})


def test_an_update_changes_what_it_names_and_nothing_else(lab: Lab) -> None:
    """Update is how scripts attach tools to an agent that exists."""
    agent = lab.agent("Old.", metadata={"a": "1"})

    updated = lab.client.update_agent(agent.id, instructions="New.")

    assert (updated.instructions, updated.name, updated.metadata) == ("New.", "tested", {"a": "1"})
    assert lab.client.get_agent(agent.id).instructions == "New."


def test_a_deleted_agent_leaves_its_threads_and_messages(lab: Lab) -> None:
    """Scripts delete the agent first and read the conversation afterwards."""
    agent = lab.agent()
    run = lab.ask(agent, "Still here?")

    lab.client.delete_agent(agent.id)

    assert lab.answer(run) == "You said: Still here?"
    with pytest.raises(ResourceNotFoundError):
        lab.client.get_agent(agent.id)


def test_a_list_yields_every_agent_once_newest_first(lab: Lab) -> None:
    """The SDK pages until last_id is null; a wrong cursor would loop for ever."""
    made = [lab.client.create_agent(model=MODEL, name=f"a{number}").id for number in range(45)]

    assert [agent.id for agent in lab.client.list_agents()] == made[::-1]
    assert [agent.id for agent in lab.client.list_agents(order=ListSortOrder.ASCENDING)] == made
    assert [agent.id for agent in lab.client.list_agents(limit=7)] == made[::-1]
    assert [agent.id for agent in lab.client.list_agents(before=made[40])] == made[:40:-1]


def test_listing_goes_on_while_what_was_listed_is_deleted(lab: Lab) -> None:
    """The usual clean-up loop deletes the very agent that the next page starts after."""
    for _ in range(25):
        lab.client.create_agent(model=MODEL)

    for agent in lab.client.list_agents(limit=10):
        lab.client.delete_agent(agent.id)

    assert list(lab.client.list_agents()) == []


def test_a_thread_starts_with_the_messages_it_is_given(lab: Lab) -> None:
    """One call instead of three."""
    thread = lab.client.threads.create(
        messages=[
            ThreadMessageOptions(role="user", content="Question"),
            ThreadMessageOptions(role="assistant", content="Answer", metadata={"k": "v"}),
        ],
        metadata={"owner": "me"},
    )

    first, second = lab.client.messages.list(thread.id, order=ListSortOrder.ASCENDING)

    assert thread.metadata == {"owner": "me"}
    assert (first.role, first.text_messages[0].text.value) == ("user", "Question")
    assert (second.role, second.metadata) == ("assistant", {"k": "v"})


def test_a_thread_can_be_read_changed_listed_and_deleted(lab: Lab) -> None:
    """The whole life of a thread."""
    thread, other = lab.client.threads.create(), lab.client.threads.create()

    lab.client.threads.update(thread.id, metadata={"seen": "yes"})

    assert lab.client.threads.get(thread.id).metadata == {"seen": "yes"}
    assert [found.id for found in lab.client.threads.list()] == [other.id, thread.id]
    lab.client.threads.delete(thread.id)
    assert [found.id for found in lab.client.threads.list()] == [other.id]
    with pytest.raises(ResourceNotFoundError):
        lab.client.threads.get(thread.id)


def test_a_message_has_every_key_of_the_wire(lab: Lab) -> None:
    """Code that reads by key must find what the real service sends."""
    thread = lab.client.threads.create()

    message = lab.client.messages.create(thread.id, role="user", content="Hi", metadata={"n": "1"})

    assert message.as_dict() == {
        "id": message.id,
        "object": "thread.message",
        "created_at": message["created_at"],
        "thread_id": thread.id,
        "status": "completed",
        "incomplete_details": None,
        "completed_at": message["created_at"],
        "incomplete_at": None,
        "role": "user",
        "content": [{"type": "text", "text": {"value": "Hi", "annotations": []}}],
        "assistant_id": None,
        "run_id": None,
        "attachments": [],
        "metadata": {"n": "1"},
    }


def test_a_message_may_be_made_of_blocks_and_carry_attachments(lab: Lab) -> None:
    """The text blocks come back in the form of the reply: text with value and annotations."""
    thread = lab.client.threads.create()

    message = lab.client.messages.create(
        thread.id,
        role="user",
        content=[
            MessageInputTextBlock(text="What is this?"),
            MessageInputImageUrlBlock(image_url=MessageImageUrlParam(url="https://example.com/a.png")),
        ],
        attachments=[MessageAttachment(file_id="file_1", tools=CodeInterpreterTool().definitions)],
    )

    assert message.text_messages[0].text.value == "What is this?"
    assert message["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "https://example.com/a.png"},
    }
    assert message["attachments"] == [{"file_id": "file_1", "tools": [{"type": "code_interpreter"}]}]


def test_the_messages_of_one_run_can_be_listed(lab: Lab) -> None:
    """An answer is picked by its run, not by being the latest message."""
    agent = lab.agent()
    first = lab.ask(agent, "One")
    lab.client.messages.create(first.thread_id, role="user", content="Two")
    second = lab.client.runs.create_and_process(first.thread_id, agent_id=agent.id, polling_interval=0)

    (answer,) = lab.client.messages.list(first.thread_id, run_id=first.id)

    assert answer.text_messages[0].text.value == "You said: One"
    assert [message.run_id for message in lab.client.messages.list(first.thread_id)] == [
        second.id,
        None,
        first.id,
        None,
    ]


def test_a_message_can_be_updated_and_read(lab: Lab) -> None:
    """Metadata is how clients tag a message after the fact."""
    thread = lab.client.threads.create()
    message = lab.client.messages.create(thread.id, role="user", content="Hi")

    lab.client.messages.update(thread.id, message.id, metadata={"rated": "good"})

    assert lab.client.messages.get(thread.id, message.id).metadata == {"rated": "good"}


def test_a_deleted_message_is_gone_from_the_conversation(lab: Lab) -> None:
    """The newer SDKs delete messages; the model must not read them any more."""
    agent = lab.agent()
    thread = lab.thread("First", "Second")
    newest = next(iter(lab.client.messages.list(thread.id)))

    url = f"{lab.emulator.project_endpoint}/threads/{thread.id}/messages/{newest.id}"
    reply = lab.send("DELETE", url)
    run = lab.client.runs.create_and_process(thread.id, agent_id=agent.id, polling_interval=0)

    assert reply.json() == {"id": newest.id, "object": "thread.message.deleted", "deleted": True}
    assert lab.answer(run) == "You said: First"


def test_a_conversation_goes_on_over_several_runs(lab: Lab) -> None:
    """The model reads the whole thread, the assistant's own words included."""
    agent = lab.agent()
    run = lab.ask(agent, "One")
    lab.model.answers("Repeat.", lambda request: say("/".join(t.text for t in request.conversation)))

    lab.client.messages.create(run.thread_id, role="user", content="Two")
    lab.client.runs.create_and_process(run.thread_id, agent_id=agent.id, polling_interval=0)

    assert lab.answer(run) == "One/You said: One/Two"
