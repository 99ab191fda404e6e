"""Starts the parts of a local Relaydeck as child processes, restarts what may be restarted, stops all of them.

Standard library only. No child outlives its parent: each holds the read end of a pipe and stops when it closes.
"""

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from emulator.connection import Connection, is_alive, read_connection

log = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parent.parent
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 8.0
RESTARTS, RESTART_WINDOW_S = 5, 60.0
POLL_S = 0.1


class PartFailedError(RuntimeError):
    """A part did not start, or died more often than it may be restarted. The message holds its last words."""


@dataclass(slots=True)
class Part:
    """One child process. *log_file* takes what it prints after its ready line, and its errors."""

    name: str
    command: Sequence[str]
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    restarts: bool = True
    process: "subprocess.Popen[bytes] | None" = None
    started_at: list[float] = field(default_factory=list)


class Supervisor:
    """Keeps parts alive. *on_failure* is called once, from the watching thread, when a part cannot be kept alive."""

    def __init__(self, on_failure: Callable[[PartFailedError], None] | None = None) -> None:
        self._parts: list[Part] = []
        self._on_failure = on_failure
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def start(self, part: Part) -> None:
        """Return once *part* has printed its ready line. Raises PartFailedError."""
        self._launch(part)
        with self._lock:
            self._parts.append(part)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
                self._watcher.start()

    def stop(self) -> None:
        """Return once every part has ended; the last one started ends first."""
        self._stopping.set()
        with self._lock:
            parts = list(reversed(self._parts))
        for part in parts:
            if part.process:
                end_process(part.process)

    def pid(self, name: str) -> int:
        """Return the process id that part *name* has now."""
        return next(part.process.pid for part in self._parts if part.name == name and part.process)

    def _launch(self, part: Part) -> None:
        if part.process:
            end_process(part.process)  # already dead; this closes our end of its pipe
        part.started_at.append(time.monotonic())
        try:
            part.log_file.parent.mkdir(parents=True, exist_ok=True)
            log_file = part.log_file.open("ab")
        except OSError as exc:
            raise PartFailedError(
                f"{part.name} cannot write its log {part.log_file}: {exc.strerror}."
            ) from exc
        part.process = subprocess.Popen(
            part.command,
            cwd=ROOT,
            env={**os.environ, **part.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log_file,
            # A Ctrl-C in the terminal reaches the parent only, which stops its parts in order.
            start_new_session=os.name != "nt",
            creationflags=int(getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)),
        )
        output = part.process.stdout
        assert output is not None
        ready = threading.Event()
        threading.Thread(target=_drain, args=[output, log_file, ready], daemon=True).start()
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not ready.wait(0.02):
            if part.process.poll() is not None or time.monotonic() > deadline_s or self._stopping.is_set():
                end_process(part.process)
                raise PartFailedError(f"{part.name} did not start. {_last_words(part.log_file)}")

    def _watch(self) -> None:
        while not self._stopping.wait(POLL_S):
            for part in list(self._parts):
                if part.process and part.process.poll() is not None and not self._stopping.is_set():
                    try:
                        self._revive(part, part.process.returncode)
                    except PartFailedError as exc:
                        log.error("part.failed", extra={"part": part.name, "reason": str(exc)})
                        if self._on_failure:
                            self._on_failure(exc)
                        return

    def _revive(self, part: Part, code: int) -> None:
        now_s = time.monotonic()
        recent = [at_s for at_s in part.started_at if now_s - at_s < RESTART_WINDOW_S]
        if not part.restarts or len(recent) > RESTARTS:
            raise PartFailedError(f"{part.name} ended with code {code}. {_last_words(part.log_file)}")
        log.warning("part.restarted", extra={"part": part.name, "code": code})
        with self._lock:
            if not self._stopping.is_set():
                self._launch(part)


@dataclass(slots=True)
class LocalAzure:
    """Local Azure and its Functions host: ours to stop when we started them, merely used when they ran before."""

    connection: Connection
    supervisor: Supervisor | None = None

    def stop(self) -> None:
        """Stop what was started here; leave alone what was only attached to."""
        if self.supervisor:
            self.supervisor.stop()


@dataclass(frozen=True, slots=True)
class LocalOptions:
    """How to start Local Azure. *think_s*, *token_s*: the pace of the built-in model, in seconds. *environment*: more
    variables for its process, such as those that name another model; *functions_environment*: for the function app's.
    *lease*: how long a message stays hidden that a host took and never settled; Azure's ten minutes would outlast the run."""

    state: Path
    port: int = 0
    http_port: int = 0
    think_s: float = 0.0
    token_s: float = 0.0
    functions_app: Path = ROOT / "functions"
    max_polling_interval: str = "00:00:00.1000000"
    lease: str = "00:00:10"
    environment: Mapping[str, str] = field(default_factory=dict)
    functions_environment: Mapping[str, str] = field(default_factory=dict)


def attach_or_start(
    options: LocalOptions,
    on_failure: Callable[[PartFailedError], None] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> LocalAzure:
    """Return the Local Azure of *options.state*: the running one, or else a new one with its Functions host.

    *say* is told of each step. Raises PartFailedError.
    """
    found = read_connection(options.state)
    if found and is_alive(found):
        return LocalAzure(found)
    supervisor = Supervisor(on_failure)
    try:
        say("Starting Local Azure")
        azure = _emulator_part(options)
        supervisor.start(azure)
        connection = read_connection(options.state)
        if connection is None:
            raise PartFailedError(f"Local Azure left no address in {options.state}.")
        # A restart must come back under the same address: clients and agents hold it.
        pinned = replace(options, port=connection.port, http_port=connection.http_port)
        azure.command = _emulator_part(pinned).command
        say("Starting the function app")
        supervisor.start(_functions_part(options, connection))
    except PartFailedError:
        supervisor.stop()
        raise
    return LocalAzure(connection, supervisor)


def _emulator_part(options: LocalOptions) -> Part:
    command = [
        *(sys.executable, "-m", "emulator", "--lifeline", "--state", str(options.state)),
        *("--port", str(options.port), "--http-port", str(options.http_port)),
        *("--think-s", str(options.think_s), "--token-s", str(options.token_s)),
    ]
    return Part("Local Azure", command, options.state / "logs" / "local-azure.log", options.environment)


def _functions_part(options: LocalOptions, connection: Connection) -> Part:
    command = [
        *(sys.executable, "-m", "emulator.functions_host", "--lifeline", "--create-queues"),
        *("--app", str(options.functions_app), "--connection", "TOOL_STORAGE"),
        *("--lease", options.lease, "--drain", "00:00:06"),
    ]
    environment = {
        **connection.environment,
        "TOOL_STORAGE__queueServiceUri": connection.storage_endpoint,
        "TOOL_STORAGE__credential": "managedidentity",
        "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": options.max_polling_interval,
        **_telemetry_of(connection),
        **options.functions_environment,
    }
    return Part("The Functions host", command, options.state / "logs" / "functions-host.log", environment)


def _telemetry_of(connection: Connection) -> dict[str, str]:
    if not connection.insights_connection_string:
        return {}
    return {"APPLICATIONINSIGHTS_CONNECTION_STRING": connection.insights_connection_string}


def end_process(process: "subprocess.Popen[bytes]") -> None:
    """Return once *process* has ended: asked by its lifeline and a signal, made to after STOP_TIMEOUT_S."""
    if process.stdin:
        with contextlib.suppress(OSError):
            process.stdin.close()
    if process.poll() is None and os.name != "nt":
        process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _drain(output: IO[bytes], log_file: IO[bytes], ready: threading.Event) -> None:
    """Read *output* to its end, so that the child never blocks on a full pipe."""
    with output, log_file:
        for line in output:
            if not ready.is_set() and _is_ready_line(line):
                ready.set()
                continue
            log_file.write(line)
            log_file.flush()


def _is_ready_line(line: bytes) -> bool:
    try:
        document = json.loads(line)
    except ValueError:
        return False
    return isinstance(document, dict) and document.get("ready") is True


def _last_words(log_file: Path) -> str:
    try:
        lines = log_file.read_text(errors="replace").strip().splitlines()
    except OSError:
        return f"Its log {log_file} cannot be read."
    return f"It said: {lines[-1].strip()} (log: {log_file})" if lines else f"Its log {log_file} is empty."
