"""How the state of a run looks on the pages of the inventory: a sign, a word and a colour."""

from typing import Final

from services.inventory.threads_times import StretchKind
from ui.runs_looks import LOOKS, OTHER, Look

STATES: Final[dict[str, Look]] = {
    "failed": LOOKS["failed"],
    "expired": LOOKS["expired"],
    "incomplete": Look("◐", "Cut off", "orange", "diamond"),
    "cancelled": LOOKS["cancelled"],
    "cancelling": Look("■", "Stopping", "gray", "square"),
    "requires_action": Look("…", "Waits for a tool", "blue", "circle"),
    "in_progress": Look("…", "Works", "blue", "circle"),
    "queued": Look("…", "Waits its turn", "blue", "circle"),
    "completed": LOOKS["answered"],
    "none": Look("–", "Nothing ran", "gray", "cross"),
}
STRETCHES: Final[dict[StretchKind, str]] = {
    "queued": "queued",
    "working": "working",
    "tools": "waiting for tools",
    "untold": "not told",
}


def look_of(state: str) -> Look:
    """Return the look of a run's state; a word that is not known here is shown as it is not understood."""
    return STATES.get(state, OTHER)
