"""What can happen to an answer. An answer is what the fold of these makes of it, and nothing else changes one.

*at_s* of every event: seconds since the question was asked, on this process's own clock.
"""

from dataclasses import dataclass
from datetime import datetime

from services.models import AnswerState, Certainty, Problem, StageName, StepKind, StepState, TimeParts


@dataclass(frozen=True, slots=True)
class Asked:
    """Always the first. *thread_id*: empty when a new thread is to be made."""

    at_s: float
    answer_id: str
    question: str
    thread_id: str
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Lined:
    """*ahead* questions of the same thread, or of this process, come first."""

    at_s: float
    ahead: int


@dataclass(frozen=True, slots=True)
class Began:
    """A worker took the question up."""

    at_s: float


@dataclass(frozen=True, slots=True)
class StageBegan:
    """One of the five lifecycle stages began."""

    at_s: float
    name: StageName


@dataclass(frozen=True, slots=True)
class StageEnded:
    """That stage is over. *failed*: it did not end well."""

    at_s: float
    name: StageName
    failed: bool = False


@dataclass(frozen=True, slots=True)
class ThreadFound:
    """The answer's thread is known: made for it, or the one it continues."""

    at_s: float
    thread_id: str


@dataclass(frozen=True, slots=True)
class RunFound:
    """*agent_id* and *agent_name*: the orchestrator; the name is empty when only its id is known."""

    at_s: float
    run_id: str
    agent_id: str
    agent_name: str = ""


@dataclass(frozen=True, slots=True)
class ChildFound:
    """A connected agent works in a run of its own. *step*: the key of the delegation it belongs to."""

    at_s: float
    step: str
    thread_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class StepBegan:
    """A line of the live view began. *key*: its own, stable; *parent*: the key of the step around it, None at the
    top.
    """

    at_s: float
    key: str
    parent: str | None
    kind: StepKind
    name: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class StepFilled:
    """More is known of a step's texts; None leaves what is there."""

    at_s: float
    key: str
    arguments: str | None = None
    output: str | None = None


@dataclass(frozen=True, slots=True)
class StepEnded:
    """*took_s*: None counts from the step's own beginning to *at_s*. *timed*: False when nobody knows how long it was."""

    at_s: float
    key: str
    state: StepState = "done"
    certainty: Certainty | None = None
    took_s: float | None = None
    timed: bool = True


@dataclass(frozen=True, slots=True)
class TextGrew:
    """*text* was added to the end of the answer."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class TextSet:
    """The whole text as the thread holds it; it replaces what was streamed. *timed*: False when *at_s* says nothing
    of when the first of it came."""

    at_s: float
    text: str
    timed: bool = True


@dataclass(frozen=True, slots=True)
class TokensCounted:
    """What the answer's run cost, in tokens; the latest count stands."""

    at_s: float
    prompt: int
    completion: int


@dataclass(frozen=True, slots=True)
class Noted:
    """What a person should know meanwhile; an empty text takes it back."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The answer is final. *measuring*: PartsMeasured and late ends of steps may follow, then Settled.

    *problem*: None when nothing went wrong. *timed*: False when nobody knows when that was.
    """

    at_s: float
    state: AnswerState
    problem: Problem | None = None
    measuring: bool = False
    timed: bool = True


@dataclass(frozen=True, slots=True)
class PartsMeasured:
    """Where the time went is known, or known better."""

    at_s: float
    parts: TimeParts


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing more comes."""

    at_s: float


AnswerEvent = (
    Asked
    | Lined
    | Began
    | StageBegan
    | StageEnded
    | ThreadFound
    | RunFound
    | ChildFound
    | StepBegan
    | StepFilled
    | StepEnded
    | TextGrew
    | TextSet
    | TokensCounted
    | Noted
    | Closed
    | PartsMeasured
    | Settled
)
