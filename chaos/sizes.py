"""How many of each a chaos module takes: at full size, and in short. What a module says of itself in SIZE and SHORT counts first."""

from types import ModuleType

SEED = 20261126
SIZES: dict[str, tuple[int, int]] = {  # full, short
    "audit": (1_000, 100),
    "breaker": (50_000, 500),
    "deadlines": (60, 24),
    "degraded": (28, 4),
    "hostile": (1_000, 20),
    "egress": (1, 0),
    "inputs": (20_000, 500),
    "kills": (300, 9),
    "obedience": (200, 20),
    "ordered": (200, 20),
    "questions": (10_000, 300),
    "replies": (2_000, 200),
    "tabs": (200, 10),
    "users": (100, 10),
}
FALLBACK = (1_000, 50)


def size_of(module: ModuleType, name: str, *, short: bool) -> int:
    """Return the size to run *module*, known as *name*, with."""
    full, little = SIZES.get(name, FALLBACK)
    found = getattr(module, "SHORT", little) if short else getattr(module, "SIZE", full)
    assert isinstance(found, int), f"chaos.{name} gives its size as {found!r}"
    return found
