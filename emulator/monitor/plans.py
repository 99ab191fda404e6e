"""What a query's translation has in common with that of the same query over another range of time.

A dashboard asks the same query again and again, each time with new moments in `let start = datetime(…);`. Translating
takes longer than running most of them. A plan is the translation with places for those moments.
"""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

Thing = TypeVar("Thing")

_MOMENT = re.compile(r"^(let \w+ = datetime\()(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)(\);)$", re.MULTILINE)
MOST_MOMENTS = 8
# Moments no query asks for, whose differences are those of no other two moments either.
_ODD = tuple(f"18{place * place + 3:02}-11-12T13:14:15.{place}70029Z" for place in range(MOST_MOMENTS))


class Latest(Generic[Thing]):
    """The *most* things that were put in or asked for last, by name. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[str, Thing] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> Thing | None:
        with self._lock:
            if (found := self._things.get(name)) is not None:
                self._things.move_to_end(name)
            return found

    def put(self, name: str, thing: Thing) -> Thing:
        with self._lock:
            self._things[name] = thing
            while len(self._things) > self._most:
                self._things.popitem(last=False)
            return thing


class Shape(NamedTuple):
    """A query without its moments, and those. *form* tells queries of one plan from all others."""

    form: str
    moments: tuple[str, ...]

    def text(self, moments: Sequence[str]) -> str:
        given = iter(moments)
        return _PLACE.sub(lambda _: next(given), self.form)


_PLACE = re.compile("\x00")  # in no query: control characters are refused in one that has moments


def shape_of(text: str) -> Shape | None:
    """Return the shape of *text*; None when it names no moments in the form that can be told from all else."""
    moments = tuple(found[1] for found in _MOMENT.findall(text))
    if not moments or len(moments) > MOST_MOMENTS or "\x00" in text:
        return None
    return Shape(_MOMENT.sub("\\1\x00\\3", text), moments)


@dataclass(frozen=True, slots=True)
class Plan:
    """*pieces*: the statement between its moments; *places*: which moment of the query stands after each piece."""

    pieces: tuple[str, ...]
    places: tuple[int, ...]

    def sql(self, moments: Sequence[str]) -> str:
        parts = [self.pieces[0]]
        for piece, place in zip(self.pieces[1:], self.places, strict=True):
            parts += [moments[place], piece]
        return "".join(parts)


def plan_of(shape: Shape, sql: str, translate: Callable[[str], str]) -> Plan | None:
    """Return the plan of *shape*, whose translation is *sql*; None when other moments change more than themselves.

    Translates once more, with odd moments: a translation that computed with them would show.
    """
    if len(set(shape.moments)) < len(shape.moments):
        return None
    odd = _ODD[: len(shape.moments)]
    plan = _split(sql, shape.moments)
    return plan if plan.places and plan == _split(translate(shape.text(odd)), odd) else None


def _split(sql: str, moments: Sequence[str]) -> Plan:
    parts = re.split("(" + "|".join(map(re.escape, moments)) + ")", sql)
    return Plan(tuple(parts[::2]), tuple(moments.index(found) for found in parts[1::2]))
