"""Before provisioning: makes, once, what a deployment needs and nobody should have to think of.

Two secrets, the month of the budget, and the app registration that people sign in to.
"""

import json
import secrets
import tempfile
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from common import HookError, keep, main, run, tell

SPACE = uuid.UUID("5f0c5b7e-6a0e-4d0e-9d4c-3f1f6f6f9b11")  # so that the same role has the same id each time
ROLES = {
    "Relaydeck.Viewer": "May look at everything and change nothing.",
    "Relaydeck.Operator": "May also ask, stop, replay and clean up what is Relaydeck's own.",
    "Relaydeck.Admin": "May do everything.",
}


def hook(environ: Mapping[str, str]) -> None:
    for name in ("RELAYDECK_AUDIT_KEY", "COOKIE_SECRET"):
        if not environ.get(name):
            keep(name, secrets.token_hex(32))
            tell(f"{name}: made and kept in the azd environment.")
    if not environ.get("BUDGET_START"):
        keep("BUDGET_START", f"{datetime.now(UTC):%Y-%m}-01")
    if not environ.get("AUTH_CLIENT_ID"):
        register(environ.get("AZURE_ENV_NAME", "relaydeck"))


def register(environment: str) -> None:
    """Make the app registration, or find it again. Without az, or the right to, says how to do it by hand."""
    name = f"Relaydeck {environment}"
    try:
        # Of one's own only: anybody in the tenant may give a registration this name, and would then give out its roles.
        query = f"[?displayName=='{name}'].appId | [0]"
        found = run("az", "ad", "app", "list", "--show-mine", "--query", query, "--output", "tsv")
        client = found or create(name)
    except HookError as exc:
        tell(
            f"No app registration was made: {exc}\n"
            "Without one nobody reaches the dashboard from outside. Make one as docs/signin.md tells, then type:\n"
            "  azd env set AUTH_CLIENT_ID <its application (client) id>\n"
            "  azd provision"
        )
        return
    keep("AUTH_CLIENT_ID", client)
    tell(f"People sign in to the app registration {name} ({client}). Give them a role: docs/signin.md.")


def create(name: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "roles.json"
        file.write_text(json.dumps(app_roles()), "utf-8")
        client = run(
            *("az", "ad", "app", "create", "--display-name", name, "--sign-in-audience", "AzureADMyOrg"),
            *("--enable-id-token-issuance", "true", "--app-roles", f"@{file}", "--query", "appId"),
            *("--output", "tsv"),
        )
    run("az", "ad", "sp", "create", "--id", client)
    return client


def app_roles() -> list[dict[str, object]]:
    """Return the three roles as Microsoft Graph wants them."""
    return [
        {
            "allowedMemberTypes": ["User"],
            "description": text,
            "displayName": value.replace(".", " "),
            "id": str(uuid.uuid5(SPACE, value)),
            "isEnabled": True,
            "value": value,
        }
        for value, text in ROLES.items()
    ]


if __name__ == "__main__":
    main(hook)
