"""AgentBackend: what Relaydeck asks of an agent service. Classic agents are one; newer ones come next to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, Protocol, TypeVar

T = TypeVar("T")

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
    """Where a function tool's messages go. *endpoint*: of the storage account's queues. *queue*: the name alone."""

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
    """Another agent as a tool of this one. *name*: what the model calls it by."""

    agent_id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    """All that makes an agent what it is, to create it from. *model*: the deployment's name."""

    name: str
    model: str
    instructions: str
    description: str = ""
    functions: tuple[QueueFunction, ...] = ()
    connected: tuple[ConnectedAgent, ...] = ()


@dataclass(frozen=True, slots=True)
class Agent:
    """*connects_to*: the ids of the agents that are its tools. *queues*: the names of the queues its functions use."""

    id: str
    name: str
    model: str
    created_at: datetime
    metadata: Mapping[str, str]
    connects_to: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()


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

    @property
    def functions(self) -> tuple[QueueFunction, ...]:
        """Return the function tools that it carries, with the queues that they name."""
        return tuple(tool.function for tool in self.tools if tool.function is not None)


@dataclass(frozen=True, slots=True)
class AgentPage:
    """Some agents, newest first. *after*: where the next page begins; empty: there is none."""

    records: tuple[AgentRecord, ...]
    after: str


@dataclass(frozen=True, slots=True)
class Thread:
    """A conversation as the service keeps it. *created_at*: UTC, whole seconds."""

    id: str
    created_at: datetime
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one run, as the service counts them."""

    prompt: int
    completion: int


@dataclass(frozen=True, slots=True)
class Run:
    """*state* is the service's word, also one this version does not know. Times have whole seconds.

    *started_at*: None while it waits for its turn. *ended_at*: None while it is open, and when the service does not
    tell. *functions*: the function tools that it was begun with. *expires_at*: when the service gives it up. *delegates*: whether its agent has connected agents to ask.
    """

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
    functions: tuple[QueueFunction, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    expires_at: datetime | None = None
    delegates: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call of a step. *child_thread_id*, *child_run_id*: the connected agent's own; empty when not told.

    *output*: None while there is none.
    """

    id: str
    kind: CallKind
    name: str
    arguments: str
    output: str | None
    child_thread_id: str = ""
    child_run_id: str = ""


@dataclass(frozen=True, slots=True)
class RunStep:
    """*kind*: `message` when the step writes message *message_id*, `calls` when it calls tools.

    *created_at*, *completed_at*: whole seconds; None when that is not told, or not yet.
    """

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
    """One message. *text*: its text parts together. *run_id*: of the run that wrote it, empty when the service names none."""

    id: str
    role: Literal["user", "assistant"]
    text: str
    created_at: datetime
    run_id: str
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """*documents*: whole objects, as the service gives them. *after*: where the next page begins, empty on the last."""

    documents: tuple[Mapping[str, object], ...]
    after: str


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. *after*: where the next one begins, empty when there is none. *unread*: how many things of it
    have a shape that is not known here; they are left out of *found*."""

    found: tuple[T, ...]
    after: str = ""
    unread: int = 0


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

    def get_definition(self, agent_id: str) -> AgentRecord:
        """Return the agent with all that defines it. Raises NotFound."""

    def update_agent(
        self, agent_id: str, definition: AgentDefinition, metadata: Mapping[str, str]
    ) -> AgentRecord:
        """Make the agent what *definition* and *metadata* say; runs under way keep what they began with."""

    def delete_agent(self, agent_id: str) -> bool:
        """Return once the agent is gone: False when it was gone before, which is fine."""

    def model_of(self, deployment: str) -> str:
        """Return the name of the model behind *deployment*. Raises NotFound when there is no such deployment."""

    def list_functions(self, limit: int = 100) -> list[QueueFunction]:
        """Return the queue functions that the newest *limit* agents carry, newest agent first; what cannot be read as
        one is left out. One request per 100 agents."""

    def create_thread(self, metadata: Mapping[str, str]) -> Thread:
        """Return a new, empty thread. *metadata* carries `opid`."""

    def get_thread(self, thread_id: str) -> Thread:
        """Return the thread. Raises NotFound."""

    def list_threads(self, limit: int) -> list[Thread]:
        """Return at most *limit* threads, newest first."""

    def delete_thread(self, thread_id: str) -> bool:
        """Return once the thread is gone: False when it was gone before, which is fine."""

    def start_run(
        self,
        thread_id: str,
        agent_id: str,
        question: str,
        metadata: Mapping[str, str],
        told: str = "",
        *,
        one_at_a_time: bool = False,
    ) -> RunStream:
        """Add *question* to the thread and run the agent on it, streamed: one request for both.

        *metadata* (with `opid`) is put on the run and on the message. *told*: added to the agent's instructions
        for this run. *one_at_a_time*: the model may not call several tools at once.
        """

    def get_run(self, thread_id: str, run_id: str) -> Run:
        """Return the run as it is now. Raises NotFound."""

    def list_runs(self, thread_id: str, limit: int) -> list[Run]:
        """Return at most *limit* runs, newest first."""

    def update_run(self, thread_id: str, run_id: str, metadata: Mapping[str, str]) -> Run:
        """Return the run, its metadata replaced by *metadata*. Raises NotFound."""

    def cancel_run(self, thread_id: str, run_id: str) -> Run:
        """Return the run; one that had ended is returned as it is."""

    def list_steps(self, thread_id: str, run_id: str) -> list[RunStep]:
        """Return all steps, oldest first."""

    def list_messages(self, thread_id: str, limit: int) -> list[ThreadMessage]:
        """Return at most *limit* messages, newest first."""

    # Whole objects, for back-ups: oldest first, a page (1 to 100) a request, with all that our own models leave out.

    def agent_documents(self, after: str = "", limit: int = 100) -> DocumentPage:
        """Return a page of the agents as whole objects, oldest first, from *after* on."""

    def thread_documents(
        self, after: str = "", limit: int = 100, *, newest_first: bool = False
    ) -> DocumentPage:
        """Return a page of the threads as whole objects, oldest first unless *newest_first*, from *after* on."""

    def message_documents(self, thread_id: str, after: str = "", limit: int = 100) -> DocumentPage:
        """Return a page of the thread's messages as whole objects, oldest first, from *after* on."""

    def create_agent_from(self, document: Mapping[str, object], metadata: Mapping[str, str]) -> Agent:
        """Return the new agent, defined by *document* as create requests have it. *metadata* carries `opid`."""

    def create_thread_from(
        self, messages: Sequence[Mapping[str, object]], metadata: Mapping[str, str]
    ) -> Thread:
        """Return a new thread that begins with *messages*, as requests have them. *metadata* carries `opid`."""

    def add_message(
        self, thread_id: str, message: Mapping[str, object], metadata: Mapping[str, str]
    ) -> ThreadMessage:
        """Return the message, added to the thread's end. *metadata* carries `opid`."""

    # Page by page: one request each, at most 100 things, one of which may have a shape that is not known here.

    def page_agents(self, after: str = "") -> Page[Agent]:
        """Return a page of the agents, newest first."""

    def page_threads(self, after: str = "") -> Page[Thread]:
        """Return a page of all threads of the project, newest first, whoever made them."""

    def page_runs(self, thread_id: str, after: str = "") -> Page[Run]:
        """Return a page of the runs, newest first."""

    def page_messages(self, thread_id: str, after: str = "") -> Page[ThreadMessage]:
        """Return a page of the messages, oldest first."""

    def page_steps(self, thread_id: str, run_id: str, after: str = "") -> Page[RunStep]:
        """Return a page of the steps, oldest first."""
