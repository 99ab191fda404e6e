"""What the settings say about signing in, in the form in which it is checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from services.access import Role
from services.settings import AuthMode, Settings

CALLBACK = "/oauth2callback"


@dataclass(frozen=True, slots=True)
class Rules:
    """*tenant*, *client*, *issuer*: what a sign-in must name; one that is empty in `oidc` lets nobody in. *roles*: by the
    value of the app role. *not_before_s*: sign-ins from before that moment are over, as seconds since 1970."""

    mode: AuthMode = "none"
    tenant: str = ""
    client: str = ""
    issuer: str = ""
    roles: Mapping[str, Role] = field(default_factory=dict)
    max_age_s: float = 28_800.0
    idle_s: float = 3_600.0
    not_before_s: float = 0.0
    address: str = ""

    @property
    def complete(self) -> bool:
        """Whether anybody can be recognised by them."""
        named = {
            "none": True,
            "easyauth": bool(self.tenant),
            "oidc": bool(self.tenant and self.client and self.issuer and self.address),
        }
        return named[self.mode]

    def named(self, role: Role) -> str:
        """Return the value of the app role that gives *role*: what to ask an administrator for."""
        return next((value for value, given in self.roles.items() if given == role), role)


def rules_of(settings: Settings) -> Rules:
    """Return what *settings* ask of a sign-in. Sends nothing."""
    return Rules(
        settings.auth,
        settings.auth_tenant.lower(),
        settings.auth_client.lower(),
        issuer_of(settings),
        {settings.role_viewer: "viewer", settings.role_operator: "operator", settings.role_admin: "admin"},
        settings.auth_max_age_s,
        settings.auth_idle_s,
        _moment(settings.auth_not_before),
        settings.auth_address,
    )


def issuer_of(settings: Settings) -> str:
    """Return the issuer of the one tenant that may sign in; empty while none is named. Never `common`: that is everybody."""
    return f"{settings.auth_authority}/{settings.auth_tenant}/v2.0" if settings.auth_tenant else ""


def metadata_of(settings: Settings) -> str:
    """Return the address where the provider describes itself, for OpenID Connect."""
    return f"{issuer_of(settings)}/.well-known/openid-configuration"


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else 0.0
