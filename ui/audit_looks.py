"""How outcomes of actions look: a word and a colour, the same in the list, the detail and the file."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.monitor.results import Row

UNDER_WAY: Final = timedelta(minutes=5)  # after that an action without a result has lost it


@dataclass(frozen=True, slots=True)
class Look:
    words: str
    colour: str
    icon: str
    meaning: str


LOOKS: Final[dict[str, Look]] = {
    "done": Look(
        "Done", "green", ":material/check_circle:", "It was put on record, done, and its end is on record."
    ),
    "failed": Look(
        "Failed", "red", ":material/error:", "It began and failed. What it had done by then may stay done."
    ),
    "refused": Look(
        "Refused", "orange", ":material/block:", "Whoever asked for it may not do it. Nothing happened."
    ),
    "not started": Look(
        "Not started",
        "orange",
        ":material/pause_circle:",
        "It could not be put on record in time, so it did not happen.",
    ),
    "no result": Look(
        "No result",
        "red",
        ":material/help:",
        "A gap: it was about to happen, and how it ended is not on record.",
    ),
    "under way": Look(
        "Under way", "blue", ":material/progress_activity:", "It began a moment ago and has not ended."
    ),
}


def look_of(row: Row, now: datetime) -> Look:
    """Return how *row* of audit_actions.kql looks at *now*."""
    ending, at = str(row["ending"] or ""), row["at"]
    if ending == "no result" and isinstance(at, datetime) and now - at < UNDER_WAY:
        return LOOKS["under way"]
    return LOOKS.get(ending) or Look(ending.capitalize() or "Unknown", "gray", ":material/info:", "")


def took_s(row: Row) -> float | None:
    """Return how long it took; None when it has no end."""
    at, ended = row["at"], row["ended"]
    if not isinstance(at, datetime) or not isinstance(ended, datetime):
        return None
    return max(0.0, (ended - at).total_seconds())
