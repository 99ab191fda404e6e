"""`run.py audit verify` and `run.py audit export`: whether the trail of actions is whole, and all of it as a file.

Exit codes of verify: 0 every record is there and as it was written, 1 one is not (it names the first), 2 that cannot be
told: a setting, a key or a permission is missing, a service is away, or the command line cannot be used. Of export: 0
done, 2 not.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import runtime
from commands.ask import harmless
from commands.serve import state_folder
from services.assembly import Services
from services.audit import files
from services.audit.compose import find_keys
from services.audit.reading import Checked
from services.audit.verify import SETTLES, Exported, Verdict, verify
from services.errors import ConfigurationError, ServiceError
from services.settings_source import exit_on_problem, load_settings

VALID, BROKEN, UNKNOWN = 0, 1, 2


def main(argv: list[str]) -> int:
    try:
        options = _options(argv)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)
    environ = {**os.environ}
    environ.setdefault("RELAYDECK_STATE_DIR", str(state_folder()))
    try:
        if getattr(options, "file", None):
            return _verify_file(options, environ)
        running = runtime.start(environ, runtime.ROOT / ".env", warm=False, say=_tell)
    except ConfigurationError as exc:
        exit_on_problem(exc, sys.stderr)
        return UNKNOWN
    except ServiceError as exc:
        return _refuse(exc)
    except OSError as exc:
        _tell(f"{options.file} cannot be read: {exc.strerror}.")
        return UNKNOWN
    except KeyboardInterrupt:
        return 130
    try:
        return int(options.run(running.services, options))
    except ServiceError as exc:
        return _refuse(exc)
    except OSError as exc:
        _tell(f"The file cannot be written: {exc.strerror}.")
        return UNKNOWN
    except KeyboardInterrupt:
        return 130
    finally:
        running.close()


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py audit",
        description="The trail of actions: who did what, when, on what, and how it ended.",
        epilog="Exit codes of verify: 0 whole, 1 not (the first bad record is named), 2 cannot be told.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("verify", help="whether every record is there and as it was written")
    export = commands.add_parser("export", help="every record, one JSON object a line")
    for one in (check, export):
        one.add_argument(
            "--from", dest="start", type=_moment, metavar="TIME", help="UTC, as 2026-11-26T08:00"
        )
        one.add_argument("--to", dest="end", type=_moment, metavar="TIME", help="UTC; without: until now")
    check.add_argument("--file", metavar="FILE", help="what export has written, in place of the workspace")
    check.add_argument(
        "--head",
        action="append",
        default=[],
        type=_head,
        metavar="CHAIN:NUMBER:HASH",
        help="how far a chain had come, noted elsewhere; may be repeated",
    )
    check.add_argument(
        "--settled",
        type=float,
        default=SETTLES.total_seconds() / 60,
        metavar="MINUTES",
        help="what is younger may still be on its way into the table (10)",
    )
    check.add_argument("--json", action="store_true", help="print one JSON document")
    check.set_defaults(run=_verify)
    export.add_argument("target", nargs="?", default="-", metavar="FILE", help="without: to the terminal")
    export.set_defaults(run=_export)
    return parser.parse_args(argv)


def _verify(services: Services, options: argparse.Namespace) -> int:
    checked = services.auditor.check(
        options.start, options.end, timedelta(minutes=options.settled), options.head
    )
    if not checked.verdict.chains and not checked.verdict.unknown:
        off = services.trail.state().off
        _tell(f"No record lies in that range.{f' {off}' if off else ''}")
    return _say(checked.verdict, options, checked)


def _verify_file(options: argparse.Namespace, environ: dict[str, str]) -> int:
    keys = find_keys(load_settings(environ, runtime.ROOT / ".env"))
    with Path(options.file).open(encoding="utf-8") as file:
        verdict = verify(files.read(file), keys, options.head, whole=options.start is None)
    return _say(verdict, options, None)


def _say(verdict: Verdict, options: argparse.Namespace, checked: Checked | None) -> int:
    code = BROKEN if verdict.fault else UNKNOWN if verdict.unknown else VALID
    if options.json:
        document = {
            "valid": verdict.is_valid,
            "records": verdict.records,
            "first_bad": asdict(verdict.fault) if verdict.fault else None,
            "unknown": verdict.unknown,
            "checked_utc": checked.at.isoformat() if checked else None,
            "chains": [asdict(chain) for chain in verdict.chains],
        }
        print(json.dumps(document, indent=2))
        return code
    for line in _lines(verdict):
        print(harmless(line))
    return code


def _lines(verdict: Verdict) -> Iterable[str]:
    for chain in verdict.chains:
        state = f"broken at record {chain.fault.seq:,}" if chain.fault else "whole"
        span = f"records {chain.first:,} to {chain.last:,}" if chain.last >= 0 else "no good record"
        head = f", head {chain.head[:16]}…" if chain.head else ""
        yield f"{chain.chain}  {state}; {span}{head}"
        yield from (f"    {note}" for note in chain.notes)
        if chain.open:
            yield f"    {chain.open:,} actions have no result on record"
    if verdict.fault:
        yield f"BROKEN. {verdict.fault}"
    elif verdict.unknown:
        yield f"NOT VERIFIED. {verdict.unknown}"
    else:
        yield f"VALID. {verdict.records:,} records in {len(verdict.chains):,} chains are as they were written."


def _export(services: Services, options: argparse.Namespace) -> int:
    records = services.auditor.records(options.start, options.end)
    if options.target == "-":
        for line in files.lines(records):
            print(line)
        return VALID
    target = Path(options.target)
    draft = target.with_name(target.name + ".part")
    count = 0
    with draft.open("w", encoding="utf-8") as file:
        for line in files.lines(records):
            file.write(line + "\n")
            count += 1
    draft.replace(target)
    _tell(f"{count:,} records are in {target}.")
    return VALID


def _moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _head(text: str) -> Exported:
    chain, seq, digest = text.split(":")
    return Exported(chain, int(seq), digest, datetime.fromtimestamp(0, UTC))


def _refuse(error: ServiceError) -> int:
    _tell(f"{error.message}\n{error.hint}")
    return UNKNOWN


def _tell(text: str) -> None:
    print(harmless(text), file=sys.stderr, flush=True)
