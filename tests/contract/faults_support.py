"""How a test steers a Local Azure that runs in its own process."""

from emulator.connection import Connection
from emulator.server import Emulator


def connection_of(emulator: Emulator, token: str | None = None) -> Connection:
    """Return as much of its connection as steering needs. *token*: None for the right one."""
    return Connection(
        *(0, emulator.port, emulator.http_port, emulator.url, emulator.http_url, "", "", ""),
        *(str(emulator.ca_file), emulator.token if token is None else token, "", "", {}),
    )
