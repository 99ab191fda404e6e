"""`run.py cleanup`: finds agents and threads that nobody needs any more, and deletes what is ours of them.

Exit codes: 0 nothing is left that should go (or it was a dry run), 1 a setting or a permission is wrong, 2 the command
line cannot be used, or nobody confirmed, 3 something could not be read or deleted, 5 stopped, 6 a service is away or
busy, or another Relaydeck is cleaning up.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import threading
from pathlib import Path

import runtime
from commands.ask import harmless
from commands.serve import state_folder
from services.errors import AccessDenied, ConfigurationError, Conflict, ServiceError, Throttled, Unavailable
from services.housekeeping.deleting import Progress
from services.housekeeping.findings import (
    KINDS,
    Finding,
    Found,
    Result,
    count_words,
    outcome_words,
)
from services.housekeeping.saving import describe
from services.housekeeping.service import HousekeepingService
from services.settings_source import exit_on_problem

DONE, MISCONFIGURED, UNUSABLE, LEFT_OVER, STOPPED, AWAY = 0, 1, 2, 3, 5, 6
SHOWN = 20  # of each kind; --json shows all
TELL_EVERY_S = 2.0


def main(argv: list[str]) -> int:
    try:
        options = _options(argv)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)
    environ = {"RELAYDECK_STATE_DIR": str(state_folder()), **os.environ}
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        running = runtime.start(environ, runtime.ROOT / ".env", warm=False, say=_say)
    except ConfigurationError as exc:
        return exit_on_problem(exc, sys.stderr)
    except ServiceError as exc:
        return _failed(exc)
    except KeyboardInterrupt:
        return STOPPED
    try:
        return _clean_up(running.services.housekeeping, options)
    except ServiceError as exc:
        return _failed(exc)
    except OSError as exc:
        _say(f"{options.export} cannot be written: {exc.strerror}. Nothing was deleted.")
        return UNUSABLE
    except KeyboardInterrupt:
        _say("Stopped before anything was deleted.")
        return STOPPED
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            running.close()


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py cleanup",
        description="Find agents and threads that nobody needs any more, and delete what is ours of them.",
        epilog="Exit codes: 0 done, 1 configuration or permission, 2 unusable or not confirmed, 3 something is left, "
        "5 stopped, 6 service away or busy.",
    )
    parser.add_argument("--dry-run", action="store_true", help="only show what would be deleted")
    parser.add_argument("--yes", action="store_true", help="delete without asking")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--kind",
        action="append",
        choices=KINDS,
        metavar="KIND",
        help=f"only these: {', '.join(KINDS)}; repeat it",
    )
    parser.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="ID",
        help="also delete this one, found but not ours, or this queue with all that is in it; repeat it",
    )
    parser.add_argument(
        "--export", type=Path, metavar="FILE", help="first save what would be deleted to FILE"
    )
    return parser.parse_args(argv)


def _clean_up(housekeeping: HousekeepingService, options: argparse.Namespace) -> int:
    found = housekeeping.look(frozenset(options.kind or KINDS), _say)
    widened = frozenset(options.also)
    if unknown := widened - {one.id for one in found.findings}:
        _say(f"Not among what was found: {', '.join(sorted(unknown))}. Nothing was deleted.")
        return UNUSABLE
    wanted = tuple(one for one in found.findings if one.deletable or one.id in widened)
    if not options.json:
        _print_found(found, widened)
    if options.export is not None and wanted:
        made = housekeeping.export(wanted)
        options.export.write_bytes(made.data)
        _say(f"Saved {made.things:,} to {options.export}.")
        if made.missed:
            _say(f"{made.missed:,} of them could not be read; the file says why. Nothing was deleted.")
            return LEFT_OVER
    missed = LEFT_OVER if found.problems or not found.complete else DONE
    if options.dry_run or not wanted:
        _say(f"{'Would delete' if options.dry_run else 'To delete:'} {count_words(wanted)}.")
        _print_json(options, found, wanted, None)
        return missed
    if not options.yes and not _confirmed(wanted):
        _print_json(options, found, wanted, None)
        return UNUSABLE
    result = _delete(housekeeping, wanted, widened)
    _print_json(options, found, wanted, result)
    _say(f"{outcome_words(result.rows).capitalize()} in {result.took_s:.1f} s. {result.stopped}".strip())
    if not options.json:
        for row in result.undone[:SHOWN]:
            _say(f"  {row.finding.id}: {row.why}")
    return _code(result) or missed


def _delete(
    housekeeping: HousekeepingService, wanted: tuple[Finding, ...], widened: frozenset[str]
) -> Result:
    """Delete on a thread of its own, so that Ctrl-C stops in between and still tells what was done."""
    progress, stopped, ended = Progress(), threading.Event(), threading.Event()
    outcome: list[Result | BaseException] = []

    def work() -> None:
        try:
            outcome.append(housekeeping.delete(wanted, widened, progress=progress, stopped=stopped.is_set))
        except BaseException as exc:  # noqa: BLE001 - raised again by the thread that waits
            outcome.append(exc)
        finally:
            ended.set()

    threading.Thread(target=work, name="cleanup-command", daemon=True).start()
    while not ended.is_set():
        try:
            if not ended.wait(TELL_EVERY_S):
                _say(f"{len(progress.rows()):,} of {len(wanted):,}")
        except KeyboardInterrupt:
            _say("Stopping")
            stopped.set()
    (found,) = outcome
    if isinstance(found, BaseException):
        raise found
    return found


def _confirmed(wanted: tuple[Finding, ...]) -> bool:
    question = f"Delete {count_words(wanted)}? There is no way back. [y/N] "
    if not sys.stdin.isatty():
        _say(f"{question}\nNobody is there to answer: add --yes, or --dry-run to look only.")
        return False
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _print_found(found: Found, widened: frozenset[str]) -> None:
    for kind in KINDS:
        mine = [one for one in found.findings if one.kind == kind]
        if not mine:
            continue
        print(f"{kind}: {len(mine):,}")
        for one in mine[:SHOWN]:
            kept = "" if one.deletable or one.id in widened else "  [left alone]"
            name = f" {one.name}" if one.name and one.name != one.id else ""
            count = f" ({one.count:,} messages)" if one.count is not None else ""
            print(harmless(f"  {one.id}{name}{count}: {one.reason}{kept}".replace("\n", " ")))
        if len(mine) > SHOWN:
            print(f"  and {len(mine) - SHOWN:,} more; --json shows all")
    for part, error in found.problems.items():
        _say(f"Could not read the {part}: {error.message}")
    if not found.complete:
        _say(f"There are more than {found.threads:,} threads; only so many were looked at.")
    if found.agents is not None and found.threads is not None:
        _say(
            f"Looked at {found.agents:,} agents and {found.threads:,} threads; "
            f"{found.foreign_agents:,} and {found.foreign_threads:,} of them are not ours and are left alone."
        )


def _print_json(
    options: argparse.Namespace, found: Found, wanted: tuple[Finding, ...], result: Result | None
) -> None:
    if not options.json:
        return
    ids = {one.id for one in wanted}
    document = {
        "looked_at": found.at.isoformat(),
        "agents": found.agents,
        "threads": found.threads,
        "foreign_agents": found.foreign_agents,
        "foreign_threads": found.foreign_threads,
        "complete": found.complete,
        "problems": {part: error.message for part, error in found.problems.items()},
        "found": [describe(one) | {"to_delete": one.id in ids} for one in found.findings],
        "result": None
        if result is None
        else {
            "took_s": round(result.took_s, 3),
            "stopped": result.stopped or None,
            "rows": [
                {
                    "id": row.finding.id,
                    "outcome": row.outcome,
                    "why": row.why or None,
                    "waited_s": round(row.waited_s, 3),
                }
                for row in result.rows
            ],
        },
    }
    print(json.dumps(document, ensure_ascii=False, indent=2))


def _code(result: Result) -> int:
    if any(row.outcome == "refused" for row in result.rows):
        return MISCONFIGURED
    if result.stopped:
        return STOPPED
    return LEFT_OVER if result.undone else DONE


def _failed(error: ServiceError) -> int:
    _say(f"{error.message}\n{error.hint}")
    match error:
        case ConfigurationError() | AccessDenied():
            return MISCONFIGURED
        case Conflict() | Throttled() | Unavailable():
            return AWAY
    return LEFT_OVER


def _say(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        print(harmless(text), file=sys.stderr, flush=True)
