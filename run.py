"""Sets Relaydeck up, once, and runs it. Standard library only; works on Linux, macOS and Windows.

python3 run.py                 set up once, start Local Azure, the function app and the dashboard, open the browser
python3 run.py ask "…"         ask from the terminal (--json, --thread ID, --timeout S)
python3 run.py diagnose RUN    why an answer is not there: six lights, one verdict, the next step (--json)
python3 run.py demo            keep a gentle, real load running: one line an answer (--rate N, --minutes M)
python3 run.py doctor          what is wrong and what to do, in words (--json, --probe: send a real question)
python3 run.py --version       which version this is
python3 run.py poison list     what was given up on, and why; poison replay QUEUE sends it back (--id, --to, --yes)
python3 run.py faults list     trouble of Local Azure by name; faults on NAME, off NAME, clear (--intensity X, --for S)
python3 run.py audit verify    whether the trail of actions is whole, else the first bad record (audit export FILE)
python3 run.py local -- CMD    run any command against Local Azure; local --print-env prints its variables
python3 run.py azure           the dashboard on the Azure project that the environment or .env names
python3 run.py backup FILE     agents, conversations and queue settings into one file (--threads N|all, --ours)
python3 run.py restore FILE    what such a file holds into another project (--dry-run, --yes, --json)
python3 run.py cleanup         delete what nobody needs any more (--dry-run, --yes, --json, --kind K, --also ID)
python3 run.py test            everything CI runs: format, lint, types, tests, browser (--azurite, --live)
python3 run.py audit-dependencies   known weaknesses in what is locked (also part of test); says so when it has no data
python3 run.py bench           the benchmarks; results go to bench/results/
python3 run.py chaos           what it survives: faults, kills, closed tabs (--list, --short); exit code 1: a goal was missed
python3 run.py fix             format the code, repair what the linter can, write anew what is generated
"""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
OLDEST_PYTHON = (3, 11)
DEVELOPER_COMMANDS = {"audit-dependencies", "test", "bench", "chaos", "fix"}
LOCK_WAIT_S = 600
EXIT_SETUP = 69  # EX_UNAVAILABLE: what the set-up needs is not to be had


class SetUpError(Exception):
    """A step of the set-up failed. The message says what to type."""


def main(arguments: Sequence[str]) -> int:
    if arguments and arguments[0] in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    if sys.version_info < OLDEST_PYTHON:
        wanted, found = ".".join(map(str, OLDEST_PYTHON)), sys.version.split()[0]
        print(f"Relaydeck needs Python {wanted} or newer; this is {found}.", file=sys.stderr)
        print(f"Install it and type: python{wanted} run.py", file=sys.stderr)
        return EXIT_SETUP
    if arguments and arguments[0] == "--version":
        print(f"Relaydeck {version()}")
        return 0
    try:
        set_up(for_developers=bool(arguments) and arguments[0] in DEVELOPER_COMMANDS)
    except SetUpError as exc:
        print(f"\nSet-up stopped. {exc}", file=sys.stderr)
        return EXIT_SETUP
    except KeyboardInterrupt:
        print("\nSet-up interrupted. Type the same command again; it goes on from here.", file=sys.stderr)
        return 130
    return hand_over([str(PYTHON), "-m", "commands", *arguments])


def version() -> str:
    """Return Relaydeck's own version. pyproject.toml is the one place where it is kept."""
    import tomllib  # not before main has refused a Python that lacks it

    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


# Set-up -----------------------------------------------------------------------------------------


def set_up(*, for_developers: bool) -> None:
    """Return once .venv holds what the lock files name. Does nothing, and needs no network, when it already does."""
    files = [ROOT / "requirements.txt"]
    if for_developers:
        files.append(ROOT / "requirements-dev.txt")
    missing = [file for file in files if not is_installed(file)]
    if not missing and PYTHON.exists():
        return
    with only_one_set_up():
        if not python_works():
            make_environment()
        missing = [file for file in files if not is_installed(file)]
        if missing:
            install(missing)
            for file in missing:
                stamp(file).write_text(fingerprint(file))


def fingerprint(requirements: Path) -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return hashlib.sha256(version.encode() + requirements.read_bytes()).hexdigest()


def stamp(requirements: Path) -> Path:
    return VENV / f".installed-{requirements.stem}"


def is_installed(requirements: Path) -> bool:
    try:
        return stamp(requirements).read_text() == fingerprint(requirements)
    except OSError:
        return False


def python_works() -> bool:
    """Return whether .venv has a Python of this version that starts; a moved or half-made one does not."""
    test = f"import sys, pip; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        return subprocess.run([PYTHON, "-c", test], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def make_environment() -> None:
    if VENV.exists():
        shutil.rmtree(VENV)
    with step("Making .venv"):
        made = subprocess.run(
            [sys.executable, "-m", "venv", VENV],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    if made.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    words = (made.stdout + made.stderr).strip()
    if "ensurepip" in words:
        raise SetUpError("Python's venv module is not complete here. Type: sudo apt install python3-venv")
    if "No space left" in words:
        raise SetUpError(f"The disk of {ROOT} is full: free 1.5 GB and type the same command again.")
    raise SetUpError(f"The virtual environment cannot be made in {VENV}:\n{words}")


def install(files: Sequence[Path]) -> None:
    """Install every hash-locked package of *files*: by uv, which takes seconds, else by pip, which takes a minute."""
    wanted = [argument for file in files for argument in ("-r", str(file))]
    pip = [str(PYTHON), "-m", "pip", "--disable-pip-version-check"]
    with step("Installing the installer"):
        got_uv = run_step(
            [*pip, "install", "-q", "--require-hashes", "-r", str(ROOT / "requirements-uv.txt")]
        )
    count = sum(
        line.count("==")
        for file in files
        for line in file.read_text("utf-8").splitlines()
        if line[:1].isalpha()
    )
    failed = got_uv
    if got_uv is None:
        with step(f"Installing {count} packages"):
            uv = [
                str(PYTHON),
                "-m",
                "uv",
                "pip",
                "install",
                "-q",
                "--require-hashes",
                "--python",
                str(PYTHON),
            ]
            failed = run_step([*uv, *wanted])
    if failed is not None:
        with step(f"Installing {count} packages with pip"):
            failed = run_step([*pip, "install", "-q", "--require-hashes", *wanted])
    if failed is not None:
        raise SetUpError(explain_install(failed))


def run_step(command: Sequence[str]) -> str | None:
    """Return None when *command* succeeded, else what it printed."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    return None if done.returncode == 0 else (done.stderr + done.stdout).strip()


def explain_install(words: str) -> str:
    lowered = words.lower()
    tail = "\n".join(words.splitlines()[-6:])
    if "no space left" in lowered:
        return f"The disk of {ROOT} is full: free 1.5 GB and type the same command again."
    if "hash" in lowered and ("mismatch" in lowered or "do not match" in lowered):
        lines = [line.strip() for line in words.splitlines()]
        named = [line.partition(" from ")[0] for line in lines if "==" in line]  # before some fifty hashes
        return (
            "A package is not the one that was locked. Do not go on; check the package index in use.\n"
            + "\n".join(dict.fromkeys(named) or [tail])
        )
    if any(
        sign in lowered
        for sign in (
            "connect",
            "resolve",
            "timed out",
            "temporary failure",
            "proxy",
            "dns",
            "from versions: none",
        )
    ):
        return (
            "The package index cannot be reached. Check the network; behind a proxy set HTTPS_PROXY, with a mirror "
            f"set PIP_INDEX_URL and UV_INDEX_URL. Then type the same command again.\n{tail}"
        )
    return f"The packages cannot be installed:\n{tail}"


@contextlib.contextmanager
def only_one_set_up() -> Iterator[None]:
    """Wait while another set-up of this folder is under way."""
    lock = ROOT / ".venv.lock"
    waited_s = 0
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            if waited_s == 0:
                print("Another set-up of this folder is under way; waiting for it.", file=sys.stderr)
            if waited_s >= LOCK_WAIT_S or time.time() - lock.stat().st_mtime > LOCK_WAIT_S:
                lock.unlink(missing_ok=True)
            time.sleep(1)
            waited_s += 1
        except OSError as exc:
            raise SetUpError(f"{ROOT} cannot be written: {exc.strerror}.") from exc
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    """Show *title*, the seconds it takes, and how it ended; on stderr, so that stdout stays a command's own."""
    started_s = time.monotonic()
    ended = threading.Event()
    live = sys.stderr.isatty()

    def tick() -> None:
        while not ended.wait(0.5 if live else 10):
            took = f"{time.monotonic() - started_s:.0f} s"
            print(
                f"\r{title} … {took}" if live else f"{title} … {took}",
                end="" if live else "\n",
                file=sys.stderr,
            )
            sys.stderr.flush()

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        ended.set()
        ticker.join()
        took_s = time.monotonic() - started_s
        print(f"\r{title} … {took_s:.1f} s " if live else f"{title}: {took_s:.1f} s", file=sys.stderr)


# Hand-over --------------------------------------------------------------------------------------


def hand_over(command: Sequence[str]) -> int:
    """Return the exit code of *command*, which takes this process's place where the system allows it."""
    if os.name == "nt":
        os.environ.setdefault("PYTHONUTF8", "1")  # else files and pipes are in the code page of the system
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        os.execv(command[0], list(command))  # noqa: S606 - our own Python, no shell
    process = subprocess.Popen(command)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            # Windows sends Ctrl-C to both processes: the child stops its parts, we wait for it.
            with contextlib.suppress(OSError, ValueError):
                process.send_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
