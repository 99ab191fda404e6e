"""The queries there are: one .kql file each, whose first lines say what it answers, what it needs and what it gives."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from services.monitor.kql import KINDS, Kind, Value, bind

QUERIES = Path(__file__).parent / "queries"
ColumnKind = Literal["datetime", "string", "real", "long", "bool", "dynamic"]
_COLUMN_KINDS: tuple[str, ...] = get_args(ColumnKind)
_FIELD = re.compile(r"(\w+) (\w+)")


@dataclass(frozen=True, slots=True)
class Query:
    """*answers*: one sentence. *columns*: those that a result must have, with the kind of their values."""

    name: str
    answers: str
    parameters: Mapping[str, Kind]
    columns: Mapping[str, ColumnKind]
    text: str

    def bound(self, values: Mapping[str, Value]) -> str:
        """Return the text that is sent. Raises InvalidInput."""
        return bind(self.text, self.parameters, values)


@functools.cache
def all_queries() -> Mapping[str, Query]:
    """Return every query by its name."""
    return {path.stem: parse(path.stem, path.read_text("utf-8")) for path in sorted(QUERIES.glob("*.kql"))}


def parse(name: str, text: str) -> Query:
    """Return the query that a file holds. Raises ValueError: its first lines do not say what they must."""
    head, body = [], text.splitlines()
    while body and body[0].startswith("//"):
        head.append(body.pop(0).removeprefix("//").strip())
    fields = {word: line for line in head for word in ("Parameters", "Columns") if line.startswith(word)}
    answers = " ".join(line for line in head if line not in fields.values())
    parameters = dict(_FIELD.findall(fields.get("Parameters", "").partition(":")[2]))
    columns = dict(_FIELD.findall(fields.get("Columns", "").partition(":")[2]))
    if not answers or not columns:
        raise ValueError(f"{name}.kql must begin with what it answers, its Parameters and its Columns")
    if wrong := (set(parameters.values()) - set(KINDS)) | (set(columns.values()) - set(_COLUMN_KINDS)):
        raise ValueError(f"{name}.kql names kinds that there are not: {sorted(wrong)}")
    kinds = cast("Mapping[str, Kind]", parameters)
    return Query(
        name, answers, kinds, cast("Mapping[str, ColumnKind]", columns), "\n".join(body).strip() + "\n"
    )
