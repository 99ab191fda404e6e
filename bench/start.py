"""How long a person waits: from typing `python3 run.py` to a dashboard that answers, warm and after a fresh clone.

Cold means: a clone without .venv, package caches off, registry as configured on this machine; it needs the network.
What it does not measure: the browser's own first paint (see bench.click).
"""

import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from bench.report import emit, header
from emulator.supervisor import ROOT

WARM_ROUNDS = 5
WARM_GOAL_S, COLD_GOAL_S = 6.0, 90.0


def main() -> None:
    header("start", rounds=WARM_ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        start_to_page_s(ROOT, state)  # the first start of a folder makes certificates; people meet it once
        warm = [start_to_page_s(ROOT, state) for _ in range(WARM_ROUNDS)]
        emit("start.warm", statistics.median(warm), "s", WARM_GOAL_S, warm, lower_is_better=True)
        cold_s = cold_start_s(Path(folder))
        emit("start.cold_set_up", cold_s, "s", COLD_GOAL_S, [cold_s], lower_is_better=True)


def start_to_page_s(root: Path, state: Path, environment: Mapping[str, str] | None = None) -> float:
    """Return the seconds from starting run.py until the page itself, not only its health, answers."""
    started_s = time.perf_counter()
    process = subprocess.Popen(
        [system_python(), "run.py", "--no-browser"],
        cwd=root,
        env={**os.environ, "RELAYDECK_STATE_DIR": str(state), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = next(
            found[1] for line in process.stdout if (found := re.search(r"(http://127\.0\.0\.1:\d+)", line))
        )
        with urllib.request.urlopen(address) as reply:
            reply.read()
        return time.perf_counter() - started_s
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def cold_start_s(folder: Path) -> float:
    clone = folder / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    took_s = start_to_page_s(clone, folder / "cold-state", {"UV_NO_CACHE": "1", "PIP_NO_CACHE_DIR": "1"})
    shutil.rmtree(clone)
    return took_s


def system_python() -> str:
    """Return the Python outside .venv that a person would type."""
    return str(Path(sys.base_prefix) / ("python.exe" if os.name == "nt" else "bin/python3"))


if __name__ == "__main__":
    main()
