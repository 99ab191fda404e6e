"""The project itself, as azure-ai-projects reads it: connections, deployments, the telemetry address.

REST: learn.microsoft.com/rest/api/aifoundry/aiprojects
"""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from emulator.foundry.documents import Json
from emulator.wire import Request, WireError

INSIGHTS, STORAGE = "local-application-insights", "local-storage"
# No secret: it tells which resource the telemetry is for, and Local Azure has only one.
INSTRUMENTATION_KEY = "00000000-0000-0000-0000-000000000000"
RESOURCE = "/subscriptions/local/resourceGroups/local/providers/Microsoft.CognitiveServices/accounts/local"


@dataclass(frozen=True, slots=True)
class Project:
    """*ingestion_endpoint*: where Application Insights' data goes; the listener of *storage_endpoint* when empty."""

    name: str
    deployment: str
    storage_endpoint: str
    ingestion_endpoint: str = ""

    @property
    def telemetry_connection_string(self) -> str:
        address = urlsplit(self.ingestion_endpoint or self.storage_endpoint)
        base = f"{address.scheme}://{address.netloc}/"
        return f"InstrumentationKey={INSTRUMENTATION_KEY};IngestionEndpoint={base};LiveEndpoint={base}"

    def table(self) -> dict[str, Callable[[Request, list[str]], object]]:
        """Return the handlers. They take the segments of the path below the project."""
        return {
            "list_connections": self._list_connections,
            "get_connection": self._get_connection,
            "get_connection_with_credentials": self._get_connection_with_credentials,
            "list_deployments": self._list_deployments,
            "get_deployment": self._get_deployment,
        }

    def _list_connections(self, request: Request, parts: list[str]) -> Json:
        query = request.query
        wanted = query.get("connectionType", "").lower()
        default = query.get("defaultConnection", "").lower()
        found = [
            connection
            for connection in self._connections()
            if (not wanted or connection["type"].lower() == wanted)
            and (not default or connection["isDefault"] == (default == "true"))
        ]
        return {"value": found}

    def _get_connection(self, request: Request, parts: list[str]) -> Json:
        return self._find_connection(parts[1])

    def _get_connection_with_credentials(self, request: Request, parts: list[str]) -> Json:
        connection = self._find_connection(parts[1])
        if connection["name"] != INSIGHTS:
            return connection
        return {**connection, "credentials": {"type": "ApiKey", "key": self.telemetry_connection_string}}

    def _find_connection(self, name: str) -> Json:
        for connection in self._connections():
            if connection["name"] == name:
                return connection
        raise WireError(404, "NotFound", f"Connection {name} can't be found in this project.")

    def _list_deployments(self, request: Request, parts: list[str]) -> Json:
        query, deployment = request.query, self._deployment()
        filters = {
            "modelPublisher": "modelPublisher",
            "modelName": "modelName",
            "deploymentType": "type",
        }
        fits = all(query.get(name, deployment[key]) == deployment[key] for name, key in filters.items())
        return {"value": [deployment] if fits else []}

    def _get_deployment(self, request: Request, parts: list[str]) -> Json:
        if parts[1] != self.deployment:
            raise WireError(404, "NotFound", f"Deployment {parts[1]} can't be found in this project.")
        return self._deployment()

    def _connections(self) -> list[Json]:
        return [
            self._connection(INSIGHTS, "AppInsights", self.telemetry_connection_string, "ApiKey"),
            self._connection(STORAGE, "AzureStorageAccount", self.storage_endpoint, "AAD"),
        ]

    def _connection(self, name: str, kind: str, target: str, credentials: str) -> Json:
        return {
            "name": name,
            "id": f"{RESOURCE}/projects/{self.name}/connections/{name}",
            "type": kind,
            "target": target,
            "isDefault": True,
            "credentials": {"type": credentials},
            "metadata": {},
        }

    def _deployment(self) -> Json:
        return {
            "type": "ModelDeployment",
            "name": self.deployment,
            "modelName": self.deployment,
            "modelVersion": "1",
            "modelPublisher": "Relaydeck",
            "capabilities": {"agents": "true", "chat_completion": "true"},
            "sku": {"name": "Local", "capacity": 1, "family": "", "size": "", "tier": ""},
            "connectionName": None,
        }
