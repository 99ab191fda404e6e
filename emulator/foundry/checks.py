"""Reads request bodies field by field and refuses what is wrong in the service's own words."""

import re
from collections.abc import Iterable
from typing import Final

import orjson

from emulator.foundry.documents import Json
from emulator.wire import WireError

MAX_PAIRS, MAX_KEY, MAX_VALUE = 16, 64, 512
_MISSING: Final = object()


def refused(message: str, param: str, code: str) -> WireError:
    return WireError(400, code, message, param=param)


def read_body(body: bytes) -> "Fields":
    """Return the body's fields; an empty body has none. Raises WireError 400 when it is no JSON object."""
    try:
        document = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError as exc:
        raise WireError(
            400,
            "invalid_json",
            f"We could not parse the JSON body of your request: {exc}. Send one JSON object in UTF-8.",
        ) from exc
    if not isinstance(document, dict):
        raise WireError(400, "invalid_type", f"The body must be a JSON object, but is {_name(document)}.")
    return Fields(document)


class Fields:
    """A JSON object being read. *path* names it in errors. A null counts as absent."""

    __slots__ = ("_document", "path")

    def __init__(self, document: Json, path: str = "") -> None:
        self._document, self.path = document, path

    def __contains__(self, name: str) -> bool:
        return name in self._document

    def label(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path else name

    def raw(self, name: str) -> object:
        return self._document.get(name)

    def text(self, name: str, longest: int | None = None) -> str | None:
        value = self._document.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise self.wrong_type(name, "a string")
        if longest is not None and len(value) > longest:
            raise refused(
                f"Invalid '{self.label(name)}': string too long. Expected a string with maximum length "
                f"{longest}, but got a string with length {len(value)} instead.",
                self.label(name),
                "string_above_max_length",
            )
        return value

    def required_text(self, name: str, longest: int | None = None) -> str:
        value = self.text(name, longest)
        if value is None:
            raise self.missing(name)
        if not value.strip():
            raise refused(
                f"Invalid '{self.label(name)}': empty string. Expected a string with minimum length 1, "
                "but got an empty string instead.",
                self.label(name),
                "empty_string",
            )
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        value = self._document.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong_type(name, "a decimal")
        return float(within(value, self.label(name), "decimal", low, high))

    def integer(self, name: str, low: int) -> int | None:
        value = self._document.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong_type(name, "an integer")
        return int(within(value, self.label(name), "integer", low, None))

    def flag(self, name: str) -> bool | None:
        value = self._document.get(name)
        if value is not None and not isinstance(value, bool):
            raise self.wrong_type(name, "a boolean")
        return value

    def choice(self, name: str, allowed: Iterable[str]) -> str:
        value, known = self.required_text(name), sorted(allowed)
        if value not in known:
            listed = ", ".join(f"'{item}'" for item in known[:-1]) + f" and '{known[-1]}'"
            raise refused(
                f"Invalid value: '{value}'. Supported values are: {listed}.",
                self.label(name),
                "invalid_value",
            )
        return value

    def section(self, name: str) -> "Fields | None":
        """Return the object under *name* for further reading."""
        value = self._document.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self.wrong_type(name, "an object")
        return Fields(value, self.label(name))

    def required_section(self, name: str) -> "Fields":
        found = self.section(name)
        if found is None:
            raise self.missing(name)
        return found

    def mapping(self, name: str) -> Json | None:
        """Return the object under *name* as it is."""
        found = self.section(name)
        return found._document if found else None

    def items(self, name: str, most: int | None = None) -> "list[Fields] | None":
        """Return the objects of the array under *name*."""
        value = self._document.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise self.wrong_type(name, "an array of objects")
        if most is not None and len(value) > most:
            raise refused(
                f"Invalid '{self.label(name)}': array too long. Expected an array with maximum length "
                f"{most}, but got an array with length {len(value)} instead.",
                self.label(name),
                "array_above_max_length",
            )
        found = []
        for index, item in enumerate(value):
            path = f"{self.label(name)}[{index}]"
            if not isinstance(item, dict):
                raise _wrong_type(path, "an object", item)
            found.append(Fields(item, path))
        return found

    def document(self) -> Json:
        return self._document

    def metadata(self) -> dict[str, str] | None:
        """Return up to 16 pairs of texts."""
        pairs = self.mapping("metadata")
        if pairs is None:
            return None
        path = self.label("metadata")
        if len(pairs) > MAX_PAIRS:
            raise refused(
                f"Invalid '{path}': too many properties. Expected an object with at most {MAX_PAIRS} "
                f"properties, but got an object with {len(pairs)} properties instead.",
                path,
                "object_above_max_properties",
            )
        values = Fields(pairs, path)
        for key in pairs:
            if len(key) > MAX_KEY:
                raise refused(
                    f"Invalid '{path}': key too long. Expected keys with maximum length {MAX_KEY}, "
                    f"but '{key[:MAX_KEY]}…' has length {len(key)}.",
                    path,
                    "string_above_max_length",
                )
            if values.text(key, MAX_VALUE) is None:
                raise values.wrong_type(key, "a string")
        return pairs

    def missing(self, name: str) -> WireError:
        label = self.label(name)
        return refused(f"Missing required parameter: '{label}'.", label, "missing_required_parameter")

    def wrong_type(self, name: str, expected: str) -> WireError:
        return _wrong_type(self.label(name), expected, self._document.get(name, _MISSING))

    def matching(self, name: str, pattern: re.Pattern[str]) -> str:
        value = self.required_text(name)
        if not pattern.fullmatch(value):
            raise refused(
                f"Invalid '{self.label(name)}': string does not match pattern. "
                f"Expected a string that matches the pattern '{pattern.pattern}'.",
                self.label(name),
                "invalid_value",
            )
        return value


def within(value: float, label: str, kind: str, low: float, high: float | None) -> float:
    """Return *value*. Raises WireError 400 when it lies outside of *low* to *high*."""
    if value < low:
        raise refused(
            f"Invalid '{label}': {kind} below minimum value. Expected a value >= {low:g}, "
            f"but got {value:g} instead.",
            label,
            f"{kind}_below_min_value",
        )
    if high is not None and value > high:
        raise refused(
            f"Invalid '{label}': {kind} above maximum value. Expected a value <= {high:g}, "
            f"but got {value:g} instead.",
            label,
            f"{kind}_above_max_value",
        )
    return value


def _wrong_type(label: str, expected: str, value: object) -> WireError:
    return refused(
        f"Invalid type for '{label}': expected {expected}, but got {_name(value)} instead.",
        label,
        "invalid_type",
    )


def _name(value: object) -> str:
    names = {bool: "a boolean", int: "an integer", float: "a decimal", str: "a string", list: "an array"}
    return "null" if value is None else names.get(type(value), "an object")
