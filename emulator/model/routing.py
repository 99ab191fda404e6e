"""Which tool a question is for: by name, description, parameters, what connected agents know, and the instructions."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from emulator.model import Tool
from emulator.model.arguments import read_parameters
from emulator.model.arithmetic import find_expression
from emulator.model.asked import Asked, analyse
from emulator.model.clauses import clause_of, without_name, without_quotations
from emulator.model.instructions import Instructions, read_instructions, split_condition
from emulator.model.kinds import Parameter
from emulator.model.lexicon import TOOL_NOISE, word_list
from emulator.model.text import close, name_words, related, stem, stems
from emulator.model.values import currencies, dates, emails, ids, tickers

CHOSEN_FROM = 0.6
_HEAD_AS_GOOD = 0.5
_AS_GOOD = 0.8  # of tools that score nearly the same, the one asked for first is meant
ORDERED = 9.0  # the score of a tool that a quoted trigger of the instructions names
_NAME, _DESCRIPTION, _RULE, _PARAMETER, _KNOWLEDGE = 1.5, 1.0, 1.3, 0.7, 1.0
_RELATED_COUNTS = 0.75
_KNOWS_FROM = 0.6
_READ_WHOLE = 20_000  # characters of knowledge whose every word counts a little; beyond, only what it answers
_NOISE = frozenset(stem(word) for word in TOOL_NOISE)
_NAME_NOISE = _NOISE - frozenset(
    stem(word) for word in ("user", "name", "number", "request", "string", "data")
)
_ARITHMETIC = frozenset(
    stem(w)
    for w in word_list(
        "calculate calculator calculation compute arithmetic math maths expression formula evaluate sum"
    )
)
_ID_WORDS = frozenset(
    (
        "order",
        "ticket",
        "invoic",
        "track",
        "parcel",
        "shipment",
        "package",
        "book",
        "claim",
        "account",
        "serial",
        "asset",
        "devic",
        "id",
        "referenc",
        "case",
    )
)
_GENERAL = frozenset(stem(w) for w in word_list("question questions anything everything all any every user users message messages request requests answer answers help task tasks prompt prompts input inputs asked specific domain fact facts information knowledge reply respond response appropriate suitable right fitting relevant available connected provided needed necessary required possible"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profile:
    """A tool as the router sees it. *weights*: what each stem of its own words counts."""

    tool: Tool
    weights: dict[str, float]
    parameters: tuple[Parameter, ...]
    knowledge: Instructions | None
    arithmetic: bool
    takes_id: bool

    @property
    def vocabulary(self) -> frozenset[str]:
        return frozenset(word for word, weight in self.weights.items() if weight >= _DESCRIPTION)


@dataclass(frozen=True, slots=True)
class Route:
    """*ordered*: the instructions send this question here, whatever its words are."""

    profile: Profile
    score: float
    ordered: bool
    heads: bool = False  # the first thing asked for is in the tool's name: «the weather where user 7 lives»
    first: int = 0  # which word of the question speaks for it first
    evidence: float = 0.0  # the part of the score that comes from dates, ids, sums and known facts


def profile(tool: Tool) -> Profile:
    return _profile(
        tool.name,
        tool.description,
        tool.kind,
        json.dumps(tool.parameters, sort_keys=True, default=str),
        tool.knowledge,
    )


@lru_cache(maxsize=512)
def _profile(name: str, description: str, kind: str, schema: str, knowledge: str) -> Profile:
    parameters: dict[str, object] | None = json.loads(schema)
    tool = Tool(name, description, kind, parameters, knowledge)  # type: ignore[arg-type]  # kind came from a Tool
    read = tuple(read_parameters(parameters))
    known = read_instructions(knowledge) if knowledge else None
    weights: dict[str, float] = {}

    def count(found: Sequence[str], weight: float, noise: frozenset[str] = _NOISE) -> None:
        for word in found:
            if word not in noise:
                weights[word] = max(weights.get(word, 0.0), weight)

    if known:
        count(sorted(known.topics), _KNOWLEDGE)
        if known.facts.size <= _READ_WHOLE:
            count(sorted(known.facts.vocabulary()), 0.5)
        for sentence in known.sentences[:200]:
            if re.search(r"\w_\w|\btools?\b|\bfunctions?\b|:", sentence):
                count(stems(sentence), _KNOWLEDGE)
    for parameter in read:
        count(sorted(parameter.about), 0.5)
        count(sorted(parameter.words), _PARAMETER)
        choices = parameter.schema.get("enum")
        count(stems(" ".join(str(c) for c in choices)) if isinstance(choices, list) else [], _DESCRIPTION)
    count(stems(description), _DESCRIPTION)
    count([stem(word) for word in name_words(name) if len(word) > 1], _NAME, _NAME_NOISE)
    own = frozenset(weights)
    arithmetic = (
        len(own & _ARITHMETIC) >= 2 or any(p.kind == "expression" for p in read) or stem("calculate") in own
    )
    takes_id = any(p.kind == "id" for p in read) or bool(own & _ID_WORDS)
    return Profile(tool, weights, read, known, arithmetic, takes_id)


class Router:
    """Chooses among *tools* as *instructions* say."""

    def __init__(self, tools: Sequence[Tool], instructions: Instructions) -> None:
        self.profiles = [profile(tool) for tool in tools]
        self._instructions = instructions
        self._told = {p.tool.name: self._told_about(p.tool.name) for p in self.profiles}

    def choose(self, asked: Asked) -> Route | None:
        """Return where *asked* goes; None when no tool fits."""
        routes = [route for route in self.rank(asked) if route.ordered or route.score >= CHOSEN_FROM]
        return routes[0] if routes else None

    def rank(self, asked: Asked) -> list[Route]:
        routes = [self._route(p, asked) for p in self.profiles]
        routes = [self._by_trigger(routes, asked), *routes] if self._triggered(asked) else routes
        if len(self.profiles) == 1 and not routes[0].ordered and self._must_use(asked, routes[0].score):
            routes = [Route(routes[0].profile, routes[0].score, ordered=True)]
        routes.sort(key=lambda r: (not r.ordered, -r.score))
        rivals = [r for r in routes if _rivals(r, routes[0])]
        rivals.sort(key=lambda r: (not r.heads, -r.evidence, r.first))
        return [*rivals, *(r for r in routes if r not in rivals)]

    def find(self, name: str) -> Profile | None:
        return next((p for p in self.profiles if p.tool.name == name), None)

    def for_each_message(self) -> list[Profile]:
        """Return the agents that the instructions want asked about every message: «use them to determine its priority and team»."""
        for rule in self._instructions.tool_rules:
            if rule.forbids or rule.when or not _EVERY_AGENT.search(rule.text):
                continue
            wanted = frozenset(stems(rule.text)) - _NOISE
            named = [p for p in self.profiles if wanted & {stem(word) for word in name_words(p.tool.name)}]
            if len(named) > 1 and all(p.tool.kind == "connected_agent" for p in named):
                return named
        return []

    def mentions_tool(self, text: str) -> bool:
        """Return whether *text* (a passage of the instructions) speaks of one of the tools by name."""
        lowered = text.lower()
        return any(self._names(p.tool.name, lowered) for p in self.profiles)

    def named_in(self, text: str) -> list[Profile]:
        return [p for p in self.profiles if self._names(p.tool.name, text.lower())]

    @staticmethod
    def _names(name: str, lowered: str) -> bool:
        parts = name_words(name)
        plain = name.lower()
        if len(parts) == 1:  # an everyday word such as «weather» names the tool only beside words about tools
            if plain not in lowered:
                return False
            near = r"(?:tools?|functions?|agents?|bots?|assistants?)"
            return bool(
                re.search(
                    rf"\b(?:use|call|invoke|ask|consult|run|{near}|delegate to|pass to|hand to|route to|via|goes to|go to)\s+(?:the\s+)?[\"'`]?{re.escape(plain)}\b|(?<!\w)[\"'`]?{re.escape(plain)}[\"'`]?\s+{near}\b|`{re.escape(plain)}`",
                    lowered,
                )
            )
        if plain in lowered and re.search(rf"(?<!\w){re.escape(plain)}(?!\w)", lowered):
            return True
        return " ".join(parts) in lowered

    # Scores ---------------------------------------------------------------------------------------

    def _route(self, p: Profile, asked: Asked) -> Route:
        told, forbidden, ordered = self._told[p.tool.name]
        if forbidden and any(_overlap(rule, asked) for rule in forbidden):
            return Route(p, 0.0, ordered=False)
        total = best_possible = 0.0
        strong, heads, first = False, False, len(asked.terms)
        for at, term in enumerate(asked.terms):
            counts = self._counts(p, told, term.stem, term.word)
            if not counts and term.stem in _NOISE:
                continue
            weight = 0.5 if term.name and counts < _DESCRIPTION else 1.0
            best_possible += weight
            total += weight * counts
            if counts >= _RELATED_COUNTS * _DESCRIPTION and not term.stem.isdigit():
                strong, first, heads = True, min(first, at), heads or (at == 0 and counts >= _NAME)
        hint = _RELATED_COUNTS * max((p.weights.get(word, 0.0) for word in asked.hinted), default=0.0)
        total, strong = total + hint, strong or hint >= _RELATED_COUNTS
        coverage = min(1.0, total / best_possible) if best_possible else 1.0
        score = total * (0.7 + 0.3 * coverage) if strong else total * 0.5
        evidence = self._evidence(p, asked, strong)
        by_name = "_" in p.tool.name and self._names(p.tool.name, asked.text.lower())
        return Route(p, score + evidence, ordered or by_name, heads, first, evidence)

    def _counts(self, p: Profile, told: dict[str, float], word: str, spelled: str) -> float:
        best = max(p.weights.get(word, 0.0), told.get(word, 0.0))
        if not best:
            alike = related(word)
            best = _RELATED_COUNTS * max(
                (max(p.weights.get(w, 0.0), told.get(w, 0.0)) for w in alike), default=0.0
            )
        if not best and len(spelled) >= 5:
            best = 0.8 * max(
                (weight for own, weight in p.weights.items() if len(own) >= 4 and close(own, spelled)),
                default=0.0,
            )
        return best

    def _evidence(self, p: Profile, asked: Asked, strong: bool) -> float:
        """Return what the kind of question says, apart from its words."""
        found = 0.0
        if p.arithmetic and find_expression(asked.text):
            found += 2.5
        if p.takes_id and (seen := ids(asked.text)):
            found += 0.6 if strong else 0.4
            found += 0.4 if any(_resembles(i.value, p) for i in seen) else 0.0
        kinds = {parameter.kind for parameter in p.parameters}
        if kinds & {"date", "datetime"} and dates(asked.text):
            found += 0.3
        if "email" in kinds and emails(asked.text):
            found += 0.6
        if "ticker" in kinds and tickers(asked.text):
            found += 0.8
        if "currency" in kinds and len(currencies(asked.text)) > 1:
            found += 1.0
        if p.knowledge is not None and (knows := p.knowledge.knows(asked)) >= _KNOWS_FROM:
            found += 2.0 * knows
        return found

    # Instructions ---------------------------------------------------------------------------------

    def _told_about(self, name: str) -> tuple[dict[str, float], list[Asked], bool]:
        """Return the stems that the instructions connect with a tool, what it is not for, and whether it is for all."""
        told: dict[str, float] = {}
        forbidden: list[Asked] = []
        always = False
        others = [p.tool.name for p in self.profiles if p.tool.name != name]
        if not self._names(name, self._instructions.lowered):
            return told, forbidden, always
        for sentence in self._instructions.sentences:
            sentence = without_quotations(sentence)
            if not self._names(name, sentence.lower()):
                continue
            clause = clause_of(sentence, name, others)
            if re.search(r"\b(?:never|not|don't|except|avoid)\b", clause, re.IGNORECASE) and not re.search(
                r"\b(?:if|when)\b.*\bnot\b", clause
            ):
                forbidden.append(analyse(without_name(clause, name)))
                continue
            found = [word for word in stems(without_name(clause, name)) if word not in _NOISE]
            if (
                re.search(
                    r"\b(?:use|call|invoke|delegate|route|always|ask|forward|send|pass)\b",
                    sentence,
                    re.IGNORECASE,
                )
                and set(found) <= _GENERAL | _VERBS
            ):
                always = always or (
                    bool(re.search(r"\b(?:always|every|all|any|each)\b", sentence, re.IGNORECASE))
                    and not split_condition(sentence)[0]
                )
            for word in found:
                if word not in _GENERAL | _VERBS:
                    told[word] = _RULE
        return told, forbidden, always

    def _triggered(self, asked: Asked) -> bool:
        return any(
            rule.when and rule.when.triggers and not rule.forbids and rule.when.met_by(asked)
            for rule in self._instructions.tool_rules
        )

    def _by_trigger(self, routes: Sequence[Route], asked: Asked) -> Route:
        """Return the tool that the met trigger names; without a name, the one whose words fit the rule best."""
        rule = next(
            r
            for r in self._instructions.tool_rules
            if r.when and r.when.triggers and not r.forbids and r.when.met_by(asked)
        )
        named = self.named_in(rule.text)
        if named:
            return Route(named[0], ORDERED, ordered=True)
        functions = [
            r
            for r in routes
            if ("function" in rule.text.lower()) == (r.profile.tool.kind != "connected_agent")
        ] or routes
        wanted = analyse(rule.text)
        best = max(functions, key=lambda r: (self._route(r.profile, wanted).score, r.score))
        return Route(best.profile, ORDERED, ordered=True)

    def _must_use(self, asked: Asked, score: float) -> bool:
        """Return whether the instructions send every question, or this kind, to the only tool there is."""
        for rule in self._instructions.tool_rules:
            if rule.forbids or not (rule.generic or self.mentions_tool(rule.text)):
                continue
            if rule.when and rule.when.occasion in ("question", "greeting", "thanks", "failure"):
                if rule.when.occasion == "question" and rule.when.met_by(asked):
                    return True
                continue
            purpose = frozenset(stems(rule.text)) - _NOISE - _GENERAL - _VERBS
            purpose -= frozenset(stem(w) for p in self.profiles for w in name_words(p.tool.name))
            if (
                not purpose
                or purpose & asked.stems
                or any(not related(w).isdisjoint(asked.stems) for w in purpose)
                or score >= 0.6
            ):
                return True
        return False


_EVERY_AGENT = re.compile(
    r"\b(?:tools|agents|assistants|specialists|bots|colleagues)\b.*\b(?:to|and)\s+(?:determine|assess|evaluate|analy[sz]e|estimate|identify|decide|classify|review|check)\b",
    re.IGNORECASE,
)
_VERBS = frozenset(stem(w) for w in word_list("use call invoke delegate route forward ask consult hand pass send query run execute trigger refer transfer redirect rely always only must should please then get getting fetch obtain retrieve find provide give return look"))  # fmt: skip


def _resembles(value: str, p: Profile) -> bool:
    """Return whether an id looks like the example that the tool gives: A-1002 and «e.g. A-1001»."""
    letters = re.match(r"[A-Za-z]+", value)
    if letters is None:
        return False
    given = (
        " ".join(str(q.schema.get("description", "")) for q in p.parameters)
        + p.tool.description
        + p.tool.knowledge[:_READ_WHOLE]
    )
    return bool(re.search(rf"\b{re.escape(letters[0])}[-_ ]?\d", given))


def _rivals(route: Route, best: Route) -> bool:
    if route.ordered != best.ordered:
        return False
    if route.heads and best.first > 0:
        return route.score >= _HEAD_AS_GOOD * best.score
    return route.score >= _AS_GOOD * best.score and route.evidence >= best.evidence


def _overlap(forbidden: Asked, asked: Asked) -> bool:
    topics = forbidden.stems - _NOISE - _VERBS - {"never", "not", "avoid", "except"}
    return bool(topics) and len(topics & asked.stems) * 2 >= len(topics)
