"""What a provider said about who signed in, read with distrust: of another tenant, for another app, or with something
missing, it is nobody."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from services.access import ROLES, Role
from services.signin.rules import Rules

Reason = Literal[
    "nobody",
    "not set up",
    "other tenant",
    "other app",
    "incomplete",
    "expired",
    "too old",
    "idle",
    "ended",
    "no role",
]
HEADER_MOST = 64 * 1024
NAME_MOST = 128
# What Easy Auth calls the claims that it renames: learn.microsoft.com/azure/app-service/configure-authentication-user-identities
SHORT: Final[Mapping[str, str]] = {
    "http://schemas.microsoft.com/identity/claims/objectidentifier": "oid",
    "http://schemas.microsoft.com/identity/claims/tenantid": "tid",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/role": "roles",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name": "name",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress": "email",
}


@dataclass(frozen=True, slots=True)
class Login:
    """One sign-in whose tenant, app and issuer are right. Whether it still holds is for Sessions.judge().

    *role*: the highest that it was given; None: none of ours. *began_s*: when a person last proved who they are;
    *issued_s*: when we were told; *ends_s*: when the provider's word ends, None when that is the platform's affair. All
    are seconds since 1970. *key*: the same for all tabs of one sign-in, and for no other.
    """

    oid: str
    name: str
    tenant: str
    role: Role | None
    began_s: float
    issued_s: float
    ends_s: float | None
    key: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why there is nobody whom the page could be shown. *name*: who it would have been, empty when that is not known."""

    reason: Reason
    name: str = ""


def read_claims(claims: Mapping[str, object], rules: Rules) -> Login | Refused:
    """Return the sign-in that *claims* speak of, or why it is none. The signature is checked before: by Streamlit, whose
    cookie they lie in, or by the platform, whose header they came in."""
    if not rules.complete:
        return Refused("not set up")
    if not claims:
        return Refused("nobody")
    name = _text(claims, "name") or _text(claims, "preferred_username") or _text(claims, "email")
    if _text(claims, "tid").lower() != rules.tenant:
        return Refused("other tenant", name)
    if rules.client and rules.client not in _audience(claims):
        return Refused("other app", name)
    if rules.mode == "oidc" and _text(claims, "iss").rstrip("/").lower() != rules.issuer.lower():
        return Refused("other tenant", name)
    oid, issued_s, ends_s = _text(claims, "oid"), _number(claims, "iat"), _number(claims, "exp")
    if not oid or issued_s is None or (rules.mode == "oidc" and ends_s is None):
        return Refused("incomplete", name)
    proved_s = _number(claims, "auth_time")
    seal = "|".join([oid, str(issued_s), _text(claims, "uti"), _text(claims, "nonce")])
    return Login(
        oid,
        name or oid,
        rules.tenant,
        _role(claims, rules),
        issued_s if proved_s is None else min(proved_s, issued_s),
        issued_s,
        ends_s if rules.mode == "oidc" else None,  # Easy Auth's session outlives the token that began it
        hashlib.sha256(seal.encode()).hexdigest()[:32],
    )


def read_header(header: str) -> Mapping[str, object]:
    """Return the claims in an X-MS-CLIENT-PRINCIPAL header, by their short names; empty when it is not one of Entra ID."""
    try:
        document = json.loads(base64.b64decode(header[:HEADER_MOST], validate=True))
        if document["auth_typ"] != "aad":
            return {}
        found: dict[str, object] = {}
        roles = [str(one["val"]) for one in document["claims"] if _short(one, document) == "roles"]
        for one in document["claims"]:
            found.setdefault(_short(one, document), str(one["val"]))
    except (binascii.Error, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return {**found, "roles": roles}


def _short(claim: Mapping[str, object], document: Mapping[str, object]) -> str:
    kind = str(claim["typ"])
    return "roles" if kind == document.get("role_typ") else SHORT.get(kind, kind)


def _role(claims: Mapping[str, object], rules: Rules) -> Role | None:
    given = claims.get("roles")
    names = [given] if isinstance(given, str) else given if isinstance(given, list | tuple) else []
    held = {rules.roles[name] for name in names if isinstance(name, str) and name in rules.roles}
    return max(held, key=ROLES.index, default=None)


def _audience(claims: Mapping[str, object]) -> tuple[str, ...]:
    given = claims.get("aud")
    found = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return tuple(str(one).lower().removeprefix("api://") for one in found)


def _text(claims: Mapping[str, object], name: str) -> str:
    value = claims.get(name)
    return value.strip()[:NAME_MOST] if isinstance(value, str) else ""


def _number(claims: Mapping[str, object], name: str) -> float | None:
    value = claims.get(name)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return float(value)  # Easy Auth writes numbers as text
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e15:
        return float(value)
    return None
