"""A whole local Relaydeck for programs: browser tests, benchmarks, screenshots. People use `python3 run.py`."""

import contextlib
import socket
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from emulator.steering import Steering
from emulator.supervisor import LocalAzure, LocalOptions, Part, Supervisor, attach_or_start


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

    def met(self) -> dict[str, int]:
        """Return how often requests met a failure, by its kind, since the start or the latest reset."""
        found: dict[str, int] = {}
        for one in self._send("GET", "faults")["met"]:
            kind = str(one["kind"])
            found[kind] = found.get(kind, 0) + int(str(one["count"]))
        return found

    def reset(self) -> None:
        """Empty Local Azure: agents, threads, queues, faults, pace."""
        self._post("reset", {})

    def requests(self, after: int = 0) -> list[dict[str, object]]:
        """Return what was requested since request number *after*."""
        found: list[dict[str, object]] = self._send("GET", f"requests?after={after}")["requests"]
        return found

    def counts(self) -> dict[str, int]:
        """Return how often each operation was requested since the start or the latest reset."""
        found = self._send("GET", "counts")["counts"]
        return {str(one["operation"]): int(str(one["count"])) for one in found}

    def last_request(self) -> int:
        """Return the number of the latest request, for requests(); counting them will not do: only so many are kept."""
        return max((int(str(one["number"])) for one in self.requests()), default=0)

    def _post(self, what: str, document: Mapping[str, object]) -> None:
        self._send("POST", what, document)

    def _send(
        self, method: str, what: str, document: Mapping[str, object] | None = None
    ) -> dict[str, list[dict[str, object]]]:
        # What is asked for here are lists of objects.
        return cast(
            dict[str, list[dict[str, object]]], Steering(self.azure.connection).send(method, what, document)
        )


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
