"""An axis as a figure describes it: where on it a value lies, and where its marks are."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log10
from typing import Any

ACROSS, UP = 4_000, 1_000  # steps of the place of a mark
Look = Mapping[str, Any]


class UnpicturedError(Exception):
    """plotly draws this in a way that is not written here."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis as the figure describes it. Its range and its marks must be told: plotly would choose by the width."""

    look: Look

    @property
    def domain(self) -> tuple[float, float]:
        low, high = self.look.get("domain", (0.0, 1.0))
        return float(low), float(high)

    @property
    def title(self) -> str:
        return str(self.look.get("title", {}).get("text") or "")

    @property
    def marks(self) -> list[tuple[float, str]]:
        """Return place, as a share of the axis, and word of each mark within the range."""
        placed = zip(self.look.get("tickvals", ()), self.look.get("ticktext", ()), strict=True)
        found = [(self.share(value), str(word)) for value, word in placed]
        return [(share, word) for share, word in found if -1e-6 <= share <= 1 + 1e-6]

    def share(self, value: Any) -> float:
        """Return where *value* lies, from 0 to 1 within the range."""
        if "range" not in self.look or "tickvals" not in self.look:
            raise UnpicturedError
        low, high = self.look["range"]
        if self.look.get("type") == "log":
            value = log10(value)
        if type(value) is not type(low) and not _are_numbers(value, low):
            raise UnpicturedError
        return float((value - low) / (high - low))

    def length(self, size: float) -> float:
        """Return how long *size* is, of the range as a whole; milliseconds along time."""
        low, high = self.look["range"]
        return float(
            timedelta(milliseconds=size) / (high - low) if isinstance(low, datetime) else size / (high - low)
        )


def _are_numbers(*values: object) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
