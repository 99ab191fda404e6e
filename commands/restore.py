"""`run.py restore FILE`: what a back-up holds into the project that the settings name. Adds only.

Exit codes: those of `run.py backup`.
"""

import argparse
import json
from pathlib import Path

from commands.backup import DONE, EXIT_WORDS, INCOMPLETE, run, say, show
from services.backup import words
from services.backup.models import RestoreOptions
from services.backup.service import BackupService


def main(argv: list[str]) -> int:
    try:
        options = _options(argv)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)

    def restore(service: BackupService) -> int:
        wanted = RestoreOptions(dry_run=options.dry_run, beside=options.yes)
        report = service.restore(options.file, wanted, say)
        if options.json:
            show(iter(json.dumps(words.restore_document(report), indent=2).splitlines()))
        else:
            show(words.restore_lines(report))
        return INCOMPLETE if report.failed else DONE

    return run(restore, "What was restored stays. Type the same command again: it goes on from there.")


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py restore",
        description="Put the agents, the conversations and the queues of a back-up into the project. Nothing that is "
        "there is changed or deleted; a second time adds only what is missing.",
        epilog=EXIT_WORDS,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="what `run.py backup` wrote")
    parser.add_argument(
        "--dry-run", action="store_true", help="check the file, say what would be done, write nothing"
    )
    parser.add_argument("--yes", action="store_true", help="go on beside agents of the same names")
    parser.add_argument("--json", action="store_true", help="print one JSON document: every id, old and new")
    return parser.parse_args(argv)
