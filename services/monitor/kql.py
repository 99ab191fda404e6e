"""Values into query text. The only place where that happens: a `let` header of typed literals, above an unchanged query."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from services.errors import InvalidInput

Kind = Literal["string", "datetime", "timespan", "int", "list"]
Value = str | datetime | timedelta | int | Sequence[str]
KINDS: tuple[str, ...] = get_args(Kind)
LONGEST_TEXT = 1_000
MOST_ITEMS = 200
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_REFUSED = ("Cc", "Cs", "Zl", "Zp")  # no escape for these means the same everywhere KQL is read
_DAY_S = 86_400


def bind(text: str, kinds: Mapping[str, Kind], values: Mapping[str, Value]) -> str:
    """Return *text* below one `let` per parameter of *kinds*, each bound to its value.

    Raises InvalidInput: a value is missing, of another kind, too long, or holds what no literal can.
    """
    if missing := sorted(kinds.keys() - values.keys()):
        raise _refusal(f"the query needs {', '.join(missing)}")
    if unknown := sorted(values.keys() - kinds.keys()):
        raise _refusal(f"the query has no parameter {', '.join(unknown)}")
    lines = [f"let {_name(name)} = {literal(kind, values[name], name)};" for name, kind in kinds.items()]
    return "\n".join([*lines, text])


def literal(kind: Kind, value: Value, name: str = "value") -> str:
    """Return *value* as a KQL literal. Raises InvalidInput that calls it *name*.

    Literals: https://learn.microsoft.com/kusto/query/scalar-data-types/string
    """
    match kind:
        case "string" if isinstance(value, str):
            return _text(value, name)
        case "datetime" if isinstance(value, datetime):
            return _moment(value, name)
        case "timespan" if isinstance(value, timedelta):
            return _span(value)
        case "int" if isinstance(value, int) and not isinstance(value, bool):
            return _whole(value, name)
        case "list" if isinstance(value, Sequence) and not isinstance(value, str):
            if len(value) > MOST_ITEMS:
                raise _refusal(f"{name} holds {len(value)} items, at most {MOST_ITEMS} fit")
            return f"dynamic([{', '.join(_text(item, name) for item in value)}])"
    raise _refusal(f"{name} is not a {kind}")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise _refusal(f"{name} is not a text")
    if len(value) > LONGEST_TEXT:
        raise _refusal(f"{name} has {len(value)} characters, at most {LONGEST_TEXT} fit")
    return '"' + "".join(_letter(letter, name) for letter in value) + '"'


def _letter(letter: str, name: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if unicodedata.category(letter) in _REFUSED:
        raise _refusal(f"{name} holds the control character U+{ord(letter):04X}")
    return letter


def _moment(value: datetime, name: str) -> str:
    if value.tzinfo is None:
        raise _refusal(f"{name} has no time zone")
    return f"datetime({value.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z)"


def _span(value: timedelta) -> str:
    sign, positive = ("-", -value) if value < timedelta() else ("", value)
    hours, rest_s = divmod(positive.seconds, 3600)
    minutes, seconds = divmod(rest_s, 60)
    days = f"{positive.days}." if positive.days else ""
    return f"timespan({sign}{days}{hours:02}:{minutes:02}:{seconds:02}.{positive.microseconds:06})"


def _whole(value: int, name: str) -> str:
    if not -(2**63) < value < 2**63:
        raise _refusal(f"{name} does not fit into 64 bits")
    return f"long({value})"


def _name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise _refusal(f"{name!r} cannot name a parameter")
    return name


def _refusal(reason: str) -> InvalidInput:
    return InvalidInput(
        f"This cannot be asked of the logs: {reason}.",
        operation="form a log query",
        hint="Change the filter or the id and look again.",
    )
