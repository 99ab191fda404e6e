"""`run.py local -- COMMAND`: any command against Local Azure, which runs for as long as the command does."""

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

from commands.serve import state_folder
from emulator.connection import is_alive, read_connection
from emulator.supervisor import LocalAzure, LocalOptions, PartFailedError, attach_or_start

EXIT_FAILED, EXIT_NOT_FOUND = 1, 127


def main(arguments: list[str]) -> int:
    own, command = _split(arguments)
    options = _options(own)
    state = state_folder()
    if options.print_env:
        return _print_environment(state)
    if command and shutil.which(command[0]) is None:
        print(f"There is no command {command[0]!r} here.", file=sys.stderr)
        return EXIT_NOT_FOUND
    try:
        azure = attach_or_start(LocalOptions(state, think_s=options.think_s, token_s=options.token_s))
    except PartFailedError as exc:
        print(f"Local Azure cannot be started: {exc}", file=sys.stderr)
        return EXIT_FAILED
    try:
        return _run(command, azure) if command else _stay(azure)
    finally:
        azure.stop()


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py local",
        description="Runs COMMAND against Local Azure, with the variables that stock Azure scripts read; "
        "without COMMAND, Local Azure runs until Ctrl-C.",
        usage="python3 run.py local [--print-env] [--think-s S] [--token-s S] [-- COMMAND …]",
    )
    parser.add_argument(
        "--print-env", action="store_true", help="print the variables of a running Local Azure"
    )
    parser.add_argument(
        "--think-s", type=float, default=0.0, help="seconds the built-in model takes to begin"
    )
    parser.add_argument("--token-s", type=float, default=0.0, help="seconds it takes for each word")
    return parser.parse_args(arguments)


def _print_environment(state: Path) -> int:
    connection = read_connection(state)
    if connection is None or not is_alive(connection):
        print(
            "Local Azure is not running. Start it in another terminal: python3 run.py local", file=sys.stderr
        )
        return EXIT_FAILED
    for name, value in connection.environment.items():
        if os.name == "nt":
            quoted = value.replace("'", "''")
            print(f"$env:{name} = '{quoted}'")
        else:
            print(f"export {name}={shlex.quote(value)}")
    return 0


def _run(command: list[str], azure: LocalAzure) -> int:
    # Ctrl-C reaches the command too: it ends by itself, and we pass its exit code on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process = subprocess.Popen(command, env=_child_environment(azure))
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    code = process.wait()
    return code if code >= 0 else 128 - code


def _child_environment(azure: LocalAzure) -> dict[str, str]:
    environment = {**os.environ, **azure.connection.environment}
    # run.py put our folder on PYTHONPATH for itself; the command gets the one its caller had.
    inherited = environment.pop("PYTHONPATH", "").split(os.pathsep)[1:]
    if inherited:
        environment["PYTHONPATH"] = os.pathsep.join(inherited)
    if "VIRTUAL_ENV" not in environment:
        # `python script.py` then finds the Azure SDKs; whoever brings an environment keeps their own.
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    return environment


def _stay(azure: LocalAzure) -> int:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    print(f"Local Azure: {azure.connection.url}   (Ctrl-C stops it)")
    print('Use it from another terminal: eval "$(python3 run.py local --print-env)"', flush=True)
    while not ended.wait(0.5):
        pass
    return 0
