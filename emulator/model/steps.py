"""The steps of a plan: what is to be called, said or asked, and in which order."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from emulator.model.asked import analyse
from emulator.model.kinds import Parameter
from emulator.model.questions import Part
from emulator.model.routing import Profile
from emulator.model.smalltalk import Talk
from emulator.model.spotter import Json
from emulator.model.text import squeeze

StepKind = Literal["call", "said", "ask", "unknown", "talk"]


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: dict[str, Json]

    @property
    def key(self) -> tuple[str, str]:
        return self.name, json.dumps(self.arguments, sort_keys=True, default=str)


@dataclass(frozen=True, slots=True)
class Step:
    """*text*: what "said" says; *calls*: for "call" every call the part needs; *missing*: what "ask" asks for."""

    part: Part
    kind: StepKind
    text: str = ""
    calls: tuple[Call, ...] = ()
    missing: tuple[Parameter, ...] = ()
    profile: Profile | None = None
    talk: Talk | None = None
    waits_for: str = ""


def key_of(name: str, arguments: str) -> tuple[str, str]:
    """Return the identity of a call, whatever the order and spacing of its arguments."""
    try:
        return name, json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except (ValueError, RecursionError):
        return name, arguments


def in_order(steps: Sequence[Step]) -> list[Step]:
    """Return *steps* without fragments that fit nothing, those for one connected agent joined."""
    return _waiting(_merged(_without_noise(list(steps))))


def _merged(steps: list[Step]) -> list[Step]:
    """Return *steps* with those for the same connected agent joined into one call."""
    merged: list[Step] = []
    for step in steps:
        same = next(
            (
                at
                for at, other in enumerate(merged)
                if step.kind == other.kind == "call"
                and step.profile is other.profile
                and step.profile is not None
                and step.profile.tool.kind == "connected_agent"
                and len(step.calls) == len(other.calls) == 1
            ),
            None,
        )
        if same is None:
            merged.append(step)
            continue
        other = merged[same]
        text = f"{other.part.text} {step.part.text}"
        part = Part(text, analyse(text))
        query = squeeze(f"{other.calls[0].arguments.get('query', '')} {step.part.text}")
        merged[same] = replace(other, part=part, calls=(Call(other.calls[0].name, {"query": query}),))
    return merged


def _waiting(steps: list[Step]) -> list[Step]:
    """Let a step wait only for a tool that another step really calls."""
    called = {call.name for step in steps for call in step.calls}
    return [replace(s, waits_for="") if s.waits_for and s.waits_for not in called else s for s in steps]


def _without_noise(steps: list[Step]) -> list[Step]:
    """Drop fragments that fit nothing when other parts do, such as «I bought it last week»."""
    useful = [s for s in steps if s.kind != "unknown"]
    if not useful:
        return steps[:1] if len({s.kind for s in steps}) == 1 else steps
    return [
        s for s in steps if s.kind != "unknown" or s.part.text.endswith("?") or len(s.part.asked.terms) > 2
    ]
