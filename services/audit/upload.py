"""Audit records into Log Analytics. The Logs Ingestion API answers when it has taken them, which telemetry's does not.

REST: learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from services.audit.record import TABLE
from services.audit.writer import RECORDING
from services.resilience import Resilience


class IngestionClient(Protocol):
    """What is used of LogsIngestionClient."""

    def upload(self, rule_id: str, stream_name: str, logs: list[Any], **options: Any) -> None: ...


class Uploader:
    """*client*: made at the first record. *rule*: the immutable id of the data collection rule; *stream*: of it."""

    def __init__(
        self,
        client: Callable[[], IngestionClient],
        rule: str,
        stream: str,
        resilience: Resilience,
        deadline_s: float,
    ) -> None:
        self._make_client, self._rule, self._stream = client, rule, stream
        self._resilience, self._deadline_s = resilience, deadline_s
        self._client: IngestionClient | None = None

    def __call__(self, make: Callable[[], Sequence[Mapping[str, object]]]) -> None:
        """Return once all rows are taken. One request; repeated, also after a lost reply: each attempt has seals of its own.

        Raises ServiceErrors.
        """

        def send() -> None:
            if self._client is None:
                self._client = self._make_client()
            failed: list[Any] = []  # the SDK logs what it raises, and hands over what it does not
            self._client.upload(
                self._rule, self._stream, [dict(row) for row in make()], on_error=failed.append
            )
            if failed:
                raise failed[0].error

        self._resilience.read(RECORDING, TABLE, send, deadline_s=self._deadline_s)
