"""What clients may send: agents, threads, messages, runs and tool outputs, checked and brought into one form."""

import re
from dataclasses import dataclass, field

from emulator.foundry.checks import Fields, refused, within
from emulator.foundry.documents import AZURE_FUNCTION, CALLABLE, CONNECTED, FUNCTION, Json, text_content
from emulator.foundry.store import Order
from emulator.wire import WireError

MAX_TEXT = 256_000  # characters, of instructions and of a message
MAX_NAME, MAX_DESCRIPTION, MAX_TOOLS = 256, 512, 128
DEFAULT_PAGE, MAX_PAGE = 20, 100
CONNECTED_NAME = re.compile("^[a-zA-Z_]+$")
FUNCTION_NAME = re.compile("^[a-zA-Z0-9_.-]{1,256}$")
ROLES = ("user", "assistant")
# Stored and returned, never offered to the model: Local Azure does not run them.
FOREIGN_TOOLS = frozenset(
    {
        "azure_ai_search",
        "bing_custom_search",
        "bing_grounding",
        "browser_automation",
        "code_interpreter",
        "computer_use_preview",
        "deep_research",
        "fabric_dataagent",
        "file_search",
        "image_generation",
        "mcp",
        "openapi",
        "sharepoint_grounding",
    }
)
FORMATS = ("text", "json_object", "json_schema")
WORD_FORMATS = ("auto", "none", "text")
WORD_CHOICES = ("auto", "none", "required")


@dataclass(frozen=True, slots=True)
class PageRequest:
    limit: int
    order: Order
    after: str
    before: str


@dataclass(frozen=True, slots=True)
class RunRequest:
    """*fields*: what overrides the agent. *messages*: to add to the thread first, ready but for their ids."""

    agent_id: str
    fields: Json
    additional_instructions: str
    messages: list[Json] = field(default_factory=list)
    stream: bool = False


def read_agent(body: Fields, *, creating: bool) -> Json:
    """Return the agent's fields that *body* sets; when *creating*, the model is one of them."""
    found: Json = {}
    if creating or "model" in body:
        found["model"] = body.required_text("model", MAX_NAME)
    for name, longest in (
        ("name", MAX_NAME),
        ("description", MAX_DESCRIPTION),
        ("instructions", MAX_TEXT),
    ):
        if name in body:
            found[name] = body.text(name, longest)
    if "tools" in body:
        found["tools"] = read_tools(body)
    return {**found, **_sampling(body), **_attached(body)}


def read_tools(body: Fields) -> list[Json]:
    tools = body.items("tools", MAX_TOOLS) or []
    names: set[str] = set()
    for tool in tools:
        kind = tool.choice("type", CALLABLE | FOREIGN_TOOLS)
        if kind not in CALLABLE:
            continue
        name = _read_tool(tool.required_section(kind), kind)
        if name in names:
            raise refused(
                f"Invalid '{body.label('tools')}': tool names must be unique, but '{name}' appears twice.",
                body.label("tools"),
                "invalid_value",
            )
        names.add(name)
    return [tool.document() for tool in tools]


def _read_tool(tool: Fields, kind: str) -> str:
    """Return the name the model calls *tool* by."""
    if kind == CONNECTED:
        tool.required_text("id")
        tool.text("description")
        return tool.matching("name", CONNECTED_NAME)
    function = tool if kind == FUNCTION else tool.required_section("function")
    function.text("description")
    function.mapping("parameters")
    if kind == AZURE_FUNCTION:
        for binding in ("input_binding", "output_binding"):
            queue = tool.required_section(binding).required_section("storage_queue")
            queue.required_text("queue_service_endpoint")
            queue.required_text("queue_name")
    return function.matching("name", FUNCTION_NAME)


def read_thread(body: Fields) -> tuple[Json, list[Json]]:
    """Return the thread's fields and the messages it starts with."""
    return _attached(body), read_messages(body, "messages")


def read_metadata(body: Fields) -> Json:
    """Return the metadata as a field to change; nothing when *body* does not speak of it."""
    return {"metadata": body.metadata() or {}} if "metadata" in body else {}


def read_messages(body: Fields, name: str) -> list[Json]:
    return [read_message(message) for message in body.items(name) or []]


def read_message(body: Fields) -> Json:
    found: Json = {"role": body.choice("role", ROLES), "content": _content(body)}
    attachments = body.items("attachments")
    if attachments is not None:
        found["attachments"] = [attachment.document() for attachment in attachments]
    if (metadata := body.metadata()) is not None:
        found["metadata"] = metadata
    return found


def _content(body: Fields) -> list[Json]:
    value = body.raw("content")
    if value is None:
        raise body.missing("content")
    if isinstance(value, str):
        blocks = text_content(value)
    else:
        blocks = [_block(block) for block in body.items("content") or []]
    texts = [block["text"]["value"] for block in blocks if block["type"] == "text"]
    if not blocks or (len(texts) == len(blocks) and not "".join(texts).strip()):
        raise refused("Message content must be non-empty.", body.label("content"), "invalid_value")
    if (size := sum(map(len, texts))) > MAX_TEXT:
        raise refused(
            f"Invalid '{body.label('content')}': string too long. Expected a string with maximum length "
            f"{MAX_TEXT}, but got a string with length {size} instead.",
            body.label("content"),
            "string_above_max_length",
        )
    return blocks


def _block(block: Fields) -> Json:
    kind = block.choice("type", ("text", "image_url", "image_file"))
    if kind != "text":
        return {"type": kind, kind: block.required_section(kind).document()}
    value = block.raw("text")
    text = value.get("value") if isinstance(value, dict) else value
    if not isinstance(text, str):
        raise block.wrong_type("text", "a string")
    return text_content(text)[0]


def read_run(body: Fields) -> RunRequest:
    fields = _sampling(body)
    if body.raw("model") is not None:
        fields["model"] = body.required_text("model", MAX_NAME)
    if (instructions := body.text("instructions", MAX_TEXT)) is not None:
        fields["instructions"] = instructions
    if body.raw("tools") is not None:
        fields["tools"] = read_tools(body)
    for name in ("max_prompt_tokens", "max_completion_tokens"):
        if (most := body.integer(name, 1)) is not None:
            fields[name] = most
    if (parallel := body.flag("parallel_tool_calls")) is not None:
        fields["parallel_tool_calls"] = parallel
    if (strategy := body.section("truncation_strategy")) is not None:
        fields["truncation_strategy"] = _truncation(strategy)
    if body.raw("tool_choice") is not None:
        fields["tool_choice"] = _word_or_object(body, "tool_choice", WORD_CHOICES)
    attached = {name: value for name, value in _attached(body).items() if body.raw(name) is not None}
    return RunRequest(
        agent_id=body.required_text("assistant_id"),
        fields={**fields, **attached},
        additional_instructions=body.text("additional_instructions", MAX_TEXT) or "",
        messages=read_messages(body, "additional_messages"),
        stream=bool(body.flag("stream")),
    )


def read_outputs(body: Fields) -> dict[str, str]:
    """Return the outputs by tool call id. Raises WireError 400: none, one without id, one told twice."""
    items = body.items("tool_outputs")
    if items is None:
        raise body.missing("tool_outputs")
    found: dict[str, str] = {}
    for item in items:
        call_id = item.required_text("tool_call_id")
        if call_id in found:
            raise refused(
                f"Invalid 'tool_outputs': tool call '{call_id}' has two outputs.",
                "tool_outputs",
                "invalid_value",
            )
        found[call_id] = item.text("output") or ""
    return found


def read_page(query: dict[str, str]) -> PageRequest:
    text = query.get("limit", str(DEFAULT_PAGE))
    try:
        limit = int(text)
    except ValueError as exc:
        raise refused(
            f"Invalid type for 'limit': expected an integer, but got '{text}' instead.",
            "limit",
            "invalid_type",
        ) from exc
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise refused(
            f"Invalid value: '{order}'. Supported values are: 'asc' and 'desc'.", "order", "invalid_value"
        )
    return PageRequest(
        int(within(limit, "limit", "integer", 1, MAX_PAGE)),
        "asc" if order == "asc" else "desc",
        query.get("after", ""),
        query.get("before", ""),
    )


def not_found(kind: str, object_id: str) -> WireError:
    """Return the 404 of the Agent Service; *kind* as its sentences say it ("assistant", "run step")."""
    return WireError(404, "not_found", f"No {kind} found with id '{object_id}'.")


def _sampling(body: Fields) -> Json:
    found: Json = {}
    if (temperature := body.number("temperature", 0, 2)) is not None:
        found["temperature"] = temperature
    if (top_p := body.number("top_p", 0, 1)) is not None:
        found["top_p"] = top_p
    if body.raw("response_format") is not None:
        found["response_format"] = _response_format(body)
    return found


def _response_format(body: Fields) -> object:
    found = _word_or_object(body, "response_format", WORD_FORMATS, FORMATS)
    if isinstance(found, dict) and found["type"] == "json_schema":
        schema = body.required_section("response_format").required_section("json_schema")
        schema.required_text("name")
        schema.mapping("schema")
    return found


def _word_or_object(body: Fields, name: str, words: tuple[str, ...], types: tuple[str, ...] = ()) -> object:
    if isinstance(body.raw(name), str):
        return body.choice(name, words)
    found = body.required_section(name)
    if types:
        found.choice("type", types)
    else:
        found.required_text("type")
    return found.document()


def _truncation(strategy: Fields) -> Json:
    kind = strategy.choice("type", ("auto", "last_messages"))
    last = strategy.integer("last_messages", 1)
    if kind == "last_messages" and last is None:
        raise strategy.missing("last_messages")
    return {"type": kind, "last_messages": last}


def _attached(body: Fields) -> Json:
    found = read_metadata(body)
    if "tool_resources" in body:
        found["tool_resources"] = body.mapping("tool_resources") or {}
    return found
