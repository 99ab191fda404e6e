"""What answering a question needs of its neighbours, in one place."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from services.actions import Actions
from services.agents.backend import Agent, AgentBackend
from services.answers.events import AnswerEvent
from services.answers.hop import PEEK_MOST, Peeked
from services.models import Answer, FunctionTool


class Team(Protocol):
    """The agents that answer."""

    def orchestrator(self) -> Agent:
        """Return the orchestrator to ask. Raises ServiceErrors."""

    def forget(self) -> None:
        """Have the team looked up again for the next question."""

    def per_query_team(self) -> AbstractContextManager[Agent]:
        """Yield the orchestrator of a team made for one question; the team is deleted afterwards. Raises
        ServiceErrors.
        """


class Depth(Protocol):
    """How much lies in a queue."""

    @property
    def name(self) -> str:
        """Return the queue's name."""

    @property
    def messages(self) -> int | None:
        """Return about how many messages lie in it; None: not known."""


class Queues(Protocol):
    """The queues that an answer's calls travel through. Both raise ServiceErrors."""

    def peek(self, queue: str, limit: int = PEEK_MOST) -> Sequence[Peeked]:
        """Return at most *limit* messages that wait in *queue*, left as they are."""

    def list_depths(self, prefix: str = "") -> Sequence[Depth]:
        """Return the depths of the queues whose names begin with *prefix*."""


class Observer(Protocol):
    """Who is told of what happened. Must return at once and never raise."""

    def answered(
        self,
        answer: Answer,
        events: tuple[AnswerEvent, ...],
        run_state: str = "",
        correlation_ids: Mapping[str, str] | None = None,
    ) -> None:
        """*answer* is final. *run_state*: the service's word, empty without a run. *correlation_ids*: of the
        messages seen in queues, by the id of the call.
        """

    def acted(self, action: str, target: str, outcome: str) -> None:
        """Somebody did something, such as stopping an answer."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What an answer's calls are watched through. Nothing is repeated by it: after a look that failed comes the next one."""

    backend: AgentBackend
    queues: Queues


@dataclass(frozen=True, slots=True)
class Context:
    """The neighbours and the settings of answering. *marks*: the metadata that says whose a thread or run is.

    *trace_runs*: whether runs are told to pass the trace context on. *thread_marks*: put on a thread that is made for
    one question alone, beside *marks*. *actions*: what asking and stopping pass through. *sight*: None watches through
    *backend* and *queues*.
    """

    backend: AgentBackend
    team: Team
    queues: Queues
    catalogue: Sequence[FunctionTool]
    team_mode: Literal["pooled", "per_query"]
    marks: Mapping[str, str]
    deadline_s: float
    tool_wait_s: float
    max_running: int = 8
    max_waiting: int = 32
    trace_runs: bool = False
    observer: Observer | None = None
    thread_marks: Mapping[str, str] = field(default_factory=dict)
    actions: Actions = field(default_factory=lambda: Actions(lambda *_: None))
    sight: Sight | None = None
