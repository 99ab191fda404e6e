"""The verdicts there are. docs/operations.md has a line for each; a test compares the two."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from services.models import Certainty
from services.monitor.shapes import Hop

Code = Literal[
    "answered",
    "working",
    "model_slow",
    "caller_tool",
    "thread_locked",
    "function_cold",
    "function_busy",
    "function_running",
    "function_failing",
    "no_consumer",
    "queue_missing",
    "poison_encoding",
    "poison_contract",
    "poison_exception",
    "poison_role",
    "poison_unknown",
    "silent_loss",
    "output_not_base64",
    "output_not_json",
    "output_wrong_id",
    "output_unread",
    "output_taken",
    "throttled",
    "missing_role",
    "basic_setup",
    "run_expired",
    "run_failed",
    "cut_off",
    "cancelled",
    "not_known",
]
CODES: tuple[Code, ...] = get_args(Code)
Gravity = Literal["good", "waiting", "broken", "unknown"]
_GOOD: frozenset[Code] = frozenset({"answered", "cancelled"})
_WAITING: frozenset[Code] = frozenset({"working", "function_cold", "function_busy", "function_running"})
_UNKNOWN: frozenset[Code] = frozenset({"not_known"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """*sentence*: what is wrong, for a person. *next_step*: what to do. Both may hold text of others.

    *cause*: for a run that is over, what had gone wrong before; None: not known. *certainty*: how sure it is.
    """

    code: Code
    sentence: str
    next_step: str
    certainty: Certainty = "exact"
    cause: Code | None = None

    @property
    def gravity(self) -> Gravity:
        """Return how bad that is: `good`, `waiting`, `broken`, or `unknown` when nobody can tell."""
        if self.code in _GOOD:
            return "good"
        if self.code in _WAITING:
            return "waiting"
        return "unknown" if self.code in _UNKNOWN else "broken"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """*lights*: the six hops of the function call, none when no function was called. *tool*: whose call it is.

    *notes*: what could not be looked at, and what else a reader should know. *run_id*: empty for a question without one.
    *holder_id*: the run that keeps the conversation locked meanwhile; empty: none does.
    """

    run_id: str
    thread_id: str
    verdict: Verdict
    lights: tuple[Hop, ...]
    tool: str
    read_at: datetime
    notes: tuple[str, ...] = ()
    holder_id: str = ""
