"""What a parameter of a tool is for, read from its name, type, format and description."""

import re
from dataclasses import dataclass
from typing import Literal

from emulator.model.lexicon import word_list
from emulator.model.text import name_words, quotations, stem, stems, words

Kind = Literal[
    "query", "content", "expression", "email", "url", "phone", "date", "time", "datetime", "id", "currency",
    "language", "ticker", "place", "person", "thing", "number", "boolean", "enum", "array", "object", "const",
]  # fmt: skip
Role = Literal["from", "to", "none"]

_BY_WORD: tuple[tuple[Kind, str], ...] = (
    ("query", "query question prompt q input request utterance inquiry ask"),
    ("expression", "expression formula equation calculation math maths arithmetic expr computation"),
    ("email", "email mail e-mail"),
    ("url", "url uri link website endpoint webpage href"),
    ("phone", "phone telephone mobile msisdn fax"),
    ("currency", "currency currencies"),
    ("language", "language lang locale"),
    ("ticker", "ticker symbol"),
    ("datetime", "datetime timestamp"),
    ("date", "date day deadline birthday checkin checkout dob due"),
    ("time", "time hour clock"),
    ("id", "id ids identifier sku reference ref serial uuid guid barcode isbn pnr vin iban imei badge"),
    ("place", "location city place town country region state address destination origin departure arrival airport venue area district village continent where"),
    ("person", "user member person people employee customer patient recipient owner manager author student teacher contact guest attendee attendees participant sender receiver colleague doctor artist player assignee traveller traveler passenger"),
    ("number", "amount quantity count age duration nights weight height temperature budget distance percent percentage year season"),
    ("content", "text message content body note comment sentence phrase title subject summary description reason details keyword keywords topic term word headline caption remark statement"),
    ("thing", "company organization organisation brand team product item ingredient dish planet star element name stock crop animal model device sport department service course movie film book song game language property"),
)  # fmt: skip
_KIND_OF: dict[str, Kind] = {}
for _found, _listed in _BY_WORD:
    for _word in _listed.split():
        _KIND_OF.setdefault(_word, _found)
        _KIND_OF.setdefault(stem(_word), _found)


def names_a_kind(word: str) -> bool:
    """Return whether *word* (folded) says what kind of value something is rather than being one: city, user."""
    return word in _KIND_OF or stem(word) in _KIND_OF


_LISTED = re.compile(
    r"(?:^|[:(]\s*|\b(?:one of|either|can be|must be|values?)\s+)(?P<list>[\w-]+(?:\s*[,/|]\s*[\w-]+)*(?:,?\s+or\s+|\s*[,/|]\s*)[\w-]+)\s*\)?\.?$",
    re.IGNORECASE,
)
_CODED = ("number", "no", "nr", "code", "num", "key")
_ADDRESSES: dict[str, Kind] = {"email": "email", "mail": "email", "web": "url", "ip": "thing", "wallet": "id"}
_FROM = frozenset(word_list("from origin source departure start base since begin sender pickup old"))
_TO = frozenset(word_list("to destination target arrival end until dropoff recipient receiver into new"))
_FORMATS: dict[str, Kind] = {
    "email": "email", "uri": "url", "url": "url", "uri-reference": "url", "date": "date", "date-time": "datetime",
    "time": "time", "uuid": "id", "phone": "phone",
}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Parameter:
    """*words*: stems of the name; *about*: stems of name and description."""

    name: str
    schema: dict[str, object]
    required: bool
    kind: Kind
    type: str
    role: Role
    words: frozenset[str]
    about: frozenset[str]

    @property
    def shown(self) -> str:
        """Return the name as people read it: order_id -> order id."""
        return " ".join(name_words(self.name)) or self.name


def read_parameter(name: str, schema: dict[str, object], required: bool) -> Parameter:
    description = str(schema.get("description") or "")
    parts = name_words(name)
    kind, kind_type = _kind(parts, schema, description), type_of(schema)
    role: Role = "from" if _FROM & set(parts) else "to" if _TO & set(parts) else "none"
    own = frozenset(stem(part) for part in parts)
    return Parameter(name, schema, required, kind, kind_type, role, own, own | frozenset(stems(description)))


def described_choices(description: str) -> tuple[str, ...]:
    """Return the values that a *description* spells out: «'metric' or 'imperial'», «low, normal or high»."""
    quoted = [q.value for q in quotations(description) if len(q.value.split()) <= 3 and "," not in q.value]
    if len(quoted) > 1:
        return tuple(dict.fromkeys(quoted))
    listed = _LISTED.search(description)
    return tuple(re.split(r"\s*(?:[,/|]|\bor\b)\s*(?:or\s+)?", listed["list"])) if listed else ()


def type_of(schema: dict[str, object]) -> str:
    """Return the JSON type of *schema*; of several, the first that is not null."""
    stated = schema.get("type")
    if isinstance(stated, list):
        stated = next((kind for kind in stated if kind != "null"), "null")
    if isinstance(stated, str):
        return stated
    if "properties" in schema:
        return "object"
    if "items" in schema:
        return "array"
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        first = choices[0]
        return (
            "boolean" if isinstance(first, bool) else "number" if isinstance(first, int | float) else "string"
        )
    return "string"


def _kind(parts: list[str], schema: dict[str, object], description: str) -> Kind:
    if "const" in schema:
        return "const"
    if isinstance(schema.get("enum"), list):
        return "enum"
    kind = type_of(schema)
    if kind in ("boolean", "array", "object"):
        return kind  # type: ignore[return-value]  # the three names are kinds
    if kind in ("integer", "number"):
        return "id" if {"id", "identifier"} & set(parts) else "number"
    stated = schema.get("format")
    if isinstance(stated, str) and stated in _FORMATS:
        return _FORMATS[stated]
    found = _by_words(parts, description)
    return "email" if found == "person" and re.search(r"\be-?mail\b", description, re.IGNORECASE) else found


def _by_words(parts: list[str], description: str) -> Kind:
    joined = "".join(parts)
    if any(word in joined for word in ("uri", "url")) and not re.search(
        r"curi|juri|urin|suri|burl|curl|hurl", joined
    ):
        return "url"
    if parts and parts[-1] in _CODED and len(parts) > 1:
        first = _KIND_OF.get(parts[0])
        if first in ("currency", "language", "phone") or (
            first == "place" and parts[0] in ("country", "airport")
        ):
            return first
        return "id"
    if parts and parts[-1] == "name" and len(parts) > 1:
        return _KIND_OF.get(parts[-2], "thing") if _KIND_OF.get(parts[-2]) in ("place", "person") else "thing"
    if parts == ["name"]:
        return (
            "person"
            if re.search(
                r"\b(?:person|employee|user|customer|patient|student|people|guest|contact|who)\b",
                description,
                re.IGNORECASE,
            )
            else "thing"
        )
    if len(parts) > 1 and parts[-1] == "address" and parts[-2] in _ADDRESSES:
        return _ADDRESSES[parts[-2]]
    for word in reversed(parts):
        if word in _KIND_OF or stem(word) in _KIND_OF:
            return _KIND_OF.get(word) or _KIND_OF[stem(word)]
    for word in words(description.split(".")[0])[:14]:
        kind = _KIND_OF.get(word)
        if kind and kind not in ("thing", "content"):
            return kind
    return "thing"
