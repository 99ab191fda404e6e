"""Chained calls: what the output of one call holds for the arguments of the next."""

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from emulator.model import FinishedCall
from emulator.model.kinds import Parameter, read_parameter
from emulator.model.spotter import Json
from emulator.model.text import name_words, related, squeeze, stem

_SHARED_KINDS = frozenset(
    ("place", "email", "url", "phone", "date", "time", "datetime", "currency", "language", "ticker")
)
_MAX_PLAIN = 80
_FAILED = re.compile(r"^\W*(?:error|failed|failure|exception|traceback)\b", re.IGNORECASE)


@lru_cache(maxsize=64)
def parse(text: str) -> Json:
    """Return the JSON document that *text* is; the text itself when it is none. Not to be changed: it is cached."""
    bare = text.strip()
    if not bare or bare[0] not in '{["-0123456789tfn':
        return bare
    try:
        document: Json = json.loads(bare)
    except (ValueError, RecursionError):
        return bare
    return document


def failed(output: str) -> bool:
    """Return whether *output* tells of a failure rather than a result."""
    document = parse(output)
    if isinstance(document, dict):
        problem = next(
            (value for key, value in document.items() if key.lower() in ("error", "errors", "exception")),
            None,
        )
        return bool(problem)
    return isinstance(document, str) and bool(_FAILED.match(document))


def flatten(document: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Yield each plain value of *document* with the key it stands under."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from flatten(value, key)
    elif isinstance(document, list):
        for item in document:
            yield from flatten(item, path)
    else:
        yield path, document


def from_outputs(parameter: Parameter, calls: Sequence[FinishedCall]) -> Json:
    """Return the value that an earlier output holds for *parameter*, the latest first; None when none does."""
    for call in reversed(calls):
        if failed(call.output):
            continue
        document = parse(call.output)
        if isinstance(document, dict | list):
            pairs = [(key, value) for key, value in flatten(document) if key and value is not None]
            exact = next((value for key, value in pairs if _words(key) == parameter.words), None)
            alike = (
                exact
                if exact is not None
                else next((value for key, value in pairs if _alike(key, parameter)), None)
            )
            if alike is not None and _fits(alike, parameter):
                return alike
        elif isinstance(document, str | int | float) and not isinstance(document, bool):
            plain = squeeze(str(document)).rstrip(".")
            if 0 < len(plain) <= _MAX_PLAIN and _tool_gives(call.name, "", parameter):
                return document if not isinstance(document, str) else plain
    return None


def _fits(value: Json, parameter: Parameter) -> bool:
    if parameter.type in ("integer", "number"):
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, str | int | float)


def _words(key: str) -> frozenset[str]:
    return frozenset(stem(word) for word in name_words(key))


def _alike(key: str, parameter: Parameter) -> bool:
    own = _words(key)
    if (
        own & parameter.words
        and (parameter.words - own) <= {"id", "name", "numb", "number", "code"}
        and own != {"id"}
    ):
        return not (parameter.kind == "id" and "id" not in own and own != parameter.words)
    if (
        parameter.kind == "thing"
        and len(own) == len(parameter.words) == 1
        and related(next(iter(own))) & parameter.words
    ):
        return True
    return (
        parameter.kind in _SHARED_KINDS
        and read_parameter(key, {"type": "string"}, False).kind == parameter.kind
    )


def _tool_gives(name: str, description: str, parameter: Parameter) -> bool:
    promised = _words(name) | frozenset(stem(w) for w in name_words(description))
    wanted = parameter.words - {"name", "id", "code"} or parameter.words
    if wanted <= promised:
        return True
    if parameter.kind in _SHARED_KINDS:
        kinds = {read_parameter(word, {"type": "string"}, False).kind for word in name_words(name)}
        return parameter.kind in kinds or any(not related(word).isdisjoint(promised) for word in wanted)
    return False


def could_provide(name: str, description: str, parameter: Parameter) -> bool:
    """Return whether a tool so named and described promises the value of *parameter*."""
    first = re.split(r"[.;]", description, maxsplit=1)[0]
    returned = re.search(r"\b(?:returns?|gets?|finds?|looks? up|fetch(?:es)?|retrieves?|gives?|provides?|determines?|detects?)\b(?P<what>.+?)(?:\b(?:of|for|by|from|given|based|using|in)\b|$)", first, re.IGNORECASE)  # fmt: skip
    head = re.split(r"_(?:by|for|from|of|in)_|(?:By|For|From|Of|In)(?=[A-Z])", name, maxsplit=1)[0]
    return _tool_gives(head, returned["what"] if returned else "", parameter)
