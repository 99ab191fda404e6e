"""What the Azure Monitor explorer shows: read from the address, held to what each metric supports.

URL state: ?resource= (queues or agents), ?metric=, ?agg=, ?split= (a dimension, or none), ?every= (PT5M, or auto).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.monitor.metrics import MetricAsk, duration_word
from services.monitor.platform import (
    AGENTS,
    MINUTE,
    QUEUES,
    Aggregation,
    PlatformMetric,
    Resource,
    grains_for,
    usual_grain,
    widened,
)

NAMES = ("resource", "metric", "agg", "split", "every")
WORDS = {QUEUES: "queues", AGENTS: "agents"}
NONE, AUTO = "none", "auto"
QUOTED = 40


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice that can be asked. *start*: that of the range, or earlier where the metric needs a longer one.

    *every*: the word of the grain, `auto` when it follows the range. *problem*: what in the address was replaced.
    """

    resource: Resource
    metric: PlatformMetric
    aggregation: Aggregation
    split: str
    every: str
    grain: timedelta
    start: datetime
    end: datetime
    problem: str = ""

    @property
    def is_hourly(self) -> bool:
        return self.metric.finest > MINUTE

    def grains(self) -> tuple[str, ...]:
        """Return the words of what may be chosen as grain."""
        return (AUTO, *(duration_word(grain) for grain in grains_for(self.metric, self.start, self.end)))

    def ask(self, label: str) -> MetricAsk:
        return MetricAsk(
            self.resource,
            self.metric.name,
            self.aggregation,
            self.grain,
            self.start,
            self.end,
            self.split,
            label,
        )


def choose(
    stated: Mapping[str, str], resources: Sequence[Resource], start: datetime, end: datetime
) -> Choice:
    """Return the choice that *stated* makes among *resources* (at least one); what it does not support is replaced."""
    problems: list[str] = []
    by_word = {WORDS[resource.namespace]: resource for resource in resources}
    resource = by_word[_one(stated, "resource", tuple(by_word), problems)]
    metric = resource.metrics[_one(stated, "metric", tuple(resource.metrics), problems)]
    aggregation = _one(stated, "agg", metric.aggregations, problems)
    split = _one(stated, "split", (NONE, *metric.dimensions), problems)
    since = widened(metric, start, end)
    grains = {duration_word(grain): grain for grain in grains_for(metric, since, end)}
    every = _one(stated, "every", (AUTO, *grains), problems)
    return Choice(
        resource,
        metric,
        next(one for one in metric.aggregations if one == aggregation),
        "" if split == NONE else split,
        every,
        grains.get(every) or usual_grain(metric, since, end),
        since,
        end,
        " ".join(problems),
    )


def _one(stated: Mapping[str, str], name: str, options: Sequence[str], problems: list[str]) -> str:
    said = stated.get(name, "")
    found = next((option for option in options if option.lower() == said.lower()), None)
    if found is not None:
        return found
    if said:
        short = said if len(said) <= QUOTED else said[:QUOTED] + "…"
        problems.append(f"“{short}” is none of {name}={'|'.join(options)}: {options[0]} is shown.")
    return options[0]
