"""What tokens cost, by the operator's own price list. There is no built-in price: a model without an entry has no cost.

The list is a TOML file that RELAYDECK_PRICES names:

    [models."gpt-4o"]
    input_usd_per_million = 2.50
    output_usd_per_million = 10.00
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from services.errors import ConfigurationError

MILLION = Decimal(1_000_000)
LONGEST_FILE_BYTES = 256_000
HIGHEST_USD_PER_MILLION = Decimal(1_000_000)
INPUT, OUTPUT = "input_usd_per_million", "output_usd_per_million"
READING = "read the price list"


@dataclass(frozen=True, slots=True)
class Price:
    """USD for a million tokens that a model reads, and for a million that it writes."""

    input_usd_per_million: Decimal
    output_usd_per_million: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of models by name; upper and lower case are one. Empty: nobody has set any."""

    models: Mapping[str, Price] = field(default_factory=dict)

    def price_of(self, model: str) -> Price | None:
        """Return the price of *model*; None when none is set."""
        return self.models.get(model.strip().casefold())

    def cost(self, model: str, input_tokens: float | None, output_tokens: float | None) -> Decimal | None:
        """Return what these tokens cost in USD; None when no price is set for *model* or a count is not known."""
        price = self.price_of(model)
        if price is None or input_tokens is None or output_tokens is None:
            return None
        read, written = Decimal(str(input_tokens)), Decimal(str(output_tokens))
        return (read * price.input_usd_per_million + written * price.output_usd_per_million) / MILLION


def load_prices(path: str) -> Prices:
    """Return the prices in the file at *path*, none when it is empty. Sends nothing.

    Raises ConfigurationError, whose `problems` holds one line for each thing to correct.
    """
    if not path:
        return Prices()
    problems: list[str] = []
    document = _read(path, problems)
    models = _models(document, path, problems) if not problems else {}
    if problems:
        raise ConfigurationError("\n".join(problems), operation=READING, problems=tuple(problems))
    return Prices(models)


def _read(path: str, problems: list[str]) -> Mapping[str, object]:
    name = f"RELAYDECK_PRICES: {path}"
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(LONGEST_FILE_BYTES + 1)
        if len(content) > LONGEST_FILE_BYTES:
            problems.append(
                f"{name} is larger than {LONGEST_FILE_BYTES:,} bytes, which no price list needs to be."
            )
            return {}
        return tomllib.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except OSError as exc:
        problems.append(f"{name} cannot be read: {exc.strerror or exc}. Leave it empty to have no prices.")
    except UnicodeDecodeError:
        problems.append(f"{name} is not a text file in UTF-8.")
    except (ValueError, ArithmeticError, RecursionError) as exc:
        problems.append(f"{name} is not valid TOML: {exc}. Example: {_example('gpt-4o')}")
    return {}


def _models(document: Mapping[str, object], path: str, problems: list[str]) -> dict[str, Price]:
    name = f"RELAYDECK_PRICES: {path}"
    problems += [
        f"{name} has an entry {key!r}, and only `models` is read." for key in document.keys() - {"models"}
    ]
    entries = document.get("models")
    if not isinstance(entries, Mapping) or not entries:
        problems.append(f"{name} names no model. Example: {_example('gpt-4o')}")
        return {}
    found: dict[str, Price] = {}
    for model, entry in entries.items():
        where = f"{name}, model {model!r}"
        key = str(model).strip().casefold()
        if key in found:
            problems.append(f"{where}: it is named twice; upper and lower case are one.")
        if not isinstance(entry, Mapping):
            problems.append(f"{where}: it is not a table of prices. Example: {_example(str(model))}")
            continue
        if unknown := sorted(map(str, entry.keys() - {INPUT, OUTPUT})):
            problems.append(f"{where}: {', '.join(unknown)} is not read; {INPUT} and {OUTPUT} are.")
        amounts = [_amount(entry, field_name, where, problems) for field_name in (INPUT, OUTPUT)]
        found[key] = Price(*(amount or Decimal(0) for amount in amounts))
    return found


def _amount(entry: Mapping[object, object], name: str, where: str, problems: list[str]) -> Decimal | None:
    if name not in entry:
        problems.append(f"{where}: {name} is missing.")
        return None
    value = entry[name]
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        amount = Decimal(value)
        if amount.is_finite() and 0 <= amount <= HIGHEST_USD_PER_MILLION:
            return amount
    problems.append(
        f"{where}: {name} must be a number from 0 to {HIGHEST_USD_PER_MILLION:,}, as in {name} = 2.50"
    )
    return None


def _example(model: str) -> str:
    return f'[models."{model}"] with {INPUT} = 2.50 and {OUTPUT} = 10.00'
