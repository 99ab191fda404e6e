"""`run.py diagnose RUN [THREAD]`: why an answer is not there: six lights and one verdict, from the terminal.

Exit codes: 0 nothing is wrong (yet), 1 a setting or a permission is wrong, 2 unusable ids, 3 something is wrong,
4 it cannot be told, 6 a service is away or busy.
"""

import argparse
import json
import os
import sys
from dataclasses import asdict

import runtime
from commands.ask import AWAY, MISCONFIGURED, UNUSABLE, harmless
from commands.serve import state_folder
from services.assembly import Services
from services.diagnosis.verdicts import Diagnosis, Gravity
from services.errors import ConfigurationError, InvalidInput, ServiceError
from services.monitor.shapes import HopState
from services.settings_source import exit_on_problem

CODES: dict[Gravity, int] = {"good": 0, "waiting": 0, "broken": 3, "unknown": 4}
MARKS: dict[HopState, str] = {"done": "●", "active": "◔", "failed": "✗", "unknown": "?", "ahead": "○"}
STATES: dict[HopState, str] = {
    "done": "done",
    "active": "now",
    "failed": "failed",
    "unknown": "not known",
    "ahead": "not yet",
}


def main(argv: list[str]) -> int:
    try:
        options = _options(argv)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)
    environ = {**os.environ}
    environ.setdefault("RELAYDECK_STATE_DIR", str(state_folder()))
    try:
        running = runtime.start(environ, runtime.ROOT / ".env", warm=False, say=_tell)
    except ConfigurationError as exc:
        return exit_on_problem(exc, sys.stderr)
    except ServiceError as exc:
        return _refuse(exc, AWAY)
    except KeyboardInterrupt:
        return 130
    try:
        return _diagnose(running.services, options)
    except KeyboardInterrupt:
        return 130
    finally:
        running.close()


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py diagnose",
        description="Say why an answer is not there, and what to do. Looks only: no message is taken.",
        epilog="Exit codes: 0 nothing is wrong, 1 configuration, 2 unusable ids, 3 something is wrong, 4 it cannot be "
        "told, 6 a service is away or busy.",
    )
    parser.add_argument(
        "run", help="the id of the run; - asks for the question of THREAD that has no run yet"
    )
    parser.add_argument(
        "thread", nargs="?", default="", help="the id of its conversation; looked up when left out"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser.parse_args(argv)


def _diagnose(services: Services, options: argparse.Namespace) -> int:
    run_id, thread_id = "" if options.run == "-" else options.run, options.thread
    try:
        if not thread_id and run_id:
            thread_id = services.lookup.find(run_id).thread_id
    except InvalidInput as exc:
        return _refuse(exc, UNUSABLE)
    except ServiceError as exc:
        return _refuse(exc, AWAY)
    if not thread_id:
        _tell("Its conversation was not found. Name it: python3 run.py diagnose RUN THREAD")
        return UNUSABLE
    found = services.diagnosis.diagnose(run_id, thread_id)
    if options.json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=2, default=str))
    else:
        print(harmless(told(found)))
    return MISCONFIGURED if found.verdict.code == "missing_role" else CODES[found.verdict.gravity]


def told(found: Diagnosis) -> str:
    """Return *found* as lines of text."""
    lines = [
        f"{MARKS[light.state]} {light.name:<14} {STATES[light.state]:<9} {light.evidence}"
        for light in found.lights
    ]
    verdict = found.verdict
    sure = "" if verdict.certainty == "exact" else f", {verdict.certainty}"
    cause = f", cause {verdict.cause}" if verdict.cause else ""
    lines += ["", f"{verdict.sentence}", f"Next: {verdict.next_step}", f"[{verdict.code}{cause}{sure}]"]
    return "\n".join([*lines, *found.notes]).strip()


def _refuse(error: ServiceError, code: int) -> int:
    _tell(f"{error.message} {error.hint}")
    return code


def _tell(line: str) -> None:
    print(harmless(line), file=sys.stderr)
