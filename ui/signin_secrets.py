"""What Streamlit must be told for st.login and for its cookies: from our settings, in memory, never in a file."""

from typing import Any

from streamlit import config

from services.settings import Settings
from services.signin.rules import CALLBACK, metadata_of, rules_of
from ui.guard import ANEW, ENTRA

SCOPE = "openid profile email"
PRINCIPAL_ID_HEADER = "X-Ms-Client-Principal-Id"


def secrets_of(settings: Settings) -> dict[str, Any]:
    """Return the secrets for st.App; empty unless people sign in by it."""
    if settings.auth != "oidc" or not rules_of(settings).complete:
        return {}
    provider = {
        "client_id": settings.auth_client,
        "client_secret": settings.auth_client_secret.get_secret_value(),
        "server_metadata_url": metadata_of(settings),
    }
    return {
        "auth": {
            "redirect_uri": f"{settings.auth_address}{CALLBACK}",
            "cookie_secret": settings.auth_cookie_secret.get_secret_value(),
            ENTRA: {**provider, "client_kwargs": {"scope": SCOPE}},
            ANEW: {**provider, "client_kwargs": {"scope": SCOPE, "prompt": "login"}},
        }
    }


def tell_streamlit(settings: Settings) -> None:
    """Set what is no secret of st.login: what all cookies are signed with, and whose a session is that is taken up again."""
    if secret := settings.auth_cookie_secret.get_secret_value():
        config.set_option("server.cookieSecret", secret)
    if settings.auth == "easyauth":  # else any holder of a session's id could go on in it
        config.set_option("server.trustedUserHeaders", {PRINCIPAL_ID_HEADER: "oid"})
