"""Azurite, Microsoft's storage emulator, as a yardstick: installs it from the lock file and runs it."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests import node_packages
from tests.node_packages import node

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
MAIN = MODULES / "azurite" / "dist" / "src" / "queue" / "main.js"
HOST = "127.0.0.1"
START_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of the server's certificate. With them Azurite speaks https only and takes bearer tokens."""

    certificate: Path
    key: Path


@dataclass(slots=True)
class Azurite:
    """A running Azurite. *url*: the account's queue endpoint, without a trailing slash."""

    url: str
    port: int
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()


def ensure_installed() -> None:
    """Install Azurite unless that has been done. Raises RuntimeError with npm's words."""
    node_packages.ensure_installed(FOLDER)


@contextlib.contextmanager
def running(location: Path, account: str, key: str, tls: Tls | None = None) -> Iterator[Azurite]:
    """Yield Azurite with its files in *location*, holding the one account; killed at the end.

    Raises RuntimeError when it does not answer within 30 s.
    """
    azurite = start(location, account, key, tls)
    try:
        yield azurite
    finally:
        azurite.kill()


def start(location: Path, account: str, key: str, tls: Tls | None = None) -> Azurite:
    """Return Azurite once it accepts connections. The caller ends it with kill()."""
    ensure_installed()
    location.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    command = [
        *(str(node()), str(MAIN), "--queueHost", HOST, "--queuePort", str(port), "--location", str(location)),
        *("--silent", "--disableTelemetry", "--skipApiVersionCheck"),
    ]
    if tls:
        command += ["--oauth", "basic", "--cert", str(tls.certificate), "--key", str(tls.key)]
    output = (location / "azurite.log").open("ab")
    with output:
        process = subprocess.Popen(
            command,
            cwd=location,
            env={**os.environ, "AZURITE_ACCOUNTS": f"{account}:{key}"},
            stdout=output,
            stderr=output,
        )
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return Azurite(f"http{'s' if tls else ''}://{HOST}:{port}/{account}", port, process)
        time.sleep(0.02)
    process.kill()
    process.wait()
    words = (location / "azurite.log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"Azurite did not start:\n{words}")


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])
