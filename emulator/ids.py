"""The only source of ids and of chance in Local Azure; a seed makes a run repeatable."""

import random
import string
import uuid

_ALPHABET = string.ascii_letters + string.digits


class Ids:
    def __init__(self, seed: int | None = None) -> None:
        self.reseed(seed)

    def reseed(self, seed: int | None = None) -> None:
        """Start over from *seed*; None draws one from the operating system."""
        self._random = random.Random(seed) if seed is not None else random.SystemRandom()  # noqa: S311 - a seed is the point

    def new(self, prefix: str) -> str:
        """Return an id as the Agent Service writes them: *prefix* and 24 letters and digits."""
        return prefix + "_" + "".join(self._random.choices(_ALPHABET, k=24))

    def guid(self) -> str:
        """Return a random GUID, lower case, with hyphens."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def token(self, size: int = 16) -> str:
        """Return *size* random hexadecimal digits."""
        return f"{self._random.getrandbits(size * 4):0{size}x}"

    def uniform(self, low: float, high: float) -> float:
        """Return a random number from *low* to *high*."""
        return self._random.uniform(low, high)
