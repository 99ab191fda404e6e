"""Exact arithmetic from an expression: read by a parser of its own, computed in fractions, never evaluated as code.

    sum     := product (("+" | "-") product)*
    product := signed (("*" | "/" | "//" | "%" | "of") signed)*
    signed  := ("+" | "-")* power
    power   := percent (("**" | "^") signed)?
    percent := operand "%"*
    operand := number | "(" sum ")" | name "(" sum ("," sum)* ")"      name: sqrt, abs, round, min, max

The sign % is "percent" after a number that nothing follows as an operand (15% of 80), else the remainder (7 % 3).
"""

from collections.abc import Callable
from fractions import Fraction

from tools import exact
from tools.envelope import Arguments, ToolError, shorten, text_argument
from tools.exact import Number
from tools.tokens import MAX_CHARACTERS, Token, tokenise

MAX_DEPTH = 60
Operation = Callable[[Number, Number], Number]

_SUMS: dict[str, Operation] = {"+": exact.add, "-": exact.subtract}
_PRODUCTS: dict[str, Operation] = {
    "*": exact.multiply,
    "of": exact.multiply,
    "/": exact.divide,
    "//": exact.floor_divide,
    "%": exact.modulo,
}
_FUNCTIONS: dict[str, tuple[int, int, Callable[[list[Number]], Number]]] = {  # fewest and most arguments
    "sqrt": (1, 1, lambda numbers: exact.root(numbers[0])),
    "abs": (1, 1, lambda numbers: Number(abs(numbers[0].value), numbers[0].exact)),
    "round": (1, 2, lambda numbers: exact.rounded(numbers[0], [*numbers, Number(Fraction(0))][1])),
    "min": (1, 100, lambda numbers: min(numbers, key=lambda number: number.value)),
    "max": (1, 100, lambda numbers: max(numbers, key=lambda number: number.value)),
}


def answer(arguments: Arguments) -> str:
    """Return the result of the argument expression. Raises ToolError when it has none."""
    return exact.render(evaluate(text_argument(arguments, "expression")))


def evaluate(expression: str) -> Number:
    """Return the number that *expression* stands for. Raises ToolError, in words, for anything it cannot read."""
    if len(expression) > MAX_CHARACTERS:
        raise ToolError(
            f"The expression is {len(expression):,} characters long; the limit is {MAX_CHARACTERS:,}."
        )
    parser = _Parser(tokenise(expression.rstrip("=? \t\r\n")))
    return parser.whole()


class _Parser:
    """Recursive descent over the tokens. Computes on the way, so nothing has to be kept."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._position = 0
        self._depth = 0

    def whole(self) -> Number:
        if not self._tokens:
            raise ToolError("The expression is empty. Write one such as (3 + 4) * 12.")
        result = self._sum()
        if token := self._peek():
            raise ToolError(f'"{shorten(token.text)}" at character {token.at} does not belong there.')
        return result

    def _sum(self) -> Number:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ToolError(f"Parentheses are nested more than {MAX_DEPTH} deep.")
        left = self._product()
        while token := self._take(*_SUMS):
            left = _SUMS[token.text](left, self._product())
        self._depth -= 1
        return left

    def _product(self) -> Number:
        left = self._signed()
        while token := self._take(*_PRODUCTS):
            left = _PRODUCTS[token.text](left, self._signed())
        return left

    def _signed(self) -> Number:
        negative = False
        while token := self._take("+", "-"):
            negative ^= token.text == "-"
        number = self._power()
        return Number(-number.value, number.exact) if negative else number

    def _power(self) -> Number:
        base = self._percent()
        if not self._take("**"):
            return base
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ToolError(f"Powers are stacked more than {MAX_DEPTH} high.")
        exponent = self._signed()
        self._depth -= 1
        return exact.power(base, exponent)

    def _percent(self) -> Number:
        number = self._operand()
        while (token := self._peek()) and token.text == "%" and self._means_percent(token):
            self._position += 1
            number = exact.divide(number, Number(Fraction(100)))
        return number

    def _means_percent(self, sign: Token) -> bool:
        after = self._tokens[self._position + 1] if self._position + 1 < len(self._tokens) else None
        if after is None or (after.kind == "operator" and after.text not in ("+", "-", "(")):
            return True
        if after.kind != "operator" or after.text == "(":
            return after.text == "of"
        if sign.spaced:  # 7 % -3
            return False
        if after.spaced:  # 50% - 10
            return True
        raise ToolError(
            f'"%{after.text}" at character {sign.at} can be read in two ways. '
            f"Write 50% {after.text} 10 for percent, or 7 % ({after.text}3) for a remainder."
        )

    def _operand(self) -> Number:
        token = self._peek()
        if token is None:
            raise ToolError("The expression ends where a number is due.")
        self._position += 1
        if token.kind == "number":
            return Number(token.value)
        if token.text == "(":
            return self._closed(token, self._sum())
        if token.text in _FUNCTIONS:
            return self._call(token)
        if token.kind == "word":
            names = ", ".join(_FUNCTIONS)
            raise ToolError(
                f'"{shorten(token.text)}" at character {token.at} is no number and none of {names}.'
            )
        raise ToolError(f'A number is due at character {token.at}, not "{token.text}".')

    def _call(self, name: Token) -> Number:
        fewest, most, function = _FUNCTIONS[name.text]
        if not self._take("("):
            raise ToolError(f"{name.text} needs parentheses, as in {name.text}(2).")
        numbers = [self._sum()]
        while self._take(","):
            numbers.append(self._sum())
        self._closed(name, numbers[0])
        if not fewest <= len(numbers) <= most:
            raise ToolError(f"{name.text} does not take {len(numbers)} numbers.")
        return function(numbers)

    def _closed(self, opened: Token, number: Number) -> Number:
        if not self._take(")"):
            raise ToolError(f"The parenthesis opened at character {opened.at} is not closed.")
        return number

    def _peek(self) -> Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def _take(self, *texts: str) -> Token | None:
        token = self._peek()
        if token is None or token.kind == "number" or token.text not in texts:
            return None
        self._position += 1
        return token
