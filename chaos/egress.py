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
    """Yield the figure of the whole suite, as `run.py test` runs it; *size* 0: of a few tests of it."""
    pytest = ("pytest", "-q", *FILES)
    with tempfile.TemporaryDirectory() as folder:
        yield attempts(pytest if size == 0 else ("commands", "test", "--only", "tests"), Path(folder), seed)


def attempts(tests: Sequence[str], folder: Path, seed: int) -> Figure:
    """Return the figure of *tests*: a module of Python with what it takes."""
    record, counts = folder / "attempts.jsonl", folder / "counts"
    record.touch()
    command = [sys.executable, "-m", *tests]
    if apart := way_apart():
        command = [*apart, "sh", "-c", _INSIDE, "sh", *command]
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


def way_apart() -> list[str]:
    """Return what gives a command a network of its own; empty where the system gives none.

    Root needs no namespace of users for it, inside of which nothing could be mounted, as some tests do.
    """
    for flags in ("-n", "-rn"):
        way = ["unshare", flags]
        try:
            done = subprocess.run(
                [*way, "sh", "-c", "ip link set lo up 2>/dev/null || ifconfig lo up"],
                capture_output=True,
                check=False,
            )
        except OSError:
            return []
        if done.returncode == 0:
            return way
    return []


def no_way_out(counters: str) -> int:
    """Return how often the kernel had to say that there is no way: the sum over both versions of IP."""
    total = sum(int(found) for found in re.findall(r"^Ip6OutNoRoutes\s+(\d+)", counters, re.MULTILINE))
    heads = re.findall(r"^Ip: (.*)$", counters, re.MULTILINE)
    if len(heads) == 2 and "OutNoRoutes" in heads[0].split():
        total += int(heads[1].split()[heads[0].split().index("OutNoRoutes")])
    return total
