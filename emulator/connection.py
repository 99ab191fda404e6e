"""Where a running Local Azure is written down, so that other processes find it. Standard library only."""

import json
import os
import urllib.request
from dataclasses import asdict, dataclass, field
from pathlib import Path

FILE_NAME = "connection.json"
PROBE_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach Local Azure. *environment*: the variables for a child process that runs a stock Azure script.

    *workspace_id* is what LogsQueryClient asks for; *storage_id* and *project_id* are the resources that MetricsClient
    asks for. Logs and metrics answer at *url*; so does the Logs Ingestion API, for stream *audit_stream* of *audit_rule*.
    """

    pid: int
    port: int
    http_port: int
    url: str
    http_url: str
    project_endpoint: str
    storage_endpoint: str
    connection_string: str = field(repr=False)
    ca_file: str
    token: str = field(repr=False)
    model_deployment: str
    model: str
    environment: dict[str, str] = field(repr=False)
    workspace_id: str = ""
    insights_connection_string: str = ""
    storage_id: str = ""
    project_id: str = ""
    audit_rule: str = ""
    audit_stream: str = ""


def write_connection(state: Path, connection: Connection) -> None:
    """Put *connection* where read_connection() finds it; readable by its owner only, never half-written."""
    draft = state / (FILE_NAME + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(connection), file, indent=1)
    draft.replace(state / FILE_NAME)


def read_connection(state: Path) -> Connection | None:
    """Return the latest Local Azure of *state*, running or not; None when there was none or the file is damaged."""
    try:
        document = json.loads((state / FILE_NAME).read_text())
        return Connection(**document)
    except (OSError, ValueError, TypeError):
        return None


def is_alive(connection: Connection) -> bool:
    """Return whether that very process answers. Sends one request."""
    address = f"{connection.http_url}/_emulator/health"
    try:
        with urllib.request.urlopen(address, timeout=PROBE_TIMEOUT_S) as reply:  # noqa: S310 - loopback, from our own file
            return bool(json.load(reply).get("pid") == connection.pid)
    except (OSError, ValueError):
        return False
