"""Where telemetry goes: the connection string of an Application Insights resource, checked or found in the project."""

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, urlsplit

from azure.core.rest import HttpRequest, HttpResponse

from services.endpoints import AddressError, is_loopback, is_plain
from services.errors import Attempt, NotFound, UnexpectedReply
from services.translation import azure_call, error_from_status

EXAMPLE = (
    "InstrumentationKey=00000000-0000-0000-0000-000000000000;"
    "IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/"
)
INGESTION_HOSTS = (
    ".applicationinsights.azure.com",
    ".applicationinsights.azure.us",
    ".applicationinsights.azure.cn",
    ".services.visualstudio.com",
)
DEFAULT_ENDPOINT = "https://dc.services.visualstudio.com"
OPERATION = "find the telemetry address"
_KEY = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_KEPT = ("InstrumentationKey", "IngestionEndpoint", "AADAudience", "ApplicationId")
Ask = Callable[[HttpRequest], HttpResponse]


def check_connection_string(value: str, trusted: tuple[str, ...] = ()) -> str:
    """Return *value* with the parts that exporting needs, and no other address in it.

    *trusted*: host name endings that are accepted beside Azure's own. http only on this machine. Raises AddressError.
    """
    given: dict[str, str] = {}
    for part in value.split(";"):
        name, sign, text = part.strip().partition("=")
        if sign:
            given[name.strip().lower()] = text.strip()
    if not _KEY.fullmatch(given.get("instrumentationkey", "")):
        raise AddressError(f"has no InstrumentationKey that is a GUID. Example: {EXAMPLE}")
    endpoint = given.get("ingestionendpoint") or DEFAULT_ENDPOINT
    try:
        parts = urlsplit(endpoint)
        _ = parts.port
    except ValueError as exc:
        raise AddressError(
            f"has an IngestionEndpoint that is no address ({exc}). Example: {EXAMPLE}"
        ) from exc
    host = (parts.hostname or "").lower()
    if not host or parts.query or parts.fragment or not is_plain(parts) or not endpoint.isprintable():
        raise AddressError(f"has an IngestionEndpoint that is no plain address. Example: {EXAMPLE}")
    if not is_loopback(parts):
        if parts.scheme != "https":
            raise AddressError(
                f"has an IngestionEndpoint that does not start with https://. Example: {EXAMPLE}"
            )
        endings = (*INGESTION_HOSTS, *trusted)
        if not any(host.endswith("." + ending.lower().lstrip(".")) for ending in endings):
            raise AddressError(
                f"has an IngestionEndpoint that is not Azure's: {host} "
                "(name a private domain in RELAYDECK_TRUSTED_HOSTS)"
            )
    given["ingestionendpoint"] = endpoint
    return ";".join(f"{name}={given[name.lower()]}" for name in _KEPT if given.get(name.lower()))


def check_found(value: str, trusted: tuple[str, ...] = ()) -> str:
    """Return what check_connection_string() does, for one that the project gave. Raises UnexpectedReply."""
    try:
        return check_connection_string(value, trusted)
    except AddressError as exc:
        raise UnexpectedReply(
            f"The connection string of the project's Application Insights {exc}", operation=OPERATION
        ) from exc


def host_of(connection_string: str) -> str:
    """Return the host that a checked connection string sends to."""
    found = re.search(r"IngestionEndpoint=([^;]+)", connection_string)
    return urlsplit(found[1]).netloc if found else ""


def discover(ask: Ask) -> str:
    """Return the connection string of the Application Insights resource that is connected to the Foundry project.

    Two requests, those of azure-ai-projects' `telemetry` (importing it takes longer than a first answer). *ask*
    sends to the project. Raises NotFound when none is connected, and the other ServiceErrors.
    https://learn.microsoft.com/rest/api/aifoundry/aiprojects/connections
    """
    listed = _ask(
        ask, HttpRequest("GET", "{endpoint}/connections", params=_params(connectionType="AppInsights"))
    )
    rows = listed.get("value")
    names = (
        [one["name"] for one in rows if isinstance(one, dict) and isinstance(one.get("name"), str)]
        if (isinstance(rows, list))
        else []
    )
    if not names:
        raise NotFound(
            "No Application Insights resource is connected to the Foundry project.",
            operation=OPERATION,
            resource="connections",
            hint="Connect one in the Foundry portal, or set APPLICATIONINSIGHTS_CONNECTION_STRING.",
        )
    address = f"{{endpoint}}/connections/{quote(names[0], safe='')}/getConnectionWithCredentials"
    found = _ask(ask, HttpRequest("POST", address, params=_params()))
    credentials = found.get("credentials")
    key = credentials.get("key") if isinstance(credentials, Mapping) else None
    if not isinstance(key, str) or not key:
        raise UnexpectedReply(
            "The project's Application Insights connection holds no connection string.",
            operation=OPERATION,
            resource=names[0],
        )
    return key


def _params(**given: str) -> dict[str, str]:
    return {"api-version": "v1", **given}


def _ask(ask: Ask, request: HttpRequest) -> Mapping[str, object]:
    with azure_call(OPERATION):
        response = ask(request)
    if response.status_code != 200:
        raise error_from_status(
            response.status_code, "", "", Attempt(OPERATION, "connections"), dict(response.headers)
        )
    try:
        document = response.json()
    except ValueError as exc:
        raise UnexpectedReply("The project's reply is not JSON.", operation=OPERATION) from exc
    if not isinstance(document, dict):
        raise UnexpectedReply("The project's reply is not a JSON object.", operation=OPERATION)
    return document
