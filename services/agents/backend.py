"""AgentBackend: what Relaydeck asks of an agent service. Classic agents are one; newer ones come next to it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

RunState = Literal[
    "queued",
    "in_progress",
    "requires_action",
    "cancelling",
    "cancelled",
    "failed",
    "completed",
    "expired",
    "incomplete",
]
TERMINAL: frozenset[str] = frozenset({"cancelled", "failed", "completed", "expired", "incomplete"})
CallKind = Literal["connected_agent", "azure_function", "function", "other"]


@dataclass(frozen=True, slots=True)
class QueueBinding:
    endpoint: str
    queue: str


@dataclass(frozen=True, slots=True)
class QueueFunction:
    """A function tool as an agent carries it. *parameters*: JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, object]
    input: QueueBinding
    output: QueueBinding


@dataclass(frozen=True, slots=True)
class ConnectedAgent:
    agent_id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    name: str
    model: str
    instructions: str
    description: str = ""
    functions: tuple[QueueFunction, ...] = ()
    connected: tuple[ConnectedAgent, ...] = ()


@dataclass(frozen=True, slots=True)
class Agent:
    id: str
    name: str
    model: str
    created_at: datetime
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AgentTool:
    """A tool as an agent carries it. *kind*: the service's word, also one this version does not know.

    *function*, *connected*: None for another kind, and for one whose definition lacks what it must have. *source*:
    the definition as it came.
    """

    kind: str
    name: str
    function: QueueFunction | None = None
    connected: ConnectedAgent | None = None
    source: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """An agent with all that defines it. *source*: the whole definition as it came."""

    agent: Agent
    description: str
    instructions: str
    tools: tuple[AgentTool, ...]
    source: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class AgentPage:
    """Some agents, newest first. *after*: where the next page begins; empty: there is none."""

    records: tuple[AgentRecord, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Thread:
    id: str
    created_at: datetime
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Usage:
    prompt: int
    completion: int


@dataclass(frozen=True, slots=True)
class Run:
    """*state* is the service's word, also one this version does not know. *created_at* has whole seconds."""

    id: str
    thread_id: str
    agent_id: str
    state: str
    created_at: datetime
    completed_at: datetime | None
    metadata: Mapping[str, str]
    error_code: str = ""
    error_message: str = ""
    usage: Usage | None = None
    waits_for: tuple[CallKind, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call of a step. *child_*: the connected agent's own thread and run; empty when not told."""

    id: str
    kind: CallKind
    name: str
    arguments: str
    output: str | None
    child_thread_id: str = ""
    child_run_id: str = ""


@dataclass(frozen=True, slots=True)
class RunStep:
    """*kind*: `message` when the step writes message *message_id*, `calls` when it calls tools."""

    id: str
    run_id: str
    state: str
    kind: Literal["message", "calls"]
    calls: tuple[Call, ...] = ()
    message_id: str = ""
    error_message: str = ""
    created_at: datetime | None = None
    completed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ThreadMessage:
    id: str
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime
    run_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)


# What a stream of a run yields ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunChanged:
    run: Run


@dataclass(frozen=True, slots=True)
class StepChanged:
    """The step as far as it is known; calls grow from event to event."""

    step: RunStep


@dataclass(frozen=True, slots=True)
class TextAdded:
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class MessageEnded:
    message: ThreadMessage


BackendEvent = RunChanged | StepChanged | TextAdded | MessageEnded


class RunStream(Protocol):
    """Yields events until the run is terminal or the stream breaks (then iteration raises Unavailable).

    A stream that merely ends early is not an error: look at the last RunChanged and poll.
    """

    def __iter__(self) -> Iterator[BackendEvent]: ...

    def close(self) -> None:
        """Cut the stream; the iterating thread then stops. The run goes on."""


class AgentBackend(Protocol):
    """Every method sends one request unless it says otherwise and raises ServiceErrors only."""

    def list_agents(self, limit: int = 100) -> list[Agent]:
        """Return all agents, newest first. One request per *limit* agents."""

    def create_agent(self, definition: AgentDefinition, metadata: Mapping[str, str]) -> Agent:
        """Return the new agent. *metadata* carries `opid`: an ambiguous failure is looked up, never repeated blindly."""

    def list_definitions(self, after: str = "", limit: int = 100) -> AgentPage:
        """Return at most *limit* (1 to 100) agents with their definitions, from *after* on.

        Raises InvalidInput or NotFound when *after* names an agent that is gone.
        """

    def get_definition(self, agent_id: str) -> AgentRecord: ...

    def update_agent(
        self, agent_id: str, definition: AgentDefinition, metadata: Mapping[str, str]
    ) -> AgentRecord:
        """Make the agent what *definition* and *metadata* say; runs under way keep what they began with."""

    def delete_agent(self, agent_id: str) -> None:
        """Return once the agent is gone; one that was gone before is fine."""

    def model_of(self, deployment: str) -> str:
        """Return the name of the model behind *deployment*. Raises NotFound when there is no such deployment."""

    def create_thread(self, metadata: Mapping[str, str]) -> Thread: ...

    def get_thread(self, thread_id: str) -> Thread: ...

    def list_threads(self, limit: int) -> list[Thread]:
        """Return at most *limit* threads, newest first."""

    def delete_thread(self, thread_id: str) -> None: ...

    def start_run(
        self, thread_id: str, agent_id: str, question: str, metadata: Mapping[str, str], told: str = ""
    ) -> RunStream:
        """Add *question* to the thread and run the agent on it, streamed: one request for both.

        *metadata* (with `opid`) is put on the run and on the message. *told*: added to the agent's instructions
        for this run.
        """

    def get_run(self, thread_id: str, run_id: str) -> Run: ...

    def list_runs(self, thread_id: str, limit: int) -> list[Run]:
        """Return at most *limit* runs, newest first."""

    def update_run(self, thread_id: str, run_id: str, metadata: Mapping[str, str]) -> Run: ...

    def cancel_run(self, thread_id: str, run_id: str) -> Run:
        """Return the run; one that had ended is returned as it is."""

    def list_steps(self, thread_id: str, run_id: str) -> list[RunStep]:
        """Return all steps, oldest first."""

    def list_messages(self, thread_id: str, limit: int) -> list[ThreadMessage]:
        """Return at most *limit* messages, newest first."""
