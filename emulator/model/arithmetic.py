"""Arithmetic in a question: finds it, in signs or in English words, and computes it exactly where asked to."""

import ast
import re
from decimal import Decimal, localcontext
from fractions import Fraction

from emulator.model.lexicon import NUMBER_WORDS, SCALE_WORDS
from emulator.model.values import dates, phones, read_number_words, urls

_MAX_LENGTH = 2_000
_MAX_DIGITS = 400

_NUMERAL = r"(?<![\d.])\d{1,40}(?:,\d{3}){0,6}(?:\.\d{1,40})?(?!\d)"
_SIGNS = re.compile(
    rf"[-+(\s]*{_NUMERAL}%?(?:\s*(?:[-+*/^%×÷·−)(]|\*\*|\bmod\b)\s*)+[-+(\s]*{_NUMERAL}[\s\d.,%()*/+^×÷·−-]*",
    re.IGNORECASE,
)
_WORDS = "|".join([*NUMBER_WORDS, *SCALE_WORDS])
_WORD_NUMBER = re.compile(rf"\b(?:{_WORDS})(?:[\s-]+(?:and\s+)?(?:{_WORDS}))*\b", re.IGNORECASE)
_SPOKEN = (
    (r"\bto the power of\b|\braised to(?: the power of)?\b", "**"),
    (r"\bmultiplied by\b|\btimes\b|(?<=\d) ?x ?(?=\d)", "*"),
    (r"\bdivided by\b|\bover\b(?= \d)", "/"),
    (r"\bplus\b|\badded to\b", "+"),
    (r"\bminus\b|\bless\b", "-"),
    (r"\bsquared\b", "**2"),
    (r"\bcubed\b", "**3"),
    (r"\bmodulo\b", "mod"),
)
_PERCENT_OF = re.compile(rf"({_NUMERAL})\s*(?:%|percent|per cent)\s+of\s+({_NUMERAL})", re.IGNORECASE)
_SPOKEN_FORMS = (
    (
        re.compile(rf"\b(?:sum|total) of ({_NUMERAL}(?:\s*(?:,|and|,\s*and)\s*{_NUMERAL})+)", re.IGNORECASE),
        "+",
    ),
    (re.compile(rf"\badd(?:ing)? ({_NUMERAL}(?:\s*(?:,|and|to|,\s*and)\s*{_NUMERAL})+)", re.IGNORECASE), "+"),
    (re.compile(rf"\bproduct of ({_NUMERAL}(?:\s*(?:,|and|,\s*and)\s*{_NUMERAL})+)", re.IGNORECASE), "*"),
    (re.compile(rf"\bmultiply(?:ing)? ({_NUMERAL}\s*(?:,|and|by|with)\s*{_NUMERAL})", re.IGNORECASE), "*"),
    (re.compile(rf"\bdivide ({_NUMERAL}\s*(?:by)\s*{_NUMERAL})", re.IGNORECASE), "/"),
    (re.compile(rf"\bdifference (?:between|of) ({_NUMERAL}\s*(?:and)\s*{_NUMERAL})", re.IGNORECASE), "-"),
)
_SUBTRACT = re.compile(rf"\bsubtract ({_NUMERAL}) from ({_NUMERAL})", re.IGNORECASE)
_ROOT = re.compile(rf"\bsquare root of ({_NUMERAL})", re.IGNORECASE)


def find_expression(text: str) -> str:
    """Return the arithmetic expression that *text* asks about, in signs that any calculator reads; "" if none."""
    text = text[:_MAX_LENGTH]
    if not re.search(rf"\d|\b(?:{_WORDS})\b", text, re.IGNORECASE):
        return ""
    said = _in_signs(text)
    if root := _ROOT.search(said):
        return f"sqrt({root[1]})"
    if found := _SUBTRACT.search(said):
        return f"{found[2]} - {found[1]}"
    for pattern, sign in _SPOKEN_FORMS:
        if found := pattern.search(said):
            return f" {sign} ".join(re.findall(_NUMERAL, found[1])).replace(",", "")
    taken = [(f.start, f.end) for f in (*urls(said), *dates(said))]
    for match in _SIGNS.finditer(said):
        start, end = match.span()
        start += len(match[0]) - len(match[0].lstrip())
        if any(start < b and a < end for a, b in taken) or _is_no_sum(said, start, match):
            continue
        if expression := _tidy(match[0]):
            return expression
    return ""


def _is_no_sum(text: str, start: int, match: re.Match[str]) -> bool:
    """Return whether the match is a range, an id, a date or a telephone number."""
    before, after = text[:start], text[match.end() :]
    if re.search(r"[\w#-]$", before) and not before.endswith((" ", "\n", "(")):
        return True
    only_hyphens = not re.search(r"[+*/^%×÷·]", match[0]) and not re.search(r"\s[-−]\s", match[0])
    if only_hyphens and (
        len(re.findall(_NUMERAL, match[0])) > 2
        or re.search(r"\b(?:rooms?|phone|call|orders?|id|number|from|hours?)\b", before[-30:], re.IGNORECASE)
    ):
        return True
    if (
        only_hyphens
        and before.strip()
        and not re.search(
            r"(?:\b(?:is|are|compute|calculate|evaluate|solve|what's|of|and)|[:=(])\s*$",
            before,
            re.IGNORECASE,
        )
    ):
        return True
    return bool(re.match(r"^[A-Za-z_]", after) and not match[0][-1].isspace()) or bool(
        phones(match[0]) and only_hyphens
    )


def _in_signs(text: str) -> str:
    def digits(match: re.Match[str]) -> str:
        value = read_number_words(match[0])
        return match[0] if value is None else str(value)

    said = _WORD_NUMBER.sub(digits, text)
    for pattern, sign in _SPOKEN:
        said = re.sub(pattern, f" {sign} ", said, flags=re.IGNORECASE)
    said = _PERCENT_OF.sub(lambda m: f"{m[1]} / 100 * {m[2]}", said)
    return re.sub(r" {2,}", " ", said)


def _tidy(text: str) -> str:
    """Return *text* as an expression with balanced brackets and common signs; "" when it is none."""
    bare = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    for written, sign in (("×", "*"), ("·", "*"), ("÷", "/"), ("−", "-"), ("^", "**"), (" mod ", " % ")):
        bare = bare.replace(written, sign)
    bare = bare.strip().rstrip("=+*/-.,%( ")
    while bare.count(")") > bare.count("(") and bare.endswith(")"):
        bare = bare[:-1].rstrip()
    while bare.count("(") > bare.count(")") and bare.startswith("("):
        bare = bare[1:].lstrip()
    if bare.count("(") != bare.count(")"):
        return ""
    bare = re.sub(r"\s*\*\*\s*", " ** ", bare) if "**" in bare else bare
    try:
        ast.parse(bare, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return ""
    return re.sub(r"\s+", " ", bare)


class NoValueError(Exception):
    """The expression has no value; str() says why."""


def compute(expression: str) -> str:
    """Return the value of *expression*, exact up to 28 digits. Raises NoValueError."""
    if root := re.fullmatch(r"sqrt\((.+)\)", expression):
        with localcontext() as context:
            context.prec = 28
            return _shown(Fraction(Decimal(compute(root[1])).sqrt()))
    try:
        return _shown(_value(ast.parse(expression, mode="eval").body))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise NoValueError("it is not an expression that I can read") from exc


def _value(node: ast.expr) -> Fraction:
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    ):
        return Fraction(repr(node.value))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        inner = _value(node.operand)
        return -inner if isinstance(node.op, ast.USub) else inner
    if isinstance(node, ast.BinOp):
        return _combine(node.op, _value(node.left), _value(node.right))
    raise NoValueError("it holds more than numbers and signs")


def _combine(sign: ast.operator, left: Fraction, right: Fraction) -> Fraction:
    if isinstance(sign, ast.Add):
        return left + right
    if isinstance(sign, ast.Sub):
        return left - right
    if isinstance(sign, ast.Mult):
        return _bounded(left * right)
    if isinstance(sign, ast.Div | ast.Mod | ast.FloorDiv) and right == 0:
        raise NoValueError("division by zero has no value")
    if isinstance(sign, ast.Div):
        return left / right
    if isinstance(sign, ast.Mod):
        return left % right
    if isinstance(sign, ast.Pow) and right.denominator == 1 and abs(right) <= 1_000:
        if left == 0 and right < 0:
            raise NoValueError("division by zero has no value")
        return _bounded(left ** int(right))
    raise NoValueError("it holds a sign that I do not compute")


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > _MAX_DIGITS * 4:
        raise NoValueError("the number is too large")
    return value


def _shown(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    with localcontext() as context:
        context.prec = 28
        text = format(Decimal(value.numerator) / Decimal(value.denominator), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
