"""Health: can each part do its work right now, and if not, what to look at."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from services.agents.backend import AgentBackend
from services.errors import AccessDenied, NotFound, ServiceError
from services.models import FunctionTool, HealthState, PartHealth, QueueDepth
from services.queues import POISON_SUFFIX, QueueService
from services.settings import Settings
from services.telemetry.service import TelemetryHealth

log = logging.getLogger(__name__)
TELEMETRY = "Telemetry"
PARTS = ("Agents", "Queues", "Function app", "Model")
PART_TIMEOUT_S = 5.0
SLOW_AFTER_S = 30.0  # a function app that has scaled to zero may need this long to come up
SILENT_AFTER_S = 120.0
Verdict = tuple[HealthState, str]


class HealthService:
    """check_all() never raises and takes at most *timeout_s*; a part that does not answer by then is `unknown`."""

    def __init__(
        self,
        backend: AgentBackend,
        queues: QueueService,
        settings: Settings,
        catalogue: tuple[FunctionTool, ...],
        now: Callable[[], datetime],
        *,
        timeout_s: float = PART_TIMEOUT_S,
        telemetry: Callable[[], TelemetryHealth] | None = None,
    ) -> None:
        self._backend, self._queues, self._settings = backend, queues, settings
        self._catalogue, self._now, self._timeout_s = catalogue, now, timeout_s
        self._checks: dict[str, Callable[[], Verdict]] = {
            "Agents": self._agents,
            "Queues": self._queues_part,
            "Function app": self._function_app,
            "Model": self._model,
        }
        if telemetry is not None:
            self._checks[TELEMETRY] = lambda: telemetry().verdict()
        self._under_way: dict[str, _Check] = {}
        self._latest: tuple[PartHealth, ...] = ()
        self._lock = threading.Lock()

    def check_all(self) -> tuple[PartHealth, ...]:
        """Return the health of every part, in the order of PARTS, then of telemetry where there is any. About two requests, and four per function tool."""
        checks = [self._begin(part) for part in self._checks]
        due_s = self._timeout_s
        self._latest = tuple(self._end(check, due_s) for check in checks)
        return self._latest

    def latest(self) -> tuple[PartHealth, ...]:
        """Return what check_all() returned last; empty before it did. No request."""
        return self._latest

    def _begin(self, part: str) -> "_Check":
        """Start the check of *part*, or join the one that still hangs: hanging checks must not pile up."""
        with self._lock:
            check = self._under_way.get(part)
            if check is None or check.done.is_set():
                check = _Check(part, self._checks[part], self._now)
                self._under_way[part] = check
                check.start()
            return check

    def _end(self, check: "_Check", timeout_s: float) -> PartHealth:
        check.done.wait(max(0.0, timeout_s - check.age_s(self._now())))
        if check.result is not None:
            return check.result
        return PartHealth(check.part, "unknown", f"No answer within {timeout_s:g} s.", self._now())

    # The parts ------------------------------------------------------------------------------------

    def _agents(self) -> Verdict:
        self._backend.list_agents(1)
        return "ok", "The Agent Service answers."

    def _queues_part(self) -> Verdict:
        names = set(self._queues.list_names("azure-function-"))
        wanted = [name for tool in self._catalogue for name in (tool.input_queue, tool.output_queue)]
        if missing := [name for name in wanted if name not in names]:
            return (
                "degraded",
                f"Missing: {', '.join(missing)}. The function app or the deployment creates them.",
            )
        return "ok", f"All {len(wanted)} queues of the function tools exist."

    def _function_app(self) -> Verdict:
        inputs = [tool.input_queue for tool in self._catalogue]
        depths = self._queues.depths_of([*inputs, *(name + POISON_SUFFIX for name in inputs)])
        return judge_function_app(depths[: len(inputs)], depths[len(inputs) :])

    def _model(self) -> Verdict:
        deployment = self._settings.model
        try:
            model = self._backend.model_of(deployment)
        except NotFound:
            return "down", f"There is no deployment named {deployment}: correct MODEL_DEPLOYMENT_NAME."
        return "ok", f"{deployment}: {model}" if model and model != deployment else deployment


class _Check(threading.Thread):
    """A daemon: a part that hangs must not keep the process from ending."""

    def __init__(self, part: str, check: Callable[[], Verdict], now: Callable[[], datetime]) -> None:
        super().__init__(name=f"health-{part}", daemon=True)
        self.part, self.done = part, threading.Event()
        self.result: PartHealth | None = None
        self._check, self._now, self._began = check, now, now()

    def age_s(self, now: datetime) -> float:
        return (now - self._began).total_seconds()

    def run(self) -> None:
        try:
            state, detail = self._check()
        except AccessDenied as error:
            state, detail = "down", f"{error.message} {error.hint}"
        except ServiceError as error:
            state, detail = "down", error.message
        except Exception:
            log.exception("health.check_failed", extra={"part": self.part})
            state, detail = "unknown", "The check itself failed; the log holds the details."
        self.result = PartHealth(self.part, state, detail, self._now())
        self.done.set()


def judge_function_app(inputs: Sequence[QueueDepth], poison: Sequence[QueueDepth]) -> Verdict:
    """Return whether the function app takes its work, judged by its input queues and their poison queues. Pure.

    The worst of: no queue at all, work that nobody takes, messages that were given up on.
    """
    if missing := [queue.name for queue in inputs if queue.state == "missing"]:
        return "unknown", f"Nothing to judge by: {', '.join(missing)} does not exist."
    oldest = max(inputs, key=lambda queue: queue.oldest_age_s or 0.0)
    age_s = oldest.oldest_age_s or 0.0
    if age_s > SILENT_AFTER_S:
        return "down", f"{oldest.name} has waited {age_s:.0f} s for the function app: is it running?"
    if age_s > SLOW_AFTER_S:
        return "degraded", f"{oldest.name} has waited {age_s:.0f} s for the function app."
    if given_up := [f"{queue.name} ({queue.messages})" for queue in poison if queue.messages]:
        return "degraded", f"Given up on after repeated failures: {', '.join(given_up)}."
    return "ok", "Takes its messages at once."
