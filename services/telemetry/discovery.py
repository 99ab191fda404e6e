"""Which Application Insights resource the Foundry project is connected to."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from azure.core.rest import HttpRequest, HttpResponse

from services.errors import Attempt, NotFound, ShapeError, UnexpectedReply
from services.resilience import Resilience
from services.telemetry.connection import OPERATION
from services.translation import error_from_status

Ask = Callable[[HttpRequest], HttpResponse]


def discover(ask: Ask, calls: Resilience) -> str:
    """Return the connection string of the Application Insights resource that is connected to the Foundry project.

    Two requests, those of azure-ai-projects' `telemetry` (importing it takes longer than a first answer). *ask*
    sends to the project, *calls* makes the calls. Raises NotFound when none is connected, and the other ServiceErrors.
    https://learn.microsoft.com/rest/api/aifoundry/aiprojects/connections
    """
    listing = HttpRequest("GET", "{endpoint}/connections", params=_params(connectionType="AppInsights"))
    names = calls.read(OPERATION, "connections", lambda: _names(_ask(ask, listing)))
    if not names:
        raise NotFound(
            "No Application Insights resource is connected to the Foundry project.",
            operation=OPERATION,
            resource="connections",
            hint="Connect one in the Foundry portal, or set APPLICATIONINSIGHTS_CONNECTION_STRING.",
        )
    address = f"{{endpoint}}/connections/{quote(names[0], safe='')}/getConnectionWithCredentials"
    return calls.read(
        OPERATION, names[0], lambda: _key(_ask(ask, HttpRequest("POST", address, params=_params())))
    )


def _names(listed: Mapping[str, object]) -> list[str]:
    rows = listed.get("value")
    if not isinstance(rows, list):
        raise ShapeError("value", "a list")
    names = [one.get("name") if isinstance(one, Mapping) else None for one in rows]
    if not all(isinstance(name, str) and name for name in names):
        raise ShapeError("the name of a connection", "a text")
    return [str(name) for name in names]


def _key(found: Mapping[str, object]) -> str:
    credentials = found.get("credentials")
    key = credentials.get("key") if isinstance(credentials, Mapping) else None
    if not isinstance(key, str) or not key:
        raise UnexpectedReply(
            "The project's Application Insights connection holds no connection string.", operation=OPERATION
        )
    return key


def _params(**given: str) -> dict[str, str]:
    return {"api-version": "v1", **given}


def _ask(ask: Ask, request: HttpRequest) -> Mapping[str, object]:
    response = ask(request)
    if response.status_code != 200:
        raise error_from_status(
            response.status_code, "", "", Attempt(OPERATION, "connections"), dict(response.headers)
        )
    document = response.json()
    if not isinstance(document, dict):
        raise ShapeError("the reply", "a JSON object")
    return document
