"""Arguments of a call, filled from the JSON schema of the tool: each value is found, given, or asked for."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from emulator.model import FinishedCall, values
from emulator.model.chain import from_outputs
from emulator.model.instructions import FixedArgument
from emulator.model.kinds import Parameter, read_parameter, type_of
from emulator.model.letters import composed, is_message
from emulator.model.lexicon import STOP_WORDS
from emulator.model.schemas import Schema, properties, required, resolve
from emulator.model.source import Source
from emulator.model.spotter import Candidate, Json
from emulator.model.text import fold, stem, words

MAX_CALLS = 10
_REQUIRED_FROM = 0.3
_EXPECTED_FROM = 0.45  # the schema does not say what is required
_OPTIONAL_FROM = 0.95
_WHOLE_CHARS = 25  # a text this long may hold other values
_SAID_FROM = 0.75  # below, a text was only picked from what is left of the question
_REMEMBERED = frozenset(
    ("place", "id", "person", "email", "phone", "ticker", "currency", "language", "date", "datetime", "url")
)
_REPEATABLE = frozenset(
    ("place", "id", "ticker", "thing", "person", "language", "date", "enum", "number", "currency")
)
_CONNECTOR = re.compile(
    r"^[\s,;]*(?:and|or|&|versus|vs\.?|plus|as well as|compared (?:to|with)|then)?[\s,]*(?:(?:also|in|for|of|at|the|one|order|orders|ticket|item|number|no\.|#|what about)\s*){0,3}$",
    re.IGNORECASE,
)
_JOINS = re.compile(r"[,;&]|\b(?:and|or|versus|vs|plus|as well as|compared|then)\b", re.IGNORECASE)
_BACKWARD = re.compile(
    r"\b(?:that|this|it|its|those|these|there|then|same|result|him|her|them)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Need:
    """What a call is for. *text*: its part of the question; *query*: the same, understandable alone."""

    text: str
    query: str
    message: str
    today: date
    history: tuple[str, ...] = ()
    calls: tuple[FinishedCall, ...] = ()
    given: tuple[FixedArgument, ...] = ()
    vocabulary: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Filled:
    """*calls*: one set of arguments per call; empty when something is *missing*."""

    calls: tuple[dict[str, Json], ...]
    missing: tuple[Parameter, ...] = field(default=())


def read_parameters(schema: Schema | None) -> list[Parameter]:
    """Return the parameters of *schema*, required ones first, else in its order."""
    if schema is None:
        return []
    root = resolve(schema, schema)
    needed = required(root)
    parts = properties(root)
    lone = needed is None and len(parts) == 1
    found = [
        read_parameter(name, resolve(part, schema), lone or name in (needed or ()))
        for name, part in parts.items()
    ]
    return sorted(found, key=lambda p: not p.required)


def fill(schema: Schema | None, need: Need, insist: bool = False) -> Filled:
    """Return the arguments for one or several calls. *insist*: call even though something is missing."""
    parameters = read_parameters(schema)
    root: Schema = schema or {}
    unstated = required(resolve(root, root)) is None
    settled = _settle(parameters, need, root)
    open_ones = [p for p in parameters if p.name not in settled]
    chosen = _choose(open_ones, need, unstated)
    settled |= {name: candidate.value for name, candidate in chosen.items()}
    _complete(parameters, settled, need)
    missing = tuple(p for p in parameters if p.required and p.name not in settled)
    if unstated and parameters and not settled and not missing:
        missing = (parameters[0],)
    if missing and not insist:
        return Filled((), missing)
    for parameter in missing:
        if parameter.type == "string":
            settled[parameter.name] = need.query
    ordered = {p.name: _coerced(settled[p.name], p) for p in parameters if p.name in settled}
    return Filled(tuple(_repeat(ordered, parameters, chosen, need)))


def _settle(parameters: Sequence[Parameter], need: Need, root: Schema) -> dict[str, Json]:
    """Return what needs no search: prescribed values, constants, the question itself, lists and objects."""
    settled: dict[str, Json] = {}
    asked = False
    strings = [p for p in parameters if p.type == "string"]
    for parameter in parameters:
        prescribed = _prescribed(parameter, need.given)
        if prescribed is not None:
            settled[parameter.name] = prescribed
        elif parameter.kind == "const":
            settled[parameter.name] = parameter.schema["const"]  # type: ignore[assignment]  # any JSON
        elif parameter.kind == "query" and not asked:
            settled[parameter.name], asked = need.query, True
        elif parameter.kind == "content" and need.calls and is_message(parameters):
            own = Source(need.text, need.today, need.vocabulary).candidates(parameter)
            text = composed(parameter, need.text, need.calls)
            if text and (not own or own[0].score < _SAID_FROM):
                settled[parameter.name] = text
        elif parameter.kind == "array":
            if items := _items(parameter, need, root):
                settled[parameter.name] = items
        elif parameter.kind == "object":
            inner = _object(parameter, need, root)
            if inner is not None:
                settled[parameter.name] = inner
    if not asked and len(strings) == 1 and strings[0].kind == "content" and strings[0].name not in settled:
        own = Source(need.text, need.today, need.vocabulary).candidates(strings[0])
        if not own and strings[0].required:
            settled[strings[0].name] = need.query
    return settled


def _prescribed(parameter: Parameter, given: Sequence[FixedArgument]) -> Json:
    key = re.sub(r"[\W_]+", "", parameter.name).lower()
    for fixed in given:
        if fixed.key == key or (
            len(fixed.key) > 3 and (key.endswith(fixed.key) or fixed.key.endswith(key)) and len(key) > 2
        ):
            return _typed(fixed.value, parameter)
    return None


def _typed(value: str, parameter: Parameter) -> Json:
    if parameter.type == "boolean":
        return value.strip().lower() in ("true", "yes", "on", "1")
    if parameter.type in ("integer", "number"):
        try:
            number = float(value)
        except ValueError:
            return None
        return int(number) if number.is_integer() else number
    choices = parameter.schema.get("enum")
    if isinstance(choices, list):
        return next((choice for choice in choices if fold(str(choice)) == fold(value)), None)
    return value


def _choose(parameters: Sequence[Parameter], need: Need, unstated: bool) -> dict[str, Candidate]:
    """Return the best candidates, no two from the same words. The question's own part goes before the message."""
    chosen: dict[str, Candidate] = {}
    for text in dict.fromkeys((need.text, need.message)):
        source = Source(text, need.today, need.vocabulary)
        pairs = [
            (candidate, parameter)
            for parameter in parameters
            if parameter.name not in chosen and parameter.kind not in ("array", "object")
            for candidate in source.candidates(parameter)
            if candidate.score
            >= (_REQUIRED_FROM if parameter.required else _EXPECTED_FROM if unstated else _OPTIONAL_FROM)
        ]
        pairs.sort(key=lambda pair: (-pair[0].score - (0.05 if pair[1].required else 0.0), pair[0].start))
        used: list[tuple[int, int]] = [(c.start, c.end) for c in chosen.values()] if text == need.text else []
        for candidate, parameter in pairs:
            taken = any(candidate.start < end and start < candidate.end for start, end in used)
            told = parameter.kind == "content" and candidate.end - candidate.start >= _WHOLE_CHARS
            if told and taken and any(p.kind == "content" for p in parameters if p.name in chosen):
                continue
            if parameter.name not in chosen and (told or not taken):
                chosen[parameter.name] = candidate
                if not told:  # «My email is … and my screen flickers» tells all of it and holds the address
                    used.append((candidate.start, candidate.end))
    return chosen


def _complete(parameters: Sequence[Parameter], settled: dict[str, Json], need: Need) -> None:
    """Fill what the question left open: from outputs, from earlier turns, from the schema."""
    backward = bool(_BACKWARD.search(need.text))
    for parameter in parameters:
        if parameter.name in settled or not (parameter.required or backward):
            continue
        value = from_outputs(parameter, need.calls)
        if value is None and parameter.required and parameter.kind in _REMEMBERED:
            value = _remembered(parameter, need)
        if value is None and parameter.required:
            value = _by_schema(parameter)
        if value is not None:
            settled[parameter.name] = value


def _remembered(parameter: Parameter, need: Need) -> Json:
    for turn in need.history:
        found = Source(turn, need.today, need.vocabulary).candidates(replace(parameter, required=False))
        if found and found[0].score >= 0.8:
            return found[0].value
    return None


def _by_schema(parameter: Parameter) -> Json:
    if "default" in parameter.schema:
        return parameter.schema["default"]  # type: ignore[return-value]  # any JSON
    choices = parameter.schema.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]  # type: ignore[no-any-return]  # any JSON
    return False if parameter.type == "boolean" else None


def _items(parameter: Parameter, need: Need, root: Schema) -> list[Json]:
    """Return the values that the question lists for an array."""
    schema = resolve(parameter.schema.get("items", {}), root)
    single = read_parameter(
        parameter.name, {"description": parameter.schema.get("description", ""), **schema}, True
    )
    if type_of(schema) == "object":
        return _objects(schema, need, root)
    source = Source(need.text, need.today, need.vocabulary)
    found = [c for c in source.candidates(single) if c.score >= 0.5]
    if found and found[0].score >= 0.9:
        found = [c for c in found if c.score >= found[0].score - 0.7]
    found.sort(key=lambda c: c.start)
    values: list[Json] = list(
        dict.fromkeys(str(c.value) if single.type == "string" else c.value for c in found)
    )
    if single.type == "string" and single.kind in ("thing", "content", "person") and len(values) <= 1:
        values = _listed(need.text, values, need.vocabulary) or values
    return [_coerced(value, single) for value in values[:50]]


def _listed(text: str, values: list[Json], vocabulary: frozenset[str]) -> list[Json]:
    """Return the entries of «with eggs, flour and milk», or of what follows a colon."""
    after = re.search(
        r"(?::|\b(?:with|using|from|of|for|containing|named|called|tagged|contain|add|have|to)\b)\s+(?P<list>[^:?!]+?)(?:\s+(?:to|from|in|on) (?:my|the)\b.*)?[?.!]*$",
        text,
    )
    if after is None:
        return values
    parts = [part.strip(" .'\"“”") for part in re.split(r",|;|\band\b|&|\bor\b", after["list"])]
    return [p for p in parts if p and not all(w in STOP_WORDS or stem(w) in vocabulary for w in words(p))]


def _objects(schema: Schema, need: Need, root: Schema) -> list[Json]:
    found: list[Json] = []
    text = need.text
    for street in reversed(values.streets(text)):  # its house number counts nothing
        text = f"{text[: street.start]};{text[street.end :]}"
    for segment in re.split(r"[;,]|\band\b|\.\s", text):
        inner = replace(need, text=segment, message=segment, query=segment, history=(), given=())
        chosen = _choose(read_parameters({**schema, "$defs": root.get("$defs", {})}), inner, unstated=False)
        if chosen:
            filled = fill({**schema, "$defs": root.get("$defs", {})}, inner)
            found.extend(filled.calls[:1])
    return found


def _object(parameter: Parameter, need: Need, root: Schema) -> dict[str, Json] | None:
    inner = {**parameter.schema, "$defs": root.get("$defs", {})}
    filled = fill(inner, need)
    if not filled.calls or not (filled.calls[0] or parameter.required):
        return None
    return (
        filled.calls[0]
        if parameter.required or _choose(read_parameters(inner), need, unstated=False)
        else None
    )


def _coerced(value: Json, parameter: Parameter) -> Json:
    if parameter.type == "string" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if parameter.type == "number" and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, str) and parameter.type in ("integer", "number"):
        return _typed(value, parameter)
    return value


def _repeat(
    ordered: dict[str, Json], parameters: Sequence[Parameter], chosen: dict[str, Candidate], need: Need
) -> list[dict[str, Json]]:
    """Return one set of arguments per value when the question lists several for one parameter."""
    for parameter in parameters:
        if (
            parameter.name not in chosen
            or parameter.kind not in _REPEATABLE
            or not (parameter.required or len(parameters) == 1 or len(chosen) == 1)
        ):
            continue
        first = chosen[parameter.name]
        used = [(c.start, c.end) for name, c in chosen.items() if name != parameter.name]
        rest = [
            c
            for c in Source(need.text, need.today, need.vocabulary).candidates(parameter)
            if c.score > _REQUIRED_FROM and not any(c.start < end and start < c.end for start, end in used)
        ]
        row = sorted({c.start: c for c in reversed([first, *rest])}.values(), key=lambda c: c.start)
        series = _series(row, first, need.text)
        if len(series) > 1:
            values = list(dict.fromkeys(str(_coerced(c.value, parameter)) for c in series))
            typed = {str(_coerced(c.value, parameter)): _coerced(c.value, parameter) for c in series}
            return [{**ordered, parameter.name: typed[value]} for value in values[:MAX_CALLS]]
    return [ordered]


def _series(row: Sequence[Candidate], first: Candidate, text: str) -> list[Candidate]:
    """Return the candidates that commas and «and» join to *first*."""
    at = next((i for i, c in enumerate(row) if c.start == first.start), 0)
    low = high = at
    while low > 0 and _joined(text, row[low - 1], row[low]):
        low -= 1
    while high + 1 < len(row) and _joined(text, row[high], row[high + 1]):
        high += 1
    return list(row[low : high + 1])


def _joined(text: str, left: Candidate, right: Candidate) -> bool:
    between = text[left.end : right.start]
    return right.start >= left.end and bool(_JOINS.search(between)) and bool(_CONNECTOR.match(between))
