"""From what the SDKs raise to our own errors. Every remote call runs inside azure_call().

The class alone is not trusted: azure-core raises ServiceRequestError ("not sent") also when a reply broke off while
it was read, DecodeError for an error page in HTML, and plain ValueError for a body that is not JSON.
"""

import http.client
import json
import re
import ssl
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests
import urllib3.exceptions as urllib3_errors
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
    IncompleteReadError,
    SerializationError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
    StreamClosedError,
)

from services.errors import (
    AccessDenied,
    Attempt,
    ConfigurationError,
    Conflict,
    InvalidInput,
    NotFound,
    ServiceError,
    ShapeError,
    Throttled,
    Unavailable,
    UnexpectedReply,
)
from services.redaction import redact

REQUEST_ID_HEADERS = ("x-ms-request-id", "apim-request-id", "x-request-id", "request-id")
TRANSIENT_STATUSES = frozenset({408, 500, 502, 503, 504, 509, 529})
LONGEST_S, LONGEST_NUMBER = 1e9, 300  # of a pause: thirty years, which float can hold whatever its digits
_NEVER_CONNECTED = (
    urllib3_errors.NewConnectionError,
    urllib3_errors.ConnectTimeoutError,
    urllib3_errors.NameResolutionError,
    urllib3_errors.ProxyError,
    requests.exceptions.ConnectTimeout,
    requests.exceptions.InvalidURL,
    ConnectionRefusedError,
)
_TIMED_OUT = (
    ServiceRequestTimeoutError,
    ServiceResponseTimeoutError,
    urllib3_errors.TimeoutError,
    requests.exceptions.Timeout,
    TimeoutError,
)
_TRANSPORT = (
    requests.exceptions.RequestException,
    urllib3_errors.HTTPError,
    http.client.HTTPException,
    ssl.SSLError,
    OSError,
)
_BAD_BODY = (DeserializationError, json.JSONDecodeError, UnicodeDecodeError, ET.ParseError)
_SHAPE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


@contextmanager
def azure_call(operation: str, resource: str = "") -> Iterator[None]:
    """Turn what an SDK raises inside into a ServiceError that names *operation* (a verb phrase) and *resource*.

    A ServiceError passes unchanged; so does a defect of our own, which must show as one.
    """
    try:
        yield
    except ServiceError:
        raise
    except Exception as exc:
        error = translate(exc, Attempt(operation, resource))
        if error is None:
            raise
        raise error from exc


def translate(exc: Exception, attempt: Attempt) -> ServiceError | None:
    """Return the ServiceError that says what *exc* means; None when it is no failure of a remote call."""
    context: dict[str, Any] = {"operation": attempt.operation, "resource": attempt.resource}
    if isinstance(exc, SerializationError):
        return InvalidInput(_say(attempt, "the request cannot be formed", _text(exc)), **context)
    status = _status(exc)
    if status is not None and not isinstance(exc, IncompleteReadError):
        return _from_status(exc, status, attempt)
    if isinstance(exc, ClientAuthenticationError):
        reason = "no identity could sign in" if "Unavailable" in type(exc).__name__ else "signing in failed"
        hint = "Sign in with `az login`, or give the app a managed identity (AZURE_CLIENT_ID names it)."
        return AccessDenied(_say(attempt, reason, _text(exc)), **context, hint=hint)
    if isinstance(exc, _BAD_BODY) or (
        isinstance(exc, DecodeError) and not isinstance(exc, IncompleteReadError)
    ):
        return UnexpectedReply(
            _say(attempt, "the reply is not in the form that the service documents"), **context
        )
    if isinstance(exc, (AzureError, *_TRANSPORT)) or _is_connection_error(exc) or _is_of("urllib3", exc):
        return _from_transport(exc, attempt)
    if _is_of("openai", exc) or _is_of("httpx", exc):
        return UnexpectedReply(_say(attempt, "the reply makes no sense", _text(exc)), **context)
    if isinstance(exc, ShapeError) or (isinstance(exc, _SHAPE) and not _is_ours(exc)):
        reply = "the reply is not in the form that the service documents"
        return UnexpectedReply(
            _say(
                attempt,
                reply,
                _text(exc) if isinstance(exc, ShapeError) else f"{type(exc).__name__}: {_text(exc)}",
            ),
            **context,
        )
    return None


def error_from_status(
    status: int, code: str, said: str, attempt: Attempt, headers: Mapping[str, str] | None = None
) -> ServiceError:
    """Return the error for a reply of *status* (400 and up, or a redirect) that gives *code* and *said* as reason."""
    headers = headers or {}
    request_id = next((value for name in REQUEST_ID_HEADERS if (value := headers.get(name))), "")
    context: dict[str, Any] = {
        "operation": attempt.operation,
        "resource": attempt.resource,
        "status": status,
        "code": code,
        "request_id": request_id,
    }
    if status == 429 or (status == 503 and code == "ServerBusy"):
        wait_s = retry_after_s(headers)
        pause = f"; it asks for a pause of {wait_s:.0f} s" if wait_s else ""
        return Throttled(
            _say(attempt, f"the service is busy ({status}){pause}", said), retry_after_s=wait_s, **context
        )
    kind, reason, hint = _judge(status, code, said)
    if kind is Unavailable and (wait_s := retry_after_s(headers)) is not None:
        context["retry_after_s"] = wait_s
        reason += f"; it asks for a pause of {wait_s:.0f} s" if wait_s else ""
    if 300 <= status < 400 and (target := headers.get("location", "")):
        reason += f" ({redact(target.partition('?')[0], 120)})"
    return kind(_say(attempt, f"{reason} ({status})", said), **context, hint=hint)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the pause that the reply asks for, in seconds, never negative; None when it asks for none we can read."""
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        if (value := _number(headers.get(name, ""))) is not None:
            return value / 1000
    text = headers.get("retry-after", "").strip()
    if (value := _number(text)) is not None:
        return value
    due = _moment(text)
    if due is None:
        return None
    now = _moment(headers.get("date", "")) or datetime.fromtimestamp(
        time.time(), UTC
    )  # the sender's clock first
    return max(0.0, (due - now).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _judge(status: int, code: str, said: str) -> tuple[type[ServiceError], str, str]:
    """Return the class, the reason in words, and a hint (empty: the class's own)."""
    words = f"{code} {said}".lower()
    if status == 400 and ("active run" in words or ("while a run" in words and "active" in words)):
        return Conflict, "a run is still going on in this thread", ""
    if status in (400, 403) and ("content_filter" in words or "responsibleai" in words):
        return InvalidInput, "the content filter refused it", "Rephrase the question; it was not answered."
    if status == 400 and code in ("AuthenticationFailed", "InvalidAuthenticationInfo"):
        return AccessDenied, "the sign-in was refused", ""
    if status == 403 and code == "AuthenticationFailed":
        hint = "Check that this machine's clock is right: Storage refuses signatures that are 15 minutes off."
        return AccessDenied, "the sign-in was refused", hint
    if status == 403 and code == "KeyBasedAuthenticationNotPermitted":
        hint = (
            "Access by key is switched off for this storage account: use an Entra identity with a role on it."
        )
        return ConfigurationError, "access by key is switched off", hint
    if status == 401:
        return AccessDenied, "the sign-in was refused", ""
    if status == 403:
        return AccessDenied, "this identity may not do that", ""
    if status == 404:
        return NotFound, "it does not exist", ""
    if status == 410:
        hint = "The service or its API version has been retired: upgrade Relaydeck."
        return ConfigurationError, "this is no longer offered", hint
    if status in (304, 409, 412):
        return Conflict, "it is in use or has changed meanwhile", ""
    if 300 <= status < 400:
        hint = "The endpoint's address is not the service's own; redirects are not followed."
        return ConfigurationError, "the address answers with a redirect", hint
    if status == 413:
        return InvalidInput, "it is too large", ""
    if status in (405, 501, 505):
        hint = "Check that the endpoint is the right service's."
        return UnexpectedReply, "the service does not offer this operation", hint
    if status == 507:
        return Unavailable, "the service cannot save anything", "Its storage is full: make room."
    if status in TRANSIENT_STATUSES or status >= 500:
        return Unavailable, "the service has a problem of its own", ""
    if 200 <= status < 300:
        return UnexpectedReply, "the reply is not in the form that the service documents", ""
    return InvalidInput, "the service refused the request", ""


def _from_status(exc: Exception, status: int, attempt: Attempt) -> ServiceError:
    code, said = _service_words(exc)
    response = getattr(exc, "response", None)
    raw = getattr(response, "headers", None) or {}
    headers = {str(name).lower(): str(value) for name, value in raw.items()}
    return error_from_status(status, code, said, attempt, headers)


def _from_transport(exc: Exception, attempt: Attempt) -> ServiceError:
    context: dict[str, Any] = {"operation": attempt.operation, "resource": attempt.resource}
    chain = tuple(_chain(exc))
    if "non-TLS" in _text(exc):
        return ConfigurationError(_say(attempt, "a token is only sent over https"), **context)
    if "TLS CA certificate" in _text(exc):
        return ConfigurationError(
            _say(attempt, "the file of trusted certificates is missing", _text(exc)), **context
        )
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in chain):
        hint = "A proxy may be opening the connection: its CA certificate must be trusted on this machine."
        return ConfigurationError(
            _say(attempt, "the server's certificate is not trusted"), **context, hint=hint
        )
    never = any(isinstance(cause, _NEVER_CONNECTED) or _is_of("httpx", cause, "Connect") for cause in chain)
    timed_out = any(isinstance(cause, _TIMED_OUT) or "Timeout" in type(cause).__name__ for cause in chain)
    if any(isinstance(cause, urllib3_errors.NameResolutionError) for cause in chain):
        reason, never = "the host's name is not known", True
    elif never:
        # NewConnectionError (refused, no route) is by descent a kind of ConnectTimeoutError
        slow = timed_out and not any(isinstance(cause, urllib3_errors.NewConnectionError) for cause in chain)
        reason = "no connection came up in time" if slow else "the service cannot be reached"
    elif timed_out:
        reason = "no answer came in time"
    elif isinstance(exc, StreamClosedError):
        reason = "the connection was closed"
    elif isinstance(exc, (ServiceRequestError, ServiceResponseError, HttpResponseError, *_TRANSPORT)):
        reason = "the connection broke before the answer was complete"
    else:
        return UnexpectedReply(_say(attempt, "the exchange went wrong", _text(exc)), **context)
    return Unavailable(_say(attempt, reason), sent=not never, **context)


def _say(attempt: Attempt, reason: str, said: str = "") -> str:
    quote = redact(said)
    return f"Could not {attempt}: {reason}." + (f" It said: {quote}" if quote else "")


def _text(exc: BaseException) -> str:
    try:
        return str(exc)
    except Exception:  # noqa: BLE001 - an SDK's own str() may trip over the odd reply it is about
        return type(exc).__name__


def _service_words(exc: Exception) -> tuple[str, str]:
    """Return the code and the message that the service gave; both empty when it gave none."""
    code = getattr(exc, "error_code", None)  # Storage
    document = _json_body(exc)
    inner = document.get("error", document)
    if isinstance(inner, Mapping) and inner:
        return str(inner.get("code") or getattr(code, "value", code) or ""), _said_by(inner)
    if code is not None:
        return str(getattr(code, "value", code)), str(getattr(exc, "message", "")).partition("\n")[0]
    return "", ""


def _said_by(error: Mapping[str, object]) -> str:
    """Return the message and, where errors are nested, the innermost one: Log Analytics names the fault only there."""
    said, innermost = str(error.get("message") or ""), error
    while isinstance(inner := innermost.get("innererror"), Mapping):
        innermost = inner
    deepest = str(innermost.get("message") or "")
    return said if deepest in said else f"{said} {deepest}".strip()


def _json_body(exc: Exception) -> Mapping[str, object]:
    body = getattr(exc, "body", None)  # openai
    if body is None:
        try:
            text = getattr(exc, "response", None).text  # type: ignore[union-attr]  # no response: AttributeError
            body = json.loads(text() if callable(text) else text)
        except (AttributeError, ValueError, TypeError, RecursionError, AzureError, *_TRANSPORT):
            return {}
    return body if isinstance(body, Mapping) else {"error": None}


def _status(exc: Exception) -> int | None:
    if isinstance(exc, HttpResponseError) or _is_of("openai", exc) or isinstance(exc, requests.HTTPError):
        status = getattr(exc, "status_code", None) or getattr(
            getattr(exc, "response", None), "status_code", None
        )
        return status if isinstance(status, int) else None
    return None


def _chain(exc: BaseException) -> Iterator[BaseException]:
    """Yield *exc* and what lies behind it: causes, contexts and the exceptions that urllib3 packs into arguments."""
    seen: set[int] = set()
    waiting = [exc]
    while waiting:
        error = waiting.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        packed = [*error.args, getattr(error, "reason", None), getattr(error, "inner_exception", None)]
        waiting += [
            one for one in (*packed, error.__cause__, error.__context__) if isinstance(one, BaseException)
        ]


def _is_connection_error(exc: BaseException) -> bool:
    return (_is_of("openai", exc) or _is_of("httpx", exc)) and (
        "Connect" in type(exc).__name__
        or "Timeout" in type(exc).__name__
        or _is_of("httpx", exc, "Transport")
    )


def _is_of(package: str, exc: BaseException, word: str = "") -> bool:
    """Return whether *exc*'s class comes from *package* (told by name: importing openai takes 0.6 s)."""
    return any(kind.__module__.startswith(package) and word in kind.__name__ for kind in type(exc).__mro__)


def _is_ours(exc: Exception) -> bool:
    """Return whether *exc* was raised by code of this repository rather than inside a library."""
    trace = exc.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace is None or str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0] in (
        "services",
        "tests",
    )


def _number(text: str) -> float | None:
    """Return the number that *text* is, a huge one as LONGEST_S; None when it is none or below zero."""
    if len(text) > LONGEST_NUMBER or not re.fullmatch(r"[0-9]+(\.[0-9]*)?", text.strip()):
        return None
    return min(float(text), LONGEST_S)
