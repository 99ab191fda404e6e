"""What is known of a run and of the function call that it waits for. Gathered once, judged by rules; knows no network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from services.agents.backend import Run
from services.errors import ServiceError
from services.models import Answer, Certainty, PeekedMessage

PEEKED = 32  # what one look into a queue shows
PartState = Literal["read", "missing", "denied", "failed", "unset", "skipped"]


@dataclass(frozen=True, slots=True)
class Part:
    """How one place was read. `missing`: it does not exist. `unset`: none is configured. `skipped`: not needed.

    *words*: why it could not be read; empty when it was.
    """

    state: PartState = "skipped"
    words: str = ""

    @property
    def is_read(self) -> bool:
        return self.state == "read"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a run of this route may take before something is called wrong, and where that figure comes from."""

    seconds: float
    source: str


@dataclass(frozen=True, slots=True)
class QueueSeen:
    """*messages*: the first 32 that wait. *count*: all, those that a reader has taken included; None: not asked."""

    name: str = ""
    part: Part = field(default_factory=Part)
    messages: tuple[PeekedMessage, ...] = ()
    count: int | None = None

    @property
    def is_cut(self) -> bool:
        """Whether there may be more messages than were seen."""
        return len(self.messages) >= PEEKED

    @property
    def hidden(self) -> int:
        """Return how many messages a reader holds, as far as that can be told; 0 also when it cannot."""
        return 0 if self.count is None or self.is_cut else max(0, self.count - len(self.messages))


@dataclass(frozen=True, slots=True)
class CallSeen:
    """A function call. *correlation_id*: what its message carries; empty: nobody has seen it. *output*: None while open.

    *known*: how surely that is its id. *schema*: of its arguments, as the agent declares them. *given_up*: the agent
    service does not wait for it any more.
    """

    id: str
    tool: str
    run_id: str
    arguments: str
    output: str | None
    began_at: datetime
    correlation_id: str = ""
    known: Certainty = "exact"
    schema: Mapping[str, object] = field(default_factory=dict)
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Invocation:
    """One execution of the function on the call's message. *ended*: `answered`: its telemetry says that it replied.

    *exception*: the last one, in one line. *delivery*: 1 for the first; None: not known.
    """

    id: str
    at: datetime
    certainty: Certainty
    ended: Literal["succeeded", "failed", "answered", ""] = ""
    exception: str = ""
    message_id: str = ""
    delivery: int | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LogSeen:
    """*own*: of the call, oldest first. *newest_at*: when that function last ran for anybody; None: not in this stretch."""

    part: Part = field(default_factory=Part)
    own: tuple[Invocation, ...] = ()
    newest_at: datetime | None = None

    @property
    def last(self) -> Invocation | None:
        return self.own[-1] if self.own else None


@dataclass(frozen=True, slots=True)
class Facts:
    """*run*: None when it could not be read, and *refusal* says why, or when a question has none yet.

    *child*: the connected agent's run that makes the *call*. *holder*: the run that keeps a question of its thread
    waiting. *answer*: what this process knows of the question. *calls*: how many function calls the run made.
    """

    at: datetime
    patience: Patience
    run: Run | None = None
    refusal: ServiceError | None = None
    child: Run | None = None
    call: CallSeen | None = None
    calls: int = 0
    inbound: QueueSeen = field(default_factory=QueueSeen)
    outbound: QueueSeen = field(default_factory=QueueSeen)
    poison: QueueSeen = field(default_factory=QueueSeen)
    log: LogSeen = field(default_factory=LogSeen)
    holder: Run | None = None
    answer: Answer | None = None
    steps: Part = field(default_factory=lambda: Part("read"))
    waits_behind: int = 0

    @property
    def age_s(self) -> float:
        """Return how long the run has been under way, 0.0 when there is none."""
        return self.since_s(self.run.created_at) if self.run else 0.0

    def since_s(self, moment: datetime) -> float:
        return max(0.0, (self.at - moment).total_seconds())
