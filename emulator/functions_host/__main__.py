"""python -m emulator.functions_host --app functions --connection TOOL_STORAGE

Runs a function app until SIGTERM, SIGINT or, with --lifeline, the end of standard input. Its first line on standard
output is {"ready": true, "functions": [...], "queues": [...], "storage": "reachable", "pid": 1}; log lines follow.
Exit codes: 0 drained, 1 a defect of the host, 2 configuration, 3 the app cannot be loaded, 4 a function outlived
functionTimeout (start it again), 5 stopped with messages in hand.
"""

import argparse
import asyncio
import atexit
import contextlib
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from emulator.functions_host import insights
from emulator.functions_host.console import hold_logs, release_logs
from emulator.functions_host.errors import EXIT_CONFIGURATION, EXIT_DEFECT, HostError
from emulator.functions_host.host import FunctionsHost, HostOptions, Ready
from emulator.functions_host.settings import load_settings
from emulator.functions_host.timespans import parse_timespan_s
from emulator.lifeline import wait_for_parents_end

log = logging.getLogger("emulator.functions_host")
MAX_LEASE_S = 7 * 86400


def main() -> int:
    """Return the exit code. Start-up errors are one sentence on standard error."""
    options, lifeline = _parse(sys.argv[1:])
    held = hold_logs()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the app prints while it loads comes before ready
            host = _load(options)
    except HostError as exc:
        print(f"functions host: {exc}", file=sys.stderr)
        return exc.exit_code

    def announce(ready: Ready) -> None:
        print(json.dumps({"ready": True, **asdict(ready), "pid": os.getpid()}), flush=True)
        release_logs(held)
        if (telling := insights.attach(os.environ)) is not None:
            atexit.register(telling.finish)

    try:
        return asyncio.run(_run(host, announce, lifeline))
    except Exception:
        release_logs(held)
        log.exception("host.failed")
        return EXIT_DEFECT


def _load(options: HostOptions) -> FunctionsHost:
    """Return the host, with the process arranged as the Python worker's: the app's folder is where it stands."""
    if not options.app.is_dir():
        print(f"functions host: --app {options.app} is not a folder.", file=sys.stderr)
        raise SystemExit(EXIT_CONFIGURATION)
    repository = str(Path(__file__).parents[2])
    sys.path[:] = [entry for entry in sys.path if entry not in ("", repository)]  # Azure has no such folder
    os.chdir(options.app)
    settings = load_settings(options.app, os.environ)
    os.environ.update(settings.added)
    return FunctionsHost(options, settings)


async def _run(host: FunctionsHost, announce: Callable[[Ready], None], lifeline: bool) -> int:
    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: host.stop())
    if lifeline:
        threading.Thread(target=_watch_parent, args=[host], name="lifeline", daemon=True).start()
    return await host.run(announce)


def _watch_parent(host: FunctionsHost) -> None:
    wait_for_parents_end()
    log.info("host.stopping", extra={"reason": "standard input ended"})
    host.stop()


def _parse(arguments: list[str]) -> tuple[HostOptions, bool]:
    parser = argparse.ArgumentParser("python -m emulator.functions_host", description="Run a function app.")
    parser.add_argument("--app", type=Path, default=Path("functions"), help="the folder of function_app.py")
    parser.add_argument("--connection", help="a connection that must be configured, such as TOOL_STORAGE")
    parser.add_argument("--create-queues", action="store_true", help="make missing input and output queues")
    parser.add_argument("--lifeline", action="store_true", help="stop when standard input ends")
    parser.add_argument(
        "--lease",
        type=_span,
        default=600.0,
        metavar="HH:MM:SS",
        help="how long a taken message stays hidden when this host dies (Azure: 00:10:00, the default)",
    )
    parser.add_argument(
        "--drain",
        type=_span,
        default=30.0,
        metavar="HH:MM:SS",
        help="how long running functions may take to end",
    )
    given = parser.parse_args(arguments)
    if not 2 <= given.lease <= MAX_LEASE_S:
        parser.error("--lease must lie between 00:00:02 and 7.00:00:00")
    options = HostOptions(
        app=given.app.resolve(),
        connection=given.connection,
        create_queues=given.create_queues,
        lease_s=round(given.lease),
        drain_s=given.drain,
    )
    return options, given.lifeline


def _span(text: str) -> float:
    try:
        return parse_timespan_s(text)
    except ValueError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc


if __name__ == "__main__":
    code = main()
    atexit._run_exitfuncs()  # what an app registered runs in Azure's worker, too; _exit() would leave it out
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # a function that never returns holds a thread, which a normal exit would wait for
