"""`run.py bench [NAME …]`: the benchmarks, one after another; their lines go to bench/results/ as well."""

import os
import subprocess
import sys
import time
from pathlib import Path

from emulator.supervisor import ROOT

NAMES = (
    "start",
    "emulator",
    "queues",
    "functions",
    "answers",
    "click",
    "monitor",
    "overview",
    "inventory",
    "pages",
    "viewers",
    "cleanup",
)


def main(arguments: list[str]) -> int:
    unknown = [name for name in arguments if name not in NAMES]
    if unknown:
        print(f"No benchmark is called {', '.join(unknown)}. There are: {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    file = results_file()
    failed = [name for name in arguments or NAMES if not _run(name, file)]
    print(f"\nResults: {file.relative_to(ROOT)}")
    if failed:
        print(f"Did not end well: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def results_file() -> Path:
    """Return where today's lines at this commit go; the folder is there."""
    results = ROOT / "bench" / "results"
    results.mkdir(exist_ok=True)
    return results / f"{time.strftime('%Y-%m-%d')}-{_commit()}.jsonl"


def _run(name: str, file: Path) -> bool:
    """Return whether the benchmark ended by itself. Every JSON line it prints is shown and appended to *file*."""
    print(f"\n── {name} ──", flush=True)
    command = [sys.executable, "-m", f"bench.{name}"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    with file.open("a") as lines:
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("{"):
                lines.write(line)
    return process.wait() == 0


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unversioned"
