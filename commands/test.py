"""`run.py test`: everything CI runs, in the order in which it fails fastest, and one verdict at the end."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from emulator.supervisor import ROOT

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
MAC_CHROMIUMS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
WINDOWS_CHROMIUMS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
APT_TIMEOUT_S = 600
TESTS_FAILED = 1
MOST_AGAIN = 3  # more is no want of time, but a defect
ALONE = ("--last-failed", "--last-failed-no-failures=none")
# Most tests wait for processes and clocks: parts that run at once, each with a Local Azure of its own, end sooner.
PARTS = (("tests/contract",), ("tests/pages", "tests/functions"))


@dataclass(frozen=True, slots=True)
class Check:
    """*beside*: what runs at the same time; it is printed once the first has ended, and has to pass as well. *again*: what
    is added to a command of these to run alone what failed among the others."""

    name: str
    command: Sequence[str]
    beside: Sequence[Sequence[str]] = ()
    again: Sequence[str] = ()


def main(arguments: list[str]) -> int:
    options, extra = _options(arguments)
    in_ci = os.environ.get("CI", "").lower() in ("1", "true")
    prepare_conformance()
    browser = find_browser() or install_browser()
    results = {check.name: _run(check) for check in _checks(options, extra, browser, in_ci=in_ci)}
    if browser is None:
        results["browser tests"] = not in_ci
        _warn_about_browser(in_ci=in_ci)
    print(
        "\n" + "\n".join(f"{'passed' if ok else 'FAILED'}  {name}" for name, ok in results.items()),
        flush=True,
    )
    return 0 if all(results.values()) else 1


def _options(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="python3 run.py test", description=__doc__)
    parser.add_argument(
        "--azurite", action="store_true", help="run the queue contract on Azurite too (always in CI)"
    )
    parser.add_argument(
        "--live", action="store_true", help="run the contract on the Azure account named in .env"
    )
    parser.add_argument(
        "--only", choices=["format", "lint", "types", "tests", "dependencies"], help="one of the checks"
    )
    return parser.parse_known_args(arguments)


def _checks(
    options: argparse.Namespace, extra: list[str], browser: str | None, *, in_ci: bool
) -> list[Check]:
    python = sys.executable
    pytest = [python, "-m", "pytest", *extra]
    if options.azurite or in_ci:
        pytest.append("--azurite")
    if options.live:
        pytest.append("--live")
    if browser is None:
        pytest += ["-m", "not browser"]
    else:
        os.environ["RELAYDECK_TEST_BROWSER"] = browser
    checks = {
        "format": Check("format", [python, "-m", "ruff", "format", "--check", "."]),
        "lint": Check("lint", [python, "-m", "ruff", "check", "."]),
        "types": Check("types", [python, "-m", "mypy"]),
        "tests": Check("tests", pytest) if extra else _in_parts(pytest),
        "dependencies": Check("dependencies", [python, "-m", "commands", "audit-dependencies"]),
    }
    return [checks[options.only]] if options.only else list(checks.values())


def _in_parts(pytest: Sequence[str]) -> Check:
    elsewhere = [f"--ignore={folder}" for part in PARTS for folder in part]
    parts = [elsewhere, *PARTS]
    caches = [f"cache_dir=.pytest_cache/part-{number}" for number in range(len(parts))]
    commands = [[*pytest, "-o", cache, *part] for cache, part in zip(caches, parts, strict=True)]
    return Check("tests", commands[0], commands[1:], ALONE)


def _run(check: Check) -> bool:
    print(f"\n── {check.name} ──", flush=True)
    started_s = time.monotonic()
    with ExitStack() as stack:
        others = []
        for command in check.beside:
            said = stack.enter_context(tempfile.TemporaryFile())
            other = subprocess.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
            others.append((other, said))
        try:
            codes = [subprocess.run(check.command, cwd=ROOT, check=False).returncode]
            for other, said in others:
                codes.append(other.wait())
                said.seek(0)
                print(said.read().decode(errors="replace"), flush=True)
            if check.again:
                ended = zip((check.command, *check.beside), codes, strict=True)
                codes = [_once_more(check, *one) for one in ended]
            code = max(codes, key=abs)
        except BaseException:
            for other, _ in others:
                other.terminate()
            for other, _ in others:
                other.wait()
            raise
    print(
        f"── {check.name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - started_s:.0f} s",
        flush=True,
    )
    return code == 0


def _once_more(check: Check, command: Sequence[str], code: int) -> int:
    """Return what became of what failed, run again alone. A test that fails beside others only, for want of time, is told
    all the same: both reports are in the log."""
    failed = _failed(command)
    if code != TESTS_FAILED or not 0 < len(failed) <= MOST_AGAIN:
        return code
    print(f"\n── {check.name}: what failed, once more, alone ──", flush=True)
    again = subprocess.run([*command, *check.again], cwd=ROOT, check=False).returncode
    if again == 0:
        print(f"── {check.name}: FAILED BESIDE OTHERS, passed alone: see above", flush=True)
    return again


def _failed(command: Sequence[str]) -> list[str]:
    """Return the tests that failed when *command* ran, as pytest keeps them."""
    (cache,) = [word.partition("=")[2] for word in command if word.startswith("cache_dir=")]
    file = ROOT / cache / "v" / "cache" / "lastfailed"
    return list(json.loads(file.read_text())) if file.exists() else []


def prepare_conformance() -> None:
    """Put Microsoft's own function engine beside the environment, once: a test compares our host with it.

    It asks for a newer Python than it needs, which is why it is not in requirements-dev.txt. When it cannot be had,
    that test says so: a failure under CI, a skip elsewhere.
    """
    lock, folder = ROOT / "requirements-conformance.txt", Path(sys.prefix) / "conformance"
    stamp = folder / ".installed"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return
    command = [
        *(sys.executable, "-m", "uv", "pip", "install", "-q", "--no-deps", "--require-hashes"),
        *("--python-version", "3.13", "--target", str(folder), "-r", str(lock)),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        stamp.write_text(lock.read_text())
    else:
        print(f"The conformance engine cannot be installed:\n{done.stderr.strip()[-500:]}", file=sys.stderr)


def find_browser() -> str | None:
    """Return the path of a Chromium or Chrome on this machine; RELAYDECK_TEST_BROWSER names another."""
    if named := os.environ.get("RELAYDECK_TEST_BROWSER"):
        return named
    for name in CHROMIUMS:
        if found := shutil.which(name):
            return found
    folders = filter(None, (os.environ.get("PROGRAMFILES"), os.environ.get("PROGRAMFILES(X86)")))
    paths = [Path(path) for path in MAC_CHROMIUMS] + [
        Path(f) / path for f in folders for path in WINDOWS_CHROMIUMS
    ]
    return next((str(path) for path in paths if path.exists()), None)


def browser_flags() -> list[str]:
    """Return what a Chromium of ours is started with: it looks up no other name than this machine's, for itself neither.

    As root it goes without its sandbox, for it would not start.
    """
    alone = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.*"
    return [alone, *(["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else [])]


def install_browser() -> str | None:
    """Return the path of Debian's chromium, installed now; None where that may not or cannot be done."""
    if os.name == "nt" or os.geteuid() != 0 or shutil.which("apt-get") is None:
        return None
    print("Installing chromium for the browser tests …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"])
    for step in steps:
        try:
            done = subprocess.run(
                step, env=environment, capture_output=True, text=True, check=False, timeout=APT_TIMEOUT_S
            )
        except subprocess.TimeoutExpired:
            print(f"{' '.join(step)} did not end within {APT_TIMEOUT_S} s.", file=sys.stderr)
            return None
        if done.returncode:
            print(f"{' '.join(step)} failed:\n{done.stderr.strip()[-1000:]}", file=sys.stderr)
            return None
    return shutil.which("chromium")


def _warn_about_browser(*, in_ci: bool) -> None:
    print("\n" + "!" * 78, file=sys.stderr)
    print("BROWSER TESTS DID NOT RUN: there is no Chromium or Chrome on this machine.", file=sys.stderr)
    print(
        "Install one (Debian: sudo apt install chromium), or name it in RELAYDECK_TEST_BROWSER.",
        file=sys.stderr,
    )
    if in_ci:
        print("Under CI that is a failure.", file=sys.stderr)
    print("!" * 78, file=sys.stderr)
