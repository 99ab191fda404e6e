"""What others type, send and configure, in small: `run.py chaos` asks the same at full size."""

from pathlib import Path

import pytest

from chaos import inputs, kql_tokens, payloads
from emulator.server import Emulator
from services.monitor.kql import literal
from tests.contract.poison_support import open_bench


def careless(text: str) -> str:
    return f'"{text}"'


def test_filters_stay_one_text_in_every_shipped_query() -> None:
    found = inputs.filters(1_500, seed=11)
    assert found.met, found
    assert found.detail["refused_in_words"] != found.detail["filters"]  # some were sent


def test_the_reader_of_tokens_sees_a_filter_that_escapes() -> None:
    """Written by hand, many of the same filters would: a proof that sees none of them proves nothing."""
    calm = kql_tokens.shape(kql_tokens.tokens(f"T | where x == {careless('calm')}"))
    texts = list(payloads.filters(500, seed=11))
    seen = [kql_tokens.shape(kql_tokens.tokens(f"T | where x == {careless(text)}")) != calm for text in texts]
    assert sum(seen) > 100


@pytest.mark.parametrize(
    ("query", "values"),
    [
        (r'"a\"b"', ['a"b']),
        (r"'a\\'", ["a\\"]),
        ('@"a""b\\"', ['a"b\\']),
        ("h'x' H\"y\"", ["x", "y"]),
        ("```a\n\"b'```", ["a\n\"b'"]),
        ('"a" // "b"\n"c"', ["a", "c"]),
    ],
)
def test_the_reader_knows_every_form_of_text(query: str, values: list[str]) -> None:
    assert [one.value for one in kql_tokens.tokens(query) if one.kind == "text"] == values


@pytest.mark.parametrize("query", ['"a\nb"', '"a', r'"\q"', "```a"])
def test_a_text_without_an_end_is_broken(query: str) -> None:
    assert kql_tokens.tokens(query)[-1].kind == "broken"


def test_our_literals_are_read_back_as_they_were() -> None:
    for text in ("", 'a"b', "a\\", "\n\r\t", "é漢𝔘", "//", "```", "{x}"):
        assert kql_tokens.tokens(literal("string", text)) == [kql_tokens.Token("text", text)]


def test_no_hostile_address_is_accepted() -> None:
    """Those that begin as they should and are made up best come first."""
    found = inputs.addresses(200, seed=11)
    assert found.met, found


def test_attacks_ids_and_messages_do_nothing(emulator: Emulator, tmp_path: Path) -> None:
    with open_bench(emulator) as bench:
        for found in (
            inputs.attacks(3, 11, bench, tmp_path),
            inputs.ids(40, 11, bench),
            inputs.messages(24, 11, bench),
        ):
            assert found.met, found
