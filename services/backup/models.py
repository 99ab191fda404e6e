"""What a back-up holds, and what reading and writing one tells."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

FORMAT, VERSION = "relaydeck-backup", 1
AGENTS, THREADS, QUEUES, MANIFEST = "agents.jsonl", "threads.jsonl", "queues.jsonl", "manifest.json"
MEMBERS = (AGENTS, THREADS, QUEUES)
Json = Mapping[str, object]
Kind = Literal["agent", "thread", "message", "queue"]
State = Literal["created", "present", "planned", "failed"]


@dataclass(frozen=True, slots=True)
class Scope:
    """What of a project to take. *threads*: only the newest so many, None for all. *ours*: only what carries our tag
    and environment; queues are then those that the agents' tools name."""

    threads: int | None = None
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where a back-up comes from."""

    project_endpoint: str
    storage_endpoint: str
    environment: str


@dataclass(slots=True)
class Counts:
    """How much a back-up holds. *queues*: of which the settings are kept, never the messages."""

    agents: int = 0
    threads: int = 0
    messages: int = 0
    queues: int = 0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One thing that is not in the back-up. *lost*: it should be; False: its absence is as usual."""

    kind: str
    id: str
    reason: str
    lost: bool = True


@dataclass(frozen=True, slots=True)
class CannotMove:
    """What a back-up does not carry at all. *count*: None when it was not counted; *least*: there may be more."""

    what: str
    count: int | None
    why: str
    least: bool = False


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """What one file of a back-up must be. *lines*: one object each. *size_bytes*: unpacked."""

    sha256: str
    size_bytes: int
    lines: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """*left_out*: the first of them; *left_out_count*: how many there were; *lost_count*: how many of them should
    not have been."""

    id: str
    created_at: datetime
    source: Source
    scope: Scope
    counts: Counts
    members: Mapping[str, MemberFacts]
    left_out: tuple[LeftOut, ...] = ()
    left_out_count: int = 0
    lost_count: int = 0
    cannot_move: tuple[CannotMove, ...] = ()


@dataclass(frozen=True, slots=True)
class BackUpResult:
    """*sha256*: of the whole file."""

    manifest: Manifest
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class MessageRecord:
    """A message as the service gave it; *document* has all of it."""

    id: str
    role: str
    created_at_s: int
    document: Json


@dataclass(frozen=True, slots=True)
class ThreadRecord:
    """*messages*: how many lines of messages follow."""

    id: str
    created_at_s: int
    metadata: Mapping[str, str]
    messages: int
    document: Json


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one thing. *new_id*: empty when there is none. *reason*: why it failed. *notes*: what it lost.

    *messages*: how many were added to a thread.
    """

    kind: Kind
    old_id: str
    new_id: str
    name: str
    state: State
    reason: str = ""
    notes: tuple[str, ...] = ()
    messages: int = 0


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """*dry_run*: write nothing. *beside*: go on though the project holds agents of the same names."""

    dry_run: bool = False
    beside: bool = False


@dataclass(frozen=True, slots=True)
class RestoreReport:
    """*same_names*: agents of the project that are called like some of the back-up and do not come from it.

    *cannot_move*: the back-up's own list, and what was met on the way. *notes*: what to do next.
    """

    manifest: Manifest
    target: Source
    dry_run: bool
    outcomes: tuple[Outcome, ...]
    cannot_move: tuple[CannotMove, ...]
    same_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    def count(self, kind: Kind, *states: State) -> int:
        """Return how many things of *kind* ended in one of *states*."""
        return sum(one.kind == kind and one.state in states for one in self.outcomes)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """Return what could not be restored."""
        return tuple(one for one in self.outcomes if one.state == "failed")

    def ids(self, kind: Kind) -> dict[str, str]:
        """Return old ids with the new ones, of what is there now."""
        return {one.old_id: one.new_id for one in self.outcomes if one.kind == kind and one.new_id}
