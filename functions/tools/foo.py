"""The foo bot: answers questions of general knowledge from a file of facts, and says so when it has none.

Each fact in data/facts.csv has groups of keywords ("prevalent|abundant|common element universe|cosmos"): one word
of every group must occur in the question (of four or more groups one may be missing). The fact that meets the most
groups wins, and at least half of the question's own words must be accounted for.
"""

import csv
import functools
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

from tools.envelope import Arguments, ToolError, shorten, text_argument
from tools.queues import APP_ROOT

FACTS_FILE = APP_ROOT / "data" / "facts.csv"
MAX_QUERY_CHARACTERS = 4000
_FORGIVING_FROM = 4
_EXPLAINED = Fraction(1, 2)
_WORD = re.compile(r"[^\W_]+")
_FILLER_TEXT = (
    "a about all am an and answer any are as ask at bot by can could did do does for foo from "
    "function get give had has have he her how i if in into is it its know like many may me more "
    "most much my of on one or our out please question s say says shall she should so some tell than "
    "that the their them then there these they thi think this to toward us use was we were what when "
    "where which who whom whose why will with would you your"
)
_FILLERS = frozenset(_FILLER_TEXT.split())


@dataclass(frozen=True, slots=True)
class Fact:
    groups: tuple[frozenset[str], ...]
    answer: str


def answer(arguments: Arguments) -> str:
    """Return the answer to the argument query. Raises ToolError when query is missing, no text, empty or too long."""
    query = text_argument(arguments, "query")
    if len(query) > MAX_QUERY_CHARACTERS:
        raise ToolError(
            f"The question is {len(query):,} characters long; the foo bot reads {MAX_QUERY_CHARACTERS:,}."
        )
    fact = find(query)
    if fact is None:
        return f"The foo bot does not know. It has no fact about: {shorten(query, 120)}"
    return fact.answer


def find(query: str) -> Fact | None:
    """Return the fact that fits *query* best; None when none fits well enough."""
    words = _words(query)
    ranked = [(rank, fact) for fact in facts() if (rank := _rank(fact, words)) is not None]
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None


@functools.cache
def facts() -> tuple[Fact, ...]:
    """Return every fact of the file, in its order."""
    with FACTS_FILE.open(encoding="utf-8", newline="") as file:
        return tuple(Fact(_groups(row["keywords"]), row["answer"]) for row in csv.DictReader(file))


def _rank(fact: Fact, words: frozenset[str]) -> tuple[int, Fraction] | None:
    """Return how well *fact* fits: groups met, then the share of *words* explained. None: not at all."""
    met = sum(1 for group in fact.groups if group & words)
    needed = len(fact.groups) - (1 if len(fact.groups) >= _FORGIVING_FROM else 0)
    if met < needed or not met:
        return None
    known = frozenset().union(*fact.groups) | frozenset(_words(fact.answer))
    telling = words - _FILLERS
    explained = Fraction(len(telling & known), max(len(telling), 1))
    return (met, explained) if explained >= _EXPLAINED else None


def _groups(keywords: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(map(_stem, group.split("|"))) for group in keywords.split())


def _words(text: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(character for character in plain if not unicodedata.combining(character))
    return frozenset(_stem(word) for word in _WORD.findall(letters))


def _stem(word: str) -> str:
    """Return *word* without a plural s: coarse, but the same on both sides."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
