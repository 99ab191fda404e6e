"""A reply as JSON of a given schema, filled from what was found; always valid, whatever was found."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from emulator.model import FinishedCall
from emulator.model.arguments import Need, fill
from emulator.model.asked import analyse
from emulator.model.chain import flatten, from_outputs, parse
from emulator.model.facts import FactIndex
from emulator.model.kinds import Parameter, read_parameter, type_of
from emulator.model.labels import Label, choose
from emulator.model.lexicon import word_list
from emulator.model.render import unwrap
from emulator.model.schemas import Schema, allows_null, is_valid, properties, required, resolve
from emulator.model.source import Source
from emulator.model.spotter import Json
from emulator.model.text import name_words, sentences, squeeze, stem

_ANSWERS = frozenset(stem(w) for w in word_list("answer response reply text message summary explanation content result output description reasoning conclusion statement details final comment note"))  # fmt: skip
_MAX_READ = 8_000
_SPOTTED_FROM = 0.5
_WIDER = frozenset(stem(w) for w in word_list("country nation state region province"))
_MAX_ITEMS = 50
_MAX_DEPTH = 8
_FILLERS = {
    "date": "1970-01-01",
    "date-time": "1970-01-01T00:00:00Z",
    "time": "00:00:00",
    "email": "unknown@example.com",
    "uri": "https://example.com",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "ipv4": "127.0.0.1",
}


@dataclass(slots=True)
class Material:
    """What may fill the schema. *reply*: the answer as text; *found*: its facts; *message*: what the user wrote."""

    reply: str
    found: Sequence[str]
    message: str
    calls: Sequence[FinishedCall]
    facts: FactIndex
    today: date
    used: set[str] = field(default_factory=set)


def render(response_format: object, keys: Sequence[str], material: Material) -> str:
    """Return JSON text for *response_format*, or with the *keys* that the instructions ask for."""
    schema = schema_of(response_format)
    if schema is not None:
        return json.dumps(build(schema, material), ensure_ascii=False)
    if keys:
        made: Schema = {"type": "object", "properties": {key: {} for key in keys}, "required": list(keys)}
        return json.dumps({key: _loose(key, material) for key in properties(made)}, ensure_ascii=False)
    documents = [unwrap(parse(call.output)) for call in material.calls]
    if len(documents) == 1 and isinstance(documents[0], dict):
        return json.dumps(documents[0], ensure_ascii=False)
    return json.dumps({"answer": material.reply}, ensure_ascii=False)


def wants_json(response_format: object) -> bool:
    return isinstance(response_format, dict) and response_format.get("type") in ("json_object", "json_schema")


def schema_of(response_format: object) -> Schema | None:
    """Return the schema of a json_schema response format; None for any other."""
    if not isinstance(response_format, dict) or response_format.get("type") != "json_schema":
        return None
    held = response_format.get("json_schema")
    schema = held.get("schema", held) if isinstance(held, dict) else response_format.get("schema")
    return schema if isinstance(schema, dict) else None


def build(schema: Schema, material: Material) -> Json:
    """Return a value of *schema*."""
    value = _value("", resolve(schema, schema), schema, material, 0)
    return value if is_valid(value, schema, schema) else minimal(schema, schema)


def _loose(key: str, material: Material) -> Json:
    parameter = read_parameter(key, {"type": "string"}, True)
    value = next(iter(_candidates(parameter, material)), None)
    if isinstance(value, str):
        material.used.add(value)
    return value


def _value(name: str, schema: Schema, root: Schema, material: Material, depth: int) -> Json:
    if depth > _MAX_DEPTH:
        return minimal(schema, root)
    kind = type_of(schema)
    if kind == "object" and "enum" not in schema:
        return _object(schema, root, material, depth)
    if kind == "array":
        return _array(name, schema, root, material, depth)
    parameter = read_parameter(name, schema, True)
    for value in _candidates(parameter, material):
        fitting = _fitted(value, parameter)
        if fitting is not None and is_valid(fitting, schema, root):
            if parameter.kind in ("person", "place", "thing") and isinstance(fitting, str):
                material.used.add(fitting)
            return fitting
    return None if allows_null(schema) else minimal(schema, root)


def _object(schema: Schema, root: Schema, material: Material, depth: int) -> Json:
    parts = {key: resolve(part, root) for key, part in properties(schema).items()}
    needed = required(schema)
    made: dict[str, Json] = {}
    lists_first = sorted(parts, key=lambda key: type_of(parts[key]) != "array")
    for key in lists_first:
        if allows_null(properties(schema)[key]):
            parts[key] = {**parts[key], "nullable": True}
        value = _value(key, parts[key], root, material, depth + 1)
        if needed is None or key in needed or value not in (None, "", [], {}):
            made[key] = value
    if not parts and not depth:
        documents = [unwrap(parse(call.output)) for call in material.calls]
        first = next((d for d in documents if isinstance(d, dict)), None)
        return first or {"answer": material.reply}
    return {key: made[key] for key in parts if key in made}


def _array(name: str, schema: Schema, root: Schema, material: Material, depth: int) -> Json:
    items = resolve(schema.get("items", {}), root)
    most = schema.get("maxItems")
    limit = most if isinstance(most, int) else _MAX_ITEMS
    found = _listed(name, items, root, material)
    valid = [item for item in found if is_valid(item, items, root)]
    unique = list({json.dumps(item, sort_keys=True): item for item in valid}.values())[:limit]
    least = schema.get("minItems")
    while isinstance(least, int) and len(unique) < min(least, _MAX_ITEMS):
        unique.append(_value(name, items, root, material, depth + 1) if not unique else minimal(items, root))
    for item in unique:
        if isinstance(item, str):
            material.used.add(item)
    return unique


def _listed(name: str, items: Schema, root: Schema, material: Material) -> list[Json]:
    own = frozenset(stem(w) for w in name_words(name))
    for call in material.calls:
        document = unwrap(parse(call.output))
        if isinstance(document, list) and document:
            return document
        if isinstance(document, dict):
            for key, value in document.items():
                if isinstance(value, list) and frozenset(stem(w) for w in name_words(key)) & own:
                    return value
    parameter = read_parameter(name, {"type": "array", "items": items}, True)
    for text in (" ".join(material.found), material.message):
        if not text:
            continue
        need = Need(text=text[:_MAX_READ], query=text, message="", today=material.today)
        filled = fill(
            {
                "type": "object",
                "properties": {name or "items": {**parameter.schema, "items": items}},
                "$defs": root.get("$defs", {}),
            },
            need,
        )
        values = filled.calls[0].get(name or "items") if filled.calls else None
        if isinstance(values, list) and values:
            return values
    if type_of(items) == "string" and own & (
        _ANSWERS | {"step", "point", "item", "fact", "bullet", "sentenc", "key"}
    ):
        return list(sentences(material.reply))
    return []


def _candidates(parameter: Parameter, material: Material) -> list[Json]:
    """Return what may stand for *parameter*, best first."""
    found: list[Json] = []
    from_call = from_outputs(parameter, material.calls)
    if from_call is not None:
        found.append(from_call)
    if parameter.type == "string" and parameter.kind != "enum" and parameter.words & _ANSWERS:
        found.append(material.reply)
    found.extend(_from_arguments(parameter, material))
    texts = [text for text in (" ".join(material.found), material.message) if text]
    spotted = [c for text in texts for c in Source(text[:_MAX_READ], material.today).candidates(parameter)]
    spotted.sort(key=lambda c: -c.score)  # stable: of equal ones, what was found goes before what was asked
    found.extend(c.value for c in spotted if c.score >= _SPOTTED_FROM and c.value not in material.used)
    if parameter.words:
        wanted = analyse(f"What is the {parameter.shown}?")
        known, _ = material.facts.answer(wanted, 0.5)
        if known:
            source = Source(known, material.today)
            found.extend(c.value for c in source.candidates(parameter))
            found.append(known if parameter.type == "string" else None)
    if parameter.kind == "enum":
        found.extend(_classified(parameter, material.message))
    if parameter.type == "boolean":
        found.append(_said_yes(material.reply))
    elif (
        parameter.type == "string"
        and parameter.kind in ("thing", "content", "query")
        and len(parameter.words) <= 1
    ):
        found.append(" ".join(material.found))
    documents = [unwrap(parse(call.output)) for call in material.calls]
    found.extend(
        v
        for d in documents
        for _, v in flatten(d)
        if parameter.type in ("integer", "number") and isinstance(v, int | float)
    )
    return [_place_of(value, parameter) for value in found if value is not None and value != ""]


def _from_arguments(parameter: Parameter, material: Material) -> list[Json]:
    """Return what the calls of this run were made with: the city of «weather in Rome»."""
    asked = [FinishedCall(call.name, "", call.arguments, call.round) for call in material.calls]
    value = from_outputs(parameter, asked)
    return [] if value is None else [value]


def _place_of(value: Json, parameter: Parameter) -> Json:
    """Return the part of «Ghent, Belgium» that *parameter* wants: the city or the country."""
    if parameter.kind != "place" or not isinstance(value, str) or value.count(",") != 1:
        return value
    near, far = (piece.strip() for piece in value.split(","))
    if parameter.words & {"city", "town"}:
        return near
    return far if parameter.words & _WIDER else value


def _classified(parameter: Parameter, message: str) -> list[Json]:
    """Return the choice of an enum that the words of *message* speak for, if any does."""
    choices = parameter.schema.get("enum")
    labels = (
        [Label(choice) for choice in choices if isinstance(choice, str)] if isinstance(choices, list) else []
    )
    label, reasons = choose(message[:8_000], labels) if labels else (Label(""), ())
    return [label.name] if reasons else []


def _said_yes(text: str) -> bool | None:
    found = re.match(r"\W*(?P<yes>yes|true|correct|indeed)\b|\W*(?P<no>no|false|not)\b", text, re.IGNORECASE)
    return bool(found["yes"]) if found else None


def _fitted(value: Json, parameter: Parameter) -> Json:
    """Return *value* in the type that is wanted, None when it cannot be."""
    if parameter.type == "string":
        text = value if isinstance(value, str) else None if isinstance(value, list | dict) else str(value)
        most = parameter.schema.get("maxLength")
        return squeeze(text)[:most] if text and isinstance(most, int) and len(text) > most else text
    if parameter.type in ("integer", "number"):
        if isinstance(value, str):
            try:
                value = float(value.replace(",", ""))
            except ValueError:
                return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return (
            int(value)
            if parameter.type == "integer" or (float(value).is_integer() and abs(value) < 1e15)
            else value
        )
    return (
        value
        if parameter.type == "boolean" and isinstance(value, bool)
        else value
        if parameter.kind == "enum"
        else None
    )


def minimal(schema: object, root: Schema, depth: int = 0) -> Json:
    """Return the plainest value that *schema* allows."""
    plain = resolve(schema, root)
    if "const" in plain:
        return plain["const"]  # type: ignore[return-value]  # any JSON
    choices = plain.get("enum")
    if isinstance(choices, list) and choices:
        return choices[0]  # type: ignore[no-any-return]  # any JSON
    if allows_null(schema):
        return None
    if "default" in plain and is_valid(plain["default"], plain, root):
        return plain["default"]  # type: ignore[return-value]  # any JSON
    kind = type_of(plain)
    if kind == "object":
        parts = properties(plain)
        names = required(plain) or []
        return (
            {name: minimal(parts.get(name, {}), root, depth + 1) for name in names}
            if depth < _MAX_DEPTH
            else {}
        )
    if kind == "array":
        least = plain.get("minItems")
        count = min(least, _MAX_ITEMS) if isinstance(least, int) else 0
        return (
            [minimal(plain.get("items", {}), root, depth + 1) for _ in range(count)]
            if depth < _MAX_DEPTH
            else []
        )
    if kind == "boolean":
        return False
    if kind == "null":
        return None
    return _least_number(plain, kind) if kind in ("integer", "number") else _least_text(plain)


def _least_number(schema: Schema, kind: str) -> Json:
    def limit(key: str) -> float | None:
        found = schema.get(key)
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    step = limit("multipleOf") or 1.0
    low, above, high, below = (
        limit("minimum"),
        limit("exclusiveMinimum"),
        limit("maximum"),
        limit("exclusiveMaximum"),
    )
    value = 0.0
    if low is not None and low > 0:
        value = low
    elif above is not None and above >= 0:
        value = above + (
            step if kind == "integer" or below is None or above + step < below else (below - above) / 2
        )
    elif high is not None and high < 0:
        value = high
    elif below is not None and below <= 0:
        value = below - step
    if schema.get("multipleOf"):
        value = -(-value // step) * step
    if kind == "integer":
        value = float(int(value) if value == int(value) else int(value) + 1)
    return int(value) if value.is_integer() else value


def _least_text(schema: Schema) -> str:
    stated = schema.get("format")
    if isinstance(stated, str) and stated in _FILLERS:
        return _FILLERS[stated]
    least, most = schema.get("minLength"), schema.get("maxLength")
    if not isinstance(least, int) or least <= 0:
        return ""
    text = "unknown".ljust(least, ".")
    return text[: max(least, most)] if isinstance(most, int) else text
