"""The plan of a run: for each part of the question a step, worked out afresh at every turn from what is known then."""

import re
from collections.abc import Sequence
from datetime import date

from emulator.model import ModelRequest, memory
from emulator.model.arguments import Filled, Need, fill
from emulator.model.arithmetic import NoValueError, compute, find_expression
from emulator.model.asked import Asked, analyse
from emulator.model.chain import could_provide
from emulator.model.facts import POSSIBLE, SURE, FactIndex
from emulator.model.instructions import FixedArgument, Instructions
from emulator.model.kinds import Parameter
from emulator.model.labels import said
from emulator.model.letters import cargo, is_message
from emulator.model.passages import Passage
from emulator.model.questions import Part, Question, soft_cuts
from emulator.model.routing import CHOSEN_FROM, ORDERED, Profile, Route, Router
from emulator.model.smalltalk import speaks_of_self, swap_person, words_to_say
from emulator.model.steps import Call, Step, in_order, key_of
from emulator.model.text import squeeze
from emulator.model.triggers import joined_to_trigger

_OWN_BEATS_TOOL = 0.8
_MEMORY_FROM = 0.55
_SEARCHED = 2_000
_CUT_FROM = 0.7
_STATED_FROM = 0.75  # a statement calls for a tool less than a question does
_INTRODUCES = re.compile(
    r"^\W*(?:my (?:\w+ )?(?:name|id|number|e-?mail|address|birthday|age|city|job|favou?rite)\b|i(?:'m| am) (?:[A-Z]|an? |from |\d)|i (?:live|work|like|love)\b|remember\b|note\b|call me\b)",
    re.IGNORECASE,
)


class Planner:
    def __init__(
        self,
        request: ModelRequest,
        question: Question,
        instructions: Instructions,
        router: Router | None,
        today: date,
    ) -> None:
        self._request, self._question, self._instructions = request, question, instructions
        self._router, self._today = router, today

    def steps(self) -> list[Step]:
        """Return what is to be done and said, in the order of the question."""
        found: list[Step] = self._whole_message()
        if found:
            return found
        real = self._question.real_parts
        for part in joined_to_trigger(self._question, self._instructions, self._answers_nowhere):
            if part.talk:
                if part.talk not in ("greeting", "thanks", "farewell", "wellbeing") or not real:
                    found.append(Step(part, "talk", talk=part.talk))
            elif part.statement:
                found.extend(self._statement(part, bool(real)))
            else:
                found.extend(self._part(part))
        return in_order(found)

    def _whole_message(self) -> list[Step]:
        """Return the steps for a message that is not asked anything but worked on: classified, or sent to every agent."""
        message = self._question.message
        if all(part.talk for part in self._question.parts):
            return []
        part = Part(message, analyse(message))
        if self._router is None:
            labels = self._instructions.labels
            return [Step(part, "said", said(message, labels))] if labels else []
        if message.rstrip().endswith("?"):
            return []
        return [
            self._call(part, Route(profile, ORDERED, ordered=True))
            for profile in self._router.for_each_message()
        ]

    def forced(self, name: str) -> Step | None:
        """Return the step that calls the tool *name* whatever the question is; None when there is no such tool."""
        profile = self._router.find(name) if self._router else None
        if profile is None:
            return None
        message = self._question.message
        part = Part(message, analyse(message))
        return self._call(part, Route(profile, 0.0, ordered=True), insist=True)

    def best(self) -> Step | None:
        """Return the step that calls the tool that fits best, for a request that demands some call."""
        if self._router is None or not self._router.profiles:
            return None
        ranked = self._router.rank(analyse(self._question.message))
        return self.forced(ranked[0].profile.tool.name)

    # Parts ----------------------------------------------------------------------------------------

    def _answers_nowhere(self, part: Part) -> bool:
        """Return whether neither the instructions nor one of several tools answers *part* on its own."""
        if self._instructions.reply_to(part.asked) or self._own_fact(part.asked, SURE)[0]:
            return False
        return not self._router or len(self._router.profiles) == 1 or self._router.choose(part.asked) is None

    def _part(self, part: Part, may_cut: bool = True) -> list[Step]:
        route = self._router.choose(part.asked) if self._router else None
        if may_cut and route and (carried := self._carried(part, route)):
            return carried
        if may_cut and not (route and route.ordered) and (cut := self._cut(part)):
            return [step for piece in cut for step in self._part(piece)]
        return [self._step(part, route)]

    def _step(self, part: Part, route: Route | None) -> Step:
        asked = part.asked
        if (reply := self._instructions.reply_to(asked)) and not (
            route and route.ordered and not self._only_generic(route)
        ):
            return Step(part, "said", reply)
        own, sure = self._own_fact(asked, SURE)
        if own and (route is None or sure >= _OWN_BEATS_TOOL):
            return Step(part, "said", own)
        if memory.is_about_user(asked) and (told := self._recall(asked, earlier=route is not None)):
            return Step(part, "said", told)
        if route:
            return self._call(part, route)
        if words := words_to_say(part.text):
            return Step(part, "said", words)
        if expression := find_expression(asked.text):
            return Step(part, "said", _computed(expression))
        if (
            told := self._recall(asked)
            or self._answered(asked)
            or self._persona(asked)
            or self._own_fact(asked, POSSIBLE)[0]
        ):
            return Step(part, "said", told)
        return Step(part, "unknown")

    def _only_generic(self, route: Route) -> bool:
        """Return whether the route is ordered merely because the only tool is there for everything."""
        return route.score < ORDERED

    def _statement(self, part: Part, others: bool) -> list[Step]:
        route = self._router.choose(part.asked) if self._router else None
        if route and (route.score >= ORDERED or self._calls_for_tool(part, route, others)):
            return self._part(part)
        if not others and (reply := self._instructions.reply_to(part.asked)):
            return [Step(part, "said", reply)]
        return [] if others else [Step(part, "talk", talk="acknowledge")]

    @staticmethod
    def _calls_for_tool(part: Part, route: Route, others: bool) -> bool:
        """Return whether a statement that stands alone is meant for a tool: «My invoice is wrong»."""
        return (
            not others and not _INTRODUCES.match(part.text) and (route.ordered or route.score >= _STATED_FROM)
        )

    def _cut(self, part: Part) -> list[Part] | None:
        """Return *part* in two when its halves go to different places, None when it belongs together."""
        for left, right in soft_cuts(part.text):
            if speaks_of_self(right) and not speaks_of_self(left):
                continue
            first, second = self._target(left), self._target(right)
            if first and second and first != second:
                return [Part(left, analyse(left)), Part(right, analyse(right))]
        return None

    def _target(self, text: str) -> str:
        asked = analyse(text)
        if reply := self._instructions.reply_to(asked):
            return f"said {reply}"
        own, sure = self._own_fact(asked, SURE)
        if own and sure >= _OWN_BEATS_TOOL:
            return f"said {own}"
        if self._router and (route := self._router.choose(asked)) and route.score >= _CUT_FROM:
            sum_wanted = find_expression(text) if route.profile.arithmetic else ""
            return f"tool {route.profile.tool.name} {sum_wanted}"
        return f"said {own}" if own else ""

    # Knowledge ------------------------------------------------------------------------------------

    def _own_fact(self, asked: Asked, at_least: float) -> tuple[str, float]:
        text, sure = self._instructions.facts.answer(asked, at_least)
        if text and self._router and self._router.mentions_tool(text):
            return "", 0.0
        return (_in_first_person(text, asked), sure) if text else ("", 0.0)

    def _persona(self, asked: Asked) -> str:
        index = FactIndex([Passage(sentence, "sentence") for sentence in self._instructions.persona])
        text, _ = index.answer(asked, SURE)
        return swap_person(text) if text else ""

    def _recall(self, asked: Asked, earlier: bool = False) -> str:
        """Return what the user told about *asked*; *earlier*: before this message."""
        turns = self._request.conversation[:-1] if earlier else self._request.conversation
        told = memory.told_by_user(turns, but=asked.text)
        return told.answer(asked, _MEMORY_FROM)[0]

    def _answered(self, asked: Asked) -> str:
        if len(self._request.conversation) < 2:
            return ""
        return memory.answered(self._request.conversation[:-1]).answer(asked, 0.75)[0]

    # Calls ----------------------------------------------------------------------------------------

    def _call(self, part: Part, route: Route, insist: bool = False) -> Step:
        profile = route.profile
        if profile.tool.kind == "connected_agent" and profile.tool.parameters is None:
            call = Call(profile.tool.name, {"query": self._query(part)})
            return Step(part, "call", calls=(call,), profile=profile)
        filled = self._fill(profile, part, insist)
        if filled.calls:
            calls = tuple(Call(profile.tool.name, arguments) for arguments in filled.calls)
            return Step(
                part, "call", calls=calls, profile=profile, waits_for=self._source_of(profile, part, filled)
            )
        return self._from_provider(profile, part, filled.missing) or Step(
            part, "ask", missing=filled.missing, profile=profile
        )

    def _carried(self, part: Part, route: Route) -> list[Step]:
        """Return the steps that find what a message is to carry, then the one that sends it; empty when it is said."""
        if self._router is None or not is_message(route.profile.parameters):
            return []
        found = []
        for piece in cargo(part.text):
            held = Part(piece, analyse(piece))
            other = next((r for r in self._router.rank(held.asked) if r.profile is not route.profile), None)
            if other and other.score >= CHOSEN_FROM:
                found.append(self._call(held, other))
        done = {key_of(call.name, call.arguments) for call in self._request.calls}
        waiting = any(call.key not in done for step in found for call in step.calls)
        return found if waiting or not found else [*found, self._call(part, route)]

    def _fill(self, profile: Profile, part: Part, insist: bool = False) -> Filled:
        need = Need(
            text=_ends(part.text),
            query=self._query(part),
            message=_ends(self._question.message),
            today=self._today,
            history=self._question.earlier,
            calls=tuple(call for call in self._request.calls if call.name != profile.tool.name),
            given=self._given(profile),
            vocabulary=profile.vocabulary,
        )
        return fill(profile.tool.parameters, need, insist)

    def _given(self, profile: Profile) -> tuple[FixedArgument, ...]:
        """Return the prescribed values, without those whose sentence is about another tool."""
        router = self._router
        if router is None:
            return ()
        named = {fixed: router.named_in(fixed.sentence) for fixed in self._instructions.arguments}
        return tuple(fixed for fixed, profiles in named.items() if not profiles or profile in profiles)

    def _query(self, part: Part) -> str:
        """Return the question as a tool or another agent must get it: with what the user stated, without small talk."""
        real = self._question.real_parts
        if (
            len(real) <= 1
            and not any(p.talk for p in self._question.parts)
            and part.text in self._question.message
        ):
            return self._question.message.strip()
        told = [p.text for p in self._question.parts if p.statement and p.text != part.text]
        if len(real) == 1 or not told:
            return squeeze(" ".join([*told, part.text])) if len(part.text) < 4_000 else part.text
        return squeeze(" ".join([*told, part.text]))

    def _from_provider(self, profile: Profile, part: Part, missing: Sequence[Parameter]) -> Step | None:
        """Return the step that first calls the tool which promises what is missing."""
        if self._router is None:
            return None
        called = {call.name for call in self._request.calls}
        for parameter in missing:
            for other in self._router.profiles:
                tool = other.tool
                if (
                    other is profile
                    or tool.name in called
                    or not could_provide(tool.name, tool.description, parameter)
                ):
                    continue
                if tool.kind == "connected_agent":
                    query = f"What is the {parameter.shown} for this: {self._query(part)}"
                    return Step(part, "call", calls=(Call(tool.name, {"query": query}),), profile=profile)
                if step := self._first(other, profile, part):
                    return step
        for route in self._router.rank(
            part.asked
        ):  # «the weather where user 7 lives»: nothing promises a place, but
            other = route.profile  # the user is asked about as well
            fits = (
                other is not profile and route.score >= CHOSEN_FROM and other.tool.kind != "connected_agent"
            )
            if fits and other.tool.name not in called and (step := self._first(other, profile, part)):
                return step
        return None

    def _first(self, other: Profile, profile: Profile, part: Part) -> Step | None:
        """Return the step that calls *other* on the way to *profile*; None when it lacks values of its own."""
        filled = self._fill(other, part)
        calls = tuple(Call(other.tool.name, arguments) for arguments in filled.calls[:1])
        return Step(part, "call", calls=calls, profile=profile) if calls else None

    def _source_of(self, profile: Profile, part: Part, filled: Filled) -> str:
        """Return the tool whose output this call should wait for: «the weather at that time»."""
        if self._router is None or not any(
            word in part.text.lower().split() for word in ("that", "then", "there", "result")
        ):
            return ""
        open_ones = [p for p in profile.parameters if p.name not in filled.calls[0]]
        for other in self._router.profiles:
            if other is not profile and any(
                could_provide(other.tool.name, other.tool.description, p) for p in open_ones
            ):
                return other.tool.name
        return ""


def _ends(text: str) -> str:
    """Return the two ends of a very long *text*: values are looked for there only."""
    return text if len(text) <= 2 * _SEARCHED else f"{text[:_SEARCHED]}\n{text[-_SEARCHED:]}"


def _computed(expression: str) -> str:
    try:
        return f"{expression} = {compute(expression)}"
    except NoValueError as problem:
        return f"I cannot compute {expression}: {problem}."


def _in_first_person(text: str, asked: Asked) -> str:
    """Return what the instructions say about the agent («Your name is Ada») as the agent says it."""
    lowered = f" {asked.text.lower()} "
    speaks_of_agent = text.startswith("Your ") and " your " in lowered
    asks_agent = text.startswith("You ") and any(
        f" {verb} you " in lowered for verb in ("are", "do", "did", "were", "have")
    )
    return swap_person(text) if speaks_of_agent or asks_agent else text
