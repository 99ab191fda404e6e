"""What the Queue service stores, and the limits it keeps."""

from dataclasses import dataclass, field

MAX_MESSAGE_BYTES = 64 * 1024
MAX_METADATA_BYTES = 8 * 1024
MAX_POLICIES = 5
MAX_POLICY_ID_LENGTH = 64
MAX_BATCH = 32
MAX_LISTED = 5000
DEFAULT_TTL_S = 7 * 24 * 3600
MAX_VISIBILITY_S = 7 * 24 * 3600
DEFAULT_VISIBILITY_S = 30
NEVER_S = 253402300799.0  # the last second of the year 9999: how Azure writes "does not expire"


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One message. Times are Unix seconds; *expires_s* is NEVER_S for a message that stays.

    *dequeue_count*: how often it was received. *pop_receipt*: what its present owner proves itself with.
    """

    id: str
    text: str
    inserted_s: float
    expires_s: float
    visible_s: float
    dequeue_count: int
    pop_receipt: str


@dataclass(frozen=True, slots=True)
class AccessPolicy:
    """A stored access policy of a queue. An empty part is left for the signature to state."""

    id: str
    start: str = ""
    expiry: str = ""
    permission: str = ""


@dataclass(frozen=True, slots=True)
class StoredQueue:
    """One queue. *number* is its key in the database; metadata keeps the case its names were sent in."""

    number: int
    name: str
    metadata: dict[str, str] = field(default_factory=dict)
    policies: tuple[AccessPolicy, ...] = ()


@dataclass(frozen=True, slots=True)
class QueueLevel:
    """What the queues hold at one moment; *size_bytes* is the messages' text, in UTF-8."""

    queues: int
    messages: int
    size_bytes: int
