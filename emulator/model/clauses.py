"""Sentences that speak of tools: without quotations, without a tool's name, or only the clause about one tool."""

import re
from collections.abc import Sequence

from emulator.model.text import name_words, quotations


def without_quotations(text: str) -> str:
    """Return *text* without longer quotations; a quoted single word may be a tool's name and stays."""
    for quote in reversed(quotations(text)):
        if " " in quote.value:
            text = f"{text[: quote.start]} {text[quote.end :]}"
    return text


def without_name(text: str, name: str) -> str:
    return re.sub(
        rf"{re.escape(name)}|{re.escape(' '.join(name_words(name)))}", " ", text, flags=re.IGNORECASE
    )


def clause_of(sentence: str, name: str, others: Sequence[str]) -> str:
    """Return the part of *sentence* that is about *name* when it speaks of other tools as well."""
    lowered = sentence.lower()

    def place(tool: str) -> int:
        at = lowered.find(tool.lower())
        return at if at >= 0 else lowered.find(" ".join(name_words(tool)))

    spots = sorted((place(tool), tool) for tool in (name, *others) if place(tool) >= 0)
    if len(spots) < 2:
        return sentence
    at = next(i for i, (_, tool) in enumerate(spots) if tool == name)
    # «for X use A, for Y use B» and «X goes to A and Y to B» put the topic in front; «use A for X and B for Y» behind.
    head = sentence[: spots[0][0]]
    in_front = bool(
        re.search(
            r"^\W*(?:for|if|when|on|questions?|anything|send|route|delegate|forward|\w+ questions?|\w+ (?:go|goes))\b(?=\s+\S+)",
            head,
            re.IGNORECASE,
        )
    ) and not re.match(r"^\W*(?:use|call|ask|invoke|delegate to|route to)\b", head, re.IGNORECASE)
    start, end = spots[at][0], spots[at][0] + len(name)
    if in_front:
        left = spots[at - 1][0] + len(spots[at - 1][1]) if at else 0
        return sentence[left:end]
    right = spots[at + 1][0] if at + 1 < len(spots) else len(sentence)
    return sentence[start:right]
