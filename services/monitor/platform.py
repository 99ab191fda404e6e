"""The metrics that Azure itself keeps of our resources: what there is, and what may be asked of each.

Azure has no list of them at the address that is asked for values, so they are written down here as documented:
https://learn.microsoft.com/azure/azure-monitor/reference/metrics-index
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Aggregation = Literal["Total", "Average", "Minimum", "Maximum", "Count"]
QUEUES = "Microsoft.Storage/storageAccounts/queueServices"
AGENTS = "Microsoft.CognitiveServices/accounts/projects"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GRAINS = (
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    6 * HOUR,
    12 * HOUR,
    24 * HOUR,
)
FEWEST_POINTS, USUAL_POINTS, MOST_POINTS = 4, 120, 1_500
WIDENED_POINTS = 24  # a range too short for the metric shows this many points that end with it


@dataclass(frozen=True, slots=True)
class PlatformMetric:
    """One metric. The first of *aggregations* is the usual one. *finest*: the shortest interval it is kept for.

    *title*: its name on screen. *caveat*: what a reader must know to read it right; empty for most.
    """

    name: str
    title: str
    unit: str
    about: str
    aggregations: tuple[Aggregation, ...]
    dimensions: tuple[str, ...] = ()
    finest: timedelta = MINUTE
    caveat: str = ""


@dataclass(frozen=True, slots=True)
class Resource:
    """Something in Azure that has metrics. *id*: as in the Azure portal. *title*: what it is, on screen."""

    id: str
    title: str
    namespace: str

    @property
    def name(self) -> str:
        """Return the name of the account or project."""
        return self.id.removesuffix("/queueServices/default").rpartition("/")[2]

    @property
    def metrics(self) -> Mapping[str, PlatformMetric]:
        """Return the metrics that such a resource has, by name."""
        return METRICS[self.namespace]


_CALLS = ("ApiName", "Authentication", "GeoType")
_SPREAD: tuple[Aggregation, ...] = ("Average", "Minimum", "Maximum")
_AMOUNT: tuple[Aggregation, ...] = ("Total", "Average", "Minimum", "Maximum")
_EVENTS: tuple[Aggregation, ...] = ("Total", "Count", "Average", "Minimum", "Maximum")
_HOURLY = (
    "Hourly, for the whole account: Azure keeps no finer grain and no split by queue, and may be a day behind. "
    "Depth now, queue by queue, is on the Queues page."
)
_PREVIEW = "A preview in Azure: names and numbers may change."
_AGENT = ("AgentId", "ModelName")

_QUEUE_METRICS = (
    PlatformMetric(
        "Transactions",
        "Requests",
        "requests",
        "Requests to the queues, failed ones included.",
        ("Total",),
        (_CALLS[0], "ResponseType", *_CALLS[1:]),
    ),
    PlatformMetric(
        "SuccessE2ELatency",
        "Latency, end to end",
        "ms",
        "From the request to the last byte of the reply, of successful requests.",
        _SPREAD,
        _CALLS,
    ),
    PlatformMetric(
        "SuccessServerLatency",
        "Latency in the service",
        "ms",
        "The part that the service itself took, of successful requests.",
        _SPREAD,
        _CALLS,
    ),
    PlatformMetric(
        "Availability", "Availability", "%", "The share of requests that the service met.", _SPREAD, _CALLS
    ),
    PlatformMetric(
        "QueueMessageCount",
        "Messages in all queues",
        "messages",
        "Messages that have not expired, about.",
        ("Average",),
        finest=HOUR,
        caveat=_HOURLY,
    ),
    PlatformMetric(
        "QueueCount",
        "Queues",
        "queues",
        "Queues in the account.",
        ("Average",),
        finest=HOUR,
        caveat=_HOURLY,
    ),
    PlatformMetric(
        "QueueCapacity",
        "Storage used by queues",
        "bytes",
        "What the queues take up.",
        ("Average",),
        finest=HOUR,
        caveat=_HOURLY,
    ),
    PlatformMetric("Ingress", "Bytes in", "bytes", "What clients sent.", _AMOUNT, _CALLS),
    PlatformMetric("Egress", "Bytes out", "bytes", "What clients were sent.", _AMOUNT, _CALLS),
)
_AGENT_METRICS = (
    PlatformMetric(
        "AgentRuns",
        "Runs",
        "runs",
        "Runs of agents.",
        _EVENTS,
        ("RunStatus", "StatusCode", *_AGENT, "StreamType", "ThreadId"),
        caveat=_PREVIEW,
    ),
    PlatformMetric(
        "AgentToolCalls",
        "Tool calls",
        "calls",
        "Calls of tools.",
        _EVENTS,
        ("ToolName", *_AGENT),
        caveat=_PREVIEW,
    ),
    PlatformMetric(
        "AgentInputTokens",
        "Tokens read",
        "tokens",
        "Tokens that models read.",
        _AMOUNT,
        (*_AGENT, "TokenType"),
        caveat=_PREVIEW,
    ),
    PlatformMetric(
        "AgentOutputTokens",
        "Tokens written",
        "tokens",
        "Tokens that models wrote.",
        _AMOUNT,
        (*_AGENT, "TokenType"),
        caveat=_PREVIEW,
    ),
    PlatformMetric(
        "AgentThreads",
        "Threads",
        "events",
        "Threads created and deleted.",
        _EVENTS,
        ("EventType",),
        caveat=_PREVIEW,
    ),
    PlatformMetric(
        "AgentEvents",
        "Agents",
        "events",
        "Agents created, changed and deleted.",
        _EVENTS,
        ("EventType",),
        caveat=_PREVIEW,
    ),
    PlatformMetric(
        "AgentMessages",
        "Messages of users",
        "events",
        "Messages that users put into threads.",
        _EVENTS,
        ("EventType", "ThreadId"),
        caveat=_PREVIEW,
    ),
)
METRICS: Mapping[str, Mapping[str, PlatformMetric]] = {
    QUEUES: {metric.name: metric for metric in _QUEUE_METRICS},
    AGENTS: {metric.name: metric for metric in _AGENT_METRICS},
}


def resources_of(storage: str, foundry: str) -> tuple[Resource, ...]:
    """Return the resources with these ids (a queue service, a Foundry project); an empty id is none."""
    found = (
        Resource(storage, "Storage queues", QUEUES),
        Resource(foundry, "Foundry project", AGENTS),
    )
    return tuple(resource for resource in found if resource.id)


def grains_for(metric: PlatformMetric, start: datetime, end: datetime) -> tuple[timedelta, ...]:
    """Return the grains in which *metric* can be shown from *start* to *end*, finest first; at least one."""
    fit = tuple(
        grain
        for grain in GRAINS
        if grain >= metric.finest and FEWEST_POINTS <= (end - start) / grain <= MOST_POINTS
    )
    return fit or (metric.finest,)


def usual_grain(metric: PlatformMetric, start: datetime, end: datetime) -> timedelta:
    """Return the finest grain that does not crowd a chart."""
    fit = grains_for(metric, start, end)
    return next((grain for grain in fit if (end - start) / grain <= USUAL_POINTS), fit[-1])


def widened(metric: PlatformMetric, start: datetime, end: datetime) -> datetime:
    """Return *start*, or an earlier one when the range is too short to hold a few points of *metric*."""
    if (end - start) / metric.finest >= FEWEST_POINTS:
        return start
    return end - WIDENED_POINTS * metric.finest
