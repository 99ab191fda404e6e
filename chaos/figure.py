"""A figure that the chaos suite reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Figure:
    """*met*: whether *value* reaches *goal*; *detail*: what else was counted, and the seed."""

    name: str
    value: float
    goal: float
    unit: str
    met: bool
    detail: Mapping[str, object] = field(default_factory=dict)
