"""What the host tells Application Insights of each invocation: its log lines, and those of the function, as AppTraces.

The real host does so when APPLICATIONINSIGHTS_CONNECTION_STRING is set; category and InvocationId are its own words:
https://learn.microsoft.com/azure/azure-functions/analyze-telemetry-data. Lines wait in memory, a bounded number of
them; what cannot be sent is lost. Nothing here ever makes a function wait.
"""

import gzip
import json
import logging
import threading
import urllib.request
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.error import URLError

from emulator.functions_host.console import text_of

SETTING = "APPLICATIONINSIGHTS_CONNECTION_STRING"
SITE_SETTING = "WEBSITE_SITE_NAME"
CAPACITY = 2_000
LINGER_S = 0.5
TIMEOUT_S = 5.0
FLUSH_S = 2.0
LONGEST_LINE = 32_768  # what Application Insights takes
_SEVERITIES = {logging.DEBUG: 0, logging.INFO: 1, logging.WARNING: 2, logging.ERROR: 3, logging.CRITICAL: 4}


@dataclass(frozen=True, slots=True)
class Invocation:
    """*by_user*: whether the function itself runs, and not the host around it."""

    function: str
    id: str
    by_user: bool = False

    @property
    def category(self) -> str:
        return f"Function.{self.function}{'.User' if self.by_user else ''}"


INVOCATION: ContextVar[Invocation | None] = ContextVar("invocation", default=None)


class InsightsHandler(logging.Handler):
    """Takes the lines that are written while a message is handled; a thread of its own sends them."""

    def __init__(self, endpoint: str, key: str, role: str) -> None:
        super().__init__(logging.INFO)
        self._address, self._key = endpoint.rstrip("/") + "/v2.1/track", key
        self._role = role
        self._changed = threading.Condition()
        self._waiting: deque[dict[str, object]] = deque()
        self._busy = self._hurry = False
        self._thread: threading.Thread | None = None
        self.lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        invocation = INVOCATION.get()
        if invocation is None:
            return
        try:
            item = self._item(record, invocation)
        except Exception:  # noqa: BLE001 - as every handler: a line that cannot be written harms nobody
            self.handleError(record)
            return
        with self._changed:
            if len(self._waiting) >= CAPACITY:
                self._waiting.popleft()
                self.lost += 1
            self._waiting.append(item)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="insights", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def finish(self, timeout_s: float = FLUSH_S) -> bool:
        """Return whether everything taken so far was sent, or lost, within *timeout_s*."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._waiting and not self._busy, timeout_s)

    def _serve(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._waiting))
                self._changed.wait_for(lambda: self._hurry, LINGER_S)
                batch = list(self._waiting)
                self._waiting.clear()
                self._busy = True
            if not self._sent(batch):
                self.lost += len(batch)

    def _sent(self, batch: list[dict[str, object]]) -> bool:
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        body = gzip.compress(json.dumps(batch).encode())
        request = urllib.request.Request(self._address, body, headers, method="POST")  # noqa: S310 - http(s) only
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as reply:  # noqa: S310 - as above
                return bool(reply.status == 200)
        except (URLError, OSError, ValueError):
            return False

    def _item(self, record: logging.LogRecord, invocation: Invocation) -> dict[str, object]:
        properties = {
            "Category": invocation.category,
            "InvocationId": invocation.id,
            "LogLevel": record.levelname.capitalize(),
        }
        return {
            "ver": 1,
            "name": "Microsoft.ApplicationInsights.Message",
            "time": datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "sampleRate": 100,
            "iKey": self._key,
            "tags": {"ai.cloud.role": self._role, "ai.operation.name": invocation.function},
            "data": {
                "baseType": "MessageData",
                "baseData": {
                    "ver": 2,
                    "message": text_of(record)[:LONGEST_LINE],
                    "severityLevel": _SEVERITIES.get(record.levelno, 1),
                    "properties": properties,
                },
            },
        }


def attach(environment: Mapping[str, str]) -> InsightsHandler | None:
    """Return the handler, added to the root logger; None when there is no connection string that can be used."""
    fields = dict(
        part.split("=", 1) for part in environment.get(SETTING, "").split(";") if "=" in part
    )  # Key=Value;Key=Value
    endpoint, key = fields.get("IngestionEndpoint", ""), fields.get("InstrumentationKey", "")
    if not key or not endpoint.startswith(("http://", "https://")):
        return None
    handler = InsightsHandler(endpoint, key, environment.get(SITE_SETTING, "") or "functions")
    logging.getLogger().addHandler(handler)
    return handler
