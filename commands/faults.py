"""`run.py faults list|on NAME|off NAME|clear`: scenarios of Local Azure, from the terminal, while it runs elsewhere.

Exit codes: 0 done, 1 a setting is wrong or nothing may be staged here, 2 the command line cannot be used,
6 Local Azure does not run or does not answer.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import runtime
from commands.ask import AWAY, MISCONFIGURED, UNUSABLE, harmless
from commands.serve import state_folder
from emulator.connection import is_alive, read_connection
from services.answers.narration import seconds
from services.errors import AccessDenied, ConfigurationError, InvalidInput, NotFound, ServiceError
from services.faults.desk import FaultDesk, ScenarioState
from services.faults.scenarios import USUAL_LASTS_S
from services.settings_source import exit_on_problem, load_settings

NOT_HERE = "Relaydeck is set to Azure, and nothing in Azure is made to fail on purpose."


def main(argv: list[str]) -> int:
    try:
        options = _options(argv)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)
    environ = {"RELAYDECK_STATE_DIR": str(state_folder()), **os.environ}
    env_file = Path(runtime.ROOT) / ".env"
    try:
        settings = load_settings(environ, env_file)
        if settings.mode == "azure":
            _tell(NOT_HERE)
            return MISCONFIGURED
        found = read_connection(settings.state_dir.resolve())
        if found is None or not is_alive(found):  # one started for this command would end with it
            _tell("Local Azure does not run here. Start it first: python3 run.py")
            return AWAY
        running = runtime.start(environ, env_file, warm=False, say=_tell)
    except ConfigurationError as exc:
        exit_on_problem(exc, sys.stderr)
        return MISCONFIGURED
    except ServiceError as exc:
        return _refuse(exc)
    try:
        assert running.services.faults is not None, "there is one in local mode"
        return _carry_out(running.services.faults, options)
    except ServiceError as exc:
        return _refuse(exc)
    finally:
        running.close()


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py faults",
        description="Stage trouble in Local Azure by name; each scenario ends by itself.",
        epilog="Exit codes: 0 done, 1 configuration, 2 unusable, 6 Local Azure away.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND", dest="command")
    listing = commands.add_parser(
        "list", help="every scenario: what it does, whether it is on, what it has done"
    )
    listing.add_argument("--json", action="store_true", help="print one JSON document")
    on = commands.add_parser("on", help="switch one on")
    on.add_argument("name", nargs="+", metavar="NAME", help="such as: poison, or slow network")
    on.add_argument("--intensity", type=float, metavar="X", help="how strong; the list tells the values")
    on.add_argument(
        "--for",
        dest="lasts_s",
        type=float,
        default=USUAL_LASTS_S,
        metavar="SECONDS",
        help="120 when not said",
    )
    off = commands.add_parser("off", help="switch one off")
    off.add_argument("name", nargs="+", metavar="NAME")
    commands.add_parser("clear", help="switch all off")
    return parser.parse_args(argv)


def _carry_out(desk: FaultDesk, options: argparse.Namespace) -> int:
    if options.command == "list":
        states = desk.look()
        print(json.dumps([_document(one) for one in states], indent=2) if options.json else _table(states))
        return 0
    if options.command == "clear":
        was_on = [one for one in desk.look() if one.is_on]
        desk.clear()
        _tell(
            f"Switched off: {', '.join(one.scenario.name for one in was_on)}."
            if was_on
            else "Nothing was on."
        )
        return 0
    name = " ".join(options.name).replace("-", " ").lower()
    states = (
        desk.switch_on(name, options.intensity, options.lasts_s)
        if options.command == "on"
        else desk.switch_off(name)
    )
    print("\n".join(_lines(next(one for one in states if one.scenario.name == name))))
    return 0


def _table(states: tuple[ScenarioState, ...]) -> str:
    return "\n".join(line for one in states for line in (*_lines(one), ""))


def _lines(state: ScenarioState) -> list[str]:
    scenario = state.scenario
    told = f"on, {seconds(float(round(state.left_s)))} left" if state.left_s is not None else "off"
    dial = scenario.dial
    if dial and state.intensity is not None:
        told = f"{told}, {dial.words(state.intensity)}"
    lines = [f"{scenario.name}: {told}", f"  {scenario.does}"]
    if dial:
        values = ", ".join(f"{value:g}" for value in dial.values)
        lines.append(f"  --intensity: {dial.label.lower()} ({dial.unit}); {values}")
    lines += [f"  Watch {watch.page}: {watch.words}." for watch in scenario.watch]
    if state.met:
        lines.append(f"  {scenario.met.capitalize()}: {state.met_count:,}")
        lines += [f"  {scenario.leaves} Put it right on {scenario.put_right}."] if scenario.leaves else []
    return [harmless(line) for line in lines]


def _document(state: ScenarioState) -> dict[str, object]:
    return {
        "name": state.scenario.name,
        "on": state.is_on,
        "left_s": state.left_s,
        "intensity": state.intensity,
        "met": dict(state.met),
    }


def _refuse(error: ServiceError) -> int:
    _tell(f"{harmless(error.message)} {harmless(error.hint)}".strip())
    if isinstance(error, NotFound | InvalidInput):
        return UNUSABLE
    return MISCONFIGURED if isinstance(error, AccessDenied) else AWAY


def _tell(words: str) -> None:
    print(words, file=sys.stderr)
