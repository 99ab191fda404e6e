"""Instructions cut into passages: sentences, list entries, key: value lines, questions with answers, records.

A record is a row of a table or an object of JSON; each of its fields becomes a passage of its own, so that a
question about one field is answered with that field alone.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from emulator.model.text import sentences, squeeze

Kind = Literal["sentence", "entry", "pair", "field", "record"]
MAX_RECORDS = 5_000
_MAX_JSON_STARTS = 200

_BULLET = re.compile(r"^\s*(?:[-*•‣–+]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s+")
_HEADING = re.compile(
    r"^\s*(?:#{1,6}\s+(?P<mark>.+?)\s*#*|\*\*(?P<bold>[^*]+)\*\*:?|(?P<colon>[^:|]{2,80}):)\s*$"
)
_KEY_VALUE = re.compile(r"^(?P<key>[^\s:|?!][^:|?!]{0,58}?)\s*(?::|=|\s[-–—]|->|→)\s+(?P<value>\S.*)$")
_QUESTION = re.compile(r"^\s*(?:q|question|faq)\s*\d*\s*[:.)-]\s*(?P<text>.+)$", re.IGNORECASE)
_ANSWER = re.compile(r"^\s*(?:a|answer)\s*\d*\s*[:.)-]\s*(?P<text>.+)$", re.IGNORECASE)
_NAMED = re.compile(r" [A-Z][^\W\d_]")  # holds a name, not only a capital at its start
_SHORT_ENTRY = re.compile(r"[^:=.!?;]*(?<! -)")
_RULE_ROW = re.compile(r"^[\s|:+-]+$")
_MARKUP = re.compile(r"\*\*([^*\n]+)\*\*|__([^_\n]+)__|`([^`\n]+)`")
_NAMING_KEYS = (
    "name",
    "title",
    "id",
    "key",
    "code",
    "label",
    "item",
    "product",
    "city",
    "country",
    "employee",
)


@dataclass(frozen=True, slots=True)
class Passage:
    """*text* is what is said when the passage answers; *context* what else it is about; *subject* what it builds on,
    *lead* the sentence of its paragraph that first gave a name."""

    text: str
    kind: Kind
    context: str = ""
    subject: str = ""
    lead: str = ""


def read_passages(text: str) -> list[Passage]:
    """Return the passages of *text* in order."""
    rest, records = _take_json(text)
    return [*_read_lines(rest), *records]


def _take_json(text: str) -> tuple[str, list[Passage]]:
    """Return *text* without its JSON snippets, and their records."""
    if "{" not in text and "[" not in text:
        return text, []
    decoder, kept, found, at = json.JSONDecoder(), [], [], 0
    starts = 0
    for match in re.finditer(r"[{\[]", text):
        if match.start() < at:
            continue
        starts += 1
        if starts > _MAX_JSON_STARTS:
            break
        try:
            document, end = decoder.raw_decode(text, match.start())
        except ValueError:
            continue
        except RecursionError:
            break
        if not document or not _is_nested(document):
            continue
        kept.append(text[at : match.start()])
        title = squeeze(kept[-1][-200:].rsplit("\n", 1)[-1].rsplit(". ", 1)[-1]).rstrip(":")
        found.extend(read_document(document, title))
        at = end
    return "".join(kept) + text[at:], found


def _is_nested(document: object) -> bool:
    return isinstance(document, dict) or (
        isinstance(document, list) and any(isinstance(item, dict | list) for item in document)
    )


def read_document(document: object, title: str = "") -> list[Passage]:
    """Return the fields of a JSON *document* as passages, and one passage per record."""
    return list(_walk(document, "", title))[:MAX_RECORDS]


def _walk(node: object, subject: str, context: str) -> Iterator[Passage]:
    if isinstance(node, dict):
        naming = next(
            (key for key in node if str(key).lower() in _NAMING_KEYS and _is_plain(node[key])), None
        )
        own = str(node[naming]) if naming is not None else subject
        plain = {str(key): value for key, value in node.items() if _is_plain(value)}
        for key, value in plain.items():
            if key != naming or len(plain) == 1:
                yield Passage(field_sentence(key, own, value), "field", context, own)
        if len(plain) > 1:
            yield Passage(record_sentence(plain), "record", context, own)
        for key, value in node.items():
            if not _is_plain(value):
                inner = f"{own} {_spaced(str(key))}".strip()
                yield from _walk(value, inner if isinstance(value, dict) else own, f"{context} {inner}")
    elif isinstance(node, list):
        plain_items = [_shown(item) for item in node if _is_plain(item)]
        if plain_items:
            lead = squeeze(context).split(" ")[-1] if context else ""
            yield Passage(
                f"{lead}: {', '.join(plain_items)}" if lead else ", ".join(plain_items),
                "entry",
                context,
                subject,
            )
        for item in node:
            if not _is_plain(item):
                yield from _walk(item, subject, context)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


@lru_cache(maxsize=4_096)
def _spaced(key: str) -> str:
    return squeeze(re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+", " ", key)).lower()


def _shown(value: object) -> str:
    if value is None:
        return "not given"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def field_sentence(key: str, owner: str, value: object) -> str:
    """Return «The price of Widget is 5.»"""
    of = f" of {owner}" if owner and owner.lower() != _spaced(key) else ""
    return f"The {_spaced(key)}{of} is {_shown(value).rstrip('.')}."


def record_sentence(record: dict[str, object]) -> str:
    return ", ".join(f"{_spaced(key)}: {_shown(value)}" for key, value in record.items())


def _read_lines(text: str) -> Iterator[Passage]:
    lines = _join_wrapped(text.split("\n"))
    heading, previous, lead, question = "", "", "", ""
    listed = marked = False  # whether entries of this heading were seen, and whether it is a # heading
    at = 0
    while at < len(lines):
        line = lines[at].strip()
        if not line:
            previous, lead, at = "", "", at + 1
            if listed and not marked:
                heading = ""
            continue
        rows = _table_at(lines, at)
        if rows:
            yield from _read_table(rows, heading)
            at, listed = at + len(rows), True
            continue
        at += 1
        if asked := _QUESTION.match(line):
            question = asked["text"]
        elif question and (answered := _ANSWER.match(line)):
            yield Passage(_plain(answered["text"]), "pair", question)
            question = ""
        elif (title := _HEADING.match(line)) and not _BULLET.match(line):
            heading, marked = title["mark"] or title["bold"] or title["colon"], bool(title["mark"])
            listed = False
        else:
            bullet = bool(_BULLET.match(line))
            if heading and listed and not bullet and not marked:
                heading = ""
            listed = listed or bullet
            bare = _plain(_BULLET.sub("", line, count=1))
            for passage in _read_line(bare, heading, previous, lead):
                previous = passage.text
                if passage.kind == "sentence" and not _NAMED.search(lead):
                    lead = passage.text
                yield passage


def _plain(line: str) -> str:
    """Return *line* without the marks of bold and code."""
    return (
        _MARKUP.sub(lambda m: m[1] or m[2] or m[3], line).strip()
        if "*" in line or "`" in line or "__" in line
        else line
    )


def _read_line(line: str, heading: str, previous: str, lead: str) -> Iterator[Passage]:
    if len(line) < 40 and _SHORT_ENTRY.fullmatch(line):
        yield Passage(line, "sentence", heading, previous, lead)
        return
    pieces = sentences(line)
    if (pair := _KEY_VALUE.match(line)) and len(pair["key"].split()) <= 6:
        web_address = "://" in line[: pair.end("key") + 3]
        if not web_address and len(pieces) == 1:
            yield Passage(line, "entry", heading)
            return
        heading = heading if web_address else f"{heading} {pair['key']}".strip()
    for sentence in pieces:
        yield Passage(sentence, "sentence", heading, previous, lead)
        previous = sentence
        lead = lead if _NAMED.search(lead) else sentence


def _join_wrapped(lines: list[str]) -> list[str]:
    """Return *lines* with hard-wrapped paragraphs joined: a line that goes on in lower case belongs to the last."""
    joined: list[str] = []
    for line in lines:
        bare = line.strip()
        if not bare or not bare[0].islower():
            joined.append(line)
            continue
        last = joined[-1].rstrip() if joined else ""
        goes_on = (
            bool(last)
            and not _BULLET.match(line)
            and "|" not in bare
            and last[-1] not in ".!?:;|"
            and (len(last) >= 60 or not _KEY_VALUE.match(bare))
        )
        if goes_on:
            joined[-1] = f"{last} {bare}"
        else:
            joined.append(line)
    return joined


def _table_at(lines: list[str], at: int) -> list[list[str]]:
    """Return the rows of the table that starts at line *at*; empty when none does."""
    mark = next((m for m in ("|", "\t", ",") if lines[at].count(m) >= (2 if m != "\t" else 1)), None)
    if mark is None or (mark == "," and len(lines[at]) > 200):
        return []
    rows: list[list[str]] = []
    for line in lines[at : at + MAX_RECORDS]:
        if line.count(mark) < 1 or not line.strip():
            break
        cells = [cell.strip() for cell in line.strip().strip("|" if mark == "|" else " ").split(mark)]
        if mark == "," and (len(cells) != len(rows[0]) if rows else any(len(c.split()) > 4 for c in cells)):
            break
        rows.append(cells)
    if len(rows) < 2 or (
        mark == "," and (len(rows) < 3 or any(not row[-1] or row[-1].endswith(".") for row in rows))
    ):
        return []
    return rows


def _read_table(rows: list[list[str]], heading: str) -> Iterator[Passage]:
    head, *body = rows
    shown = [_spaced(column) for column in head]
    for row in body:
        if all(_RULE_ROW.match(cell) for cell in row if cell) or not any(row):
            continue
        owner = row[0]
        for column, value in zip(head[1:], row[1:], strict=False):
            if column and value:
                yield Passage(field_sentence(column, owner, value), "field", heading, owner)
        listed = ", ".join(f"{column}: {value}" for column, value in zip(shown, row, strict=False))
        yield Passage(listed, "record", heading, owner)
