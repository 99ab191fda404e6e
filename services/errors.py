"""Every failure that leaves services/. What it is says what the operator can do next.

ServiceError
├── ConfigurationError   a setting is missing or wrong: change it
├── AccessDenied         signed in as the wrong one, or a role is missing
├── NotFound             it does not exist, or no longer
├── Conflict             it is busy or has changed: wait or look again
├── InvalidInput         the request itself cannot be served: change it
├── Throttled            too many requests: wait `retry_after_s`
├── Unavailable          not reached, timed out or broken down: nothing is known of the effect unless `sent` is False
│   └── NotYet           asked, and not answered so far: it is still being read
└── UnexpectedReply      answered, but not what the service is documented to answer

Remote calls run inside services.translation.azure_call(), which turns whatever the SDKs raise into one of these.
"""

from dataclasses import dataclass
from threading import Event
from typing import Protocol

from services.redaction import hide


class Awaited(Protocol):
    """What somebody stopped waiting for."""

    @property
    def done(self) -> Event: ...


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried. *resource*: the queue, agent, thread … by name or id; empty when there is none."""

    operation: str
    resource: str = ""

    def __str__(self) -> str:
        return f"{self.operation} {self.resource}".rstrip()


class ServiceError(Exception):
    """*status*: the HTTP status, None when no reply came. *request_id*: Azure's, empty when none came.

    *dependency*: whose failure it is, which services.resilience notes; empty when it went through no call of its.
    """

    dependency = ""
    hint = "Try again; if it stays, look at Health in the sidebar."

    def __init__(
        self,
        message: str,
        *,
        operation: str,
        resource: str = "",
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        hint: str = "",
    ) -> None:
        message = hide(message)
        super().__init__(message)
        self.message = message
        self.operation, self.resource = operation, resource
        self.status, self.code, self.request_id = status, code, request_id
        if hint:
            self.hint = hint


class ConfigurationError(ServiceError):
    """*problems*: one line for each thing to correct; empty when the message says it all."""

    hint = "Correct the setting and start again."

    def __init__(self, message: str, *, problems: tuple[str, ...] = (), **context: object) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]  # passed through unchanged
        self.problems = problems


class AccessDenied(ServiceError):  # noqa: N818 - named for what the operator meets
    """Signed in as the wrong one, or a role is missing."""

    hint = "Check the identity in use and its roles; a new role takes up to ten minutes."


class NotFound(ServiceError):  # noqa: N818
    """It does not exist, or no longer."""

    hint = "It may have been deleted; go back to the list."


class Conflict(ServiceError):  # noqa: N818
    """It is busy, or has changed since it was read."""

    hint = "Something else is using it; wait for that to end."


class InvalidInput(ServiceError):  # noqa: N818
    """The request itself cannot be served, whoever sends it and when."""

    hint = "Change the input and send it again."


class Throttled(ServiceError):  # noqa: N818
    """*retry_after_s*: None when the service did not say."""

    hint = "The service is at its limit; wait a moment."

    def __init__(self, message: str, *, retry_after_s: float | None = None, **context: object) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]  # passed through unchanged
        self.retry_after_s = retry_after_s


class Unavailable(ServiceError):  # noqa: N818
    """*sent*: False when the request certainly did not reach the service. *retry_after_s*: None when it did not say."""

    hint = "The service does not answer; Relaydeck keeps trying."

    def __init__(
        self, message: str, *, sent: bool = True, retry_after_s: float | None = None, **context: object
    ) -> None:
        super().__init__(message, **context)  # type: ignore[arg-type]  # passed through unchanged
        self.sent, self.retry_after_s = sent, retry_after_s


class NotYet(Unavailable):
    """*errand*: what is waited for; its `done` tells when it is back."""

    hint = "It is still being read, and appears here by itself."

    def __init__(self, message: str, *, errand: Awaited, **context: object) -> None:
        super().__init__(message, sent=True, **context)  # type: ignore[arg-type]  # passed through unchanged
        self.errand = errand


class UnexpectedReply(ServiceError):  # noqa: N818
    """A reply came, and is not what the service is documented to answer."""

    hint = "Something between here and Azure (a proxy, a sign-in page) may be answering in its place."


class ShapeError(ValueError):
    """A reply lacks what it must have. Raise it inside services.translation.azure_call(), which makes an UnexpectedReply of it."""

    def __init__(self, where: str, wanted: str) -> None:
        super().__init__(f"{where} is not {wanted}")
