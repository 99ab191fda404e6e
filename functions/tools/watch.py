"""One delivery of a message, watched from its arrival to its end, for telemetry. Costs microseconds, never raises."""

import logging
import time

import azure.functions as func

from tools.envelope import Question
from tools.queues import input_queue
from tools.telemetry import Handled, Telemetry, properties_of, telemetry

log = logging.getLogger(__name__)
_OUTCOMES = {"answered": "answered", "repeated": "answered", "refused": "error", "failed": "failed"}


class Watch:
    """*question*: set once the message could be read. *outcome*: set once it was answered; without one it failed.

    Nothing is told of a delivery that is "held": the one that runs tells how long the call took.
    """

    def __init__(self, message: func.QueueMessage, tool: str, context: func.Context | None) -> None:
        self._message, self._tool, self._context = message, tool, context
        self._started_ns = time.time_ns()
        self.question: Question | None = None
        self.outcome = "failed"

    def tell(self) -> None:
        """Hand what was seen to telemetry, where there is one."""
        try:
            if self.outcome != "held" and (to := telemetry()) is not None:
                self._tell(to)
        except Exception:
            log.exception("telemetry.not_told tool=%s", self._tool)

    def _tell(self, to: Telemetry) -> None:
        message, question = self._message, self.question
        properties = properties_of(
            str(message.id or ""),
            message.dequeue_count or 1,
            message.insertion_time,
            self._started_ns,
            invocation_id=str(self._context.invocation_id) if self._context is not None else "",
            correlation_id=str(question.correlation_id) if question is not None else None,
            arguments=question.arguments if question is not None and question.fault is None else None,
        )
        if self.outcome == "repeated":
            properties["relaydeck.repeated"] = "true"
        to.told(
            Handled(
                self._tool,
                input_queue(self._tool),
                self._started_ns,
                time.time_ns(),
                _OUTCOMES.get(self.outcome, "failed"),
                question.trace if question is not None else "",
                properties,
            )
        )
