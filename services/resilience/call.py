"""Resilience: how a remote call is made. SDK clients must not retry by themselves."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from services.errors import (
    AccessDenied,
    Attempt,
    NotFound,
    ServiceError,
    Throttled,
    Unavailable,
    UnexpectedReply,
)
from services.resilience.breaker import Admission, BreakerState, BreakerView, CircuitBreaker
from services.resilience.budget import RetryBudget
from services.resilience.clock import Pace, RealPace
from services.resilience.watchdog import Watchdog
from services.settings import Settings
from services.translation import azure_call

log = logging.getLogger(__name__)
T = TypeVar("T")
LOOK_UPS = 2  # after a lost reply to a create: at once, and after look_up_wait_s
LASTING_STATUSES = frozenset({507})  # trying again does not make room


@dataclass(frozen=True, slots=True)
class Limits:
    """See the settings of the same names."""

    call_deadline_s: float = 30
    call_retries: int = 3
    retry_after_max_s: float = 30
    retry_share: float = 0.2
    retry_saved: float = 10
    retry_first_s: float = 0.2
    retry_longest_s: float = 5
    look_up_wait_s: float = 1.5
    breaker_failure_share: float = 0.5
    breaker_calls: int = 20
    breaker_min_calls: int = 10
    breaker_window_s: float = 30
    breaker_open_s: float = 15
    breaker_spread: float = 0.2

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        """Return the limits that *settings* name."""
        return cls(**{name: getattr(settings, name) for name in cls.__dataclass_fields__})


class Resilience:
    """Makes calls to one dependency. Threads share it.

    read(), create(), delete() and once() differ in what may be repeated. All of them raise ServiceErrors only, end
    within their deadline (a reply under way is cut, at most 0.3 s late), and refuse with Unavailable(sent=False),
    without a request, while the breaker is open or the service has asked everybody to pause.
    """

    def __init__(
        self,
        dependency: str,
        limits: Limits | None = None,
        pace: Pace | None = None,
        gate: Callable[[], None] | None = None,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        """*gate*: called before each attempt; it returns when the request may go out. *breaker*: the dependency's, when
        it has more than one caller; None: one of its own."""
        self.dependency = dependency
        self.limits = limits or Limits()
        self._gate = gate
        self._pace = pace or RealPace()
        self._breaker = breaker or breaker_of(dependency, self.limits, self._pace)
        self._budget = RetryBudget(self.limits.retry_share, self.limits.retry_saved)
        self._watchdog = Watchdog()
        self._paused_until_s = 0.0

    @property
    def state(self) -> BreakerState:
        """Return `open` while the dependency is being left alone."""
        return self._breaker.state

    def view(self) -> BreakerView:
        """Return how the dependency's breaker stands now, for whoever shows it. Sends nothing, costs microseconds."""
        return self._breaker.view()

    def read(
        self,
        operation: str,
        resource: str,
        fn: Callable[[], T],
        *,
        deadline_s: float | None = None,
        lasting: frozenset[int] = frozenset(),
    ) -> T:
        """Return what *fn* returns; repeat it after failures that may pass, but for those with a status in *lasting*."""

        def may_pass(error: ServiceError) -> bool:
            return error.status not in lasting and _may_pass(error)

        return self._repeat(operation, resource, fn, may_pass, deadline_s)

    def delete(self, operation: str, resource: str, fn: Callable[[], object]) -> bool:
        """Return once *fn* has succeeded or finds nothing left to do (404): False when it was gone before.

        A 404 at a repeat counts as deleted: the attempt before it may have done it, and nobody heard.
        """
        attempts = 0

        def counted() -> object:
            nonlocal attempts
            attempts += 1
            return fn()

        try:
            self._repeat(operation, resource, counted, _may_pass, None)
        except NotFound:
            log.debug("resource.gone_already", extra={"operation": operation, "resource": resource})
            return attempts > 1
        return True

    def create(
        self, operation: str, resource: str, fn: Callable[[], T], look_up: Callable[[], T | None]
    ) -> T:
        """Return what *fn* creates. After a failure that leaves its effect open, *look_up* is asked first.

        *look_up* returns what an earlier attempt has created after all, None when nothing; it sends requests of its
        own, inside the same deadline. It is asked at once and, finding nothing, after look_up_wait_s, since a list may
        show late what was just made. When it fails too, the first error is raised: the effect stays unknown.
        """
        return self._repeat(operation, resource, fn, _may_pass, None, look_up)

    def once(self, operation: str, resource: str, fn: Callable[[], T]) -> T:
        """Return what *fn* returns. Repeat it only if the request certainly had no effect."""
        return self._repeat(operation, resource, fn, _had_no_effect, None)

    def close(self) -> None:
        """End the waits between attempts; calls under way run to their end."""
        self._watchdog.stop()
        if isinstance(self._pace, RealPace):
            self._pace.stop()

    def _repeat(
        self,
        operation: str,
        resource: str,
        fn: Callable[[], T],
        repeatable: Callable[[ServiceError], bool],
        deadline_s: float | None,
        look_up: Callable[[], T | None] | None = None,
    ) -> T:
        due_s = self._pace.now_s() + (deadline_s or self.limits.call_deadline_s)
        self._budget.pay_in()
        attempt, renewed = 0, False
        while True:
            try:
                return self._attempt(operation, resource, fn, due_s)
            except ServiceError as error:
                if look_up is not None and self._is_open_effect(error):
                    found = self._look_up(operation, resource, look_up, due_s, error)
                    if found is not None:
                        return found
                if isinstance(error, AccessDenied) and error.status == 401 and not renewed:
                    renewed = True  # the SDK has dropped its token: the next request carries a fresh one
                    continue
                if not repeatable(error) or attempt >= self.limits.call_retries:
                    raise
                pause_s = self._pause_s(error, attempt, due_s)
                if pause_s is None or not self._budget.pay_out() or not self._pace.sleep(pause_s):
                    raise
                attempt += 1
                log.info(
                    "call.repeated",
                    extra={
                        "operation": operation,
                        "resource": resource,
                        "attempt": attempt,
                        "after": str(error),
                    },
                )

    def _attempt(self, operation: str, resource: str, fn: Callable[[], T], due_s: float) -> T:
        if self._gate is not None:
            self._gate()
        admission = self._admit(operation, resource)
        failed: bool | None = None
        met: ServiceError | None = None
        try:
            with self._watchdog.watch(due_s - self._pace.now_s()) as watched:
                try:
                    with azure_call(operation, resource):
                        result = fn()
                except ServiceError as error:
                    if watched.overdue and not error.dependency:
                        sent = not isinstance(error, Unavailable) or error.sent
                        raise self._overdue(operation, resource, sent=sent) from error
                    raise
                if watched.overdue:  # a reply that was cut may look like a short one
                    raise self._overdue(operation, resource)
            failed = False
            return result
        except ServiceError as error:
            if error.dependency not in ("", self.dependency):
                raise  # signing in failed, which says nothing of this service
            error.dependency = self.dependency
            failed, met = _speaks_of_the_service(error), error
            if isinstance(error, Throttled | Unavailable) and error.retry_after_s:
                pause_s = min(error.retry_after_s, self.limits.retry_after_max_s)
                self._paused_until_s = max(self._paused_until_s, self._pace.now_s() + pause_s)
            raise
        finally:
            self._breaker.report(admission, failed, met)

    def _admit(self, operation: str, resource: str) -> Admission:
        attempt = Attempt(operation, resource)
        if (left_s := self._paused_until_s - self._pace.now_s()) > 0:
            message = f"Could not {attempt}: {self.dependency} asked for a pause of another {left_s:.0f} s."
            raise self._refusal(
                Throttled(
                    message, retry_after_s=left_s, code="Paused", operation=operation, resource=resource
                )
            )
        admission = self._breaker.admit()
        if isinstance(admission, Admission):
            return admission
        message = (
            f"Could not {attempt}: {self.dependency} has failed repeatedly and is left alone; "
            f"next try in {admission:.0f} s."
        )
        raise self._refusal(
            Unavailable(message, sent=False, code="BreakerOpen", operation=operation, resource=resource)
        )

    def _refusal(self, error: ServiceError) -> ServiceError:
        error.dependency = self.dependency
        return error

    def _pause_s(self, error: ServiceError, attempt: int, due_s: float) -> float | None:
        """Return how long to wait before the next attempt; None when there is no time or no leave for one."""
        if isinstance(error, Unavailable) and error.code == "BreakerOpen":
            return None
        ceiling_s = min(self.limits.retry_longest_s, self.limits.retry_first_s * 2**attempt)
        pause_s = self._pace.between(0, ceiling_s)
        if isinstance(error, Throttled | Unavailable) and error.retry_after_s:
            if error.retry_after_s > self.limits.retry_after_max_s:
                return None
            pause_s += error.retry_after_s
        return pause_s if self._pace.now_s() + pause_s < due_s else None

    def _look_up(
        self,
        operation: str,
        resource: str,
        look_up: Callable[[], T | None],
        due_s: float,
        error: ServiceError,
    ) -> T | None:
        found: T | None = None
        try:
            for turn in range(LOOK_UPS if self.limits.look_up_wait_s else 1):
                wait_s = turn * self.limits.look_up_wait_s / sum(range(LOOK_UPS))
                if self._pace.now_s() + wait_s >= due_s or (wait_s and not self._pace.sleep(wait_s)):
                    raise error
                asked, left_s = f"look up the outcome of {operation}", due_s - self._pace.now_s()
                found = self._repeat(asked, resource, look_up, _may_pass, left_s)
                if found is not None:
                    break
        except ServiceError as failure:
            if failure is error:
                raise
            raise error from failure
        if found is None and isinstance(error, UnexpectedReply):
            raise error
        log.info("create.looked_up", extra={"operation": operation, "found": found is not None})
        return found

    def _is_open_effect(self, error: ServiceError) -> bool:
        if error.dependency != self.dependency:
            return False  # without a token nothing was sent
        if isinstance(error, Unavailable):
            return error.sent and error.status not in LASTING_STATUSES  # there was no room: nothing was made
        return isinstance(error, UnexpectedReply)

    def _overdue(self, operation: str, resource: str, *, sent: bool = True) -> Unavailable:
        reason = "the reply was not complete in time" if sent else "no connection came up in time"
        message = f"Could not {Attempt(operation, resource)}: {reason}."
        return Unavailable(message, sent=sent, operation=operation, resource=resource)


def breaker_of(dependency: str, limits: Limits, pace: Pace | None = None) -> CircuitBreaker:
    """Return a closed breaker for *dependency* that keeps to *limits*."""
    return CircuitBreaker(
        dependency,
        pace or RealPace(),
        failure_share=limits.breaker_failure_share,
        min_calls=limits.breaker_min_calls,
        window_s=limits.breaker_window_s,
        open_s=limits.breaker_open_s,
        calls=limits.breaker_calls,
        spread=limits.breaker_spread,
    )


def _may_pass(error: ServiceError) -> bool:
    return isinstance(error, Throttled) or (
        isinstance(error, Unavailable) and error.status not in LASTING_STATUSES
    )


def _had_no_effect(error: ServiceError) -> bool:
    return isinstance(error, Throttled) or (isinstance(error, Unavailable) and not error.sent)


def _speaks_of_the_service(error: ServiceError) -> bool | None:
    """Return whether *error* counts against the service (True), for it (False: it did answer), or not at all.

    A service that asks for a pause gets one, which is enough. One that denies access without an answer gave none.
    """
    if isinstance(error, Throttled) or (isinstance(error, Unavailable) and error.retry_after_s):
        return None
    unheard = isinstance(error, AccessDenied) and error.status is None
    return unheard or isinstance(error, Unavailable | UnexpectedReply)
