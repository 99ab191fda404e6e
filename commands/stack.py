"""A whole local Relaydeck for programs: browser tests, benchmarks, screenshots. People use `python3 run.py`."""

import contextlib
import json
import socket
import ssl
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.supervisor import LocalAzure, LocalOptions, Part, Supervisor, attach_or_start

CONTROL_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Control:
    """The control plane of one Local Azure. Every method sends one request and raises OSError."""

    azure: LocalAzure

    def pace(self, *, think_s: float = 0.0, token_s: float = 0.0) -> None:
        """Set how long the built-in model thinks before a turn, and how long each token then takes."""
        self._post("pace", {"think_s": think_s, "token_s": token_s})

    def fail(self, **fault: object) -> None:
        """Script one failure: the fields of emulator.faults.Fault."""
        self._post("faults", fault)

    def clear_faults(self) -> None:
        self._send("DELETE", "faults")

    def pending_faults(self) -> list[dict[str, object]]:
        """Return what was scripted and not met."""
        found: list[dict[str, object]] = self._send("GET", "faults")["faults"]
        return found

    def reset(self) -> None:
        """Empty Local Azure: agents, threads, queues, faults, pace."""
        self._post("reset", {})

    def requests(self, after: int = 0) -> list[dict[str, object]]:
        """Return what was requested since request number *after*."""
        found: list[dict[str, object]] = self._send("GET", f"requests?after={after}")["requests"]
        return found

    def last_request(self) -> int:
        """Return the number of the latest request, for requests(); counting them will not do: only so many are kept."""
        return max((int(str(one["number"])) for one in self.requests()), default=0)

    def _post(self, what: str, document: Mapping[str, object]) -> None:
        self._send("POST", what, json.dumps(document).encode())

    def _send(self, method: str, what: str, body: bytes | None = None) -> dict[str, list[dict[str, object]]]:
        connection = self.azure.connection
        request = urllib.request.Request(  # noqa: S310 - loopback, from our own file
            f"{connection.url}/_emulator/{what}",
            data=body,
            method=method,
            headers={"Authorization": f"Bearer {connection.token}", "Content-Type": "application/json"},
        )
        trust = ssl.create_default_context(cafile=connection.ca_file)
        with urllib.request.urlopen(request, timeout=CONTROL_TIMEOUT_S, context=trust) as reply:  # noqa: S310
            answer: dict[str, list[dict[str, object]]] = json.load(reply)
        return answer


@dataclass(frozen=True, slots=True)
class Stack:
    """*url*: the dashboard. *log*: what it printed."""

    url: str
    control: Control
    log: Path


@contextlib.contextmanager
def running(state: Path, environment: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Start Local Azure, its Functions host and the dashboard in *state*; stop them after. Raises PartFailedError."""
    azure = attach_or_start(LocalOptions(state))
    try:
        with dashboard(state, environment) as (url, log):
            yield Stack(url, Control(azure), log)
    finally:
        azure.stop()


@contextlib.contextmanager
def dashboard(
    state: Path,
    environment: Mapping[str, str] | None = None,
    *,
    log_name: str = "dashboard.log",
    port: int = 0,
) -> Iterator[tuple[str, Path]]:
    """Start the dashboard alone on *port*, or a free one; yield its address and its log. Raises PartFailedError."""
    port, log = port or free_port(), state / "logs" / log_name
    command = [sys.executable, "-m", "commands.dashboard", str(port)]
    given = {"RELAYDECK_STATE_DIR": str(state), **(environment or {})}
    supervisor = Supervisor()
    try:
        supervisor.start(Part("The dashboard", command, log, given, restarts=False))
        yield f"http://127.0.0.1:{port}", log
    finally:
        supervisor.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
