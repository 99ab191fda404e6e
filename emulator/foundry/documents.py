"""The objects of the Agent Service as it writes them: every key present, times in Unix seconds.

REST: learn.microsoft.com/rest/api/aifoundry/aiagents
"""

from typing import Any

# A JSON object: what a value is, its key says.
Json = dict[str, Any]

RUN_LIFETIME_S = 600  # the service gives up on a run ten minutes after its creation
TERMINAL = frozenset({"cancelled", "failed", "completed", "expired", "incomplete"})
CONNECTED, AZURE_FUNCTION, FUNCTION = "connected_agent", "azure_function", "function"
CALLABLE = frozenset({CONNECTED, AZURE_FUNCTION, FUNCTION})  # the tool types that the model is offered


def new_agent(agent_id: str, now_s: int, fields: Json) -> Json:
    return {
        "id": agent_id,
        "object": "assistant",
        "created_at": now_s,
        "name": None,
        "description": None,
        "model": "",
        "instructions": None,
        "tools": [],
        "tool_resources": {},
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "metadata": {},
        **fields,
    }


def new_thread(thread_id: str, now_s: int, fields: Json) -> Json:
    return {
        "id": thread_id,
        "object": "thread",
        "created_at": now_s,
        "tool_resources": {},
        "metadata": {},
        **fields,
    }


def new_message(message_id: str, thread_id: str, now_s: int, fields: Json) -> Json:
    """Return a message; *fields* holds role and content. Complete unless *fields* says otherwise."""
    return {
        "id": message_id,
        "object": "thread.message",
        "created_at": now_s,
        "thread_id": thread_id,
        "status": "completed",
        "incomplete_details": None,
        "completed_at": now_s,
        "incomplete_at": None,
        "role": "user",
        "content": [],
        "assistant_id": None,
        "run_id": None,
        "attachments": [],
        "metadata": {},
        **fields,
    }


def new_reply(message_id: str, run: Json, now_s: int) -> Json:
    """Return the message that *run* is about to write."""
    return new_message(
        message_id,
        run["thread_id"],
        now_s,
        {
            "status": "in_progress",
            "completed_at": None,
            "role": "assistant",
            "assistant_id": run["assistant_id"],
            "run_id": run["id"],
        },
    )


def new_run(run_id: str, thread_id: str, agent: Json, now_s: int, fields: Json) -> Json:
    """Return a queued run of *agent*; what *fields* holds overrides the agent's own."""
    return {
        "id": run_id,
        "object": "thread.run",
        "created_at": now_s,
        "assistant_id": agent["id"],
        "thread_id": thread_id,
        "status": "queued",
        "started_at": None,
        "expires_at": now_s + RUN_LIFETIME_S,
        "cancelled_at": None,
        "failed_at": None,
        "completed_at": None,
        "required_action": None,
        "last_error": None,
        "model": agent["model"],
        "instructions": agent["instructions"] or "",
        "tools": agent["tools"],
        "tool_resources": agent["tool_resources"],
        "metadata": {},
        "temperature": agent["temperature"],
        "top_p": agent["top_p"],
        "max_completion_tokens": None,
        "max_prompt_tokens": None,
        "truncation_strategy": {"type": "auto", "last_messages": None},
        "incomplete_details": None,
        "usage": None,
        "response_format": agent["response_format"],
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        **fields,
    }


def new_step(step_id: str, run: Json, now_s: int, details: Json) -> Json:
    return {
        "id": step_id,
        "object": "thread.run.step",
        "created_at": now_s,
        "run_id": run["id"],
        "assistant_id": run["assistant_id"],
        "thread_id": run["thread_id"],
        "type": details["type"],
        "status": "in_progress",
        "cancelled_at": None,
        "completed_at": None,
        "expires_at": run["expires_at"],
        "failed_at": None,
        "last_error": None,
        "step_details": details,
        "usage": None,
        "metadata": {},
    }


def message_details(message_id: str) -> Json:
    return {"type": "message_creation", "message_creation": {"message_id": message_id}}


def call_details(calls: list[Json]) -> Json:
    return {"type": "tool_calls", "tool_calls": calls}


def new_call(call_id: str, kind: str, name: str, arguments: str, child: Json) -> Json:
    """Return a tool call without output. *child*: the ids of a connected agent's own thread and run."""
    return {
        "id": call_id,
        "type": kind,
        kind: {"name": name, "arguments": arguments, "output": None, **child},
    }


def payload(call: Json) -> Json:
    """Return what *call* holds under its type's own name: name, arguments, output."""
    found: Json = call[call["type"]]
    return found


def with_output(call: Json, output: str) -> Json:
    return {**call, call["type"]: {**payload(call), "output": output}}


def required_action(calls: list[Json]) -> Json:
    """Return what a run waits for: *calls* by name and arguments, without outputs."""
    waiting = [
        {
            "id": call["id"],
            "type": call["type"],
            call["type"]: {key: payload(call)[key] for key in ("name", "arguments")},
        }
        for call in calls
    ]
    return {"type": "submit_tool_outputs", "submit_tool_outputs": {"tool_calls": waiting}}


def text_content(text: str) -> list[Json]:
    return [{"type": "text", "text": {"value": text, "annotations": []}}]


def text_of(message: Json) -> str:
    """Return the message as the model reads it; what is no text is named in brackets."""
    parts = [
        block["text"]["value"] if block["type"] == "text" else f"[{block['type']}]"
        for block in message["content"]
    ]
    return "\n".join(parts)


def usage(prompt_tokens: int, completion_tokens: int) -> Json:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_token_details": {"cached_tokens": 0},
    }


def message_delta(message_id: str, text: str) -> Json:
    return {
        "id": message_id,
        "object": "thread.message.delta",
        "delta": {
            "content": [{"index": 0, "type": "text", "text": {"value": text, "annotations": []}}],
        },
    }


def call_deltas(step_id: str, index: int, call: Json) -> list[Json]:
    """Return how a stream tells of a new call: who is called first, then with what."""
    opening = {"index": index, **call, call["type"]: {**payload(call), "arguments": ""}}
    arguments = {
        "index": index,
        "type": call["type"],
        call["type"]: {"arguments": payload(call)["arguments"]},
    }
    return [_step_delta(step_id, opening), _step_delta(step_id, arguments)]


def output_delta(step_id: str, index: int, call: Json) -> Json:
    kind = call["type"]
    return _step_delta(
        step_id,
        {"index": index, "id": call["id"], "type": kind, kind: {"output": payload(call)["output"]}},
    )


def deleted(kind: str, object_id: str) -> Json:
    return {"id": object_id, "object": f"{kind}.deleted", "deleted": True}


def page(found: list[Json], has_more: bool) -> Json:
    """Return one page of a list. An empty page ends the SDK's iteration by its null last_id."""
    return {
        "object": "list",
        "data": found,
        "first_id": found[0]["id"] if found else None,
        "last_id": found[-1]["id"] if found else None,
        "has_more": has_more,
    }


def _step_delta(step_id: str, call: Json) -> Json:
    return {
        "id": step_id,
        "object": "thread.run.step.delta",
        "delta": {"step_details": {"type": "tool_calls", "tool_calls": [call]}},
    }
