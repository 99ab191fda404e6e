"""How a run's outcome looks: a sign, a word and a colour, the same all over the Runs page."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Look:
    """*sign* and *symbol* tell it apart without colour: in the list, and as a point of a chart."""

    sign: str
    word: str
    colour: str
    symbol: str

    @property
    def words(self) -> str:
        return f"{self.sign} {self.word}"


LOOKS: Final[dict[str, Look]] = {
    "answered": Look("✓", "Answered", "green", "circle"),
    "failed": Look("✕", "Failed", "red", "x"),
    "expired": Look("◷", "Expired", "orange", "diamond"),
    "cancelled": Look("■", "Stopped", "gray", "square"),
}
OTHER: Final = Look("?", "Not known", "gray", "cross")


def look_of(outcome: object) -> Look:
    """Return the look of an outcome; for one that there is not, that of what is not known."""
    return LOOKS.get(str(outcome), OTHER)
