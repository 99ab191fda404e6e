"""What services hand to pages and to the terminal: plain, frozen, in the operator's words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

AnswerState = Literal["queued", "working", "answered", "failed", "cancelled", "expired"]
OPEN_STATES: frozenset[AnswerState] = frozenset({"queued", "working"})
StepKind = Literal["plan", "delegate", "wait", "function", "write"]
StepState = Literal["active", "done", "failed", "cancelled"]
StageName = Literal["creation", "configuration", "execution", "monitoring", "cleanup"]
Certainty = Literal["exact", "strong", "guess"]
HealthState = Literal["ok", "degraded", "down", "unknown"]
QueueState = Literal["empty", "flowing", "stalled", "poison", "missing"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong, in words a person can act on. *reference* finds it in the logs; *retry_safe*: asking again
    cannot repeat an effect. *code*: the same for programs (docs/answers.md lists them)."""

    title: str
    detail: str
    next_step: str
    where: str
    reference: str
    retry_safe: bool
    code: str = ""


@dataclass(frozen=True, slots=True)
class TimeParts:
    """Where the time of an answer went, in seconds. None: not known, which is not zero.

    *model_s* is what is left of the total: model turns, the agent service and the network.
    *queue_wait_s*: from the message's entry into the input queue until the function took it.
    *function_s*: from there until its reply was read. *certainty* says how well wait and function are told apart.
    All of an answer without a function call is *model_s*; the other two are then 0.0.
    """

    model_s: float | None
    queue_wait_s: float | None
    function_s: float | None
    certainty: Certainty


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the live view. *key* is stable; *parent* is the key of the enclosing step, None at the top.

    *name*: the agent or the function tool. *started_s*: since the question was sent. *took_s*: None while active
    or unknown. *arguments* and *output*: text as it travelled, empty when not known.
    """

    key: str
    parent: str | None
    kind: StepKind
    name: str
    state: StepState
    started_s: float
    took_s: float | None = None
    arguments: str = ""
    output: str = ""
    certainty: Certainty | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the five lifecycle stages. *took_s*: None while it lasts."""

    name: StageName
    started_s: float
    took_s: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class TokenCount:
    """Tokens of one answer: into the model, and out of it."""

    prompt: int
    completion: int

    @property
    def total(self) -> int:
        """Return both together."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class Answer:
    """One question and what became of it, as far as is known now. *version* grows with every change.

    *ahead*: how many questions of this thread come first while *state* is `queued`.
    *took_s*: None while open, and when the history does not tell. *notice*: what a person should know meanwhile
    ("another run holds this conversation"); empty when all is usual. *measuring*: the answer is final, but *parts*
    and the times of its steps are still being read; they follow within moments.
    """

    id: str
    question: str
    state: AnswerState
    version: int = 0
    text: str = ""
    thread_id: str = ""
    run_id: str = ""
    asked_at: datetime | None = None
    took_s: float | None = None
    first_token_s: float | None = None
    parts: TimeParts | None = None
    steps: tuple[Step, ...] = ()
    stages: tuple[Stage, ...] = ()
    tokens: TokenCount | None = None
    problem: Problem | None = None
    ahead: int = 0
    child_run_ids: tuple[str, ...] = ()
    notice: str = ""
    measuring: bool = False

    @property
    def is_open(self) -> bool:
        """Whether there is more to come: watch it until this is False."""
        return self.state in OPEN_STATES or self.measuring


@dataclass(frozen=True, slots=True)
class Conversation:
    """A thread's questions and answers, oldest first. *complete*: False when older ones were left out.
    *created_at*: None when that is not known any more."""

    thread_id: str
    title: str
    created_at: datetime | None
    answers: tuple[Answer, ...]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class ThreadSummary:
    """A conversation in a list. *title*: how its first question begins."""

    thread_id: str
    title: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class PartHealth:
    """Health of one part (`Agents`, `Queues`, `Function app`, `Model`). *checked_at*: None when never checked."""

    part: str
    state: HealthState
    detail: str
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class FunctionTool:
    """An entry of the catalogue. Its queues follow from its name. *agent*: the connected agent that carries it.

    *ordered*: its calls run one at a time within a conversation, in the order of the conversation's questions.
    """

    name: str
    description: str
    parameters: Mapping[str, object]
    agent: str
    agent_description: str
    agent_instructions: str
    examples: tuple[str, ...] = field(default=())
    ordered: bool = False

    @property
    def input_queue(self) -> str:
        """Return the queue that its calls are put into."""
        return f"azure-function-{self.name.replace('_', '-')}-input"

    @property
    def output_queue(self) -> str:
        """Return the queue that its replies are put into."""
        return f"azure-function-{self.name.replace('_', '-')}-output"


@dataclass(frozen=True, slots=True)
class QueueDepth:
    """*messages*: approximate, with those being worked on. *oldest_age_s*: of the oldest message that waits for a
    reader, None when none does. *state* `poison`: messages that were given up on wait in it; `missing`: no such queue.
    """

    name: str
    messages: int
    oldest_age_s: float | None
    state: QueueState


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """How a queue is set up: its name and its metadata."""

    name: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PeekedMessage:
    """A message that still waits. *body*: its JSON object, None when it holds none; *text*: what it holds, decoded
    from base64 where that is text in base64. *encoded*: whether it came in base64, as agents and functions expect."""

    id: str
    inserted_at: datetime | None
    expires_at: datetime | None
    dequeue_count: int
    body: Mapping[str, object] | None
    text: str
    encoded: bool = True


@dataclass(frozen=True, slots=True)
class OpenRun:
    """A run that has not ended, as an index knows it. *tools*: the function tools that it has called so far.

    *run_id*: empty for a question that has none yet. *since*: None when nobody knows.
    """

    run_id: str
    thread_id: str
    since: datetime | None
    tools: tuple[str, ...] = ()
