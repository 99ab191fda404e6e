"""Endpoint addresses: what a correct one looks like, and in which words a wrong one is refused."""

import ipaddress
import re
from collections.abc import Mapping
from urllib.parse import SplitResult, urlsplit

PROJECT_EXAMPLE = "https://contoso.services.ai.azure.com/api/projects/support"
STORAGE_EXAMPLE = "https://contosotools.queue.core.windows.net"
PROJECT_HOSTS = (
    ".services.ai.azure.com",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.us",
    ".cognitiveservices.azure.us",
    ".services.ai.azure.cn",
    ".cognitiveservices.azure.cn",
)
STORAGE_HOSTS = (
    ".core.windows.net",
    ".core.usgovcloudapi.net",
    ".core.chinacloudapi.cn",
    ".storage.azure.net",
)
_PROJECT_PATH = re.compile(r"/api/projects/[^/]+")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}(-ipv6|-dualstack)?")
METRICS_EXAMPLE = "https://eastus.metrics.monitor.azure.com"
METRICS_HOSTS = (
    ".metrics.monitor.azure.com",
    ".metrics.monitor.azure.us",
    ".metrics.monitor.azure.cn",
)
INGESTION_EXAMPLE = "https://relaydeck-ab12.eastus-1.ingest.monitor.azure.com"
INGESTION_HOSTS = (
    ".ingest.monitor.azure.com",
    ".ingest.monitor.azure.us",
    ".ingest.monitor.azure.cn",
)
SHORTEST_AUDIT_KEY = 16
STORAGE_RESOURCE_EXAMPLE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/tools"
    "/providers/Microsoft.Storage/storageAccounts/contosotools"
)
FOUNDRY_RESOURCE_EXAMPLE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/agents"
    "/providers/Microsoft.CognitiveServices/accounts/contoso/projects/support"
)
_RESOURCE = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/resourceGroups/(?P<group>[\w().-]{1,90})"
    r"/providers/(?P<provider>[\w.]+)(?P<rest>(?:/[\w.-]{1,90}){2,})",
    re.IGNORECASE,
)
_OTHER_SERVICES = ("blob", "table", "file", "dfs", "web")


class AddressError(ValueError):
    """The address cannot be used. The text says why and shows one that can."""


def project_endpoint(value: str, trusted: tuple[str, ...] = ()) -> str:
    """Return *value* without a trailing slash if it names a Foundry project.

    *trusted*: host name endings that are accepted beside Azure's own. Raises AddressError.
    """
    parts = _split(value, PROJECT_EXAMPLE)
    path = parts.path.rstrip("/")
    if not is_loopback(parts) and not _ends(parts, (*PROJECT_HOSTS, *trusted)):
        raise AddressError(_unknown_host(parts, PROJECT_EXAMPLE))
    if not _PROJECT_PATH.fullmatch(path):
        raise AddressError(
            f"does not name a project: the path must be /api/projects/<project name>, not "
            f"{path or '/'!r}. Example: {PROJECT_EXAMPLE} (Foundry portal, project overview, project endpoint)"
        )
    return f"https://{parts.netloc.lower()}{path}"


def storage_endpoint(value: str, trusted: tuple[str, ...] = ()) -> str:
    """Return *value* without a trailing slash if it is the queue endpoint of a storage account.

    On this machine the account is the path (`https://127.0.0.1:10001/devstoreaccount1`). Raises AddressError.
    """
    parts = _split(value, STORAGE_EXAMPLE)
    path = parts.path.strip("/")
    if is_loopback(parts):
        if not re.fullmatch(r"[a-z0-9]{3,24}", path):
            raise AddressError(
                "lacks the account: on this machine it is the path, "
                "as in https://127.0.0.1:10001/devstoreaccount1"
            )
        return f"https://{parts.netloc.lower()}/{path}"
    host = (parts.hostname or "").lower()
    labels = host.split(".")
    if other := next((name for name in _OTHER_SERVICES if name in labels[1:3]), ""):
        raise AddressError(
            f"is the {other} endpoint of the account; the queue endpoint is needed: "
            f"https://{host.replace(f'.{other}.', '.queue.', 1)}"
        )
    if not _ends(parts, (*STORAGE_HOSTS, *trusted)):
        raise AddressError(_unknown_host(parts, STORAGE_EXAMPLE))
    if "queue" not in labels[1:3] or not _ACCOUNT.fullmatch(labels[0]):
        raise AddressError(
            f"is not a queue endpoint: the host must be <account>.queue.<domain>. Example: {STORAGE_EXAMPLE}"
        )
    if path:
        raise AddressError(f"must end after the host, without {parts.path!r}. Example: https://{host}")
    return f"https://{parts.netloc.lower()}"


def metrics_endpoint(value: str, trusted: tuple[str, ...] = ()) -> str:
    """Return *value* without a trailing slash if it is where a region's metrics are asked for. Raises AddressError."""
    parts = _split(value, METRICS_EXAMPLE)
    if not is_loopback(parts) and not _ends(parts, (*METRICS_HOSTS, *trusted)):
        raise AddressError(
            f"has a host that is not a region's metrics service: {parts.hostname}. Example: {METRICS_EXAMPLE} "
            "(name a private domain in RELAYDECK_TRUSTED_HOSTS)"
        )
    if path := parts.path.rstrip("/"):
        raise AddressError(f"must end after the host, without {path!r}. Example: {METRICS_EXAMPLE}")
    return f"https://{parts.netloc.lower()}"


def ingestion_endpoint(value: str, trusted: tuple[str, ...] = ()) -> str:
    """Return *value* without a trailing slash if the Logs Ingestion API answers there. Raises AddressError."""
    parts = _split(value, INGESTION_EXAMPLE)
    if not is_loopback(parts) and not _ends(parts, (*INGESTION_HOSTS, *trusted)):
        raise AddressError(
            f"has a host that takes no logs: {parts.hostname}. Example: {INGESTION_EXAMPLE} (the data collection rule's "
            "or endpoint's logs ingestion address; name a private domain in RELAYDECK_TRUSTED_HOSTS)"
        )
    if path := parts.path.rstrip("/"):
        raise AddressError(f"must end after the host, without {path!r}. Example: {INGESTION_EXAMPLE}")
    return f"https://{parts.netloc.lower()}"


def half_of_audit(given: Mapping[str, str]) -> list[str]:
    """Return what is missing when *given*, variables by name, holds only a part of what the audit trail needs in Azure."""
    keys = [part.strip() for part in given.get("RELAYDECK_AUDIT_KEY", "").split(",") if part.strip()]
    if any(len(key) < SHORTEST_AUDIT_KEY for key in keys):
        return [
            f"RELAYDECK_AUDIT_KEY is too short: a key has at least {SHORTEST_AUDIT_KEY} characters. "
            "Make one: openssl rand -base64 32"
        ]
    wanted = given.get("RELAYDECK_AUDIT", "auto").strip()
    if given.get("RELAYDECK_MODE", "local").strip() != "azure" or wanted == "off":
        return []
    needed = ("RELAYDECK_AUDIT_ENDPOINT", "RELAYDECK_AUDIT_RULE_ID", "RELAYDECK_AUDIT_KEY")
    if wanted == "on" or any(name in given for name in needed):
        return [
            f"Missing {name}, which the audit trail needs; RELAYDECK_AUDIT=off does without it"
            for name in needed
            if name not in given
        ]
    if given.get("RELAYDECK_AUTH", "none").strip() != "none":
        return ["Missing RELAYDECK_AUDIT: people sign in, so say whether what they do is recorded: on or off"]
    return []


def half_of_metrics(given: Mapping[str, str]) -> list[str]:
    """Return what is missing when *given*, variables by name, holds only a part of what metrics need in Azure mode."""
    named = [
        name for name in ("RELAYDECK_STORAGE_RESOURCE_ID", "RELAYDECK_FOUNDRY_RESOURCE_ID") if name in given
    ]
    place = "RELAYDECK_METRICS_ENDPOINT"
    if given.get("RELAYDECK_MODE", "local").strip() != "azure" or bool(named) == (place in given):
        return []
    if named:
        return [f"Missing {place}, which {' and '.join(named)} need. Example: {METRICS_EXAMPLE}"]
    return [
        f"{place} is set, but neither RELAYDECK_STORAGE_RESOURCE_ID nor RELAYDECK_FOUNDRY_RESOURCE_ID is."
    ]


def web_address(value: str, example: str) -> str:
    """Return *value* without a trailing slash if it is an http or https address. Raises AddressError."""
    try:
        parts = urlsplit(value.strip())
        reachable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        reachable = False
    if not reachable:
        raise AddressError(f"is not an http or https address. Example: {example}")
    return value.strip().rstrip("/")


def storage_resource(value: str) -> str:
    """Return the id of the queue service of the storage account that *value* names, itself or by that service.

    Raises AddressError.
    """
    account = _resource(
        value, "Microsoft.Storage", ("storageAccounts",), STORAGE_RESOURCE_EXAMPLE, ("queueServices",)
    )
    return f"{account}/queueServices/default"


def foundry_resource(value: str) -> str:
    """Return *value* if it is the resource id of a Foundry project. Raises AddressError."""
    return _resource(value, "Microsoft.CognitiveServices", ("accounts", "projects"), FOUNDRY_RESOURCE_EXAMPLE)


def _resource(
    value: str, provider: str, kinds: tuple[str, ...], example: str, below: tuple[str, ...] = ()
) -> str:
    """Return the id that *value* begins with, down to the last of *kinds*; *below*: kinds that may follow it."""
    found = _RESOURCE.fullmatch("/" + value.strip().strip("/"))
    if found is None:
        raise AddressError(
            f"is not the id of an Azure resource. Example: {example} (portal, JSON view of the resource)"
        )
    parts = found["rest"].strip("/").split("/")
    names, rest = parts[1 : 2 * len(kinds) : 2], parts[2 * len(kinds) :]
    given = [kind.lower() for kind in parts[::2]]
    wanted = [kind.lower() for kind in (*kinds, *(below if rest else ()))]
    if found["provider"].lower() != provider.lower() or given != wanted or len(parts) % 2:
        raise AddressError(f"is not the id of a {provider}/{'/'.join(kinds)}. Example: {example}")
    tail = "".join(f"/{kind}/{name}" for kind, name in zip(kinds, names, strict=True))
    return (
        f"/subscriptions/{found['subscription']}/resourceGroups/{found['group']}/providers/{provider}{tail}"
    )


def is_loopback(parts: SplitResult) -> bool:
    """Return whether the address stays on this machine."""
    host = parts.hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _split(value: str, example: str) -> SplitResult:
    try:
        parts = urlsplit(value.strip())
        _ = parts.port  # read: a port that is no number shows only now
    except ValueError as exc:
        raise AddressError(f"is not an address ({exc}). Example: {example}") from exc
    if parts.scheme != "https":
        found = f"{parts.scheme}://" if parts.scheme and parts.netloc else "none"
        raise AddressError(f"must start with https:// (found: {found}). Example: {example}")
    if not parts.hostname:
        raise AddressError(f"has no host. Example: {example}")
    if "@" in parts.netloc:
        raise AddressError(f"must not hold a user name or a password. Example: {example}")
    if parts.query or parts.fragment:
        raise AddressError(
            f"must not hold '?' or '#' (a SAS token or a key does not belong here). Example: {example}"
        )
    return parts


def _ends(parts: SplitResult, endings: tuple[str, ...]) -> bool:
    host = (parts.hostname or "").lower()
    return any(host.endswith("." + ending.lower().lstrip(".")) for ending in endings)


def _unknown_host(parts: SplitResult, example: str) -> str:
    return (
        f"has a host that is not Azure's: {parts.hostname}. Example: {example} "
        "(name a private domain in RELAYDECK_TRUSTED_HOSTS)"
    )
