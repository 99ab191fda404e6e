"""Runs Local Azure: `python -m emulator --state DIR`. Prints one JSON line when it is ready, then waits.

Ends on SIGTERM, on Ctrl-C, and with --lifeline when standard input closes: no parent, no service.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from emulator.connection import Connection, read_connection, write_connection
from emulator.control import Pace
from emulator.lifeline import wait_for_parents_end
from emulator.lock import take_lock
from emulator.model import ModelSettings
from emulator.monitor.schemas import AUDIT_RULE, AUDIT_STREAM
from emulator.monitor.service import RETENTION_DAYS
from emulator.server import PROJECT_ID, STORAGE_ID, Emulator, EmulatorSettings

EXIT_CANNOT_START = 3
EXIT_FOLDER_IN_USE = 4


def main() -> int:
    options = _options()
    logging.basicConfig(
        level=options.log_level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    state: Path = options.state.resolve()
    try:
        lock = take_lock(state / "lock")
    except OSError as exc:
        print(f"Local Azure cannot write to its state folder {state}: {exc.strerror}.", file=sys.stderr)
        return EXIT_CANNOT_START
    if lock is None:
        print(
            f"Another Local Azure uses the state folder {state}. Stop it, or name another folder.",
            file=sys.stderr,
        )
        return EXIT_FOLDER_IN_USE
    before = read_connection(state)
    ports = (options.port, options.http_port)
    if before and ports == (0, 0):
        # Agents carry the queues' address: the same port keeps the agents of earlier days usable.
        ports = (before.port, before.http_port)
    try:
        emulator = _start(options, state, ports, fall_back=(options.port, options.http_port) == (0, 0))
    except OSError as exc:
        print(f"Local Azure cannot start: {exc}. State folder: {state}", file=sys.stderr)
        return EXIT_CANNOT_START
    connection = _describe(emulator)
    write_connection(state, connection)
    print(json.dumps({"ready": True, "pid": os.getpid(), "url": emulator.url}), flush=True)
    _wait(lifeline=options.lifeline)
    emulator.stop()
    lock.close()
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m emulator", description=__doc__)
    parser.add_argument("--state", type=Path, default=Path(".relaydeck"), help="folder that holds everything")
    parser.add_argument(
        "--port", type=int, default=0, help="https port; 0: the last one used, else a free one"
    )
    parser.add_argument("--http-port", type=int, default=0, help="http port for tokens and telemetry")
    parser.add_argument(
        "--think-s", type=float, default=0.0, help="seconds the model takes before its first word"
    )
    parser.add_argument("--token-s", type=float, default=0.0, help="seconds the model takes for each word")
    parser.add_argument(
        "--retention-days", type=float, default=RETENTION_DAYS, help="how long telemetry is kept"
    )
    parser.add_argument("--lifeline", action="store_true", help="stop when standard input closes")
    parser.add_argument("--log-level", default="WARNING")
    return parser.parse_args()


def _start(options: argparse.Namespace, state: Path, ports: tuple[int, int], *, fall_back: bool) -> Emulator:
    model = ModelSettings(
        url=os.environ.get("RELAYDECK_LOCAL_MODEL_URL", ""),
        api_key=os.environ.get("RELAYDECK_LOCAL_MODEL_KEY", "") or "local",
        name=os.environ.get("RELAYDECK_LOCAL_MODEL", ""),
    )
    deployment = model.name or ("local-model" if model.url else "local-rules")

    def start(port: int, http_port: int) -> Emulator:
        emulator = Emulator(
            EmulatorSettings(
                state,
                port,
                http_port,
                deployment,
                model=model,
                pace=Pace(options.think_s, options.token_s),
                retention_days=options.retention_days,
            )
        )
        emulator.start()
        return emulator

    try:
        return start(*ports)
    except OSError:
        if not fall_back or ports == (0, 0):
            raise
        return start(0, 0)


def _describe(emulator: Emulator) -> Connection:
    return Connection(
        pid=os.getpid(),
        port=emulator.port,
        http_port=emulator.http_port,
        url=emulator.url,
        http_url=emulator.http_url,
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        connection_string=emulator.connection_string,
        ca_file=str(emulator.ca_file),
        token=emulator.token,
        model_deployment=emulator.settings.model_deployment,
        model=emulator.settings.model.url or "rules",
        environment=emulator.environment(),
        workspace_id=emulator.workspace_id,
        insights_connection_string=emulator.insights_connection_string,
        storage_id=STORAGE_ID,
        project_id=PROJECT_ID,
        audit_rule=AUDIT_RULE,
        audit_stream=AUDIT_STREAM,
    )


def _wait(*, lifeline: bool) -> None:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    if lifeline:
        threading.Thread(target=_end_with_parent, args=[ended], daemon=True).start()
    while not ended.wait(0.5):  # Windows delivers signals only between waits
        pass


def _end_with_parent(ended: threading.Event) -> None:
    wait_for_parents_end()
    ended.set()


if __name__ == "__main__":
    sys.exit(main())
