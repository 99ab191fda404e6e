"""Questions that show what the team can do: every function tool, plain talk, and faults that a function tells of."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

_FOO = (
    ("What would foo say about the most prevalent element in the universe?", 48),
    ("What would foo say about the lightest element?", 24),
    ("What would foo say about the most prevalent gas in the atmosphere?", 44),
    ("What would foo say about the most common metal in the Earth's crust?", 46),
    ("What would foo say about the speed of a swallow?", 58),
)
_SUMS = (
    ("What is (12.5 + 7) * 3?", "(12.5 + 7) * 3"),
    ("What is 17 percent of 2480?", "2480 * 17 / 100"),
    ("What is sqrt(2) * 100?", "sqrt(2) * 100"),
    ("What is 2 ** 32?", "2 ** 32"),
    ("What is 365 * 24 * 60?", "365 * 24 * 60"),
)
_ORDERS = ("A-1001", "A-1004", "A-1007", "A-1012", "A-1019")
_PLAIN = ("Hello, who are you?", "What can you do for me?", "Thank you!")
_MISTAKES = (
    ("What is 1/0?", "calculate", {"expression": "1/0"}),
    ("Where is order Z-0000?", "order_status", {"order_id": "Z-0000"}),
)
# Of twenty questions: how many there are of each kind. Every kind comes up early, so that a short look shows all.
_ROUND = [
    "calculate",
    "foo",
    "order_status",
    "plain",
    "calculate",
    "mistake",
    "order_status",
    "foo",
    "calculate",
    "order_status",
    "foo",
    "calculate",
    "order_status",
    "calculate",
    "foo",
    "plain",
    "order_status",
    "calculate",
    "foo",
    "order_status",
]


@dataclass(frozen=True, slots=True)
class Sample:
    """*tool*: the function that it takes, empty for plain talk. *arguments*: of that call, as JSON.

    *words*: about how long the reply is. *refused*: whether the function answers that it cannot be done.
    """

    text: str
    tool: str = ""
    arguments: str = ""
    words: int = 16
    refused: bool = False


class Samples:
    """An endless, repeatable series: the same *chance* gives the same questions. *output_queue*: of the tool foo."""

    def __init__(self, chance: random.Random, output_queue: str = "") -> None:
        self._chance, self._output_queue = chance, output_queue
        self._round = cycle(_ROUND)
        self._make: dict[str, Callable[[], Sample]] = {
            "foo": self._foo,
            "calculate": self._sum,
            "order_status": self._order,
            "plain": lambda: Sample(chance.choice(_PLAIN)),
            "mistake": self._mistake,
        }

    def next(self) -> Sample:
        """Return the next question of the round, which has no end."""
        return self._make[next(self._round)]()

    def _foo(self) -> Sample:
        text, words = self._chance.choice(_FOO)
        address = {"outputqueueuri": self._output_queue} if self._output_queue else {}
        return Sample(text, "foo", _json({"query": text, **address}), words)

    def _sum(self) -> Sample:
        text, expression = self._chance.choice(_SUMS)
        return Sample(text, "calculate", _json({"expression": expression}), 12)

    def _order(self) -> Sample:
        order = self._chance.choice(_ORDERS)
        return Sample(f"Where is order {order}?", "order_status", _json({"order_id": order}), 22)

    def _mistake(self) -> Sample:
        text, tool, arguments = self._chance.choice(_MISTAKES)
        return Sample(text, tool, _json(arguments), 14, refused=True)


def _json(arguments: object) -> str:
    return json.dumps(arguments, ensure_ascii=False)
