"""Candidate values for a parameter of each kind, found in one text."""

import re
from dataclasses import replace

from emulator.model import values
from emulator.model.arithmetic import find_expression
from emulator.model.fitting import alike, clock, neighbours, uncounted, within
from emulator.model.kinds import Parameter, described_choices
from emulator.model.lexicon import LANGUAGES, TICKERS
from emulator.model.spotter import Candidate, Json, Spotter
from emulator.model.text import fold, related, stem, stems, words
from emulator.model.values import Found

_PLACE_BEFORE = frozenset(("in", "at", "near", "for", "of", "around", "to", "from", "about"))
_COLON = re.compile(r":\s+(?P<text>\S.*)$", re.DOTALL)
_NEGATED = re.compile(
    r"\b(?:without|no|not|exclud\w*|don't|do not|except|skip|disable\w*|off|false)\b", re.IGNORECASE
)
_SAID_OUTRIGHT = re.compile(
    r"\b(?:(?P<yes>true|yes|enabled|turned on|switched on)|false|disabled|turned off|switched off)\b",
    re.IGNORECASE,
)


class Source(Spotter):
    """Finds the candidates for a parameter of each kind."""

    def candidates(self, parameter: Parameter) -> list[Candidate]:
        """Return what may fill *parameter*, best first; of equal ones the first in the text."""
        finder = getattr(self, f"_{parameter.kind}", None)
        found: list[Candidate] = finder(parameter) if finder else []
        found.extend(self._explicit(parameter))
        found.extend(self._described(parameter))
        return sorted(found, key=lambda c: (-c.score, c.start))

    def _described(self, parameter: Parameter) -> list[Candidate]:
        """Return those of the values named in the description that the text speaks of."""
        if parameter.type != "string" or parameter.kind in ("enum", "query"):
            return []
        choices = described_choices(str(parameter.schema.get("description") or ""))
        chosen = replace(parameter, schema={**parameter.schema, "enum": list(choices)}, kind="enum")
        found = self._enum(chosen) if choices else []
        return [replace(c, score=c.score + 0.6) for c in found if c.score >= 1.0]

    # Kinds ----------------------------------------------------------------------------------------

    def _expression(self, parameter: Parameter) -> list[Candidate]:
        expression = find_expression(self.text)
        return [Candidate(expression, 0, 0, 2.0)] if expression else []

    def _email(self, parameter: Parameter) -> list[Candidate]:
        return self._scored(values.emails(self.text), parameter, 1.0)

    def _url(self, parameter: Parameter) -> list[Candidate]:
        return self._scored(values.urls(self.text), parameter, 1.0)

    def _phone(self, parameter: Parameter) -> list[Candidate]:
        return self._scored(values.phones(self.text), parameter, 0.9)

    def _date(self, parameter: Parameter) -> list[Candidate]:
        strict = parameter.schema.get("format") in ("date", "date-time") or bool(
            re.search(r"iso|yyyy|\d{4}-\d\d", str(parameter.schema.get("description", "")), re.IGNORECASE)
        )
        found = []
        for candidate in self._scored(values.dates(self.text), parameter, 1.0):
            written = str(candidate.value)
            iso = values.iso_date(written, self.today)
            value = iso if iso and (strict or re.search(r"\d", written)) else None if strict else written
            if value:
                found.append(Candidate(value, candidate.start, candidate.end, candidate.score))
        return found

    def _time(self, parameter: Parameter) -> list[Candidate]:
        return self._scored(values.times(self.text), parameter, 1.0) or (
            self._date(parameter)
            if parameter.type == "string" and "time" in parameter.words and len(parameter.words) == 1
            else []
        )

    def _datetime(self, parameter: Parameter) -> list[Candidate]:
        days, hours = self._date(parameter), values.times(self.text)
        stamps = [c for c in days if "T" in str(c.value)]
        if stamps or not days:
            return stamps or self._scored(hours, parameter, 0.8)
        stamp = (
            f"T{clock(hours[0].value)}"
            if hours
            else "T00:00:00Z"
            if parameter.schema.get("format") == "date-time"
            else ""
        )
        return [Candidate(f"{day.value}{stamp}", day.start, day.end, day.score) for day in days]

    def _id(self, parameter: Parameter) -> list[Candidate]:
        found = []
        for candidate in self._scored(values.ids(self.text), parameter, 0.9):
            value: Json = candidate.value
            if parameter.type in ("integer", "number"):
                digits = re.sub(r"\D", "", str(value))
                value = int(digits) if digits else None
            if value is not None:
                found.append(
                    Candidate(
                        value,
                        candidate.start,
                        candidate.end,
                        candidate.score + self._shape(parameter, str(value)),
                    )
                )
        if not found and parameter.required and parameter.type in ("integer", "number"):
            found = self._number(parameter)
        if not found and parameter.required and parameter.type == "string":
            found = [
                c for c in self._scored(values.quoted(self.text), parameter, 0.6) if " " not in str(c.value)
            ]
        return found

    def _shape(self, parameter: Parameter, value: str) -> float:
        """Return a bonus when *value* looks like the pattern or the example that the schema gives."""
        pattern = parameter.schema.get("pattern")
        if isinstance(pattern, str) and len(pattern) < 100:
            try:
                return 0.6 if re.search(pattern, value) else -0.5
            except re.error:
                return 0.0
        prefix = re.match(r"[A-Za-z]+", value)
        return (
            0.3
            if prefix
            and fold(prefix[0]) in words(str(parameter.schema.get("description", "")).replace("-", " "))
            else 0.0
        )

    def _currency(self, parameter: Parameter) -> list[Candidate]:
        found = values.currencies(self.text)
        scored = self._scored(found, parameter, 1.0)
        counted = [
            self.text[: c.start].rstrip()[-1:].isdigit() or self.text[c.end :].lstrip()[:1].isdigit()
            for c in scored
        ]
        if (
            parameter.role != "none" and any(counted) and not all(counted)
        ):  # «90 GBP»: what is changed has the amount
            for at, has_amount in enumerate(counted):
                c = scored[at]
                bonus = 0.6 if has_amount == (parameter.role == "from") else -0.3
                scored[at] = Candidate(c.value, c.start, c.end, c.score + bonus)
        elif parameter.role == "from" and scored and not any(c.score > 1.2 for c in scored):
            first = scored[0]
            scored[0] = Candidate(first.value, first.start, first.end, first.score + 0.1)
        return scored

    def _language(self, parameter: Parameter) -> list[Candidate]:
        found = [
            Found(m[0].capitalize(), m.start(), m.end(), *neighbours(self.text, m.start(), m.end()))
            for m in re.finditer(r"\b[A-Za-z]{4,12}\b", self.text)
            if fold(m[0]) in LANGUAGES
        ]
        return self._scored(found, parameter, 1.0)

    def _ticker(self, parameter: Parameter) -> list[Candidate]:
        scored = self._scored(values.tickers(self.text), parameter, 1.2)
        spans = [(c.start, c.end) for c in scored]
        for name in self._thing(parameter):
            if not any(name.start < b and a < name.end for a, b in spans):
                scored.append(
                    Candidate(
                        TICKERS.get(fold(str(name.value)), name.value), name.start, name.end, name.score
                    )
                )
        return scored

    def _place(self, parameter: Parameter) -> list[Candidate]:
        if "address" in parameter.words and (streets := values.streets(self.text)):
            return self._scored(streets, parameter, 1.2)
        found = []
        for name in self._scored(values.names(self.text), parameter, 0.8):
            before = neighbours(self.text, name.start, name.end)[0]
            found.append(
                Candidate(
                    name.value, name.start, name.end, name.score + (0.4 if before in _PLACE_BEFORE else 0.0)
                )
            )
        named = [(c.start, c.end) for c in found]
        for phrase in self._phrases(_PLACE_BEFORE):
            if not any(phrase.start < b and a < phrase.end for a, b in named):
                bonus = 0.3 if phrase.before in ("in", "near", "at", "to", "from") else 0.1
                found.extend(self._scored([phrase], parameter, 0.6 + bonus - (0.5 if named else 0.0)))
        short = len(self.text.split()) <= 5
        return self._with_suffix(found) or (self._residue(parameter, 0.5) if short else [])

    def _with_suffix(self, found: list[Candidate]) -> list[Candidate]:
        """Join «Paris, France» and «Seattle, WA», unless the comma belongs to a list that ends in «and»."""
        if re.search(r",[^,]*\b(?:and|or|&)\b", self.text):
            return found
        joined: list[Candidate] = []
        for candidate in sorted(found, key=lambda c: c.start):
            last = joined[-1] if joined else None
            if last and re.fullmatch(r",\s+", self.text[last.end : candidate.start]):
                joined[-1] = Candidate(
                    f"{last.value}, {candidate.value}", last.start, candidate.end, last.score
                )
            else:
                joined.append(candidate)
        return joined

    def _person(self, parameter: Parameter) -> list[Candidate]:
        named = values.names(self.text)
        people = [name for name in named if name.before != "the"]  # «the Blue Room» is nobody
        found = self._scored(people or named, parameter, 0.9)
        if not found:
            phrases = self._phrases(frozenset(("for", "of", "to", "with", "by", "named", "called", "about")))
            found = self._scored(phrases, parameter, 0.5)
        if not found and "email" in parameter.about:
            found = self._email(parameter)
        return found

    def _thing(self, parameter: Parameter) -> list[Candidate]:
        if "unit" in parameter.words and (units := self._units(parameter)):
            return units
        found = self._scored(values.quoted(self.text), parameter, 1.2)
        for counted in re.finditer(
            r"\bhow many (?P<what>[^?!.,]{2,60}?) (?:are|is|do|does|did|have|has|can|were|in|left|remain)\b",
            self.text,
            re.IGNORECASE,
        ):
            if not set(stems(counted["what"])) <= self.vocabulary:
                found.append(Candidate(counted["what"], counted.start("what"), counted.end("what"), 0.9))
        spans = [(c.start, c.end) for c in found]
        found += [
            c
            for c in self._scored(values.names(self.text), parameter, 0.8)
            if not any(c.start < b and a < c.end for a, b in spans)
        ]
        if not found:
            spotted = [i for i in values.ids(self.text) if not i.value.isdigit()]
            found = self._scored(spotted, parameter, 0.5) if parameter.required else []
        spans = [(c.start, c.end) for c in found]
        phrases = [
            uncounted(phrase)
            for phrase in self._phrases(
                frozenset(
                    ("for", "of", "about", "named", "called", "with", "on", "regarding", "in", "to", "into")
                )
            )
        ]
        found += [
            c
            for c in self._scored(phrases, parameter, 0.5 if found else 0.55)
            if not any(c.start < b and a < c.end for a, b in spans)
        ]
        return found or self._residue(parameter, 0.5)

    def _units(self, parameter: Parameter) -> list[Candidate]:
        """Return the units of «10 miles to kilometers»: behind the number what is, behind «to» what is wanted."""
        held = [
            Candidate(m["unit"], m.start("unit"), m.end("unit"), 1.3 if parameter.role == "from" else 0.6)
            for m in re.finditer(r"\d\s*(?:degrees\s+)?(?P<unit>[^\W\d_]+)", self.text)
        ]
        wanted = [
            Candidate(m["unit"], m.start("unit"), m.end("unit"), 1.3 if parameter.role == "to" else 0.6)
            for m in re.finditer(r"\b(?:to|into|in)\s+(?:degrees\s+)?(?P<unit>[^\W\d_]+)", self.text)
        ]
        return [*held, *wanted] if parameter.role == "from" else [*wanted, *held]

    def _content(self, parameter: Parameter) -> list[Candidate]:
        found = self._scored(values.quoted(self.text), parameter, 1.1)
        if colon := _COLON.search(self.text):
            found.append(Candidate(colon["text"].strip(), colon.start("text"), len(self.text), 0.9))
        said = re.search(r"\b(?:saying|that says|says|telling (?:them|him|her)|about|regarding|titled|called|named)\s+(?:that\s+)?(?P<text>.+?)[.?!]?$", self.text, re.DOTALL)  # fmt: skip
        if said and not found:
            found.append(Candidate(said["text"].strip(), said.start("text"), said.end("text"), 0.7))
        return found or self._residue(parameter, 0.5)

    def _number(self, parameter: Parameter) -> list[Candidate]:
        found = []
        spare = [(d.start, d.end) for d in (*values.dates(self.text), *values.times(self.text))]
        for number in values.numbers(self.text):
            at = number.found
            if any(at.start < b and a < at.end for a, b in spare):
                continue
            value: Json = int(number.value) if parameter.type == "integer" else number.exact
            if parameter.type == "integer" and not number.value.is_integer():
                continue
            if not within(number.value, parameter.schema):
                continue
            score = 0.6 + self._near(at, parameter)
            score += (
                0.3
                if number.money
                and parameter.about & {"amount", "pric", "cost", "budget", "money", "sum", "total"}
                else 0.0
            )
            if number.unit == "%":
                score += (
                    0.4
                    if parameter.about & {"percent", "percentag", "rat", "tip", "discount", "interest", "tax"}
                    else -0.2
                )
            if number.unit and stem(number.unit) in parameter.about:
                score += 0.2
            found.append(Candidate(value, at.start, at.end, score))
        return found

    def _boolean(self, parameter: Parameter) -> list[Candidate]:
        own = parameter.words - {
            stem(w)
            for w in (
                "include",
                "is",
                "with",
                "has",
                "show",
                "use",
                "enable",
                "flag",
                "get",
                "want",
                "need",
                "add",
                "only",
            )
        }
        spelled = [(match, stem(fold(match[0]))) for match in re.finditer(r"[^\W\d_]+", self.text)]
        exact = [match for match, word in spelled if word in own]
        for match in exact or [match for match, word in spelled if not related(word).isdisjoint(own)]:
            before = self.text[max(0, match.start() - 24) : match.start()]
            return [Candidate(not _NEGATED.search(before), match.start(), match.end(), 1.0)]
        said = _SAID_OUTRIGHT.search(self.text) if parameter.required else None
        return [Candidate(bool(said["yes"]), said.start(), said.end(), 0.9)] if said else []

    def _enum(self, parameter: Parameter) -> list[Candidate]:
        found: list[Candidate] = []
        choices = parameter.schema.get("enum")
        spelled = [(m, fold(m[0])) for m in re.finditer(r"[^\W_]+(?:[.-][^\W_]+)*", self.text)]
        for choice in choices if isinstance(choices, list) else []:
            if choice is None:
                continue
            parts = words(str(choice).replace("_", " "))
            phrase = (
                re.search(r"[\s_-]*".join(re.escape(p) for p in parts), fold(self.text))
                if len(parts) > 1
                else None
            )
            if phrase:
                found.append(Candidate(choice, phrase.start(), phrase.end(), 1.5))
                continue
            best = max(
                ((alike(part, word), m) for part in parts[:3] for m, word in spelled),
                key=lambda pair: pair[0],
                default=None,
            )
            if best and best[0] > 0.0:
                m = best[1]
                place = Found("", m.start(), m.end(), *neighbours(self.text, m.start(), m.end()))
                found.append(
                    Candidate(
                        choice,
                        m.start(),
                        m.end(),
                        best[0] / len(parts) + min(0.3, self._near(place, parameter)),
                    )
                )
        return found
