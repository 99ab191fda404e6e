"""Where telemetry goes: the connection string of an Application Insights resource, checked."""

import re
from urllib.parse import urlsplit

from services.endpoints import AddressError, is_loopback, is_plain
from services.errors import UnexpectedReply

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
