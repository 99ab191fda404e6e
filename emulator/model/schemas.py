"""JSON schema, as much of it as tools and response formats use: references, alternatives, validation."""

import json
import math
import re
from collections.abc import Mapping
from typing import cast

from emulator.model.kinds import type_of

Schema = dict[str, object]
_MAX_DEPTH = 12


def resolve(schema: object, root: Schema, depth: int = 0) -> Schema:
    """Return *schema* with references followed and alternatives decided: the first that is not null."""
    if not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return {}
    reference = schema.get("$ref")
    if isinstance(reference, str):
        target: object = root
        for part in reference.removeprefix("#").strip("/").split("/"):
            target = (
                target.get(part.replace("~1", "/").replace("~0", "~"), {})
                if part and isinstance(target, Mapping)
                else target
            )
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return {**resolve(target, root, depth + 1), **rest}
    for key in ("anyOf", "oneOf"):
        if isinstance(choices := schema.get(key), list) and choices:
            chosen = next((c for c in choices if isinstance(c, dict) and c.get("type") != "null"), choices[0])
            rest = {name: value for name, value in schema.items() if name != key}
            return {**rest, **resolve(chosen, root, depth + 1)}
    if isinstance(parts := schema.get("allOf"), list):
        merged: Schema = {name: value for name, value in schema.items() if name != "allOf"}
        for part in parts:
            merged = _merge(merged, resolve(part, root, depth + 1))
        return merged
    return cast(Schema, schema)


def _merge(left: Schema, right: Schema) -> Schema:
    merged = {**left, **right}
    for key in ("properties", "required"):
        a, b = left.get(key), right.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            merged[key] = {**a, **b}
        elif isinstance(a, list) and isinstance(b, list):
            merged[key] = [*a, *b]
    return merged


def properties(schema: Schema) -> dict[str, object]:
    found = schema.get("properties")
    return {str(name): part for name, part in found.items()} if isinstance(found, dict) else {}


def required(schema: Schema) -> list[str] | None:
    """Return the names that must be there; None when *schema* does not say."""
    names = schema.get("required")
    return [str(name) for name in names] if isinstance(names, list) else None


def allows_null(schema: object) -> bool:
    if not isinstance(schema, dict):
        return False
    stated = schema.get("type")
    if stated == "null" or (isinstance(stated, list) and "null" in stated) or schema.get("nullable") is True:
        return True
    choices = schema.get("enum")
    if isinstance(choices, list) and None in choices:
        return True
    return any(
        allows_null(c)
        for key in ("anyOf", "oneOf")
        if isinstance(schema.get(key), list)
        for c in cast(list[object], schema[key])
    )


def is_valid(value: object, schema: object, root: Schema, depth: int = 0) -> bool:
    """Return whether *value* satisfies *schema*, as far as the keywords handled here go."""
    if schema is True or not isinstance(schema, dict) or depth > _MAX_DEPTH:
        return schema is not False
    if "$ref" in schema or "allOf" in schema:
        return is_valid(value, resolve(schema, root), root, depth + 1)
    for key in ("anyOf", "oneOf"):
        if isinstance(choices := schema.get(key), list):
            return any(is_valid(value, choice, root, depth + 1) for choice in choices)
    if value is None:
        return allows_null(schema) or (
            "type" not in schema and "enum" not in schema and "const" not in schema
        )
    if "const" in schema and schema["const"] != value:
        return False
    if isinstance(choices := schema.get("enum"), list) and value not in choices:
        return False
    return (
        _has_type(value, schema)
        and _within_limits(value, schema)
        and _parts_valid(value, schema, root, depth)
    )


def _has_type(value: object, schema: Schema) -> bool:
    stated = schema.get("type")
    if stated is None:
        return True
    kinds = stated if isinstance(stated, list) else [stated]
    is_bool = isinstance(value, bool)
    checks = {
        "string": isinstance(value, str),
        "integer": not is_bool
        and (isinstance(value, int) or (isinstance(value, float) and value.is_integer())),
        "number": not is_bool and isinstance(value, int | float) and math.isfinite(value),
        "boolean": is_bool,
        "array": isinstance(value, list),
        "object": isinstance(value, dict),
        "null": value is None,
    }
    return any(checks.get(str(kind), True) for kind in kinds)


def _within_limits(value: object, schema: Schema) -> bool:
    def limit(key: str) -> float | None:
        found = schema.get(key)
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high, above, below, step = (
            limit(k) for k in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
        )
        return not (
            (low is not None and value < low)
            or (high is not None and value > high)
            or (above is not None and value <= above)
            or (below is not None and value >= below)
            or (step and abs(value / step - round(value / step)) > 1e-9)
        )
    size = len(value) if isinstance(value, str | list) else None
    if size is not None:
        least, most = (
            (limit("minLength"), limit("maxLength"))
            if isinstance(value, str)
            else (limit("minItems"), limit("maxItems"))
        )
        if (least is not None and size < least) or (most is not None and size > most):
            return False
    if isinstance(value, str) and isinstance(pattern := schema.get("pattern"), str):
        return _matches(pattern, value)
    if isinstance(value, list) and schema.get("uniqueItems") is True:
        shown = [json.dumps(item, sort_keys=True, default=str) for item in value]
        return len(set(shown)) == len(shown)
    return True


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value[:1_000]) is not None
    except re.error:
        return True  # written for another engine: nothing can be said


def _parts_valid(value: object, schema: Schema, root: Schema, depth: int) -> bool:
    if isinstance(value, list) and type_of(schema) == "array":
        return all(is_valid(item, schema.get("items", True), root, depth + 1) for item in value)
    if isinstance(value, dict) and type_of(schema) == "object":
        parts = properties(schema)
        if any(name not in value for name in required(schema) or ()):
            return False
        if schema.get("additionalProperties") is False and any(name not in parts for name in value):
            return False
        return all(
            is_valid(value[name], part, root, depth + 1) for name, part in parts.items() if name in value
        )
    return True
