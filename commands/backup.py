"""`run.py backup FILE`: agents, conversations and queue settings of the project into one file. Progress on stderr.

Exit codes: see EXIT_WORDS.
"""

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import runtime
from commands.ask import harmless
from commands.serve import state_folder
from services.backup import words
from services.backup.models import Scope, Source
from services.backup.service import BackupService
from services.errors import (
    AccessDenied,
    ConfigurationError,
    Conflict,
    InvalidInput,
    ServiceError,
    Throttled,
    Unavailable,
)
from services.settings_source import exit_on_problem

DONE, MISCONFIGURED, UNUSABLE, INCOMPLETE, NEEDS_YES, INTERRUPTED, AWAY = range(7)
EXIT_WORDS = (
    "Exit codes: 0 done, 1 a setting or a permission is wrong, 2 the file or the command line cannot be used, "
    "3 done but not complete, 4 stopped: --yes is needed, 5 interrupted, 6 the service is away or busy."
)


def main(argv: list[str]) -> int:
    try:
        options = _options(argv)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)
    scope = Scope(options.threads, options.ours)

    def back_up(service: BackupService) -> int:
        result = service.back_up(options.file, scope, say)
        show(words.back_up_lines(result, str(options.file)))
        return INCOMPLETE if result.manifest.lost_count else DONE

    return run(back_up, "Nothing was written; an older file of that name stays. Type the same command again.")


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py backup",
        description="Put the agents, the conversations and the queue settings of the project into FILE, a zip. "
        "It holds what people wrote: keep it where only those may read it who may read the project.",
        epilog=EXIT_WORDS,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="an older back-up there is replaced")
    parser.add_argument(
        "--threads", type=_threads, metavar="N|all", help="the newest N conversations only (default: all)"
    )
    parser.add_argument(
        "--ours", action="store_true", help="only what Relaydeck made, of the environment it runs as"
    )
    return parser.parse_args(argv)


def _threads(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or len(text) > 9:
        raise argparse.ArgumentTypeError("must be a whole number, such as 500, or all")
    return int(text)


# Shared with restore ----------------------------------------------------------------------------------


def run(work: Callable[[BackupService], int], stopped: str) -> int:
    """Return the exit code of *work* on the project that the settings name. *stopped*: said when it ends half-way."""
    environ = {**os.environ}
    environ.setdefault("RELAYDECK_STATE_DIR", str(state_folder()))
    try:
        # A service manager stops with SIGTERM: the half-written file goes then as it does at Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        running = runtime.start(environ, runtime.ROOT / ".env", warm=False, say=say)
    except ConfigurationError as exc:
        exit_on_problem(exc, sys.stderr)
        return MISCONFIGURED
    except ServiceError as exc:
        return refuse(exc, "")
    except KeyboardInterrupt:
        return INTERRUPTED
    try:
        with _service(running) as service:
            return work(service)
    except ServiceError as exc:
        return refuse(exc, stopped)
    except KeyboardInterrupt:
        say(f"Interrupted. {stopped}")
        return INTERRUPTED
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            running.close()


@contextmanager
def _service(running: runtime.Runtime) -> Iterator[BackupService]:
    services, settings = running.services, running.services.settings
    here = Source(settings.project_endpoint, settings.storage_endpoint, settings.environment)
    service = BackupService(services.backend, services.queues, services.actions, here, runtime.now)
    try:
        yield service
    finally:
        service.close()


def refuse(error: ServiceError, stopped: str) -> int:
    """Say what *error* means; return its exit code."""
    unusable = isinstance(error, InvalidInput) and error.operation in ("read back-up", "write back-up")
    needs_yes = isinstance(error, Conflict) and error.code == "SameNames"
    say(error.message)
    say(error.hint)
    if error.request_id:
        say(f"Reference: {error.request_id}")
    if stopped and not unusable and not needs_yes:
        say(stopped)
    if unusable:
        return UNUSABLE
    if needs_yes:
        return NEEDS_YES
    if isinstance(error, AccessDenied | ConfigurationError):
        return MISCONFIGURED
    return AWAY if isinstance(error, Throttled | Unavailable) else INCOMPLETE


def say(line: str) -> None:
    print(harmless(line), file=sys.stderr, flush=True)


def show(lines: Iterator[str]) -> None:
    """Print *lines*; a reader that went away (`| head -1`) changes nothing else, now or when Python ends."""
    try:
        for line in lines:
            print(harmless(line).replace("\n", " "))
        sys.stdout.flush()
    except BrokenPipeError:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
