"""Numbers that know whether they are exact, and arithmetic on them that stays small enough to finish."""

import math
from dataclasses import dataclass
from fractions import Fraction

from tools.envelope import ToolError

MAX_BITS = 13_000  # about 3,900 digits: what Python still turns into text without a special permit
ROOT_DIGITS = 60  # of a root that has no exact value
SHOWN_DIGITS = 10  # of a number that is only about right
MAX_DECIMAL_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class Number:
    """*exact* is False once a root without an exact value took part."""

    value: Fraction
    exact: bool = True


def add(left: Number, right: Number) -> Number:
    return _bounded(left.value + right.value, left, right)


def subtract(left: Number, right: Number) -> Number:
    return _bounded(left.value - right.value, left, right)


def multiply(left: Number, right: Number) -> Number:
    return _bounded(left.value * right.value, left, right)


def divide(left: Number, right: Number) -> Number:
    _refuse_zero(right)
    return _bounded(left.value / right.value, left, right)


def floor_divide(left: Number, right: Number) -> Number:
    _refuse_zero(right)
    _refuse_inexact("//", left, right)
    return _bounded(Fraction(left.value // right.value), left, right)


def modulo(left: Number, right: Number) -> Number:
    _refuse_zero(right)
    _refuse_inexact("%", left, right)
    return _bounded(left.value % right.value, left, right)


def power(base: Number, exponent: Number) -> Number:
    """Return *base* to a whole *exponent*, or to a half as a root."""
    if exponent.exact and exponent.value == Fraction(1, 2):
        return root(base)
    if not exponent.exact or exponent.value.denominator != 1:
        raise ToolError("An exponent must be a whole number (or 1/2, which is a square root).")
    times = exponent.value.numerator
    if times < 0:
        _refuse_zero(base)
    if abs(base.value) not in (0, 1) and _bits(base.value) * abs(times) > 2 * MAX_BITS:
        raise _too_large()
    if abs(base.value) in (0, 1):  # a huge exponent costs nothing here
        times = (times % 2) + 2 if times > 2 else times
    return _bounded(Fraction(base.value**times), base)


def root(number: Number) -> Number:
    """Return the square root: exact when there is one, else right to ROOT_DIGITS digits and marked so."""
    if number.value < 0:
        raise ToolError("A negative number has no real square root.")
    above, below = number.value.numerator, number.value.denominator
    exact = Fraction(math.isqrt(above), math.isqrt(below))
    if exact * exact == number.value:
        return Number(exact, number.exact)
    scale = 10 ** (ROOT_DIGITS + len(str(below)))
    return Number(Fraction(math.isqrt(above * scale * scale // below), scale), exact=False)


def rounded(number: Number, places: Number) -> Number:
    """Return *number* rounded half away from zero, as at school, to *places* decimals."""
    if places.value.denominator != 1 or not 0 <= places.value <= 100:
        raise ToolError("round takes a number of decimals from 0 to 100.")
    scale = 10 ** int(places.value)
    magnitude = (abs(number.value) * scale * 2 + 1) // 2
    sign = -1 if number.value < 0 else 1
    return Number(Fraction(sign * magnitude, scale), number.exact)


def render(number: Number) -> str:
    """Return *number* as people write it: 12, 0.125, "1/3 (about 0.3333333333)", or "about 1.414213562"."""
    value = number.value
    if not number.exact:
        return f"about {_approximate(value)}"
    if value.denominator == 1:
        return str(value.numerator)
    decimal = _finite_decimal(value)
    if decimal is not None:
        return decimal
    fraction = f"{value.numerator}/{value.denominator}"
    if len(fraction) > MAX_DECIMAL_CHARACTERS:
        return f"about {_approximate(value)}"
    return f"{fraction} (about {_approximate(value)})"


def _finite_decimal(value: Fraction) -> str | None:
    """Return every decimal of *value*; None when they do not end, or are too many to read."""
    below, twos, fives = value.denominator, 0, 0
    while below % 2 == 0:
        below, twos = below // 2, twos + 1
    while below % 5 == 0:
        below, fives = below // 5, fives + 1
    places = max(twos, fives)
    if below != 1 or places > MAX_DECIMAL_CHARACTERS:
        return None
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _approximate(value: Fraction) -> str:
    """Return *value* to SHOWN_DIGITS significant digits, rounded, with an exponent when it is far from 1."""
    if value == 0:
        return "0"
    magnitude = _magnitude(abs(value))
    shift = SHOWN_DIGITS - 1 - magnitude
    scaled = abs(value) * Fraction(10) ** shift
    digits = int((scaled * 2 + 1) // 2)
    if digits >= 10**SHOWN_DIGITS:
        digits, magnitude = digits // 10, magnitude + 1
    sign = "-" if value < 0 else ""
    text = str(digits)
    if -6 <= magnitude < 0:
        return f"{sign}0.{'0' * (-magnitude - 1)}{text}".rstrip("0")
    if 0 <= magnitude < SHOWN_DIGITS:
        whole, decimals = text[: magnitude + 1], text[magnitude + 1 :].rstrip("0")
        return f"{sign}{whole}.{decimals}" if decimals else f"{sign}{whole}"
    decimals = text[1:].rstrip("0")
    return f"{sign}{text[0]}{'.' + decimals if decimals else ''}e{magnitude:+d}"


def _magnitude(value: Fraction) -> int:
    """Return the power of ten of the first digit of *value*, which is positive."""
    guess = len(str(value.numerator)) - len(str(value.denominator))
    return guess if value >= Fraction(10) ** guess else guess - 1


def _bounded(value: Fraction, *sources: Number) -> Number:
    if _bits(value) > MAX_BITS:
        raise _too_large()
    return Number(value, all(source.exact for source in sources))


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _too_large() -> ToolError:
    return ToolError("The result, or a number on the way to it, has more than 3,900 digits: too large.")


def _refuse_zero(number: Number) -> None:
    if number.value == 0:
        raise ToolError("Division by zero has no result.")


def _refuse_inexact(operator: str, *numbers: Number) -> None:
    if not all(number.exact for number in numbers):
        raise ToolError(f"{operator} needs exact numbers, and a root in this expression has no exact value.")
