"""Telemetry as the rest of Relaydeck knows it: told in passing, sent by threads of its own, lost rather than waited for."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.answers.events import AnswerEvent
from services.errors import ServiceError
from services.models import Answer, HealthState
from services.telemetry.connection import host_of
from services.telemetry.outbox import Counts, Outbox, Send
from services.telemetry.records import EventRecord
from services.telemetry.sampler import Depths, QueueSampler
from services.telemetry.spans import AnswerReport, events_of, spans_of

log = logging.getLogger(__name__)
FLUSH_S = 4.0
FAILING_AFTER_S = 5.0  # shorter failures heal by themselves before anybody could act
Verdict = tuple[HealthState, str]


@dataclass(frozen=True, slots=True)
class TelemetryHealth:
    """*off*: why nothing is sent, empty when something is. *host*: where to, empty until it is known."""

    host: str
    off: str
    counts: Counts

    def verdict(self) -> Verdict:
        """Return the state and the sentence for the list of parts."""
        if self.off:
            return "unknown", f"Off. {self.off}"
        if not self.host:
            return "unknown", "Not set up yet."
        now = self.counts
        lost = f" {now.dropped + now.failed:,} records were lost." if now.dropped or now.failed else ""
        if now.failing_s > FAILING_AFTER_S:
            told = f"Nothing accepted for {now.failing_s:.0f} s: {now.reason} {now.waiting:,} records wait.{lost}"
            return "degraded", told
        return ("degraded" if lost else "ok"), f"Sends to {self.host}; {now.sent:,} records accepted.{lost}"


@dataclass(frozen=True, slots=True)
class TelemetryOptions:
    """*off*: why there is to be none, empty when there is. *connection_string*: finds where to send.

    *connect*: makes the sender for it; slow, as it imports the exporter. Both run on telemetry's own thread.
    """

    environment: str
    model: str
    connection_string: Callable[[], str]
    connect: Callable[[str], Send]
    off: str = ""
    record_content: bool = False
    sample_s: float = 15.0


class Telemetry:
    """Thread-safe. answered() and acted() return at once, whatever the state of the service they tell."""

    def __init__(self, options: TelemetryOptions, queues: Depths, outbox: Outbox | None = None) -> None:
        self._options, self._queues = options, queues
        self._outbox = outbox or Outbox()
        self._off, self._host = options.off, ""
        self._sampler: QueueSampler | None = None
        self._lock = threading.Lock()
        self._begun, self._closed = bool(options.off), False
        self._ready = threading.Event()
        if options.off:
            self._outbox.discard()
            self._ready.set()

    def start(self) -> None:
        """Find out where to send and begin, on a thread of its own; a failure turns telemetry off and is shown."""
        with self._lock:
            if self._begun:
                return
            self._begun = True
        threading.Thread(target=self._start, name="telemetry-start", daemon=True).start()

    def wait_ready(self, timeout_s: float) -> bool:
        """Return whether the start has ended, well or not, within *timeout_s*."""
        return self._ready.wait(timeout_s)

    def answered(
        self,
        answer: Answer,
        events: tuple[AnswerEvent, ...],
        run_state: str = "",
        correlation_ids: Mapping[str, str] | None = None,
    ) -> None:
        """Tell of a final answer: its spans and its lifecycle."""
        if self._off:
            return
        report = AnswerReport(
            answer,
            events,
            self._options.environment,
            self._options.model,
            run_state,
            correlation_ids or {},
            self._options.record_content,
        )
        self._outbox.put((*spans_of(report), *events_of(report)))

    def acted(self, action: str, target: str, outcome: str) -> None:
        """Tell what an operator did."""
        attributes = {
            "action": action,
            "target": target,
            "outcome": outcome,
            "relaydeck.environment": self._options.environment,
        }
        self._outbox.put([EventRecord("operator.action", time.time_ns(), attributes)])

    def audit_reached(self, chain: str, seq: int, digest: str) -> None:
        """Tell how far a chain of audit records has come: a cut end shows only by what was told elsewhere."""
        attributes = {
            "chain": chain,
            "seq": str(seq),
            "hash": digest,
            "relaydeck.environment": self._options.environment,
        }
        self._outbox.put([EventRecord("audit.head", time.time_ns(), attributes)])

    def health(self) -> TelemetryHealth:
        """Return where telemetry goes, why it is off, and what became of it so far. Sends nothing."""
        return TelemetryHealth(self._host, self._off, self._outbox.counts())

    def flush(self, timeout_s: float = FLUSH_S) -> bool:
        """Return whether everything told so far has left within *timeout_s*."""
        until_s = time.monotonic() + timeout_s
        return self._ready.wait(timeout_s) and self._outbox.flush(max(0.0, until_s - time.monotonic()))

    def close(self, timeout_s: float = FLUSH_S) -> None:
        """Send what waits, for at most *timeout_s*; what is left then is lost, counted and logged."""
        until_s = time.monotonic() + timeout_s
        if self._sampler is not None:
            self._sampler.stop()
        if self._outbox.counts().waiting:
            self.start()  # a command that ends after one answer has not needed it before
            self._ready.wait(timeout_s)
        self._closed = True
        self._outbox.close(max(0.0, until_s - time.monotonic()))

    def _start(self) -> None:
        began_s = time.monotonic()
        try:
            found = self._options.connection_string()
            send = self._options.connect(found)
        except ServiceError as exc:
            self._turn_off(exc.message)
        except Exception:
            log.exception("telemetry.start_broken")
            self._turn_off("It could not be set up; the log holds the details.")
        else:
            self._host = host_of(found)
            self._outbox.attach(send)
            if not self._closed:
                self._sampler = QueueSampler(
                    self._queues, self._outbox.put, self._lost, self._options.sample_s
                )
                self._sampler.start()
            log.info(
                "telemetry.started",
                extra={"host": self._host, "took_s": round(time.monotonic() - began_s, 3)},
            )
        finally:
            self._ready.set()

    def _turn_off(self, reason: str) -> None:
        log.info("telemetry.turned_off", extra={"reason": reason})
        self._off = reason
        self._outbox.discard()

    def _lost(self) -> int:
        counts = self._outbox.counts()
        return counts.dropped + counts.failed
