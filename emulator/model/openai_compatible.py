"""Any server that speaks OpenAI's chat completions as the model: Foundry Local, Ollama, vLLM, llama.cpp.

Wire: https://platform.openai.com/docs/api-reference/chat
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from emulator.model import (
    CallWanted,
    FinishedCall,
    ModelError,
    ModelEvent,
    ModelRequest,
    ModelSettings,
    TextPiece,
    Tool,
    TurnEnded,
)
from emulator.model.text import count_tokens

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionChunk

log = logging.getLogger(__name__)
URL_SETTING = "RELAYDECK_LOCAL_MODEL_URL"
NAME_SETTING = "RELAYDECK_LOCAL_MODEL"
_QUERY = {
    "type": "object",
    "properties": {
        "query": {"type": "string", "description": "The question for this agent, complete in itself."}
    },
    "required": ["query"],
}
_MAX_NAME = 64
_MAX_SHOWN = 300
_CONNECT_TIMEOUT_S = 10.0


@dataclass(slots=True)
class _CallDraft:
    name: str = ""
    arguments: str = ""


@dataclass(slots=True)
class _Reading:
    """What a stream brought so far."""

    text: str = ""
    calls: dict[int, _CallDraft] = field(default_factory=dict)
    finish: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class OpenAICompatibleModel:
    """Implements Model on the server that *settings* names. Holds one connection pool, made at the first turn."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._client: AsyncOpenAI | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def turn(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Yield text as it comes, calls once they are complete, then TurnEnded. Sends one request.

        Raises ModelError: rate_limit_exceeded on 429, invalid_prompt on 400 and 422, else server_error.
        """
        names = ToolNames(request.tools)
        reading = _Reading()
        body = build_body(request, names, self._settings.name)
        async with aclosing(self._pieces(body, reading)) as pieces:
            async for piece in pieces:
                yield TextPiece(piece)
        if not reading.finish and not reading.text and not reading.calls:
            raise ModelError("server_error", f"{self._server} ended its reply before it said anything.")
        if not reading.finish and reading.calls:
            raise ModelError("server_error", f"{self._server} broke off in the middle of a tool call.")
        for draft in reading.calls.values():
            yield CallWanted(names.own(draft.name), self._arguments(draft))
        yield _ended(reading, request)

    async def close(self) -> None:
        """Close the connections that are kept for the next turn."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    @property
    def _server(self) -> str:
        return f"The model server at {self._settings.url}"

    def _arguments(self, draft: _CallDraft) -> str:
        """Return the arguments of a call, checked: the service hands them on as a JSON object."""
        text = draft.arguments.strip() or "{}"
        try:
            document = json.loads(text)
        except ValueError as exc:
            raise ModelError("server_error", f"{self._server} called {draft.name or 'a tool'} with arguments that are not JSON: {text[:_MAX_SHOWN]}") from exc  # fmt: skip
        if not isinstance(document, dict) or not draft.name:
            raise ModelError(
                "server_error",
                f"{self._server} sent a tool call without a name or without an object of arguments.",
            )
        return text

    async def _pieces(self, body: dict[str, Any], reading: _Reading) -> AsyncGenerator[str, None]:
        """Yield the text of the reply as it comes; all else goes into *reading*."""
        import openai

        client = self._open_client()
        loop = asyncio.get_running_loop()
        due_s = (
            loop.time() + self._settings.timeout_s
        )  # another program's time: Local Azure's clock does not move it
        try:
            async with asyncio.timeout_at(due_s):
                stream = await client.chat.completions.create(**body)
            if not hasattr(stream, "__aiter__"):
                raise ModelError("server_error", f"{self._server} did not answer as chat completions do.")
            async with stream:
                chunks = aiter(stream)
                while True:
                    async with asyncio.timeout_at(due_s):
                        chunk = await anext(chunks, None)
                    if chunk is None:
                        return
                    for piece in _take(chunk, reading):
                        yield piece
        except (openai.APITimeoutError, TimeoutError) as exc:
            raise ModelError(
                "server_error",
                f"{self._server} did not finish within {self._settings.timeout_s:g} s. Use a smaller model or give it more time.",
            ) from exc
        except openai.APIStatusError as exc:
            raise self._status_error(exc.status_code, exc.message) from exc
        except openai.APIConnectionError as exc:
            raise self._connection_error(exc) from exc
        except openai.APIError as exc:
            raise self._told_in_stream(exc.message, exc.code) from exc
        except (ValueError, KeyError, TypeError, AttributeError, UnicodeError) as exc:
            raise ModelError(
                "server_error", f"{self._server} sent a reply that is not a chat completion: {_shown(exc)}."
            ) from exc
        except OSError as exc:
            raise self._connection_error(exc) from exc

    def _open_client(self) -> "AsyncOpenAI":
        """Return the client of this event loop: a connection pool cannot outlive its loop."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            import httpx2
            from openai import AsyncOpenAI

            timeout = httpx2.Timeout(
                self._settings.timeout_s, connect=min(_CONNECT_TIMEOUT_S, self._settings.timeout_s)
            )
            self._client = AsyncOpenAI(
                base_url=self._settings.url,
                api_key=self._settings.api_key or "local",
                max_retries=0,
                timeout=timeout,
            )
            self._loop = loop
        return self._client

    def _status_error(self, status: int, message: str) -> ModelError:
        log.warning("model.refused", extra={"status": status, "server": self._settings.url})
        told = _shown(message)
        if status == 429:
            return ModelError("rate_limit_exceeded", f"{self._server} is over its rate limit: {told}.")
        if status in (400, 422):
            return ModelError("invalid_prompt", f"{self._server} refused the request: {told}.")
        if status in (401, 403):
            return ModelError(
                "server_error",
                f"{self._server} refused the key: set RELAYDECK_LOCAL_MODEL_KEY. It said: {told}.",
            )
        if status == 404:
            return ModelError(
                "server_error",
                f"{self._server} does not know the path or the model «{self._settings.name}»: {URL_SETTING} ends in /v1, "
                f"{NAME_SETTING} is a model it serves. It said: {told}.",
            )
        return ModelError("server_error", f"{self._server} failed with status {status}: {told}.")

    def _told_in_stream(self, message: str, code: str | None) -> ModelError:
        if code in ("rate_limit_exceeded", "429"):
            return ModelError(
                "rate_limit_exceeded", f"{self._server} is over its rate limit: {_shown(message)}."
            )
        return ModelError("server_error", f"{self._server} broke off its reply: {_shown(message)}.")

    def _connection_error(self, exc: BaseException) -> ModelError:
        cause: BaseException | None = exc
        while cause is not None:
            if (
                "connect" in type(cause).__name__.lower()
                and "timeout" not in type(cause).__name__.lower()
                and type(cause).__name__ != "APIConnectionError"
            ):
                return ModelError(
                    "server_error", f"{self._server} does not answer: start it or unset {URL_SETTING}."
                )
            cause = cause.__cause__
        return ModelError(
            "server_error", f"{self._server} broke the connection off: {_shown(exc)}. Look at its own log."
        )


class ToolNames:
    """Names a server accepts (letters, digits, _ and -; at most 64) for tools that may be named otherwise."""

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._sent: dict[str, str] = {}
        for tool in tools:
            base = re.sub(r"[^A-Za-z0-9_-]+", "_", tool.name)[:_MAX_NAME] or "tool"
            name, number = base, 2
            while name in self._sent.values():
                name, number = f"{base[: _MAX_NAME - len(str(number)) - 1]}_{number}", number + 1
            self._sent[tool.name] = name
        self._own = {sent: own for own, sent in self._sent.items()}

    def sent(self, own: str) -> str:
        return self._sent.get(own) or re.sub(r"[^A-Za-z0-9_-]+", "_", own)[:_MAX_NAME]

    def own(self, sent: str) -> str:
        return self._own.get(sent, sent)


def build_body(request: ModelRequest, names: ToolNames, model: str) -> dict[str, Any]:
    """Return the body of the chat completion for *request*."""
    body: dict[str, Any] = {
        "model": model or request.model,
        "messages": _messages(request, names),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = [_tool(tool, names) for tool in request.tools]
        body["tool_choice"] = _tool_choice(request, names)
        if not request.parallel_tool_calls:
            body["parallel_tool_calls"] = False
    response_format = request.response_format
    if isinstance(response_format, dict) and response_format.get("type") in ("json_object", "json_schema"):
        body["response_format"] = response_format
    limits = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "max_tokens": request.max_completion_tokens,
    }
    body.update({key: value for key, value in limits.items() if value is not None})
    return body


def _tool(tool: Tool, names: ToolNames) -> dict[str, Any]:
    parameters = tool.parameters or (
        _QUERY if tool.kind == "connected_agent" else {"type": "object", "properties": {}}
    )
    return {
        "type": "function",
        "function": {
            "name": names.sent(tool.name),
            "description": tool.description,
            "parameters": parameters,
        },
    }


def _tool_choice(request: ModelRequest, names: ToolNames) -> object:
    choice = request.tool_choice
    if request.calls and choice != "none":
        return "auto"  # a forced call is for the first turn: forced again, it would never end
    if isinstance(choice, dict):
        kind = choice.get("type")
        held = choice.get(kind) if isinstance(kind, str) else None
        name = held.get("name") if isinstance(held, dict) else choice.get("name")
        if isinstance(name, str) and any(tool.name == name for tool in request.tools):
            return {"type": "function", "function": {"name": names.sent(name)}}
        return "required" if any(tool.kind == kind for tool in request.tools) else "auto"
    return choice if choice in ("none", "required") else "auto"


def _messages(request: ModelRequest, names: ToolNames) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if request.instructions:
        messages.append({"role": "system", "content": request.instructions})
    messages.extend({"role": turn.role, "content": turn.text} for turn in request.conversation)
    rounds: dict[int, list[tuple[int, FinishedCall]]] = {}
    for number, call in enumerate(request.calls):
        rounds.setdefault(call.round, []).append((number, call))
    for _, calls in sorted(rounds.items()):
        wanted = [
            {
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": names.sent(call.name), "arguments": call.arguments or "{}"},
            }
            for number, call in calls
        ]
        messages.append({"role": "assistant", "content": None, "tool_calls": wanted})
        messages.extend(
            {"role": "tool", "tool_call_id": f"call_{number}", "content": call.output}
            for number, call in calls
        )
    return messages


def _take(chunk: "ChatCompletionChunk", reading: _Reading) -> list[str]:
    """Add *chunk* to *reading* and return the text it brought."""
    if chunk.usage is not None:
        reading.prompt_tokens, reading.completion_tokens = (
            chunk.usage.prompt_tokens,
            chunk.usage.completion_tokens,
        )
    if chunk.choices is None:
        raise ValueError("a chunk has no choices")
    pieces: list[str] = []
    for choice in chunk.choices[:1]:
        if choice.finish_reason:
            reading.finish = choice.finish_reason
        delta = choice.delta
        if delta.content:
            reading.text += delta.content
            pieces.append(delta.content)
        for at, part in enumerate(delta.tool_calls or ()):
            draft = reading.calls.setdefault(part.index if part.index is not None else at, _CallDraft())
            if part.function is not None:
                draft.name = draft.name or part.function.name or ""
                draft.arguments += part.function.arguments or ""
    return pieces


def _ended(reading: _Reading, request: ModelRequest) -> TurnEnded:
    prompt = reading.prompt_tokens
    if prompt is None:
        texts = [
            request.instructions,
            *(t.text for t in request.conversation),
            *(c.output for c in request.calls),
        ]
        prompt = sum(count_tokens(text) for text in texts)
    completion = reading.completion_tokens
    if completion is None:
        completion = count_tokens(reading.text) + sum(
            count_tokens(c.name + c.arguments) for c in reading.calls.values()
        )
    if reading.calls:
        return TurnEnded(prompt, completion, "tool_calls")
    known = {"length": "length", "content_filter": "content_filter"}
    return TurnEnded(prompt, completion, cast(Any, known.get(reading.finish, "stop")))


def _shown(told: object) -> str:
    return " ".join(str(told).split())[:_MAX_SHOWN].rstrip(".")
