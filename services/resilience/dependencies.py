"""What Relaydeck depends on, and the one breaker of each that all who call it share."""

from collections.abc import Callable

from services.resilience.breaker import BreakerView, CircuitBreaker
from services.resilience.call import Limits, Resilience, breaker_of
from services.resilience.clock import Pace
from services.resilience.ledger import Record

FOUNDRY, QUEUES, LOGS = "the agent service", "the storage account", "Log Analytics"
METRICS, INGESTION, TOKEN = "Azure Monitor metrics", "Application Insights", "sign-in"
AUDIT = "the audit trail"
DEPENDENCIES = (FOUNDRY, QUEUES, LOGS, METRICS, INGESTION, AUDIT, TOKEN)


class Dependencies:
    """Hands out what makes the calls to each dependency. Threads share it; close() ends the waits of all."""

    def __init__(self, limits: Limits, pace: Pace | None = None) -> None:
        self._limits, self._pace = limits, pace
        self._breakers = {name: breaker_of(name, limits, pace) for name in DEPENDENCIES}
        self._callers: list[Resilience] = []

    def caller(
        self, name: str, limits: Limits | None = None, gate: Callable[[], None] | None = None
    ) -> Resilience:
        """Return a caller of *name*, one of DEPENDENCIES: with a budget and a pause of its own, the breaker is shared.

        *gate*: see Resilience.
        """
        caller = Resilience(name, limits or self._limits, self._pace, gate, self._breakers[name])
        self._callers.append(caller)
        return caller

    def breaker(self, name: str) -> CircuitBreaker:
        """Return the breaker of *name*, for calls that no caller makes."""
        return self._breakers[name]

    def records(self) -> tuple[Record, ...]:
        """Return what the latest calls to each came to, in the order of DEPENDENCIES. Sends nothing."""
        return tuple(breaker.ledger.read() for breaker in self._breakers.values())

    def views(self) -> tuple[BreakerView, ...]:
        """Return how each breaker stands now, in the order of DEPENDENCIES. Sends nothing, costs microseconds."""
        return tuple(breaker.view() for breaker in self._breakers.values())

    def close(self) -> None:
        """End the waits of all callers; calls under way run to their end."""
        for caller in self._callers:
            caller.close()
