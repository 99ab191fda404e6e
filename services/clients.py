"""The SDK clients. Endpoints, credential and CA file are all that differs between Azure and Local Azure."""

import logging
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from azure.ai.agents import AgentsClient
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.queue import QueueServiceClient

from services.redaction import learn
from services.settings import Settings
from services.transport import build_transport

if TYPE_CHECKING:
    from azure.ai.projects import AIProjectClient
    from azure.monitor.ingestion import LogsIngestionClient
    from azure.monitor.query import LogsQueryClient
    from azure.monitor.querymetrics import MetricsClient

METRICS_SERVICE = "metrics.monitor.azure"
INGESTION_SERVICE = "ingest.monitor.azure"
QUIET_LOGGERS = (
    "azure",
    "urllib3",
)  # at INFO the first logs every request, at DEBUG the second logs SAS signatures


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the services are and who asks. *ca_file*: a PEM file to trust instead of the usual authorities; None: these.

    *logs_workspace*: the id of the Log Analytics workspace; empty when there is none to ask. *storage_resource* (the
    queue service) and *foundry_resource* (the project): ids of what has metrics at *metrics_endpoint*; empty likewise.
    *audit_endpoint*: where the Logs Ingestion API takes *audit_stream* of *audit_rule*; empty: nothing is recorded.
    """

    project_endpoint: str
    storage_endpoint: str
    credential: TokenCredential = field(repr=False)
    ca_file: str | None = None
    logs_endpoint: str = ""
    logs_workspace: str = ""
    metrics_endpoint: str = ""
    storage_resource: str = ""
    foundry_resource: str = ""
    audit_endpoint: str = ""
    audit_rule: str = ""
    audit_stream: str = ""


class LocalCredential:
    """Hands out Local Azure's one token, which never runs out."""

    def __init__(self, token: str) -> None:
        self._token = token
        learn([token])

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # as TokenCredential declares it
        """Return the local token, said to hold for a day. Sends nothing."""
        return AccessToken(self._token, int(time.time()) + 86_400)


class Clients:
    """Ready clients that threads may share. They never retry and never follow redirects: services.resilience does.

    *agents* serves the Foundry project, *queues* the storage account. close() ends their connections.
    """

    def __init__(self, settings: Settings, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._local = settings.mode == "local"
        self._settings = settings
        self.agents_transport = self._transport()
        self.agents = AgentsClient(
            endpoints.project_endpoint, endpoints.credential, **self._options(self.agents_transport)
        )
        self.queues = QueueServiceClient(
            endpoints.storage_endpoint, credential=endpoints.credential, **self._options(self._transport())
        )

    @cached_property
    def projects(self) -> "AIProjectClient":
        """Return the client for connections, deployments and telemetry. Importing it takes more than a second."""
        from azure.ai.projects import AIProjectClient

        return AIProjectClient(
            endpoint=self._endpoints.project_endpoint,
            credential=self._endpoints.credential,
            **self._options(self._transport()),
        )

    @cached_property
    def logs(self) -> "LogsQueryClient":
        """Return the client for Log Analytics."""
        from azure.monitor.query import LogsQueryClient

        endpoint = self._endpoints.logs_endpoint
        return LogsQueryClient(
            self._endpoints.credential,
            endpoint=endpoint,
            audience=endpoint,
            **self._options(self._transport()),
        )

    @cached_property
    def metrics(self) -> "MetricsClient":
        """Return the client for the metrics of Azure Monitor."""
        from azure.monitor.querymetrics import MetricsClient

        endpoint = self._endpoints.metrics_endpoint
        return MetricsClient(
            endpoint,
            self._endpoints.credential,
            audience=metrics_audience(endpoint),
            **self._options(self._transport()),
        )

    @cached_property
    def ingestion(self) -> "LogsIngestionClient":
        """Return the client for the Logs Ingestion API."""
        from azure.monitor.ingestion import LogsIngestionClient

        endpoint = self._endpoints.audit_endpoint
        return LogsIngestionClient(
            endpoint,
            self._endpoints.credential,
            credential_scopes=[f"{ingestion_audience(endpoint)}//.default"],
            **self._options(self._transport()),
        )

    def close(self) -> None:
        """End the connections. The clients must not be used any more."""
        self.agents.close()
        self.queues.close()
        if "projects" in self.__dict__:
            self.projects.close()
        if "logs" in self.__dict__:
            self.logs.close()
        if "metrics" in self.__dict__:
            self.metrics.close()
        if "ingestion" in self.__dict__:
            self.ingestion.close()

    def new_transport(self) -> RequestsTransport:
        """Return a transport of its own, unsigned, that connects as all clients here do."""
        return self._transport()

    def _transport(self) -> RequestsTransport:
        return build_transport(
            ca_file=self._endpoints.ca_file,
            connect_timeout_s=self._settings.connect_timeout_s,
            read_timeout_s=self._settings.read_timeout_s,
            use_environment=not self._local,
        )

    def _options(self, transport: RequestsTransport) -> dict[str, Any]:
        return {"transport": transport, "retry_total": 0, "permit_redirects": False}


def build_clients(settings: Settings, endpoints: Endpoints) -> Clients:
    """Return clients for *endpoints*. Sends nothing; in Azure mode the first request fetches a token."""
    for name in QUIET_LOGGERS:
        if logging.getLogger(name).level == logging.NOTSET:
            logging.getLogger(name).setLevel(logging.WARNING)
    return Clients(settings, endpoints)


def metrics_audience(endpoint: str) -> str:
    """Return what a token for *endpoint* is for: its cloud's metrics service, without the region."""
    _, _, cloud = (urlsplit(endpoint).hostname or "").partition(METRICS_SERVICE)
    return f"https://{METRICS_SERVICE}{cloud or '.com'}"


def ingestion_audience(endpoint: str) -> str:
    """Return what a token for *endpoint* is for: its cloud's Azure Monitor."""
    _, _, cloud = (urlsplit(endpoint).hostname or "").partition(INGESTION_SERVICE)
    return f"https://monitor.azure{cloud or '.com'}"


def azure_endpoints(settings: Settings) -> Endpoints:
    """Return the endpoints of Azure mode, signed in as DefaultAzureCredential finds. Sends nothing."""
    from azure.identity import DefaultAzureCredential

    options: dict[str, Any] = {"exclude_interactive_browser_credential": True}
    if settings.client_id:
        options["managed_identity_client_id"] = settings.client_id
    return Endpoints(
        settings.project_endpoint,
        settings.storage_endpoint,
        DefaultAzureCredential(**options),
        logs_endpoint=settings.logs_endpoint,
        logs_workspace=settings.logs_workspace,
        metrics_endpoint=settings.metrics_endpoint,
        storage_resource=settings.storage_resource,
        foundry_resource=settings.foundry_resource,
        audit_endpoint=settings.audit_endpoint,
        audit_rule=settings.audit_rule,
        audit_stream=settings.audit_stream,
    )
