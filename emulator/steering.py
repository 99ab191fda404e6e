"""How another process steers a running Local Azure. Standard library only."""

import functools
import json
import ssl
import urllib.request
from collections.abc import Mapping

from emulator.connection import Connection

TIMEOUT_S = 10.0


class Steering:
    """Threads may share it."""

    def __init__(self, connection: Connection, timeout_s: float = TIMEOUT_S) -> None:
        self._connection, self._timeout_s = connection, timeout_s

    def send(self, method: str, what: str, document: Mapping[str, object] | None = None) -> dict[str, object]:
        """Return what the control plane answers to *method* on `/_emulator/`*what*. One request.

        Raises OSError: it does not answer, or refuses.
        """
        connection = self._connection
        request = urllib.request.Request(  # noqa: S310 - loopback, from our own file
            f"{connection.url}/_emulator/{what}",
            data=None if document is None else json.dumps(document).encode(),
            method=method,
            headers={"Authorization": f"Bearer {connection.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(  # noqa: S310 - as above
            request, timeout=self._timeout_s, context=_trust(connection.ca_file)
        ) as reply:
            answer: dict[str, object] = json.load(reply)
        return answer


@functools.lru_cache(maxsize=8)
def _trust(ca_file: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca_file)
