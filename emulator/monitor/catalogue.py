"""The platform metrics of the local resources: names, units, grains and dimensions as Azure Monitor documents them.

Source: learn.microsoft.com/azure/azure-monitor/reference/metrics-index
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Aggregation = Literal["Average", "Minimum", "Maximum", "Total", "Count"]
AGGREGATIONS: tuple[Aggregation, ...] = ("Average", "Minimum", "Maximum", "Total", "Count")
MINUTE_MIN, HOUR_MIN = 1, 60
QUEUES = "Microsoft.Storage/storageAccounts/queueServices"
AGENTS = "Microsoft.CognitiveServices/accounts/projects"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. *usual*: the aggregation one gets when none is asked for. *grain_min*: the finest interval."""

    name: str
    unit: str
    usual: Aggregation
    description: str
    dimensions: tuple[str, ...] = ()
    grain_min: int = MINUTE_MIN


_CALLS = ("GeoType", "ApiName", "Authentication")
_QUEUE_METRICS = (
    Metric("QueueCapacity", "Bytes", "Average", "The storage that queues use.", grain_min=HOUR_MIN),
    Metric("QueueCount", "Count", "Average", "The number of queues in the account.", grain_min=HOUR_MIN),
    Metric("QueueMessageCount", "Count", "Average", "The number of unexpired messages.", grain_min=HOUR_MIN),
    Metric(
        "Transactions",
        "Count",
        "Total",
        "The number of requests, failed ones included.",
        ("ResponseType", *_CALLS),
    ),
    Metric("Ingress", "Bytes", "Total", "What clients sent.", _CALLS),
    Metric("Egress", "Bytes", "Total", "What clients were sent.", _CALLS),
    Metric("SuccessServerLatency", "MilliSeconds", "Average", "The time the service took.", _CALLS),
    Metric("SuccessE2ELatency", "MilliSeconds", "Average", "The time from request to last byte.", _CALLS),
    Metric("Availability", "Percent", "Average", "The share of requests that the service met.", _CALLS),
)
_AGENT = ("AgentId", "ModelName")
_AGENT_METRICS = (
    Metric(
        "AgentRuns",
        "Count",
        "Total",
        "Runs of agents.",
        (*_AGENT, "RunStatus", "StatusCode", "ThreadId", "StreamType"),
    ),
    Metric("AgentToolCalls", "Count", "Total", "Calls of tools.", (*_AGENT, "ToolName")),
    Metric("AgentInputTokens", "Count", "Total", "Tokens read.", (*_AGENT, "TokenType")),
    Metric("AgentOutputTokens", "Count", "Total", "Tokens written.", (*_AGENT, "TokenType")),
    Metric("AgentThreads", "Count", "Total", "Events of threads.", ("EventType",)),
    Metric("AgentEvents", "Count", "Total", "Events of agents.", ("EventType",)),
    Metric("AgentMessages", "Count", "Total", "Events of users' messages.", ("EventType", "ThreadId")),
)
NAMESPACES: Mapping[str, Mapping[str, Metric]] = {
    QUEUES: {metric.name: metric for metric in _QUEUE_METRICS},
    AGENTS: {metric.name: metric for metric in _AGENT_METRICS},
}


def documented_namespace(name: str) -> str | None:
    """Return *name* in its own case; None when there is no such namespace here."""
    return next((known for known in NAMESPACES if known.lower() == name.lower()), None)
