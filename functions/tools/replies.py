"""Where an answer goes when the question names a queue: the parameter outputqueueuri of the tool foo.

The URI was written by a model that read text from strangers, so it decides nothing but the queue's name: it must
lie in the account of the TOOL_STORAGE connection, carry no signature, and not be a queue that a tool reads.
azure-storage-queue and azure-identity are imported only when an answer really leaves by another queue.
"""

import functools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from tools.envelope import Arguments, ToolError, kind, shorten
from tools.queues import STORAGE, output_queue

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueServiceClient

PARAMETER = "outputqueueuri"
TIMEOUT_S = 10
_QUEUE_NAME = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(-[a-z0-9]+)*")
_LOOPBACK = ("127.0.0.1", "::1")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_DEVELOPMENT = "UseDevelopmentStorage=true"
_DEVELOPMENT_CONNECTION = (  # the account and key that every storage emulator knows: public, no secret
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
)


@dataclass(frozen=True, slots=True)
class Account:
    """The storage account of the connection: where it answers, and the connection string when there is one."""

    endpoint: str
    connection_string: str | None = None


def route(arguments: Arguments, tool: str = "foo") -> Callable[[str], None] | None:
    """Return what sends a text to the queue that outputqueueuri names; None: to the tool's own output queue.

    Raises ToolError when the URI is malformed, or names a queue that must not be written to.
    """
    uri = arguments.get(PARAMETER)
    if uri is None or uri == "":
        return None
    if not isinstance(uri, str):
        raise ToolError(f"The parameter {PARAMETER} must be text, not {kind(uri)}.")
    queue = queue_in_account(uri.strip(), account().endpoint)
    if queue == output_queue(tool):
        return None
    return functools.partial(_send, queue)


def queue_in_account(uri: str, endpoint: str) -> str:
    """Return the name of the queue that *uri* names in the account at *endpoint*. Raises ToolError."""
    try:
        asked, own = urlsplit(uri), urlsplit(endpoint)
        same = _origin(asked) == _origin(own)
    except ValueError as exc:  # a port that is no number, a broken IPv6 address
        raise _malformed(uri, endpoint) from exc
    if not asked.scheme or not asked.hostname:
        raise _malformed(uri, endpoint)
    if asked.username or asked.password or asked.query or asked.fragment:
        raise ToolError(
            f"{PARAMETER} must be the plain address of a queue, without credentials, signature or fragment."
        )
    account_path = own.path.strip("/")
    folder, _, queue = unquote(asked.path).strip("/").rpartition("/")
    if not same or folder != account_path:
        raise ToolError(
            f"{PARAMETER} names a queue outside this function's storage account: {shorten(uri, 120)}. "
            f"Use an address that begins with {endpoint.rstrip('/')}/, or leave it out."
        )
    if not _QUEUE_NAME.fullmatch(queue):
        raise _malformed(uri, endpoint)
    if queue.startswith("azure-function-") and queue.endswith(("-input", "-poison")):
        raise ToolError(
            f"{PARAMETER} names {queue}, which a tool reads. Name an output queue, or leave it out."
        )
    return queue


@functools.cache
def account() -> Account:
    """Return the account of the TOOL_STORAGE connection, resolved as the Functions host resolves it.

    Raises ToolError when the function app has no such connection.
    """
    for name in (f"AzureWebJobs{STORAGE}", STORAGE):
        if connection := os.environ.get(name):
            if connection.strip().rstrip(";") == _DEVELOPMENT:
                connection = _DEVELOPMENT_CONNECTION
            return Account(_queue_endpoint(connection), connection)
        if endpoint := os.environ.get(f"{name}__queueServiceUri"):
            return Account(endpoint)
        if account_name := os.environ.get(f"{name}__accountName"):
            return Account(f"https://{account_name}.queue.core.windows.net")
    raise ToolError(
        f"The function app has no connection {STORAGE}, so it cannot write to a queue by its address."
    )


def _queue_endpoint(connection: str) -> str:
    parts = dict(part.split("=", 1) for part in connection.split(";") if "=" in part)
    if endpoint := parts.get("QueueEndpoint"):
        return endpoint
    scheme = parts.get("DefaultEndpointsProtocol", "https")
    suffix = parts.get("EndpointSuffix", "core.windows.net")
    return f"{scheme}://{parts.get('AccountName', '')}.queue.{suffix}"


def _origin(uri: SplitResult) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port in one form: case, a spelt-out default port and this machine's name do not matter."""
    host = uri.hostname.rstrip(".") if uri.hostname else None
    host = "localhost" if host in _LOOPBACK else host
    return uri.scheme.lower(), host, uri.port or _DEFAULT_PORTS.get(uri.scheme.lower())


def _malformed(uri: str, endpoint: str) -> ToolError:
    example = f"{endpoint.rstrip('/')}/{output_queue('foo')}"
    return ToolError(f'"{shorten(uri, 120)}" is not the address of a queue. {PARAMETER} looks like {example}')


def _send(queue: str, text: str) -> None:
    """Put *text* into *queue*. Raises ToolError when there is no such queue, AzureError for what may pass."""
    from azure.core.exceptions import ResourceNotFoundError

    client = client_of(queue)
    try:
        client.send_message(text, timeout=TIMEOUT_S)
    except ResourceNotFoundError as exc:
        raise ToolError(f"{PARAMETER} names the queue {queue}, which does not exist.") from exc


def client_of(queue: str) -> "QueueClient":
    """Return a client of *queue* in the account of the TOOL_STORAGE connection: texts travel in base64, both ways.

    Raises ToolError when the function app has no such connection.
    """
    from azure.storage.queue import TextBase64DecodePolicy, TextBase64EncodePolicy

    return service().get_queue_client(
        queue,
        message_encode_policy=TextBase64EncodePolicy(),
        message_decode_policy=TextBase64DecodePolicy(),
    )


@functools.cache
def service() -> "QueueServiceClient":
    """Return the account's client. Its own retries are off: the host delivers the message again."""
    from azure.storage.queue import QueueServiceClient

    found = account()
    if found.connection_string:
        return QueueServiceClient.from_connection_string(
            found.connection_string, retry_total=0, connection_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S
        )
    from azure.identity import DefaultAzureCredential, ManagedIdentityCredential

    client_id = os.environ.get(f"{STORAGE}__clientId")
    managed = os.environ.get(f"{STORAGE}__credential", "").lower() == "managedidentity"
    credential = ManagedIdentityCredential(client_id=client_id) if managed else DefaultAzureCredential()
    return QueueServiceClient(
        found.endpoint,
        credential,
        retry_total=0,
        connection_timeout=TIMEOUT_S,
        read_timeout=TIMEOUT_S,
    )
