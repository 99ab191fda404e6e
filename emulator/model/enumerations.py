"""Enumerations in one passage: of «Prices: Contoso 118 USD, Fabrikam 57 USD» only the entry that is asked for is said."""

import re

from emulator.model.asked import Asked, names_in
from emulator.model.text import stems

_MOST_WORDS = 10
_HEAD = re.compile(r"^(?P<head>[^:;,.?!]{2,60}):\s+(?P<body>\S.*)$", re.DOTALL)
_SUBJECT = re.compile(
    r"^(?P<subject>(?:(?:the|our|your|my|a|an)\s+)?[^\W\d_][\w'’-]*(?:\s+[\w'’-]+){0,5}?)\s+"
    r"(?:is|are|was|were|has|have|had|can|will|costs?|opens?|closes?|lies|stands|offers?|runs?|works?|lives?|holds?|weighs?)\b",
    re.IGNORECASE,
)
_STANDS_FOR = re.compile(r"^(?:it|they|he|she)(?= )", re.IGNORECASE)


def narrowed(text: str, asked: Asked) -> str:
    """Return *text* with only those entries of its enumeration that are asked for; *text* itself when it has none."""
    titled = _HEAD.match(text)
    head, body = (titled["head"], titled["body"]) if titled else ("", text)
    entries = _entries(body.rstrip(" ."))
    if len(entries) < 2 or not _alike(entries):
        return text
    held = [frozenset(stems(entry)) for entry in entries]
    shared = frozenset.intersection(*held)
    met = [len((entry - shared) & asked.stems) for entry in held]
    best = max(met)
    chosen = [at for at, count in enumerate(met) if count == best]
    told = frozenset().union(*(held[at] for at in chosen), stems(head))
    named = names_in(asked)
    spoken_of = (asked.stems | asked.hinted) & frozenset().union(*held)
    if not best or len(chosen) == len(entries) or not spoken_of <= told | shared:
        return text
    if any(held[at] <= asked.stems for at in chosen):
        return text  # the entry says no more than the question
    if head:
        return f"{head}: {', '.join(entries[at] for at in chosen)}."
    return f"{entries[0]}." if chosen == [0] and named & held[0] else text


def _entries(body: str) -> list[str]:
    """Return *body* cut at its semicolons, else at its commas and last «and»; brackets and 1,000 stay whole."""
    mark = ";" if ";" in body else ","
    pieces, depth, start = [], 0, 0
    for at, sign in enumerate(body):
        depth += (sign in "([") - (sign in ")]" and depth > 0)
        if sign == mark and not depth and not body[at + 1 : at + 2].isdigit():
            pieces.append(body[start:at])
            start = at + 1
    last = body[start:]
    if pieces and mark == "," and (final := re.search(r"\s(?:and|und|et|y)\s", last)):
        opening = last[: final.start()].strip()
        pieces.extend([opening] if opening else [])
        last = last[final.end() :]
    pieces.append(last)
    return [re.sub(r"^\s*(?:and|und|et|y)\s+", "", piece).strip() for piece in pieces if piece.strip()]


def _alike(entries: list[str]) -> bool:
    """Return whether *entries* are built alike: short, each with a number, or the same opening or the same sign."""
    if any(len(entry.split()) > _MOST_WORDS for entry in entries):
        return False
    if all(re.search(r"\d", entry) for entry in entries):
        return True
    openings = {entry.split()[0].lower() for entry in entries}
    return len(openings) == 1 or any(
        all(sign in entry for entry in entries) for sign in (" - ", "=", "→", "(", ":")
    )


def spelled_out(text: str, previous: str) -> str:
    """Return *text* with its opening pronoun exchanged for the subject of *previous*; "" when that has none."""
    subject, pronoun = _SUBJECT.match(previous), _STANDS_FOR.match(text)
    if subject is None or pronoun is None or _STANDS_FOR.match(previous):
        return ""
    person = pronoun[0].lower() in ("he", "she")
    if person and not all(word[:1].isupper() for word in subject["subject"].split()):
        return ""
    return f"{subject['subject']}{text[pronoun.end() :]}"
