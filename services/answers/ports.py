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
    def orchestrator(self) -> Agent: ...

    def forget(self) -> None: ...

    def per_query_team(self) -> AbstractContextManager[Agent]: ...


class Depth(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def messages(self) -> int | None: ...


class Queues(Protocol):
    def peek(self, queue: str, limit: int = PEEK_MOST) -> Sequence[Peeked]: ...

    def list_depths(self, prefix: str = "") -> Sequence[Depth]: ...


class Observer(Protocol):
    """Who is told of what happened. Must return at once and never raise."""

    def answered(
        self,
        answer: Answer,
        events: tuple[AnswerEvent, ...],
        run_state: str = "",
        correlation_ids: Mapping[str, str] | None = None,
    ) -> None: ...

    def acted(self, action: str, target: str, outcome: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Context:
    """The neighbours and the settings of answering. *marks*: the metadata that says whose a thread or run is.

    *trace_runs*: whether runs are told to pass the trace context on. *thread_marks*: put on a thread that is made for
    one question alone, beside *marks*. *actions*: what asking and stopping pass through.
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
