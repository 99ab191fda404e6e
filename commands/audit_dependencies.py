"""`run.py audit-dependencies`: whether a weakness is known in a locked package, by pip-audit.

Exit code 0: none is known, or there is no data to tell by, which it says. 1: one is known and not excepted, or
dependency-exceptions.toml is not in order. 69: pip-audit cannot be run. What is excepted, why and until when stands
in dependency-exceptions.toml.
"""

import argparse
import json
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from emulator.supervisor import ROOT

LOCKS = ("requirements.txt", "requirements-dev.txt", "functions/requirements.txt")
PROBE = "requirements-uv.txt"  # one package: tells within seconds whether there is data at all
EXCEPTIONS = "dependency-exceptions.toml"
LONGEST_DAYS = 180
TIMEOUT_S, ANSWER_S = 600, 10
EXIT_UNAVAILABLE = 69


class AuditError(Exception):
    """The audit cannot be made, for a reason that is to be put right here."""


@dataclass(frozen=True, slots=True)
class Exemption:
    """*id*: of the weakness, by any of its names. It holds up to *until*, that day included."""

    package: str
    id: str
    reason: str
    until: date


@dataclass(frozen=True, slots=True)
class Weakness:
    """*ids*: all its names. *fixed_in*: versions without it, empty when there is none yet."""

    package: str
    version: str
    ids: frozenset[str]
    fixed_in: tuple[str, ...]

    @property
    def words(self) -> str:
        fixed = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "not fixed yet"
        return f"{self.package} {self.version}: {', '.join(sorted(self.ids))} ({fixed})"


@dataclass(frozen=True, slots=True)
class Findings:
    """*looked_at*: packages with data. *unknown*: packages about which the data source knows nothing."""

    weaknesses: tuple[Weakness, ...] = ()
    looked_at: int = 0
    unknown: tuple[str, ...] = ()


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python3 run.py audit-dependencies", description=__doc__)
    parser.parse_args(arguments)
    today = datetime.fromtimestamp(time.time(), UTC).date()
    try:
        exceptions = read_exceptions(ROOT / EXCEPTIONS)
        if (reason := _no_data()) is not None:
            print(f"skipped: no data. {reason}")
            return 0
        findings = _audit(LOCKS)
    except _NoDataError as exc:  # it was there a moment ago
        print(f"skipped: no data. The data source went away: {exc}")
        return 0
    except ValueError as exc:
        print(f"{EXCEPTIONS} is not in order: {exc}", file=sys.stderr)
        return 1
    except AuditError as exc:
        print(exc, file=sys.stderr)
        return EXIT_UNAVAILABLE
    if not findings.looked_at:
        print("skipped: no data. The data source knows none of the packages.")
        return 0
    lines, bad = judge(findings, exceptions, today)
    print("\n".join(lines))
    return 1 if bad else 0


def judge(
    findings: Findings, exceptions: Sequence[Exemption], today: date
) -> tuple[list[str], list[Weakness]]:
    """Return what there is to say, and the weaknesses that no exception of this day covers."""
    lines, bad = [], []
    used: set[Exemption] = set()
    for found in sorted(set(findings.weaknesses), key=lambda one: one.words):
        covering = [one for one in exceptions if one.package == found.package and one.id in found.ids]
        used.update(covering)
        valid = next((one for one in covering if today <= one.until), None)
        if valid is not None:
            lines.append(f"excepted until {valid.until}: {found.words}. {valid.reason}")
            continue
        ended = f" Its exception ended on {covering[0].until}." if covering else ""
        lines.append(f"KNOWN WEAKNESS  {found.words}.{ended}")
        bad.append(found)
    lines += [
        f"not needed any more: the exception {one.id} of {one.package}"
        for one in exceptions
        if one not in used
    ]
    if findings.unknown:
        lines.append(f"not audited, no data: {', '.join(sorted(set(findings.unknown)))}")
    lines.append(f"{findings.looked_at} packages audited, {len(bad)} known weaknesses that are not excepted")
    return lines, bad


def read_exceptions(file: Path) -> list[Exemption]:
    """Return the exceptions of *file*. Raises ValueError when one lacks its reason, its days or its form."""
    found = tomllib.loads(file.read_text("utf-8"))
    if set(found) - {"exception"}:
        raise ValueError(f"it knows [[exception]] only, not {', '.join(sorted(set(found) - {'exception'}))}")
    return [_exemption(entry) for entry in found.get("exception", [])]


def read_report(text: str) -> Findings:
    """Return what pip-audit's JSON says. Raises ValueError when it is none."""
    weaknesses, unknown, looked_at = [], [], 0
    for entry in json.loads(text)["dependencies"]:
        if "skip_reason" in entry:
            unknown.append(str(entry["name"]))
            continue
        looked_at += 1
        weaknesses += [
            Weakness(
                entry["name"],
                entry["version"],
                frozenset([found["id"], *found.get("aliases", [])]),
                tuple(found.get("fix_versions", [])),
            )
            for found in entry["vulns"]
        ]
    return Findings(tuple(weaknesses), looked_at, tuple(unknown))


def _exemption(entry: Mapping[str, object]) -> Exemption:
    texts = {name: entry.get(name) for name in ("package", "id", "reason")}
    since, until = entry.get("since"), entry.get("until")
    for name, value in texts.items():
        if not isinstance(value, str) or not value.strip():
            raise ValueError(f"an entry without {name}: {dict(entry)}")
    if not isinstance(since, date) or not isinstance(until, date):
        raise ValueError(f"{texts['id']} needs the days since and until")
    if not since <= until <= since + timedelta(days=LONGEST_DAYS):
        raise ValueError(f"{texts['id']} must end within {LONGEST_DAYS} days of its first")
    return Exemption(str(texts["package"]), str(texts["id"]), str(texts["reason"]), until)


def _no_data() -> str | None:
    """Return why there is nothing to audit by; None when there is data."""
    try:
        found = _audit([PROBE])
    except _NoDataError as exc:
        return f"The data source of pip-audit cannot be reached: {exc}"
    return None if found.looked_at else "The data source of pip-audit knows none of the packages."


class _NoDataError(Exception):
    """pip-audit got no answer."""


def _audit(locks: Iterable[str]) -> Findings:
    """Return what pip-audit finds in *locks*, as they are: it resolves and installs nothing."""
    files = [argument for lock in locks for argument in ("-r", str(ROOT / lock))]
    command = [
        *(sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", *files),
        *("--format", "json", "--progress-spinner", "off", "--timeout", str(ANSWER_S)),
    ]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
        )
    except subprocess.TimeoutExpired as exc:
        raise _NoDataError(f"no end within {TIMEOUT_S} s") from exc
    if "No module named pip_audit" in done.stderr:
        raise AuditError("pip-audit is not installed. Type: python3 run.py audit-dependencies")
    try:
        return read_report(done.stdout)
    except (ValueError, KeyError, TypeError) as exc:
        last = (done.stderr.strip() or "it printed nothing").splitlines()[-1]
        raise _NoDataError(last.partition("(")[0][:200]) from exc
