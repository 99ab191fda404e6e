"""The model behind the local Foundry: what it is asked, what it answers, and which one is in use."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from emulator.clock import Clock
    from emulator.control import Pace

ToolKind = Literal["connected_agent", "azure_function", "function"]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may call. *parameters* is a JSON schema; None for a connected agent, which takes a query.

    *knowledge*: for a connected agent, its instructions and its own tools' names and descriptions, which help
    to route a question; empty for other tools.
    """

    name: str
    description: str
    kind: ToolKind
    parameters: dict[str, object] | None = None
    knowledge: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the thread, oldest first."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """A call this run has made, with what came back. *round*: 0 for the first model turn of the run."""

    name: str
    arguments: str
    output: str
    round: int


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One model turn. *calls*: every call of this run so far; the answer builds on their outputs.

    *response_format*: "auto", or the JSON object of the request (json_object, json_schema).
    *tool_choice*: "auto", "none", or the JSON object that names a tool.
    """

    model: str
    instructions: str
    conversation: tuple[Turn, ...]
    tools: tuple[Tool, ...] = ()
    calls: tuple[FinishedCall, ...] = ()
    response_format: object = "auto"
    tool_choice: object = "auto"
    parallel_tool_calls: bool = True
    temperature: float | None = None
    top_p: float | None = None
    max_completion_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class TextPiece:
    text: str


@dataclass(frozen=True, slots=True)
class CallWanted:
    """The model wants *name* called; *arguments* is a JSON object as text."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """Always the last event. *reason* `length`: max_completion_tokens was reached."""

    prompt_tokens: int
    completion_tokens: int
    reason: Literal["stop", "tool_calls", "length", "content_filter"] = "stop"


ModelEvent = TextPiece | CallWanted | TurnEnded


class ModelError(Exception):
    """The model could not answer. *code* becomes the run's last_error.code."""

    def __init__(
        self, code: Literal["server_error", "rate_limit_exceeded", "invalid_prompt"], message: str
    ) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Model(Protocol):
    def turn(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Yield text pieces or wanted calls as they come, then TurnEnded. Raises ModelError."""


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """*url*: an OpenAI-compatible server's base address, ending in /v1; empty means the built-in rules."""

    url: str = ""
    api_key: str = field(default="local", repr=False)
    name: str = ""
    timeout_s: float = 120.0


def build_model(settings: ModelSettings, pace: "Pace", clock: "Clock") -> Model:
    """Return the model in use. *pace* is read at every turn, so it can change while running."""
    if settings.url:
        from emulator.model.openai_compatible import OpenAICompatibleModel

        return OpenAICompatibleModel(settings)
    from emulator.model.rules import RuleModel

    return RuleModel(pace, clock)
