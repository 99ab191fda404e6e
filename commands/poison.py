"""`run.py poison list [QUEUE]` and `run.py poison replay QUEUE`: what was given up on, from the terminal.

Exit codes: 0 done (or nothing to do), 1 a setting or a permission is wrong, 2 the command line cannot be used,
3 not every message could be replayed, 6 a service is away or busy.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import runtime
from commands.ask import AWAY, FAILED, MISCONFIGURED, UNUSABLE, harmless
from commands.serve import state_folder
from services.answers.narration import seconds
from services.assembly import Services
from services.errors import AccessDenied, ConfigurationError, InvalidInput, NotFound, ServiceError
from services.poison.shapes import Look, PoisonMessage
from services.queues import POISON_SUFFIX
from services.settings_source import exit_on_problem

PREVIEW = 100
WAITS = {"yes": "its run waits", "no": "its run is over", "unknown": "whether a run waits is not known"}


def main(argv: list[str]) -> int:
    try:
        options = _options(argv)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)
    environ = {**os.environ}
    environ.setdefault("RELAYDECK_STATE_DIR", str(state_folder()))
    try:
        running = runtime.start(environ, Path(runtime.ROOT) / ".env", warm=False, say=_tell)
    except ConfigurationError as exc:
        exit_on_problem(exc, sys.stderr)
        return MISCONFIGURED
    except ServiceError as exc:
        return _refuse(exc)
    try:
        return int(options.run(running.services, options))
    except ServiceError as exc:
        return _refuse(exc)
    except KeyboardInterrupt:
        _tell("Stopped. A message that was held shows again within a minute.")
        return FAILED
    finally:
        running.close()


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py poison",
        description="Messages that the function app gave up on.",
        epilog="Exit codes: 0 done, 1 configuration or permission, 2 unusable, 3 not all replayed, 6 service away.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="the poison queues; with QUEUE, its first 32 messages and why")
    listing.add_argument("queue", nargs="?", default="", metavar="QUEUE")
    listing.add_argument("--json", action="store_true", help="print one JSON document")
    listing.set_defaults(run=_list)
    replay = commands.add_parser("replay", help="send messages back to where they belong")
    replay.add_argument("queue", metavar="QUEUE")
    replay.add_argument(
        "--id", action="append", default=[], metavar="ID", help="only this message; may be repeated"
    )
    replay.add_argument("--to", default="", metavar="QUEUE", help="where to, if nothing says it")
    replay.add_argument("--yes", action="store_true", help="do it; without, only say what would be done")
    replay.set_defaults(run=_replay)
    return parser.parse_args(argv)


def _list(services: Services, options: argparse.Namespace) -> int:
    if options.queue:
        look = services.poison.look(options.queue)
        print(json.dumps(_document(look), indent=2) if options.json else "\n".join(_lines(look)))
        return 0
    depths = [one for one in services.queues.list_depths() if one.name.endswith(POISON_SUFFIX)]
    if options.json:
        print(json.dumps([{"queue": one.name, "messages": one.messages} for one in depths], indent=2))
    else:
        rows = [f"{one.messages:>7,}  {one.name}" for one in depths]
        print("\n".join(rows) or "There is no poison queue: nothing was ever given up on.")
    return 0


def _replay(services: Services, options: argparse.Namespace) -> int:
    look = services.poison.look(options.queue)
    wanted = [one for one in look.messages if not options.id or one.id in options.id]
    count = len(options.id) or look.about
    if not count:
        print(f"No message lies in {look.queue}.")
        return 0
    target = look.destination.queue if look.destination else options.to
    _warn(wanted)
    if not options.yes:
        print(
            f"Would replay {count:,} of about {look.about:,} messages to {target or 'a queue that --to must name'}."
        )
        print("Add --yes to do it.")
        return 0 if target else UNUSABLE
    moves = services.poison_moves
    report = (
        moves.replay(look.queue, options.id, options.to, look)
        if options.id
        else moves.replay_all(look.queue, options.to)
    )
    print(harmless(report.words))
    for one in report.outcomes:
        if one.state != "done":
            _tell(f"{one.id}: {one.state}. {one.words}")
    if report.problem is not None:
        return _refuse(report.problem)
    return 0 if report.is_whole else FAILED


def _warn(messages: list[PoisonMessage]) -> None:
    back, closed = sum(one.comes_back for one in messages), sum(one.awaited == "no" for one in messages)
    if back:
        _tell(f"Warning: {back} cannot be read by the function and will come back.")
    if closed:
        _tell(f"Warning: nobody waits for {closed}: their runs are over.")


def _lines(look: Look) -> list[str]:
    shown = (
        f"First {len(look.messages)} of about {look.about:,}" if look.messages else "No message is visible"
    )
    target = (
        f"they belong to {look.destination.queue}" if look.destination else "nothing says where they belong"
    )
    lines = [f"{shown} in {look.queue}; {target}."]
    for one in look.messages:
        age_s = (look.read_at - one.inserted_at).total_seconds() if one.inserted_at else None
        since = "at an unknown time" if age_s is None else f"{seconds(max(0.0, age_s))} ago"
        lines.append(f"{one.id}  given up {since}; {WAITS[one.awaited]}")
        lines += [f"    {' '.join(cause.words.split())}" for cause in one.causes]
        lines.append(f"    {' '.join(one.reading.text.split())[:PREVIEW]}")
    lines += [f"Not all is known: {problem.message}" for problem in look.problems]
    return [harmless(line) for line in lines]


def _document(look: Look) -> dict[str, object]:
    return {
        "queue": look.queue,
        "about": look.about,
        "belongs_to": look.destination.queue if look.destination else None,
        "problems": [problem.message for problem in look.problems],
        "messages": [
            {
                "id": one.id,
                "given_up_utc": one.inserted_at.isoformat() if one.inserted_at else None,
                "expires_utc": one.expires_at.isoformat() if one.expires_at else None,
                "why": [{"kind": cause.kind, "words": cause.words} for cause in one.causes],
                "run_id": one.owner.run_id if one.owner else None,
                "run_waits": one.awaited,
                "text": one.reading.text,
            }
            for one in look.messages
        ],
    }


def _refuse(error: ServiceError) -> int:
    _tell(f"{error.message}\n{error.hint}")
    match error:
        case InvalidInput() | NotFound():
            return UNUSABLE
        case ConfigurationError() | AccessDenied():
            return MISCONFIGURED
    return AWAY


def _tell(text: str) -> None:
    print(harmless(text), file=sys.stderr, flush=True)
