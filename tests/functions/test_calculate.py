"""The tool calculate: exact, never evaluated as code, always an answer, always soon."""

import contextlib
import time
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.calculate import answer, evaluate
from tools.envelope import ToolError


def calculate(expression: object) -> str:
    return answer({"expression": expression})


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("17 * 23", "391"),
        ("0.1 + 0.2", "0.3"),
        ("1/3", "1/3 (about 0.3333333333)"),
        ("-1/3", "-1/3 (about -0.3333333333)"),
        ("2/3*3", "2"),
        ("1/3 + 1/6", "0.5"),
        ("-1/8", "-0.125"),
        ("-2**2", "-4"),
        ("2**3**2", "512"),
        ("2^10", "1024"),
        ("2**-2", "0.25"),
        ("(-1)**99999999", "-1"),
        ("-7 // 2", "-4"),
        ("-7 % 3", "2"),
        ("--3 - -4", "7"),
        ("1,234,567.5 * 2", "2469135"),
        ("1_000 + 1", "1001"),
        (".5 + 5.", "5.5"),
        ("1.5e3", "1500"),
        ("1e-3", "0.001"),
        ("15% of 80", "12"),
        ("200 * 7%", "14"),
        ("50% - 0.25", "0.25"),
        ("7 % -3", "-2"),
        ("7 % (3)", "1"),
        ("sqrt(16) + sqrt(2.25)", "5.5"),
        ("sqrt(2)", "about 1.414213562"),
        ("4 ** 0.5", "2"),
        ("abs(-3.5)", "3.5"),
        ("round(2.5)", "3"),
        ("round(-2.675, 2)", "-2.68"),
        ("max(100,200, 3)", "200"),
        ("min(1,234)", "1"),
        ("3 × 4 ÷ 2 − 1", "5"),
        ("12*12 = ?", "144"),
        ("2**200", "1606938044258990275541962092341162602522202993782792835301376"),
        ("1/7**40", "1/6366805760909027985741435139224001 (about 1.570646314e-34)"),
        ("10**3000/3", "about 3.333333333e+2999"),
        ("19/20000000 + 1/3 - 1/3", "0.00000095"),
    ],
)
def test_expressions_have_exact_results(expression: str, result: str) -> None:
    """A calculator that is nearly right is of no use to an agent, which cannot check."""
    assert calculate(expression) == result


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("1/0", "Division by zero"),
        ("5 % (3-3)", "Division by zero"),
        ("0**-1", "Division by zero"),
        ("", "empty"),
        ("   ", "empty"),
        ("= ?", "empty"),
        ("what is love", '"what" at character 1'),
        ("__import__('os').system('id')", '"_" at character 1'),
        ("open('/etc/passwd')", '"\'" at character 6'),
        ("2 3", '"3" at character 3'),
        ("2(3)", '"(" at character 2'),
        ("(1 + 2", "opened at character 1 is not closed"),
        ("1 + 2)", '")" at character 6'),
        ("1 +", "ends where a number is due"),
        ("* 3", "A number is due at character 1"),
        ("1..2", '".2" at character 3'),
        ("1,23", "comma at character 2"),
        ("50%-10", "two ways"),
        ("sqrt 4", "needs parentheses"),
        ("sqrt(1, 2)", "does not take 2 numbers"),
        ("sqrt(-1)", "no real square root"),
        ("round(1, 1000)", "0 to 100"),
        ("2 ** 0.3", "whole number"),
        ("sqrt(2) // 1", "needs exact numbers"),
        ("9**9**9**9", "too large"),
        ("9**9999", "too large"),
        ("1e99999999999", "too large"),
        ("\x00", "cannot be read"),
        ("٣ + ٤", "cannot be read"),
        ("2²", '"²" at character 2'),
        ("1" * 1001, "1,001 characters"),
        ("(" * 400 + "1" + ")" * 400, "nested"),
        ("2**" * 300 + "1", "stacked"),
        ("-" * 999, "ends where a number is due"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else None,
)
def test_what_has_no_result_is_answered_in_words(expression: str, error: str) -> None:
    """Each names the place or the limit, so that the agent can write the expression anew."""
    with pytest.raises(ToolError) as caught:
        calculate(expression)

    assert error in str(caught.value)


@pytest.mark.parametrize(
    "argument", [12, None, ["1+1"], {"a": 1}, True], ids=["number", "null", "list", "object", "bool"]
)
def test_an_expression_that_is_no_text_is_refused(argument: object) -> None:
    """A schema is a request to the model, not a promise by it."""
    with pytest.raises(ToolError, match="expression"):
        calculate(argument)


@given(st.text(max_size=60) | st.text("0123456789.,+-*/%^()e sqrtminabo", max_size=60))
def test_any_text_is_answered_or_refused_and_nothing_else(expression: str) -> None:
    """No input may reach the host as an exception: it would be delivered again, and again."""
    try:
        assert calculate(expression)
    except ToolError as refusal:
        assert str(refusal)


@given(st.recursive(
    st.integers(0, 999).map(str),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/"]), inner),
    max_leaves=12,
))  # fmt: skip
def test_the_parser_agrees_with_python_on_fractions(expression: str) -> None:
    """Python's own parser is the reference for precedence; Fraction keeps it exact."""
    exact = "".join(f"Fraction({part})" if part.isdigit() else part for part in _split(expression))
    try:
        expected = Fraction(eval(exact, {"Fraction": Fraction}))
    except ZeroDivisionError:
        with pytest.raises(ToolError, match="Division by zero"):
            evaluate(expression)
        return

    assert evaluate(expression).value == expected


def _split(expression: str) -> list[str]:
    spaced = expression.replace("(", " ( ").replace(")", " ) ")
    return spaced.split()


@pytest.mark.parametrize(
    "expression",
    [
        "*".join(["9" * 40] * 24),
        "/".join(["9" * 40] * 24),
        "+".join(["1/" + "7" * 38] * 24),
        "2**2**2**2**2**2",
    ],
    ids=["products", "quotients", "fractions", "tower"],
)
def test_the_worst_expressions_end_within_a_tenth_of_a_second(expression: str) -> None:
    """A function that runs for minutes blocks its thread, and its agent."""
    started_s = time.perf_counter()
    with contextlib.suppress(ToolError):
        calculate(expression)

    assert time.perf_counter() - started_s < 5
