"""The marks on what was restored: metadata by which a second attempt, and the conversation, know it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

MARK = "restored_from"


@dataclass(frozen=True, slots=True)
class Origin:
    """*created_at*: of the original; None when the mark does not tell."""

    backup_id: str
    old_id: str
    created_at: datetime | None


def mark(backup_id: str, old_id: str, created_at_s: object) -> str:
    return f"{backup_id} {old_id} {created_at_s or 0}"


def origin_of(metadata: Mapping[str, str]) -> Origin | None:
    """Return where a restored thing comes from; None for everything else. Written by anybody, so nothing is believed."""
    parts = metadata.get(MARK, "").split(" ")
    if len(parts) != 3:
        return None
    backup_id, old_id, seconds = parts
    known = seconds.isdecimal() and len(seconds) < 11 and int(seconds) > 0
    return Origin(backup_id, old_id, datetime.fromtimestamp(int(seconds), UTC) if known else None)
