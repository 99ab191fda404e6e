"""A day of history for a workspace that has none: spans, events, measurements and executions, each marked as made up.

Names and properties come from the code that tells of real answers (telemetry.spans, telemetry.sampler), so they cannot
drift from it. Pure: the same seed, moment and settings give the same history.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from services.demo import world
from services.demo.questions import Samples
from services.demo.story import Author, Execution, Story
from services.demo.world import BURST_AT_S, DAY_S, HOUR_S, Visit
from services.models import FunctionTool, QueueDepth
from services.telemetry.records import DEMO, Record
from services.telemetry.sampler import PREFIX, QueueSampler
from services.telemetry.spans import events_of, spans_of

SEED = 20
MARK: Mapping[str, str] = {DEMO: "true"}
OLD_EVERY_S, RECENT_EVERY_S, BURST_EVERY_S = 300, 60, 15
CLEARED_AFTER_S = 900.0  # somebody looks after the poison queues
_BURST_S = 900.0


@dataclass(frozen=True, slots=True)
class Setting:
    """Whose day it is. *now*: in the zone whose hours are to be followed."""

    now: datetime
    environment: str
    model: str
    tools: tuple[FunctionTool, ...]
    output_queue_uri: str = ""


@dataclass(frozen=True, slots=True)
class Chapter:
    """What happened at one moment, about *at*."""

    at: datetime
    records: tuple[Record, ...] = ()
    executions: tuple[Execution, ...] = ()

    @property
    def is_answer(self) -> bool:
        """Return whether these records tell of an answer."""
        return any(record.name == "answer" for record in self.records)


def history(setting: Setting, seed: int = SEED) -> list[Chapter]:
    """Return the last 24 hours, newest first: whoever looks while it is being told sees the latest at once."""
    chance = random.Random(seed)  # noqa: S311 - a story, not a secret
    zero = setting.now.astimezone(UTC) - timedelta(seconds=DAY_S)
    clock = setting.now.hour + setting.now.minute / 60
    came = world.visits(chance, clock, Samples(chance, setting.output_queue_uri))
    tools = {tool.name: tool for tool in setting.tools}
    author = Author(chance, zero, tools, setting.environment, setting.model)
    told = [_chapter(author.write(visit), author.at(visit.asked_s)) for visit in came]
    told += _measured(came, tools, zero)
    return sorted(told, key=lambda chapter: chapter.at, reverse=True)


def _chapter(story: Story, at: datetime) -> Chapter:
    found: tuple[Record, ...] = (*spans_of(story.report), *events_of(story.report))
    return Chapter(at, tuple(_marked(found)), story.executions)


def _marked(records: Sequence[Record]) -> Iterator[Record]:
    for one in records:
        yield replace(one, attributes={**one.attributes, **MARK})


def _measured(came: Sequence[Visit], tools: Mapping[str, FunctionTool], zero: datetime) -> list[Chapter]:
    """Return what the sampler would have seen of the queues, more often where more happened."""
    queues, found = _Queues(came, tools), list[Chapter]()
    at_s = 0.0
    while at_s < DAY_S - world.LAST_S:
        queues.at_s = at_s
        at = zero + timedelta(seconds=at_s)
        at_ns = round(at.timestamp() * 1e6) * 1000
        seen = QueueSampler(queues, lambda _: None, lambda: 0, 1.0, clock_ns=partial(int, at_ns))
        found.append(Chapter(at, tuple(_marked(seen.sample()))))
        if BURST_AT_S <= at_s < BURST_AT_S + _BURST_S:
            at_s += BURST_EVERY_S
        else:
            at_s += RECENT_EVERY_S if at_s > DAY_S - 2 * HOUR_S else OLD_EVERY_S
    return found


class _Queues:
    """The queues as they were at *at_s*, in place of the service that looks at real ones."""

    def __init__(self, came: Sequence[Visit], tools: Mapping[str, FunctionTool]) -> None:
        self.at_s = 0.0
        self._tools = tools
        self._visits = [one for one in came if one.sent_s is not None and one.deliveries]

    def list_depths(self, prefix: str = PREFIX) -> list[QueueDepth]:
        return [depth for tool in self._tools.values() for depth in self._of(tool)]

    def _of(self, tool: FunctionTool) -> Iterator[QueueDepth]:
        own = [one for one in self._visits if one.sample.tool == tool.name and (one.sent_s or 0) <= self.at_s]
        inside = [one for one in own if self.at_s < one.deliveries[-1].ended_s]
        waiting = [self.at_s - (one.sent_s or 0) for one in inside if self.at_s < one.deliveries[0].began_s]
        oldest_s = round(max(waiting), 3) if waiting else None
        yield QueueDepth(tool.input_queue, len(inside), oldest_s, "flowing" if inside else "empty")
        yield QueueDepth(tool.output_queue, 0, None, "empty")
        given_up = [one for one in own if one.ending == "poison" and one not in inside]
        if given_up:
            kept = [one for one in given_up if self.at_s < one.deliveries[-1].ended_s + CLEARED_AFTER_S]
            age_s = self.at_s - kept[0].deliveries[-1].ended_s if kept else None
            yield QueueDepth(f"{tool.input_queue}-poison", len(kept), age_s, "poison" if kept else "empty")
