"""Does anything leave this machine while the tests run? Counted twice: by a guard in every Python process, and by the kernel.

Where the kernel lets us, the tests run in a network of their own that has this machine's own addresses only. What tries to
leave finds no way out there, and the kernel counts it whoever it was: Python, Chromium, node, a library in C. Elsewhere
the guard alone counts (tests/loopback_only). Setting up is no part of it: packages are installed before.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from chaos.figure import Figure
from emulator.supervisor import ROOT
from tests.loopback_only.sitecustomize import RECORD

FULL = 1
FILES = ("tests/security/test_egress.py", "tests/unit/test_clock.py")
# Chromium connects a datagram socket to it, which sends nothing, to learn whether IPv6 is of use. No flag keeps it from that.
_PROBED = "2001:4860:4860::8888"
# In the new network: bring up the loopback, run the tests, print what found no way out.
_INSIDE = (
    "ip link set lo up 2>/dev/null || ifconfig lo up; "
    f"ip -6 route add {_PROBED}/128 dev lo 2>/dev/null; "
    '"$@"; code=$?; cat /proc/net/snmp /proc/net/snmp6 > "$COUNTS"; exit $code'
)


def run(size: int = FULL, seed: int = 1) -> Iterator[Figure]:
    """Yield the figure of the whole suite; *size* 0: of a few tests of it."""
    what = FILES if size == 0 else ("tests",)
    with tempfile.TemporaryDirectory() as folder:
        yield attempts(what, Path(folder), seed)


def attempts(tests: Sequence[str], folder: Path, seed: int) -> Figure:
    record, counts = folder / "attempts.jsonl", folder / "counts"
    record.touch()
    command = [sys.executable, "-m", "pytest", "-q", *tests]
    apart = can_be_apart()
    if apart:
        command = ["unshare", "-rn", "sh", "-c", _INSIDE, "sh", *command]
    environment = {**os.environ, RECORD: str(record), "COUNTS": str(counts)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    seen = record.read_text("utf-8").splitlines()
    kernel = no_way_out(counts.read_text()) if counts.exists() else None
    left = len(seen) + (kernel or 0)
    passed = done.returncode == 0
    detail: dict[str, object] = {
        "seen_by_the_guard": len(seen),
        "counted_by_the_kernel": "not counted here" if kernel is None else kernel,
        "tests_passed": passed,
        "seed": seed,
        "first": seen[:3],
        "last_lines": [] if passed else done.stdout.splitlines()[-5:],
    }
    return Figure(
        "attempts to leave this machine while the tests ran",
        left,
        0,
        "attempts",
        left == 0 and passed,
        detail,
    )


def can_be_apart() -> bool:
    """Return whether this system lets us have a network of our own."""
    try:
        done = subprocess.run(
            ["unshare", "-rn", "sh", "-c", "ip link set lo up 2>/dev/null || ifconfig lo up"],
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def no_way_out(counters: str) -> int:
    """Return how often the kernel had to say that there is no way: the sum over both versions of IP."""
    total = sum(int(found) for found in re.findall(r"^Ip6OutNoRoutes\s+(\d+)", counters, re.MULTILINE))
    heads = re.findall(r"^Ip: (.*)$", counters, re.MULTILINE)
    if len(heads) == 2 and "OutNoRoutes" in heads[0].split():
        total += int(heads[1].split()[heads[0].split().index("OutNoRoutes")])
    return total
