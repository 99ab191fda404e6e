"""How every benchmark reports: one JSON line about the machine, then one for each figure.

`run.py bench` appends these lines to bench/results/<date>-<commit>.jsonl, which is committed.
"""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


def header(benchmark: str, *, rounds: int, seed: int | None = None) -> None:
    """Print what a reader must know to compare. *seed* None: nothing in the benchmark is left to chance."""
    line = {
        "benchmark": benchmark,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": _git("rev-parse", "--short", "HEAD") or "unversioned",
        "changed_files": len(_git("status", "--porcelain", "--untracked-files=no").splitlines()),
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "seed": seed,
        "rounds": rounds,
    }
    print(json.dumps(line), flush=True)


def emit(
    figure: str,
    value: float,
    unit: str,
    goal: float | None,
    samples: Sequence[float],
    *,
    lower_is_better: bool = False,
) -> bool:
    """Print one figure; return whether it reaches *goal* (True when there is none).

    *value*: usually the median of *samples*, of which the line tells p25 and p75 as spread. *ok* is null without goal.
    """
    ok = None if goal is None else (value <= goal if lower_is_better else value >= goal)
    line = {
        "figure": figure,
        "value": _short(value),
        "unit": unit,
        "goal": goal,
        "ok": ok,
        "spread": [_short(edge) for edge in _quartiles(samples)],
    }
    print(json.dumps(line), flush=True)
    return ok is not False


def _quartiles(samples: Sequence[float]) -> tuple[float, float]:
    if len(samples) < 2:
        return samples[0], samples[0]
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    return first, third


def _short(value: float) -> float:
    """Return *value* with four significant digits: more would claim what no benchmark knows."""
    return float(f"{value:.4g}")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
