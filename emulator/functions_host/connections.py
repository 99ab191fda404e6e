"""From the name of a connection to a client of its storage account.

Source: learn.microsoft.com/azure/azure-functions/functions-reference#connections
"""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from azure.core.pipeline.transport import RequestsTransport
from azure.storage.queue import QueueServiceClient

from emulator.functions_host.errors import ConfigurationError
from emulator.functions_host.loopback import LoopbackTransport
from emulator.functions_host.settings import Settings

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

DEFAULT_CONNECTION = "Storage"  # the host's own: AzureWebJobsStorage
CONNECT_TIMEOUT_S = 3
READ_TIMEOUT_S = 15
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_DEVELOPMENT = "UseDevelopmentStorage=true"
_DEVELOPMENT_CONNECTION = (  # the account and key that every storage emulator knows: public, no secret
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)


class Connections:
    """One client per storage account. Their retries are off: the host has its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[str, QueueServiceClient] = {}

    def client(self, name: str) -> QueueServiceClient:
        """Return the client of the connection *name*; an empty name is the host's own. Raises ConfigurationError."""
        name = name or DEFAULT_CONNECTION
        if name not in self._clients:
            self._clients[name] = self._connect(name)
        return self._clients[name]

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def _connect(self, name: str) -> QueueServiceClient:
        for candidate in (f"AzureWebJobs{name}", name):
            if connection := self._settings.get(candidate):
                return self._from_string(candidate, connection)
            if section := self._settings.section(candidate):
                return self._from_identity(candidate, section)
        raise ConfigurationError(
            f"There is no connection {name}. Set {name} to a connection string, or {name}__queueServiceUri "
            "to https://<account>.queue.core.windows.net, in the environment or in local.settings.json."
        )

    def _from_string(self, name: str, connection: str) -> QueueServiceClient:
        if connection.strip().rstrip(";") == _DEVELOPMENT:
            connection = _DEVELOPMENT_CONNECTION
        parts = dict(part.split("=", 1) for part in connection.split(";") if "=" in part)
        endpoint = parts.get("QueueEndpoint") or f"https://{parts.get('AccountName', '')}.queue"
        try:
            return QueueServiceClient.from_connection_string(
                connection, retry_total=0, transport=self._transport(endpoint)
            )
        except ValueError as exc:
            raise ConfigurationError(f"The connection string in {name} cannot be used: {exc}") from exc

    def _from_identity(self, name: str, section: dict[str, str]) -> QueueServiceClient:
        account = section.get("accountname")
        endpoint = (
            section.get("queueserviceuri")
            or section.get("serviceuri")
            or (f"https://{account}.queue.core.windows.net" if account else None)
        )
        if endpoint is None:
            raise ConfigurationError(
                f"The connection {name} has neither {name}__queueServiceUri nor an account name."
            )
        parts = urlsplit(endpoint)
        if parts.scheme != "https" or not parts.hostname:
            raise ConfigurationError(
                f"{name}__queueServiceUri must begin with https:// and a host name, because an identity's token "
                f"travels with each request; it is {endpoint!r}."
            )
        return QueueServiceClient(
            endpoint, _credential(name, section), retry_total=0, transport=self._transport(endpoint)
        )

    def _transport(self, endpoint: str) -> LoopbackTransport | RequestsTransport:
        ca_file = self._settings.get("REQUESTS_CA_BUNDLE") or self._settings.get("SSL_CERT_FILE")
        if urlsplit(endpoint).hostname in _LOOPBACK:
            try:
                return LoopbackTransport(ca_file, READ_TIMEOUT_S)
            except OSError as exc:
                raise ConfigurationError(f"The CA file {ca_file} cannot be read: {exc.strerror}.") from exc
        return RequestsTransport(
            connection_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            connection_verify=ca_file or True,
        )


def _credential(name: str, section: dict[str, str]) -> "TokenCredential":
    """Return the identity that the settings below *name* describe. Raises ConfigurationError."""
    from azure.identity import ClientSecretCredential, DefaultAzureCredential, ManagedIdentityCredential

    client_id = section.get("clientid")
    kind = section.get("credential", "").lower()
    if kind == "managedidentity":
        return ManagedIdentityCredential(client_id=client_id)
    if kind:
        raise ConfigurationError(f'{name}__credential must be "managedidentity" or absent; it is "{kind}".')
    if client_id and (tenant_id := section.get("tenantid")) and (secret := section.get("clientsecret")):
        return ClientSecretCredential(tenant_id, client_id, secret)
    return DefaultAzureCredential()
