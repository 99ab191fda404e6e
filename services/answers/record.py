"""What is written on a run so that any process can show its answer later: its times, its tokens, its ids.

Metadata of the Agent Service: at most 16 entries, keys of 64 and values of 512 characters.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from services.models import Answer, Certainty, TimeParts

OPID, ANSWER, TITLE = "opid", "relaydeck_answer", "title"
PARTS, TOTAL, FIRST_TOKEN, TOKENS = (
    "relaydeck_parts",
    "relaydeck_total_s",
    "relaydeck_first_token_s",
    "relaydeck_tokens",
)
_CERTAINTIES: dict[str, Certainty] = {"exact": "exact", "strong": "strong", "guess": "guess"}


@dataclass(frozen=True, slots=True)
class Times:
    """What a run's metadata tells. None: not stored, or not readable."""

    took_s: float | None
    first_token_s: float | None
    parts: TimeParts | None


def write(answer: Answer) -> dict[str, str]:
    """Return the metadata that holds the times of *answer*; what is not known is left out."""
    entries: dict[str, str] = {ANSWER: answer.id}
    if answer.took_s is not None:
        entries[TOTAL] = f"{answer.took_s:.4f}"
    if answer.first_token_s is not None:
        entries[FIRST_TOKEN] = f"{answer.first_token_s:.4f}"
    if answer.tokens is not None:
        entries[TOKENS] = f"{answer.tokens.prompt}/{answer.tokens.completion}"
    if (parts := answer.parts) is not None:
        document = {
            "model_s": _round(parts.model_s),
            "queue_wait_s": _round(parts.queue_wait_s),
            "function_s": _round(parts.function_s),
            "certainty": parts.certainty,
        }
        entries[PARTS] = json.dumps(document, separators=(",", ":"))
    return entries


def read(metadata: Mapping[str, str]) -> Times:
    """Return the times in *metadata*. Written by anybody, so every value is checked."""
    return Times(_seconds(metadata.get(TOTAL)), _seconds(metadata.get(FIRST_TOKEN)), _parts(metadata))


def is_ours(metadata: Mapping[str, str], marks: Mapping[str, str]) -> bool:
    """Return whether Relaydeck made the thread or run in this environment, with whichever team mode."""
    same_place = metadata.get("environment") == marks.get("environment")
    return "relaydeck" in metadata and same_place


def _parts(metadata: Mapping[str, str]) -> TimeParts | None:
    try:
        document = json.loads(metadata.get(PARTS, ""))
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("certainty") not in _CERTAINTIES:
        return None
    return TimeParts(
        _seconds(document.get("model_s")),
        _seconds(document.get("queue_wait_s")),
        _seconds(document.get("function_s")),
        _CERTAINTIES[document["certainty"]],
    )


def _seconds(value: object) -> float | None:
    try:
        seconds = float(str(value))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e7 else None


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
