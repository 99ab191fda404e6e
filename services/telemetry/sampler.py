"""How deep the queues are and how long their oldest messages wait, measured again and again by one thread."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from services.errors import ServiceError
from services.models import QueueDepth
from services.telemetry.records import MetricRecord, Record

log = logging.getLogger(__name__)
PREFIX = "azure-function-"
DEPTH, OLDEST, LOST = "relaydeck.queue.depth", "relaydeck.queue.oldest_age_s", "relaydeck.telemetry.dropped"


class Depths(Protocol):
    def list_depths(self, prefix: str = "") -> Sequence[QueueDepth]: ...


class QueueSampler:
    """It only looks: one request for the names and two for each queue, every *interval_s*. Ends with stop()."""

    def __init__(
        self,
        queues: Depths,
        tell: Callable[[Iterable[Record]], None],
        lost: Callable[[], int],
        interval_s: float,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._queues, self._tell, self._lost = queues, tell, lost
        self._interval_s, self._clock_ns = interval_s, clock_ns
        self._stop = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="queue-sampler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no further sample; one under way is not waited for."""
        self._stop.set()

    def sample(self) -> list[Record]:
        """Return what one look showed. A queue whose age is unknown has none, never zero. Raises ServiceErrors."""
        depths = self._queues.list_depths(PREFIX)
        at_ns = self._clock_ns()
        found: list[Record] = [MetricRecord(LOST, at_ns, self._lost())]
        for depth in depths:
            if depth.state == "missing":
                continue
            queue = {"queue": depth.name}
            found.append(MetricRecord(DEPTH, at_ns, depth.messages, queue))
            if depth.oldest_age_s is not None:
                found.append(MetricRecord(OLDEST, at_ns, depth.oldest_age_s, queue))
        return found

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._tell(self.sample())
                self._failing = False
            except ServiceError as exc:
                if not self._failing:
                    log.info("queues.sample_failed", extra={"reason": exc.message})
                self._failing = True
            except Exception:
                log.exception("queues.sample_broken")
            self._stop.wait(self._interval_s)
