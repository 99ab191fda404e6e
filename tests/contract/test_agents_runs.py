"""Runs that are created and polled: what the model is asked, how a run ends, what it leaves behind."""

from typing import Any

import pytest
from azure.ai.agents.models import (
    AgentThreadCreationOptions,
    ResponseFormatJsonSchema,
    ResponseFormatJsonSchemaType,
    ThreadMessageOptions,
    TruncationObject,
)

from emulator.model import ModelError, TextPiece, TurnEnded
from tests.contract.agents_support import MODEL, Lab, Pause, call, calls, function_tool, say


def test_a_question_is_answered(lab: Lab) -> None:
    """The basic script: create, ask, poll, read the answer, its step and what it cost."""
    run = lab.ask(lab.agent("Be kind."), "Who are you?")

    assert run.status == "completed"
    assert lab.answer(run) == "You said: Who are you?"
    (step,) = lab.steps(run)
    (answer,) = lab.client.messages.list(run.thread_id, run_id=run.id)
    assert (step["type"], step["status"]) == ("message_creation", "completed")
    assert step["step_details"]["message_creation"] == {"message_id": answer.id}
    assert (answer.role, answer.status, answer["assistant_id"]) == ("assistant", "completed", run.agent_id)
    assert lab.client.run_steps.get(run.thread_id, run.id, step["id"]).as_dict() == step


def test_a_new_run_is_queued_with_every_key_of_the_wire(lab: Lab) -> None:
    """Scripts print the run they created, also the fields that are not set yet."""
    agent = lab.agent("Be kind.", temperature=0.3)
    run = lab.start(agent, metadata={"opid": "1"})

    document = run.as_dict()

    created_at = document["created_at"]
    assert document == {
        "id": run.id,
        "object": "thread.run",
        "created_at": created_at,
        "assistant_id": agent.id,
        "thread_id": run.thread_id,
        "status": "queued",
        "started_at": None,
        "expires_at": created_at + 600,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": MODEL,
        "instructions": "Be kind.",
        "tools": [],
        "tool_resources": {},
        "metadata": {"opid": "1"},
        "temperature": 0.3,
        "top_p": 1.0,
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "truncation_strategy": {"type": "auto", "last_messages": None},
        "incomplete_details": None,
        "usage": None,
        "response_format": "auto",
        "tool_choice": "auto",
        "parallel_tool_calls": True,
    }
    lab.wait(run)


def test_usage_comes_when_the_run_has_ended(lab: Lab) -> None:
    """Cost is read from the terminal run, with the details that only the wire has."""
    run = lab.ask(lab.agent())

    assert run["usage"] == {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "total_tokens": 120,
        "prompt_token_details": {"cached_tokens": 0},
    }
    assert run.usage is not None
    assert run.usage.total_tokens == 120
    assert run.started_at is not None
    assert run.completed_at is not None


def test_a_run_may_override_its_agent(lab: Lab) -> None:
    """One agent, many ways to run it."""
    agent = lab.agent("Old.", tools=function_tool("https://x/y").definitions)
    lab.model.answers("New.", lambda _: say("fine"))

    run = lab.ask(
        agent,
        model="other-model",
        instructions="New.",
        additional_instructions="Be quick.",
        additional_messages=[ThreadMessageOptions(role="user", content="One more thing")],
        temperature=0.1,
        top_p=0.2,
        response_format={"type": "json_object"},
        tool_choice="none",
        parallel_tool_calls=False,
        max_completion_tokens=500,
    )

    asked = lab.model.requests[-1]
    assert (asked.model, asked.instructions) == ("other-model", "New.\nBe quick.")
    assert [turn.text for turn in asked.conversation] == ["Hello", "One more thing"]
    assert (asked.temperature, asked.top_p) == (0.1, 0.2)
    assert (asked.tools, asked.tool_choice) == ((), "none")
    assert (asked.parallel_tool_calls, asked.max_completion_tokens) == (False, 500)
    assert asked.response_format == {"type": "json_object"}
    assert (run["model"], run["instructions"]) == ("other-model", "New.\nBe quick.")


def test_a_json_schema_reaches_the_model_whole(lab: Lab) -> None:
    """Structured answers are the model's work; nothing may be lost on the way."""
    schema = {"type": "object", "properties": {"planet": {"type": "string"}}}
    lab.model.answers("Name it.", lambda _: say('{"planet": "Mars"}'))
    agent = lab.agent(
        "Name it.",
        response_format=ResponseFormatJsonSchemaType(
            json_schema=ResponseFormatJsonSchema(name="planets", description="One.", schema=schema)
        ),
    )

    run = lab.ask(agent, "Which one is red?")

    assert lab.answer(run) == '{"planet": "Mars"}'
    assert lab.model.requests[-1].response_format == {
        "type": "json_schema",
        "json_schema": {"name": "planets", "description": "One.", "schema": schema},
    }


def test_truncation_shows_the_model_the_last_messages_only(lab: Lab) -> None:
    """A long thread stays within the model's window."""
    agent, thread = lab.agent(), lab.thread("One", "Two", "Three")

    lab.client.runs.create_and_process(
        thread.id,
        agent_id=agent.id,
        polling_interval=0,
        truncation_strategy=TruncationObject(type="last_messages", last_messages=2),
    )

    assert [turn.text for turn in lab.model.requests[-1].conversation] == ["Two", "Three"]


def test_a_thread_and_its_run_are_created_at_once(lab: Lab) -> None:
    """One request asks a question from nothing."""
    agent = lab.agent()

    run = lab.client.create_thread_and_process_run(
        agent_id=agent.id,
        thread=AgentThreadCreationOptions(
            messages=[ThreadMessageOptions(role="user", content="Hello")], metadata={"a": "b"}
        ),
        polling_interval=0,
    )

    assert lab.answer(run) == "You said: Hello"
    assert lab.client.threads.get(run.thread_id).metadata == {"a": "b"}


def test_a_run_without_any_message_is_answered(lab: Lab) -> None:
    """An agent may speak first."""
    run = lab.client.create_thread_and_process_run(agent_id=lab.agent().id, polling_interval=0)

    assert lab.answer(run) == "You said: nothing"


def test_runs_are_listed_and_their_metadata_changed(lab: Lab) -> None:
    """A run is found again by what it was tagged with, also while it works."""
    lab.model.plays("Slow.", [Pause(), call("nothing"), TurnEnded(1, 1)], say("done"))
    agent = lab.agent("Slow.")
    run = lab.start(agent)
    lab.wait_for_pause()

    lab.client.runs.update(run.thread_id, run.id, metadata={"seen": "1"})
    lab.release()

    assert lab.wait(run).metadata == {"seen": "1"}
    assert [found.id for found in lab.client.runs.list(run.thread_id)] == [run.id]


def test_the_models_failure_fails_the_run_in_its_words(lab: Lab) -> None:
    """A rate limit arrives inside a run, with HTTP 200."""
    error = ModelError("rate_limit_exceeded", "Try again in 60 seconds.")
    lab.model.plays("Fail.", [TextPiece("I was about"), error])

    run = lab.ask(lab.agent("Fail."))

    assert run.status == "failed"
    assert run.last_error == {"code": "rate_limit_exceeded", "message": "Try again in 60 seconds."}
    assert run.failed_at is not None
    (step,) = lab.steps(run)
    assert (step["status"], step["last_error"]["message"]) == ("failed", "Try again in 60 seconds.")
    (message,) = lab.client.messages.list(run.thread_id, run_id=run.id)
    assert message.status == "incomplete"
    assert message["incomplete_details"] == {"reason": "run_failed"}
    assert message.text_messages[0].text.value == "I was about"


def test_an_answer_that_breaks_off_is_a_failure(lab: Lab) -> None:
    """A model that ends without saying so has not answered."""
    lab.model.plays("Break.", [TextPiece("So")])

    run = lab.ask(lab.agent("Break."))

    assert (run.status, run["last_error"]) == (
        "failed",
        {"code": "server_error", "message": "The model's answer broke off before its end."},
    )


@pytest.mark.parametrize(
    ("reason", "run_reason", "message_reason"),
    [
        ("length", "max_completion_tokens", "max_tokens"),
        ("content_filter", "content_filter", "content_filter"),
    ],
)
def test_a_cut_off_answer_makes_an_incomplete_run(
    lab: Lab, reason: Any, run_reason: str, message_reason: str
) -> None:
    """The text so far is kept, and why there is no more."""
    lab.model.plays("Cut.", [TextPiece("Once upon"), TurnEnded(10, 5, reason)])

    run = lab.ask(lab.agent("Cut."), max_completion_tokens=5)

    assert (run.status, run["incomplete_details"]) == ("incomplete", {"reason": run_reason})
    assert run["usage"]["completion_tokens"] == 5
    (message,) = lab.client.messages.list(run.thread_id, run_id=run.id)
    assert message["incomplete_details"] == {"reason": message_reason}
    assert message.text_messages[0].text.value == "Once upon"


def test_the_prompt_budget_ends_a_run_between_its_turns(lab: Lab) -> None:
    """max_prompt_tokens counts over all turns of a run."""
    lab.model.answers("Loop.", lambda _: calls(call("nothing")))

    run = lab.ask(lab.agent("Loop."), max_prompt_tokens=250)

    assert (run.status, run["incomplete_details"]) == ("incomplete", {"reason": "max_prompt_tokens"})
    assert len(lab.model.requests) == 3


def test_a_model_that_calls_for_ever_is_stopped(lab: Lab) -> None:
    """Ten rounds of tools without an answer are a defect, and said to be one."""
    lab.model.answers("Loop.", lambda _: calls(call("nothing")))

    run = lab.ask(lab.agent("Loop."))

    assert run.status == "failed"
    assert run.last_error is not None
    assert "10 rounds of tool calls" in run.last_error.message
    assert len(lab.steps(run)) == 10


def test_a_tool_that_does_not_exist_is_answered_to_the_model(lab: Lab) -> None:
    """Small models invent tools; told so, they can still answer."""
    lab.model.plays("Invent.", calls(call("magic", spell="x")), say("I cannot."))

    run = lab.ask(lab.agent("Invent."))

    assert lab.answer(run) == "I cannot."
    (finished,) = lab.model.requests[-1].calls
    assert (finished.name, finished.round) == ("magic", 0)
    assert finished.output == '{"error":"There is no tool \'magic\'. The tools are: none."}'


def test_text_before_a_call_is_a_message_of_its_own(lab: Lab) -> None:
    """A model may say what it is about to do."""
    lab.model.plays("Talk.", [TextPiece("One moment."), *calls(call("magic"))], say("Done."))

    run = lab.ask(lab.agent("Talk."))

    types = [step["type"] for step in lab.steps(run)]
    texts = [m.text_messages[0].text.value for m in lab.client.messages.list(run.thread_id, order="asc")]
    assert types == ["message_creation", "tool_calls", "message_creation"]
    assert texts == ["Hello", "One moment.", "Done."]
    assert sum(step["usage"]["total_tokens"] for step in lab.steps(run)) == run["usage"]["total_tokens"]


def test_other_kinds_of_tools_are_kept_but_not_offered(lab: Lab) -> None:
    """An agent that also searches files still answers with what is here."""
    agent = lab.agent(tools=[{"type": "code_interpreter"}, {"type": "bing_grounding", "bing_grounding": {}}])

    run = lab.ask(agent)

    assert run.status == "completed"
    assert lab.model.requests[-1].tools == ()
    assert [tool["type"] for tool in run["tools"]] == ["code_interpreter", "bing_grounding"]
