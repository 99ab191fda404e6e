"""What the model is asked at one turn of a run: the thread, the tools, the calls made so far."""

from typing import cast

from emulator.foundry.documents import Json, payload, text_of
from emulator.foundry.store import Record, Store
from emulator.foundry.tools import model_tools
from emulator.model import FinishedCall, ModelRequest, Turn


def build_request(store: Store, run: Record) -> ModelRequest:
    document = run.document
    choice: object = document["tool_choice"]
    first = run.inner["rounds"] == 0
    most = document["max_completion_tokens"]

    def find_agent(agent_id: str) -> Json | None:
        agent = store.find("agent", agent_id)
        return agent.document if agent else None

    return ModelRequest(
        model=document["model"],
        instructions=document["instructions"],
        conversation=_conversation(store, document),
        tools=() if choice == "none" else model_tools(document["tools"], find_agent),
        calls=_finished_calls(store, run.id),
        response_format=_format(document["response_format"]),
        tool_choice=choice if first or choice == "none" else "auto",  # a forced tool is forced once
        parallel_tool_calls=document["parallel_tool_calls"],
        temperature=document["temperature"],
        top_p=document["top_p"],
        max_completion_tokens=max(1, most - run.inner["completion"]) if most else None,
    )


def _conversation(store: Store, run: Json) -> tuple[Turn, ...]:
    turns = [
        Turn(message.document["role"], text)
        for message in store.shelf("message", run["thread_id"])
        if message.document["status"] != "in_progress" and (text := text_of(message.document))
    ]
    strategy = run["truncation_strategy"]
    if strategy["type"] == "last_messages":
        turns = turns[-strategy["last_messages"] :]
    return tuple(turns)


def _finished_calls(store: Store, run_id: str) -> tuple[FinishedCall, ...]:
    return tuple(
        FinishedCall(called["name"], called["arguments"], called["output"], step.inner["round"])
        for step in store.shelf("step", run_id)
        if step.document["type"] == "tool_calls"
        for called in map(payload, step.document["step_details"]["tool_calls"])
        if called["output"] is not None
    )


def _format(response_format: object) -> object:
    """Return "auto", or the JSON format that was asked for."""
    if isinstance(response_format, dict) and cast(Json, response_format)["type"] != "text":
        return response_format
    return "auto"
