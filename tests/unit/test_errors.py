"""Translation: whatever an SDK raises leaves services/ as one of our errors, in plain words and without secrets."""

import inspect
import json
import ssl
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import azure.core.exceptions
import azure.identity
import pytest
import requests
import urllib3.exceptions
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseTimeoutError,
)

from services.agents import shapes
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
from services.translation import azure_call, error_from_status, retry_after_s, translate

ATTEMPT = Attempt("list queues", "orders")
NOT_FAILURES = {"ODataV4Format", "ErrorMap"}


def raised(exc: BaseException) -> ServiceError:
    """Return what azure_call makes of *exc*."""
    with pytest.raises(ServiceError) as caught, azure_call("list queues", "orders"):
        raise exc
    assert caught.value.__cause__ is exc
    return caught.value


def exception_classes(module: object) -> Iterator[type[BaseException]]:
    for name, found in inspect.getmembers(module, inspect.isclass):
        if issubclass(found, Exception) and name not in NOT_FAILURES:
            yield found


def made(kind: type[BaseException]) -> BaseException:
    """Return an instance without its constructor's help: each wants other arguments, none changes what it is."""
    exc = kind.__new__(kind)
    exc.args = ("it broke",)
    return exc


ALL = {
    f"{kind.__module__}.{kind.__qualname__}": kind
    for module in (
        azure.core.exceptions,
        azure.identity,
        requests.exceptions,
        urllib3.exceptions,
    )
    for kind in exception_classes(module)
    if not issubclass(kind, Warning) and kind.__module__.startswith(("azure", "requests", "urllib3"))
}


@pytest.mark.parametrize("kind", ALL.values(), ids=ALL.keys())
def test_no_exception_of_the_libraries_leaks(kind: type[BaseException]) -> None:
    """A new class in a new SDK version fails here, not on an operator's screen."""
    error = raised(made(kind))

    assert (error.operation, error.resource) == ("list queues", "orders")
    assert error.message.startswith("Could not list queues orders: ")


class Response:
    """As much of an HTTP response as an exception carries."""

    def __init__(self, status: int, body: str = "", headers: dict[str, str] | None = None) -> None:
        self.status_code, self.reason, self._body = status, "Reason", body
        self.headers = headers or {}

    def text(self) -> str:
        return self._body


def from_http(status: int, body: object = "", **headers: str) -> ServiceError:
    text = body if isinstance(body, str) else json.dumps(body)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return raised(HttpResponseError(response=Response(status, text, given)))  # type: ignore[arg-type]  # enough of one


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (307, ConfigurationError),
        (400, InvalidInput),
        (401, AccessDenied),
        (403, AccessDenied),
        (404, NotFound),
        (405, UnexpectedReply),
        (408, Unavailable),
        (409, Conflict),
        (410, ConfigurationError),
        (412, Conflict),
        (413, InvalidInput),
        (422, InvalidInput),
        (429, Throttled),
        (500, Unavailable),
        (501, UnexpectedReply),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (507, Unavailable),
        (599, Unavailable),
        (200, UnexpectedReply),
    ],
)
def test_a_status_says_what_the_operator_can_do(status: int, kind: type[ServiceError]) -> None:
    """The class decides what is retried, shown and hinted at."""
    error = from_http(status)

    assert type(error) is kind and error.status == status and str(status) in error.message


def test_every_status_has_a_meaning() -> None:
    """Also those that nobody has seen yet."""
    for status in range(300, 1000):
        assert str(status) in error_from_status(status, "", "", ATTEMPT).message


def test_the_services_own_words_and_its_request_id_are_kept() -> None:
    """Support asks for the request id first."""
    body = {"error": {"code": "not_found", "message": "No assistant found with id 'x'."}}
    error = from_http(404, body, **{"x-ms-request-id": "abc-1"})

    assert (error.code, error.request_id) == ("not_found", "abc-1")
    assert (
        error.message
        == "Could not list queues orders: it does not exist (404). It said: No assistant found with id 'x'."
    )


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": {"message": "Can't add messages to t while a run r is active."}}, Conflict),
        ({"error": {"message": "Thread t already has an active run r."}}, Conflict),
        ({"error": {"code": "content_filter", "message": "Filtered."}}, InvalidInput),
        ({"error": {"code": "AuthenticationFailed", "message": "No."}}, AccessDenied),
        ({"error": "a text"}, InvalidInput),
        ([1, 2], InvalidInput),
        ("<html>no</html>", InvalidInput),
    ],
    ids=["active-run", "second-run", "filter", "storage-sign-in", "odd-error", "list", "html"],
)
def test_the_same_status_can_mean_different_things(body: object, kind: type[ServiceError]) -> None:
    """400 is used for all of these; the reaction differs. An odd body must not make things worse."""
    assert type(from_http(400, body)) is kind


def test_storage_busy_is_throttling_although_it_says_503() -> None:
    """ServerBusy is Storage's 429: the request was refused, so it may be repeated."""
    assert isinstance(from_http(503, {"error": {"code": "ServerBusy", "message": "x"}}), Throttled)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "86400"}, 86400),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "7.5"}, 7.5),
        ({"retry-after": "99999999999"}, 1e9),
        ({"retry-after": "9" * 250}, 1e9),
        ({"retry-after": "9" * 5_000}, None),
        ({"retry-after": "Fri, 31 Dec 2100 23:59:59 +0000", "date": "x" * 50}, pytest.approx(2.3e9, rel=0.1)),
        ({"retry-after": "Sun, 22 Nov 2020 10:00:30 GMT"}, 0),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 +2359"}, 0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359"}, None),
        ({"x-ms-retry-after-ms": "-1500", "retry-after": "3"}, 3),
        ({"x-ms-retry-after-ms": "soon"}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sun, 22 Nov 2026 10:00:30 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 30),
        ({"retry-after": "Sun, 22 Nov 2026 09:00:00 GMT", "date": "Sun, 22 Nov 2026 10:00:00 GMT"}, 0),
        ({}, None),
    ],
)
def test_a_pause_is_read_once_and_never_breaks_anything(
    headers: dict[str, str], seconds: float | None
) -> None:
    """azure-core raises ValueError on `soon` and sleeps for ever on 1e9."""
    assert retry_after_s(headers) == seconds


def test_not_sent_is_claimed_only_when_it_is_certain() -> None:
    """azure-core says "request error" also when the reply broke off; a create repeated on its word is a duplicate."""
    refused = ServiceRequestError("x", error=made(urllib3.exceptions.NewConnectionError))
    slow = made(urllib3.exceptions.ReadTimeoutError)
    broken = ServiceRequestError("x", error=requests.ConnectionError(slow))

    for exc, sent in ((refused, False), (broken, True), (IncompleteReadError("x"), True)):
        error = raised(exc)
        assert isinstance(error, Unavailable) and error.sent is sent
    assert "no answer came in time" in raised(ServiceResponseTimeoutError("x")).message


def test_an_untrusted_certificate_is_a_matter_of_configuration() -> None:
    """Trying again does not help; the hint names the usual cause."""
    error = raised(ServiceRequestError("x", error=ssl.SSLCertVerificationError("self-signed")))

    assert isinstance(error, ConfigurationError) and "proxy" in error.hint


def test_without_any_identity_the_hint_says_how_to_sign_in() -> None:
    """The first thing that goes wrong on a new machine."""
    error = raised(azure.identity.CredentialUnavailableError("DefaultAzureCredential failed: …"))

    assert isinstance(error, AccessDenied) and "az login" in error.hint


@pytest.mark.parametrize(
    "exc",
    [
        json.JSONDecodeError("x", "<html>", 0),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "x"),
        ET.ParseError("x"),
        ShapeError("id", "a text"),
    ],
    ids=["html", "bytes", "xml", "shape"],
)
def test_a_body_that_is_not_what_it_should_be_is_an_unexpected_reply(exc: Exception) -> None:
    """A sign-in page with status 200 must never look like an empty list."""
    assert isinstance(raised(exc), UnexpectedReply)


def test_a_library_that_trips_over_a_reply_is_an_unexpected_reply() -> None:
    """`null` where an object belongs: the SDK raises AttributeError."""
    with pytest.raises(UnexpectedReply), azure_call("list queues"):
        json.loads(None)  # type: ignore[arg-type]  # raises TypeError inside the library


def test_a_defect_of_ours_stays_a_defect() -> None:
    """Otherwise a typo would be reported as Azure's fault, without a trace."""
    with pytest.raises(KeyError), azure_call("list queues"):
        shapes.KINDS["no such kind"]
    assert translate(KeyError("x"), ATTEMPT) is None


def test_a_reply_too_deep_to_read_is_an_unexpected_reply() -> None:
    """Sixty thousand brackets: Python gives up with RecursionError, in an error's body as well."""
    deep = "[" * 60_000
    with pytest.raises(UnexpectedReply), azure_call("get run"):
        json.loads(deep)

    assert isinstance(from_http(500, deep), Unavailable)


@pytest.mark.parametrize(
    ("code", "expected", "words"),
    [
        ("KeyBasedAuthenticationNotPermitted", ConfigurationError, "Entra identity"),
        ("AuthenticationFailed", AccessDenied, "clock"),
        ("AuthorizationPermissionMismatch", AccessDenied, "role"),
    ],
)
def test_a_refusal_of_storage_says_what_to_do(code: str, expected: type[ServiceError], words: str) -> None:
    """Three reasons for the same 403, and three different people who can help."""
    error = from_http(403, {"error": {"code": code, "message": "No."}})

    assert type(error) is expected and words in error.hint


def test_a_service_error_passes_unchanged() -> None:
    """The inner call knows better what failed."""
    inner = NotFound("gone", operation="get run")

    with pytest.raises(NotFound) as caught, azure_call("list queues"):
        raise inner
    assert caught.value is inner


SECRETS = [
    "https://a.queue.core.windows.net/q?sv=2024-01-01&sig=GEHEIM%3D&se=2026",
    "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=GEHEIM==;EndpointSuffix=x",
    "Authorization: Bearer GEHEIMGEHEIM.x.y",
    "Authorization: SharedKey account:GEHEIMGEHEIM=",
    "token eyJhbGciOiJSUzI1NiJ9.GEHEIM.sig",
    "InstrumentationKey=GEHEIM;IngestionEndpoint=https://x",
    "client_secret=GEHEIM&grant_type=x",
    '{"access_token": "GEHEIM"}',
    "The MAC signature is not the same. Server used following string to sign: 'GET\n\nGEHEIM'",
    "AuthenticationErrorDetail: GEHEIM",
]


@pytest.mark.parametrize("text", SECRETS, ids=range(len(SECRETS)))
def test_no_secret_survives_in_a_message(text: str) -> None:
    """Messages are shown, logged and copied into tickets."""
    assert "GEHEIM" not in redact(text)
    assert "GEHEIM" not in from_http(403, {"error": {"code": "x", "message": text}}).message


def test_a_quote_stays_one_short_line() -> None:
    """A service may answer with a page of HTML or with control characters."""
    assert redact("a\n\tb\x00\x1b[31mc") == "a b [31mc"
    assert len(redact("x" * 5000)) == 400


def test_storages_error_code_is_read() -> None:
    """Its bodies are XML; the SDK puts the code on the exception."""
    exc = ClientAuthenticationError("Server failed to authenticate.\nErrorCode:x", response=Response(403))  # type: ignore[arg-type]  # enough of one
    exc.error_code = "AuthenticationFailed"  # type: ignore[attr-defined]  # as the storage SDK does

    error = raised(exc)

    assert error.code == "AuthenticationFailed"
    assert error.message.endswith("It said: Server failed to authenticate.")


def test_an_error_without_a_response_is_still_told_in_words() -> None:
    """AzureError itself, for instance `Maximum retries exceeded`."""
    assert isinstance(raised(AzureError("Maximum retries exceeded.")), UnexpectedReply)
