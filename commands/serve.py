"""`run.py` itself: Local Azure, the function app and the dashboard, until Ctrl-C or until one of them is lost."""

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from emulator.connection import PROBE_TIMEOUT_S
from emulator.supervisor import (
    ROOT,
    LocalAzure,
    LocalOptions,
    Part,
    PartFailedError,
    Supervisor,
    attach_or_start,
    end_process,
)

FIRST_PORT, PORTS_TRIED = 8501, 50
THINK_S, TOKEN_S = 0.3, 0.02
EXIT_FAILED, EXIT_REFUSED, EXIT_PORT_TAKEN = 1, 2, 3
HISTORY_S = 180.0
HISTORY_FILE = (
    "history.json"  # there once demo history was put into this state folder, or was found not to be wanted
)


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    state = state_folder()
    if (address := running_dashboard(state)) is not None:
        print(f"Relaydeck already runs: {address}")
        open_browser(address, wanted=options.browser)
        return 0
    return serve(options, state, start_azure=lambda failed: start_local(options, state, failed))


def serve(
    options: argparse.Namespace,
    state: Path,
    start_azure: "Callable[[Callable[[PartFailedError], None]], LocalAzure] | None",
    environment: Mapping[str, str] | None = None,
) -> int:
    """Return the exit code once everything has stopped: 0 after Ctrl-C, 1 when a part was lost, 2 when the dashboard must not
    run like this."""
    if why := refused(environment or {}):
        print(why, file=sys.stderr)
        return EXIT_REFUSED
    started_s = time.monotonic()
    ended = threading.Event()
    failures: list[PartFailedError] = []

    def failed(failure: PartFailedError) -> None:
        failures.append(failure)
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    port = choose_port(options.port)
    if port is None:
        print(port_taken(options.port), file=sys.stderr)
        return EXIT_PORT_TAKEN
    try:
        with application(port, state, start_azure, failed, environment) as address:
            print(
                f"\nRelaydeck: {address}   (ready in {time.monotonic() - started_s:.1f} s; Ctrl-C stops it)",
                flush=True,
            )
            if environment is None:
                tell_settings()
            open_browser(address, wanted=options.browser)
            while not ended.wait(0.5):  # Windows delivers signals only between waits
                pass
            if not failures:
                _say("Stopping")
    except PartFailedError as exc:
        failures.append(exc)
    for failure in failures[:1]:
        print(f"Relaydeck stopped: {failure}", file=sys.stderr)
    return EXIT_FAILED if failures else 0


@contextlib.contextmanager
def application(
    port: int,
    state: Path,
    start_azure: "Callable[[Callable[[PartFailedError], None]], LocalAzure] | None",
    failed: "Callable[[PartFailedError], None]",
    environment: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """Yield the address of the dashboard once everything runs; stop everything after. Raises PartFailedError."""
    azure: LocalAzure | None = None
    history: subprocess.Popen[bytes] | None = None
    dashboard = Supervisor(failed)
    try:
        azure = start_azure(failed) if start_azure else None
        _say("Starting the dashboard")
        dashboard.start(_dashboard_part(port, state, environment or {}))
        address = f"http://127.0.0.1:{port}"
        _write_dashboard(state, address, dashboard.pid("The dashboard"))
        if (
            azure is not None and azure.supervisor is not None
        ):  # one that ran before is somebody else's to fill
            history = start_history(state)
        yield address
    finally:
        if history is not None:
            end_process(history)
        dashboard.stop()
        if azure:
            azure.stop()
        (state / "dashboard.json").unlink(missing_ok=True)


def refused(environment: Mapping[str, str]) -> str:
    """Return why the dashboard would end at once; its own words go to a log. Empty when it may run."""
    from services.settings_source import (  # here: nothing else of this command needs them
        auth_asked_for,
        load_usable,
    )
    from services.signin.place import misunderstood, refusal

    environ = {**os.environ, **environment}
    settings, problems = load_usable(environ, ROOT / ".env")
    if any("cannot be read" in problem for problem in problems):
        return ""
    asked = auth_asked_for(environ, ROOT / ".env")
    return misunderstood(asked, settings.auth) or refusal(settings.auth, environ)


def tell_settings() -> None:
    """Say on stderr what is wrong with the settings; the dashboard, whose own words go to a log, shows Doctor then."""
    from services.settings_source import (  # here: nothing else of this command needs them
        load_usable,
        tell_problems,
    )

    _, problems = load_usable(os.environ, ROOT / ".env")
    if problems:
        tell_problems(problems, sys.stderr)


def start_history(state: Path, *, again: bool = False) -> "subprocess.Popen[bytes] | None":
    """Start putting demo history into the Local Azure of *state*, in the background; None when it has had its own.

    A process of its own, which takes no time from the others; its words go to the state's logs.
    """
    if not again and (state / HISTORY_FILE).exists():
        return None
    command = [sys.executable, "-m", "commands.history", str(state), *(["--again"] if again else [])]
    with (state / "logs" / "history.log").open("ab") as log_file:
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=with_functions(),
            stdin=subprocess.PIPE,
            stdout=log_file,
            stderr=log_file,
            start_new_session=os.name != "nt",
            creationflags=int(getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)),
        )


def with_functions() -> dict[str, str]:
    """Return the environment of a process that imports the tools as Azure does: from functions/, as `tools`."""
    paths = [str(ROOT / "functions"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def tell_history(state: Path, wait_s: float = HISTORY_S) -> None:
    """Put demo history into the Local Azure of *state* and wait for its end. Raises RuntimeError: it did not end well."""
    process = start_history(state)
    with process or contextlib.nullcontext():  # its input stays open until it has ended
        is_told = process is not None and process.wait(wait_s) == 0
    if not is_told:
        raise RuntimeError(f"The demo history was not told: see {state / 'logs' / 'history.log'}.")


def state_folder() -> Path:
    """Return the folder of all local state: RELAYDECK_STATE_DIR, else .relaydeck beside run.py."""
    return Path(os.environ.get("RELAYDECK_STATE_DIR") or ROOT / ".relaydeck").resolve()


def options_parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python3 run.py{program}")
    parser.add_argument("--port", type=int, default=0, help=f"default: {FIRST_PORT} or the next free one")
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")
    return parser


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = options_parser("")
    parser.add_argument(
        "--think-s", type=float, default=THINK_S, help="seconds the built-in model takes to begin"
    )
    parser.add_argument("--token-s", type=float, default=TOKEN_S, help="seconds it takes for each word")
    return parser.parse_args(arguments)


def start_local(
    options: argparse.Namespace, state: Path, failed: "Callable[[PartFailedError], None]"
) -> LocalAzure:
    local = LocalOptions(state, think_s=options.think_s, token_s=options.token_s)
    return attach_or_start(local, failed, _say)


def _dashboard_part(port: int, state: Path, environment: Mapping[str, str]) -> Part:
    return Part(
        "The dashboard",
        [sys.executable, "-m", "commands.dashboard", str(port)],
        state / "logs" / "dashboard.log",
        {"RELAYDECK_STATE_DIR": str(state), **environment},
        restarts=False,
    )


def choose_port(wanted: int) -> int | None:
    """Return a free port: *wanted* or nothing, or the first free one from FIRST_PORT on when *wanted* is 0."""
    candidates = [wanted] if wanted else range(FIRST_PORT, FIRST_PORT + PORTS_TRIED)
    for port in candidates:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            if os.name != "nt":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    return None


def port_taken(wanted: int) -> str:
    if wanted:
        return (
            f"Port {wanted} is taken. Choose another, or leave --port out: python3 run.py --port {wanted + 1}"
        )
    return f"All ports from {FIRST_PORT} to {FIRST_PORT + PORTS_TRIED - 1} are taken. Type: python3 run.py --port 9000"


def _write_dashboard(state: Path, address: str, pid: int) -> None:
    (state / "dashboard.json").write_text(json.dumps({"url": address, "pid": pid}))


def running_dashboard(state: Path) -> str | None:
    """Return the address of the dashboard that already serves *state*; None when none answers."""
    try:
        address = str(json.loads((state / "dashboard.json").read_text())["url"])
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=PROBE_TIMEOUT_S) as reply:  # noqa: S310 - ours
            return address if reply.read() == b"ok" else None
    except (OSError, ValueError, KeyError):
        return None


def open_browser(address: str, *, wanted: bool) -> None:
    has_display = (
        os.name == "nt"
        or sys.platform == "darwin"
        or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    )
    if wanted and has_display:
        webbrowser.open(address)


def _say(text: str) -> None:
    print(f"{text} …", file=sys.stderr, flush=True)
