"""Telemetry of answers, as the exporter sends it, for tests of what shows them."""

import json
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from emulator.connection import Connection

AT_ONCE = 1_000
TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class RunRow:
    """One answer. *wait_s*: None: not known. *more*: further properties by their full names."""

    number: int
    at: datetime
    took_s: float = 1.0
    outcome: str = "answered"
    problem: str = ""
    wait_s: float | None = None
    tool: str = ""
    agent: str = ""
    thread_id: str = "thread_rows"
    more: dict[str, str] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        return f"run_row{self.number:06}"

    def envelope(self, key: str) -> dict[str, object]:
        known = {
            "relaydeck.outcome": self.outcome,
            "relaydeck.problem": self.problem,
            "relaydeck.run.id": self.run_id,
            "relaydeck.answer.id": f"answer_row{self.number:06}",
            "gen_ai.conversation.id": self.thread_id,
            "gen_ai.agent.name": "orchestrator",
            "relaydeck.agents": self.agent,
            "relaydeck.tools": self.tool,
            "gen_ai.usage.input_tokens": "100",
            "gen_ai.usage.output_tokens": "20",
            **({} if self.wait_s is None else {"relaydeck.queue_wait_ms": f"{self.wait_s * 1000:.0f}"}),
            **self.more,
        }
        hours, rest_s = divmod(self.took_s, 3600)
        minutes, seconds = divmod(rest_s, 60)
        base = {
            "ver": 2,
            "id": f"{self.number:016x}",
            "name": "answer",
            "duration": f"0.{int(hours):02}:{int(minutes):02}:{seconds:06.3f}",
            "success": self.outcome == "answered",
            "responseCode": self.outcome,
            "properties": known,
        }
        return {
            "ver": 1,
            "name": "Microsoft.ApplicationInsights.Request",
            "time": self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "sampleRate": 100,
            "iKey": key,
            "tags": {"ai.operation.id": f"{self.number:032x}", "ai.cloud.role": "relaydeck"},
            "data": {"baseType": "RequestData", "baseData": base},
        }


def put(connection: Connection, rows: Iterable[RunRow]) -> None:
    """Send *rows* to Local Azure's ingestion. Raises AssertionError: not all were accepted."""
    key = connection.insights_connection_string.partition("InstrumentationKey=")[2].partition(";")[0]
    waiting = list(rows)
    for first in range(0, len(waiting), AT_ONCE):
        items = [row.envelope(key) for row in waiting[first : first + AT_ONCE]]
        request = urllib.request.Request(
            f"{connection.http_url}/v2.1/track",
            json.dumps(items).encode(),
            {"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:
            told = json.load(reply)
        assert told["itemsAccepted"] == len(items), told["errors"][:2]


def many(count: int, end: datetime, first: int = 0) -> list[RunRow]:
    """Return *count* answers of the ten minutes before *end*, every tenth failed, the longer the later their number."""
    step = timedelta(minutes=10) / max(1, count)
    return [
        RunRow(
            first + number,
            end - step * (count - number),
            0.5 + number * 0.01,
            "failed" if number % 10 == 9 else "answered",
            "The function is silent" if number % 10 == 9 else "",
            number * 0.005,
            "calculate" if number % 2 else "get_foo",
            "calculator" if number % 2 else "foo_bot",
        )
        for number in range(count)
    ]
