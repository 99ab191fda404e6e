"""Output of a call in words people read."""

import re
from collections.abc import Iterator

from emulator.model.chain import failed, flatten, parse
from emulator.model.spotter import Json
from emulator.model.text import name_words, squeeze

_WRAPPERS = frozenset(
    (
        "result",
        "answer",
        "value",
        "output",
        "response",
        "message",
        "text",
        "data",
        "content",
        "reply",
        "results",
    )
)
_MAX_FIELDS = 40
_MAX_ITEMS = 25
_WH_IS = re.compile(
    r"^\W*(?:(?:please|can you|could you|so|and)\W+)*(?:(?:what|where|when|who|which)(?:'s|\s+(?P<verb>is|are|was|were))|(?:tell|give|show) me|get me|get|find|fetch)\s+(?P<rest>(?:the|a|an|my|our)\b[^?!.;:]{2,90}|[^?!.;:]{2,60})[?.!]*\s*$",
    re.IGNORECASE,
)
_VERBAL = re.compile(
    r"\b(?:is|are|was|were|has|have|will|can|do|does|did|must|should|costs?|takes?)\b|[.!?]\s", re.IGNORECASE
)


def in_words(output: str, tool: str) -> str:
    """Return the *output* of *tool* as text: JSON as sentences, failures and silence told plainly."""
    document = parse(output)
    if failed(output):
        return f"{tool} failed: {_problem(document)}"
    document = unwrap(document)
    if document is None or document == "" or document == {} or document == []:
        return f"{tool} gave no answer: its output was empty."
    if isinstance(document, dict):
        return _sentence(document)
    if isinstance(document, list):
        return "; ".join(_entries(document))
    return _plain(document)


def unwrap(document: Json) -> Json:
    """Return what a JSON object with a single telling key holds."""
    while isinstance(document, dict) and len(document) == 1:
        key, value = next(iter(document.items()))
        if key.lower() not in _WRAPPERS:
            break
        document = parse(value) if isinstance(value, str) else value
    return document.strip() if isinstance(document, str) else document


def known_values(output: str) -> dict[str, str]:
    """Return the plain values of a JSON *output* by key."""
    return {key: _plain(value) for key, value in flatten(parse(output)) if key}


def _problem(document: Json) -> str:
    if isinstance(document, dict):
        held = next(
            (value for key, value in document.items() if key.lower() in ("error", "errors", "exception")),
            None,
        )
        if isinstance(held, dict):
            held = held.get("message") or held.get("detail") or held
        if held is True:
            held = next(
                (v for k, v in document.items() if k.lower() in ("message", "detail", "reason")),
                "no reason given",
            )
        text = (
            held
            if isinstance(held, str)
            else "; ".join(f"{k} {_plain(v)}" for k, v in flatten(held or document) if k) or _plain(held)
        )
    else:
        text = re.sub(r"(?i)^\W*error\W+", "", str(document))
    return squeeze(text).rstrip(".") + "."


def _plain(value: Json) -> str:
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return ", ".join(f"{spaced(k)} {_plain(v)}" if k else _plain(v) for k, v in flatten(value))
    return str(value)


def spaced(key: str) -> str:
    return " ".join(name_words(key)) or key


def _sentence(document: dict[str, Json]) -> str:
    """Return «The weather is Sunny and the temperature is 72.»"""
    clauses: list[str] = []
    lists: list[str] = []
    for key, value in list(document.items())[:_MAX_FIELDS]:
        if isinstance(value, list) and any(isinstance(item, dict) for item in value):
            lists.append(f"{spaced(key).capitalize()}: {'; '.join(_entries(value))}.")
        elif isinstance(value, dict):
            inner = ", ".join(f"{spaced(k)} {_plain(v)}" for k, v in flatten(value))
            clauses.append(f"the {spaced(key)}: {inner or 'not given'}")
        elif isinstance(value, list):
            clauses.append(f"the {spaced(key)}: {', '.join(_plain(v) for v in value) or 'none'}")
        elif isinstance(value, bool):
            clauses.append(f"{spaced(key)}: {_plain(value)}")
        else:
            text = _plain(value)
            long = isinstance(value, str) and len(value) > 90
            verb = "are" if re.search(r"[^su]s$", spaced(key)) else "is"
            clauses.append(f"the {spaced(key)}: {text}" if long else f"the {spaced(key)} {verb} {text}")
    said = ", ".join(clauses[:-1]) + (" and " if len(clauses) > 1 else "") + clauses[-1] if clauses else ""
    said = said[:1].upper() + said[1:]
    if said and said[-1] not in ".!?":
        said += "."
    return " ".join([said, *lists]).strip()


def _entries(items: list[Json]) -> Iterator[str]:
    for item in items[:_MAX_ITEMS]:
        if isinstance(item, dict):
            yield ", ".join(
                f"{spaced(key)}: {_plain(value)}" for key, value in list(item.items())[:_MAX_FIELDS]
            )
        else:
            yield _plain(item)
    if len(items) > _MAX_ITEMS:
        yield f"and {len(items) - _MAX_ITEMS} more"


def as_answer(value: str, question: str) -> str:
    """Return a bare *value* as a sentence that takes up the *question*; other texts as they are.

    «What is the stock price of Microsoft?» and $350 give «The stock price of Microsoft is $350.»
    """
    if (
        not value
        or len(value) > 60
        or "\n" in value
        or value[-1] in ".!?"
        or _VERBAL.search(value)
        or " = " in value
    ):
        return value
    found = _WH_IS.match(squeeze(question))
    if found is None or re.search(r"\b(?:and|or|you)\b|,", found["rest"]):
        return value
    subject = re.sub(
        r"\s+(?:please|right now|now|today|currently|at the moment)$",
        "",
        found["rest"].strip(),
        flags=re.IGNORECASE,
    )
    subject = re.sub(
        r"^(?:my|our)\b", lambda m: {"my": "your", "our": "your"}[m[0].lower()], subject, flags=re.IGNORECASE
    )
    return f"{subject[0].upper()}{subject[1:]} {found['verb'] or 'is'} {value}."
