"""Prices are the operator's own. What is not in the list has no cost, and a wrong list ends the start in words."""

from decimal import Decimal
from pathlib import Path

import pytest

from services.errors import ConfigurationError
from services.prices import LONGEST_FILE_BYTES, Prices, load_prices
from services.settings_source import load_settings

GOOD = '[models."GPT-4o"]\ninput_usd_per_million = 2.50\noutput_usd_per_million = 10\n'


@pytest.fixture
def prices(tmp_path: Path) -> Prices:
    return load_prices(str(write(tmp_path, GOOD)))


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "prices.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def problems_of(path: str | Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_prices(str(path))
    assert caught.value.problems
    return "\n".join(caught.value.problems)


def test_a_cost_is_exact_to_the_last_digit(prices: Prices) -> None:
    """In decimals: a thousand small costs must add up to what the bill says."""
    assert prices.cost("gpt-4o", 1_000_000, 0) == Decimal("2.50")
    assert prices.cost("GPT-4O", 3, 1) == Decimal("0.0000175")


def test_free_is_told_apart_from_no_price(prices: Prices) -> None:
    """Zero tokens cost zero; a model without an entry costs nobody knows what."""
    assert prices.cost("gpt-4o", 0, 0) == 0
    assert prices.cost("gpt-4o-mini", 10, 10) is None
    assert prices.cost("", 10, 10) is None
    assert Prices().cost("gpt-4o", 10, 10) is None


@pytest.mark.parametrize("counts", [(None, 1), (1, None), (None, None)])
def test_an_unknown_count_has_no_cost(prices: Prices, counts: tuple[int | None, int | None]) -> None:
    assert prices.cost("gpt-4o", *counts) is None


def test_no_file_means_no_prices() -> None:
    assert load_prices("").models == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "names no model", id="empty"),
        pytest.param("[models]\n", "names no model", id="no-model"),
        pytest.param("models = 3\n", "names no model", id="not-a-table"),
        pytest.param("[models.x\n", "is not valid TOML", id="syntax"),
        pytest.param(b"\xff\xfe\x00", "UTF-8", id="binary"),
        pytest.param(GOOD + "[other]\na = 1\n", "'other'", id="unknown-section"),
        pytest.param("[models]\nx = 2.5\n", "not a table of prices", id="bare-number"),
        pytest.param(
            "[models.x]\ninput_usd_per_million = 1\n", "output_usd_per_million is missing", id="missing"
        ),
        pytest.param(GOOD.replace("2.50", "-1"), "must be a number from 0", id="negative"),
        pytest.param(GOOD.replace("2.50", '"2.50"'), "must be a number from 0", id="text"),
        pytest.param(GOOD.replace("2.50", "true"), "must be a number from 0", id="bool"),
        pytest.param(GOOD.replace("2.50", "nan"), "must be a number from 0", id="nan"),
        pytest.param(GOOD.replace("2.50", "inf"), "must be a number from 0", id="infinite"),
        pytest.param(GOOD.replace("2.50", "1e300"), "must be a number from 0", id="huge"),
        pytest.param(GOOD + "price = 1\n", "price is not read", id="unknown-field"),
        pytest.param(GOOD + GOOD.replace("GPT", "gpt"), "named twice", id="twice"),
        pytest.param("#" * (LONGEST_FILE_BYTES + 1), "larger than", id="too-large"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_in_words(tmp_path: Path, text: str | bytes, said: str) -> None:
    """With the file's name, and what would be right."""
    path = write(tmp_path, text)
    told = problems_of(path)

    assert said in told
    assert f"RELAYDECK_PRICES: {path}" in told


def test_every_problem_of_a_list_is_told_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, "[models.a]\ninput_usd_per_million = -1\n[models.b]\n")
    assert len(problems_of(path).splitlines()) == 4


def test_a_list_that_is_not_there_or_is_a_folder_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in problems_of(tmp_path / "none.toml")
    assert "cannot be read" in problems_of(tmp_path)


def test_the_start_checks_the_list(tmp_path: Path) -> None:
    """With the other settings, before anything runs."""
    assert load_settings({"RELAYDECK_PRICES": str(write(tmp_path, GOOD))}).prices.endswith("prices.toml")
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"RELAYDECK_PRICES": str(tmp_path / "none.toml"), "RELAYDECK_TEAM_SIZE": "0"})
    assert [problem.split(" ")[0] for problem in caught.value.problems] == [
        "RELAYDECK_PRICES:",
        "RELAYDECK_TEAM_SIZE",
    ]
