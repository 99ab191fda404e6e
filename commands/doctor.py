"""`run.py doctor`: everything that must be right, looked at one by one; what is not, with the command that puts it right.

Exit codes: 0 nothing failed, 1 something failed, 2 the command line cannot be used.
"""

import argparse
import contextlib
import json
import logging
import os
import sys
import textwrap

import runtime
from commands.ask import harmless
from commands.serve import state_folder
from services.doctor import report as reports
from services.doctor.findings import Finding, Report
from services.doctor.probe import Probe, Prober
from services.doctor.service import Doctor
from services.errors import ServiceError
from services.version import version

FINE, FAILED = 0, 1
SIGNS = {"ok": "✓", "warning": "!", "failed": "✗", "unknown": "?"}
WIDTH, TITLE_WIDTH, WORD_WIDTH = 110, 26, 10
HOP_SIGNS = {"done": "●", "active": "◐", "failed": "✗", "unknown": "?", "ahead": "○"}


def main(argv: list[str]) -> int:
    try:
        options = _options(argv)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)
    environ = {**os.environ}
    environ.setdefault("RELAYDECK_STATE_DIR", str(state_folder()))
    say = sys.stderr if options.json else sys.stdout
    logging.getLogger("azure.identity").setLevel(
        logging.ERROR
    )  # Sign-in tells the same in a tenth of the words
    with contextlib.ExitStack() as stack:
        prober: Prober | None = None
        try:
            running = runtime.start(
                environ,
                runtime.ROOT / ".env",
                warm=False,
                say=lambda text: print(f"{text} …", file=sys.stderr, flush=True),
            )
            stack.callback(running.close)
            doctor, prober = running.services.doctor, running.services.prober
        except ServiceError as exc:
            doctor = runtime.examination(environ, runtime.ROOT / ".env", exc)
            stack.callback(doctor.close)
        try:
            return _examine(doctor, prober if options.probe else None, options)
        except KeyboardInterrupt:
            print("Stopped.", file=say)
            return 130


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py doctor",
        description="Look at everything that must be right, and say what to do about what is not.",
        epilog="Exit codes: 0 nothing failed (warnings and what is not known do not count), 1 something failed, "
        "2 the command line cannot be used.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument(
        "--probe",
        action="store_true",
        help="also send one real question through the whole team, and try to write to a queue; both clean up after "
        "themselves",
    )
    return parser.parse_args(argv)


def _examine(doctor: Doctor, prober: Prober | None, options: argparse.Namespace) -> int:
    teller = Teller(quiet=options.json)
    probe: Probe | None = None
    if prober is not None:  # first: what it proves, the checks then see
        telemetry = runtime.current().services.telemetry
        telemetry.start()
        probe = prober.run(teller.hear)
        teller.sum_up(probe)
        telemetry.flush()
    found = doctor.examine(teller.tell)
    if options.json:
        print(json.dumps(reports.document(found, version(), probe), ensure_ascii=False, indent=2))
    else:
        print(f"\n{harmless(found.place)}: {reports.summary(found)} ({found.took_s:.1f} s).")
        if options.probe and prober is None:
            print("The probe was not sent: Relaydeck did not start.")
    return exit_code(found, probe)


def exit_code(found: Report, probe: Probe | None) -> int:
    """Return the exit code that tells what was found."""
    return FAILED if found.count("failed") or (probe is not None and probe.state == "failed") else FINE


class Teller:
    """Writes the table line by line, as findings come; whole lines only, no control sequences."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self._group = quiet, ""
        self._hops: dict[str, str] = {}

    def tell(self, finding: Finding) -> None:
        if finding.group != self._group:
            self._group = finding.group
            self._print(f"\n{finding.group}")
        word = reports.WORDS[finding.state]
        head = f"  {SIGNS[finding.state]} {finding.title:<{TITLE_WIDTH}}{word:<{WORD_WIDTH}}"
        took = "late" if finding.took_s is None else f"{finding.took_s:.1f} s"
        head = f"{head}{took:>6}  "
        self._wrap(head, finding.evidence)
        if finding.next_step:
            self._wrap(" " * len(head) + "→ ", finding.next_step)
        if finding.command:
            self._print(" " * len(head) + f"$ {finding.command}")  # on one line, to be copied

    def hear(self, probe: Probe) -> None:
        """Print each hop once, when it is seen."""
        if not self._hops:
            self._print(f"Probe: a real question through the team. {probe.question}")
            self._hops["asked"] = "done"
        for hop in probe.hops:
            if hop.state not in ("ahead", "unknown") and self._hops.get(hop.name) != hop.state:
                self._hops[hop.name] = hop.state
                self._print(f"  {HOP_SIGNS[hop.state]} {hop.name:<16}{hop.state:<8}{hop.evidence}")

    def sum_up(self, probe: Probe) -> None:
        took = "" if probe.took_s is None else f" ({probe.took_s:.1f} s)"
        self._print(
            f"  {SIGNS['ok' if probe.state == 'ok' else 'failed']} {probe.words}{took} {probe.cleaned}"
        )
        if probe.next_step:
            self._wrap("    → ", probe.next_step)
        if probe.writing is not None:
            self.tell(probe.writing)

    def _wrap(self, head: str, text: str) -> None:
        lines = textwrap.wrap(text, WIDTH - len(head), break_long_words=False, break_on_hyphens=False) or [""]
        self._print(head + lines[0])
        for line in lines[1:]:
            self._print(" " * len(head) + line)

    def _print(self, text: str) -> None:
        if self._quiet:
            return
        try:
            print(harmless(text), flush=True)
        except BrokenPipeError:  # the reader went away (`| head`): the exit code is still to come
            self._quiet = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
