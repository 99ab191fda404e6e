"""The Azure Workbook: Relaydeck's own queries, for whoever has the portal and no dashboard.

`python -m services.monitor.workbook > infra/workbook.json` writes it anew after a query has changed. Its form:
https://learn.microsoft.com/azure/azure-monitor/visualize/workbooks-overview
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.monitor.catalogue import Query, all_queries
from services.monitor.kql import Kind

WORKSPACE = "{{workspace}}"  # put in by infra/modules/workbook.bicep
RANGE = "TimeRange"
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
# A workbook's own range takes the place of what the dashboard binds; what only a filter needs lets everything through.
BOUND: Mapping[str, str] = {
    "start": f"datetime({{{RANGE}:startISO}})",
    "end": f"datetime({{{RANGE}:endISO}})",
    "grain": f"{{{RANGE}:grain}}",
}
LETS_ALL_THROUGH: Mapping[Kind, str] = {
    "string": '""',
    "list": "dynamic([])",
    "int": "long(0)",
    "timespan": "timespan(00:00:00)",
}
Look = Literal["table", "timechart", "barchart"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One part of the workbook. *then*: what follows the query, to choose what is drawn of its columns."""

    title: str
    query: str
    look: Look = "table"
    then: str = ""


PANELS = (
    Panel("Answers, and before", "kpis"),
    Panel("What went wrong", "attention"),
    Panel(
        "Answers", "answers_over_time", "timechart", "| project bucket, answered, failed, expired, cancelled"
    ),
    Panel(
        "How long answers took, in ms", "answers_over_time", "timechart", "| project bucket, p50_ms, p95_ms"
    ),
    Panel(
        "Where the time went, in ms",
        "answers_over_time",
        "timechart",
        "| project bucket, model_ms, wait_ms, function_ms",
    ),
    Panel(
        "Messages in each queue",
        "queue_history",
        "timechart",
        '| where metric == "relaydeck.queue.depth" | project bucket, queue, highest',
    ),
    Panel(
        "Age of the oldest message, in s",
        "queue_history",
        "timechart",
        '| where metric == "relaydeck.queue.oldest_age_s" | project bucket, queue, highest',
    ),
    Panel("Agents, tools and functions", "parts_health"),
    Panel("Why they failed", "failure_reasons"),
    Panel("Tokens by model and agent", "token_use"),
    Panel("Whether telemetry comes in", "newest_records"),
)


def workbook() -> dict[str, Any]:
    """Return the document, ready for a workspace to be put in."""
    queries = all_queries()
    return {
        "version": "Notebook/1.0",
        "items": [_heading(), _range(), *(_item(panel, queries[panel.query]) for panel in PANELS)],
        "fallbackResourceIds": [WORKSPACE],
        "$schema": "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json",
    }


def text_of(panel: Panel, query: Query) -> str:
    """Return the KQL of *panel*: the query's own text, with the workbook's range above it."""
    lines = [
        f"let {name} = {BOUND.get(name) or LETS_ALL_THROUGH[kind]};"
        for name, kind in query.parameters.items()
    ]
    return "\n".join([*lines, query.text.rstrip("\n"), *([panel.then] if panel.then else [])])


def _heading() -> dict[str, Any]:
    said = "# Relaydeck\nThe same queries as the dashboard's. What one of them means is in the repository, docs/queries.md."
    return {"type": 1, "content": {"json": said}, "name": "heading"}


def _range() -> dict[str, Any]:
    spans = [HOUR_MS, 4 * HOUR_MS, DAY_MS, 7 * DAY_MS, 30 * DAY_MS]
    parameter = {
        "id": "8a1d3f0e-5d0a-4c5b-9a55-5a4b6d1c7e21",
        "version": "KqlParameterItem/1.0",
        "name": RANGE,
        "label": "Time",
        "type": 4,
        "isRequired": True,
        "value": {"durationMs": DAY_MS},
        "typeSettings": {"selectableValues": [{"durationMs": span} for span in spans], "allowCustom": True},
    }
    content = {
        "version": "KqlParameterItem/1.0",
        "parameters": [parameter],
        "style": "pills",
        "queryType": 0,
        "resourceType": "microsoft.operationalinsights/workspaces",
    }
    return {"type": 9, "content": content, "name": "range"}


def _item(panel: Panel, query: Query) -> dict[str, Any]:
    content = {
        "version": "KqlItem/1.0",
        "query": text_of(panel, query),
        "size": 0,
        "title": panel.title,
        "timeContextFromParameter": RANGE,
        "queryType": 0,
        "resourceType": "microsoft.operationalinsights/workspaces",
        "crossComponentResources": [WORKSPACE],
        "visualization": panel.look,
        "noDataMessage": "Nothing was recorded in this time.",
    }
    return {"type": 3, "content": content, "name": panel.title}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(workbook(), indent=2) + "\n")
