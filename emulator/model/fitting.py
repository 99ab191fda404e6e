"""How well a word fits what is wanted: enum values, limits, clock times, the words on either side."""

import re
from dataclasses import replace

from emulator.model import values
from emulator.model.lexicon import STOP_WORDS
from emulator.model.text import close, related, stem
from emulator.model.values import Found

_UNITS = {"celsius": ("c", "centigrade", "metric"), "fahrenheit": ("f", "imperial"), "metric": ("celsius", "c", "km"), "imperial": ("fahrenheit", "f", "miles"),
          "high": ("urgent", "critical", "important", "asap"), "low": ("minor", "trivial"), "c": ("celsius",), "f": ("fahrenheit",)}  # fmt: skip


def neighbours(text: str, start: int, end: int) -> tuple[str, str]:
    place = values._at(text, "", start, end)
    return place.before, place.after


def alike(choice: str, word: str) -> float:
    if choice == word:
        return 1.3
    if stem(choice) == stem(word):
        return 1.1
    if word in _UNITS.get(choice, ()) and len(word) > 1:
        return 1.0
    if close(choice, word):
        return 0.9
    return 0.7 if stem(word) in related(stem(choice)) and word not in STOP_WORDS else 0.0


def uncounted(phrase: Found) -> Found:
    """Return *phrase* without the count before it: «40 chairs» is about chairs."""
    counted = re.match(r"\d+(?:[.,]\d+)?\s+(?=[^\W\d_])", phrase.value)
    if counted is None:
        return phrase
    return replace(phrase, value=phrase.value[counted.end() :], start=phrase.start + counted.end())


def within(value: float, schema: dict[str, object]) -> bool:
    def bound(key: str) -> float | None:
        limit = schema.get(key)
        return float(limit) if isinstance(limit, int | float) and not isinstance(limit, bool) else None

    low, high = bound("minimum"), bound("maximum")
    above, below = bound("exclusiveMinimum"), bound("exclusiveMaximum")
    return (
        (low is None or value >= low)
        and (high is None or value <= high)
        and (above is None or value > above)
        and (below is None or value < below)
    )


def clock(text: str) -> str:
    found = re.match(r"(\d{1,2})(?:[:.h](\d\d))?(?::(\d\d))?\s*([ap])?", text.lower())
    if found is None:
        return "12:00:00Z" if "noon" in text.lower() else "00:00:00Z"
    hour = int(found[1]) % 12 + (12 if found[4] == "p" else 0) if found[4] else int(found[1])
    return f"{hour:02}:{found[2] or '00'}:{found[3] or '00'}Z"
