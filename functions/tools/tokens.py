"""The words of an arithmetic expression."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tools.envelope import ToolError, shorten

MAX_CHARACTERS = 1000
MAX_EXPONENT = 3000
_FUNCTION_NAMES = ("sqrt", "abs", "round", "min", "max")
_ALIASES = {"×": "*", "·": "*", "⋅": "*", "÷": "/", "∕": "/", "−": "-", "–": "-", "^": "**"}
_GROUPED = r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])"
_PLAIN = r"[0-9]+(?:_[0-9]+)*"
_TOKEN = re.compile(
    rf"(?P<number>(?:{_GROUPED}|{_PLAIN})(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?|\.[0-9]+(?:e[+-]?[0-9]+)?)"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<operator>\*\*|//|[-+*/%^(),×·⋅÷∕−–])",
    re.IGNORECASE,
)
_UNGROUPED = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]*)?(?:e[+-]?[0-9]+)?)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """*at*: its first character, from 1. *spaced*: a blank stands before it (for %) or after it (for a sign)."""

    kind: Literal["number", "word", "operator"]
    text: str
    at: int
    spaced: bool = False
    value: Fraction = Fraction(0)


def tokenise(expression: str) -> list[Token]:
    """Return the tokens of *expression*. Raises ToolError at the first character that belongs to none.

    Inside the parentheses of a function a comma always separates: max(100,200) has two numbers. Elsewhere 1,234.5
    is one number.
    """
    tokens: list[Token] = []
    calls: list[bool] = []  # for each open parenthesis: does it hold the numbers of a function?
    position = 0
    while position < len(expression):
        if expression[position].isspace():
            position += 1
            continue
        match = _TOKEN.match(expression, position)
        if match and match["number"] and any(calls) and "," in match[0]:
            match = _UNGROUPED.match(expression, position)
        if match is None:
            raise ToolError(
                f'"{shorten(expression[position])}" at character {position + 1} cannot be read. '
                "Use digits, + - * / // % ** and parentheses."
            )
        token = _token(match, expression)
        if token.text == "(":
            calls.append(bool(tokens) and tokens[-1].text in _FUNCTION_NAMES)
        elif token.text == ")" and calls:
            calls.pop()
        elif token.text == "," and not any(calls):
            raise ToolError(
                f"The comma at character {token.at} is out of place. Thousands are written 1,234,567 "
                "and decimals 0.5."
            )
        tokens.append(token)
        position = match.end()
    return tokens


def _token(match: "re.Match[str]", expression: str) -> Token:
    at, text = match.start() + 1, match[0]
    if match.lastgroup == "number":
        return Token("number", text, at, value=_value(text, at))
    if match.lastgroup == "word":
        return Token("word", text.lower(), at)
    text = _ALIASES.get(text, text)
    before, after = expression[match.start() - 1 : match.start()], expression[match.end() : match.end() + 1]
    return Token("operator", text, at, spaced=(before if text == "%" else after).isspace())


def _value(text: str, at: int) -> Fraction:
    digits, _, exponent = text.lower().replace(",", "").replace("_", "").partition("e")
    if exponent and (len(exponent) > 6 or abs(int(exponent)) > MAX_EXPONENT):
        raise ToolError(f"The number at character {at} has an exponent beyond {MAX_EXPONENT}: too large.")
    return Fraction(digits.rstrip(".") if digits.endswith(".") else digits) * Fraction(10) ** int(
        exponent or 0
    )
