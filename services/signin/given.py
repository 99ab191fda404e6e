"""Whether the settings of signing in go together. Each mode needs its own; a half of them is told at the start."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from services.endpoints import AddressError

KNOWN_AUTHORITIES = (
    "login.microsoftonline.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
)
LOOPBACK = ("127.0.0.1", "::1", "localhost")
COOKIE_SECRET_LEAST = 32
NEEDS: Mapping[str, tuple[str, ...]] = {
    "easyauth": ("RELAYDECK_AUTH_TENANT_ID",),
    "oidc": (
        "RELAYDECK_AUTH_TENANT_ID",
        "RELAYDECK_AUTH_CLIENT_ID",
        "RELAYDECK_AUTH_CLIENT_SECRET",
        "RELAYDECK_AUTH_COOKIE_SECRET",
        "RELAYDECK_AUTH_ADDRESS",
    ),
}
ROLE_NAMES = {
    "RELAYDECK_ROLE_VIEWER": "Relaydeck.Viewer",
    "RELAYDECK_ROLE_OPERATOR": "Relaydeck.Operator",
    "RELAYDECK_ROLE_ADMIN": "Relaydeck.Admin",
}


def missing_or_wrong(given: Mapping[str, str]) -> list[str]:
    """Return one line for each setting of signing in that is missing for the mode chosen, or that cannot be meant."""
    mode = given.get("RELAYDECK_AUTH", "none")
    problems = [f"Missing {name}" for name in NEEDS.get(mode, ()) if not given.get(name)]
    secret = given.get("RELAYDECK_AUTH_COOKIE_SECRET", "")
    if secret and len(secret) < COOKIE_SECRET_LEAST:
        problems.append(
            f"RELAYDECK_AUTH_COOKIE_SECRET is too short to sign with: at least {COOKIE_SECRET_LEAST} characters, drawn "
            'by chance. Make one with: python3 -c "import secrets; print(secrets.token_hex(32))"'
        )
    try:
        datetime.fromisoformat(given.get("RELAYDECK_AUTH_NOT_BEFORE") or "2000-01-01")
    except ValueError:
        problems.append("RELAYDECK_AUTH_NOT_BEFORE is no moment. Example: 2026-11-26T14:30, in UTC.")
    names = [given.get(name, default) for name, default in ROLE_NAMES.items()]
    if len(set(names)) < len(names):
        problems.append(
            "RELAYDECK_ROLE_VIEWER, RELAYDECK_ROLE_OPERATOR and RELAYDECK_ROLE_ADMIN must differ."
        )
    return problems


def authority(value: str, trusted: Sequence[str] = ()) -> str:
    """Return the address of the provider without its end. Raises AddressError: it is none of Microsoft's, nor trusted."""
    parts = _parts(value, "https://login.microsoftonline.com")
    host = parts.hostname or ""
    known = host in KNOWN_AUTHORITIES or any(host.endswith(f".{end.lstrip('.')}") for end in trusted)
    if not (known and parts.scheme == "https") and host not in LOOPBACK:
        raise AddressError(
            "is no sign-in address of Microsoft. Example: https://login.microsoftonline.com. Another host must be named "
            "in RELAYDECK_TRUSTED_HOSTS."
        )
    return value.rstrip("/")


def public_address(value: str) -> str:
    """Return the dashboard's own address without its end. Raises AddressError: no https, or more than an origin."""
    parts = _parts(value, "https://relaydeck.contoso.com")
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise AddressError("must begin with https:// so that nobody reads along.")
    if parts.path.strip("/"):
        raise AddressError("must be an origin alone, without a path. Example: https://relaydeck.contoso.com.")
    return value.rstrip("/").lower()


def _parts(value: str, example: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        sound, parts = False, urlsplit("")
    if not sound or parts.username or parts.password or parts.query or parts.fragment:
        raise AddressError(f"is no address that can be used. Example: {example}.")
    return parts
