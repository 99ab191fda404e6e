"""A reader of KQL's tokens, written from its documentation and knowing nothing of how we write literals.

https://learn.microsoft.com/kusto/query/scalar-data-types/string: "..." and '...' with backslash escapes, @"..." and
@'...' with the quote doubled, ```...``` and ~~~...~~~ over many lines, h or H in front for what logs must not show.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "word", "number", "sign", "comment", "broken"]
_OPEN = re.compile(r"[hH]?(@?)(\"|'|```|~~~)")
_WORD = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER = re.compile(r"\d[\w.:]*")
_SPACE = re.compile(r"\s+")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "'": "'"}


@dataclass(frozen=True, slots=True)
class Token:
    """*value*: of a text, what it stands for; else the token itself."""

    kind: Kind
    value: str


def tokens(query: str) -> list[Token]:
    """Return the tokens of *query* without blanks. A text that does not end on its line is `broken`, with all after it."""
    found: list[Token] = []
    place = 0
    while place < len(query):
        if space := _SPACE.match(query, place):
            place = space.end()
        elif query.startswith("//", place):
            end = query.find("\n", place)
            end = len(query) if end < 0 else end
            found.append(Token("comment", query[place:end]))
            place = end
        elif opening := _OPEN.match(query, place):
            token, place = _text(query, opening)
            found.append(token)
        elif word := _WORD.match(query, place):
            found.append(Token("word", word[0]))
            place = word.end()
        elif number := _NUMBER.match(query, place):
            found.append(Token("number", number[0]))
            place = number.end()
        else:
            found.append(Token("sign", query[place]))
            place += 1
    return found


def shape(found: Sequence[Token]) -> list[tuple[Kind, str]]:
    """Return what is left of *found* when no text's value counts: what a query does, and on what."""
    return [(one.kind, "" if one.kind == "text" else one.value) for one in found]


def _text(query: str, opening: re.Match[str]) -> tuple[Token, int]:
    verbatim, quote = opening[1], opening[2]
    if len(quote) == 3:
        end = query.find(quote, opening.end())
        if end < 0:
            return Token("broken", query[opening.start() :]), len(query)
        return Token("text", query[opening.end() : end]), end + 3
    place, value = opening.end(), list[str]()
    while place < len(query) and query[place] not in "\r\n":
        letter = query[place]
        if letter == quote and verbatim and query[place + 1 : place + 2] == quote:
            value.append(quote)
            place += 2
        elif letter == quote:
            return Token("text", "".join(value)), place + 1
        elif letter == "\\" and not verbatim:
            escaped = query[place + 1 : place + 2]
            if escaped not in _ESCAPES:
                break
            value.append(_ESCAPES[escaped])
            place += 2
        else:
            value.append(letter)
            place += 1
    return Token("broken", query[opening.start() :]), len(query)
