"""`run.py chaos [NAME …]`: what Relaydeck survives, each module of chaos/ in a process of its own, goals and all.

Its JSON lines go to bench/results/ beside those of the benchmarks; progress goes to stderr. Exit code 1: a goal was
missed, or a module did not end well.
"""

import argparse
import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from commands.bench import results_file
from commands.serve import with_functions
from emulator.supervisor import ROOT

MISSED = 1


def main(arguments: list[str]) -> int:
    options = _options(arguments)
    known = modules(ROOT / "chaos")
    if options.list:
        for name, said in known.items():
            print(f"{name:<12} {said}")
        return 0
    unknown = [name for name in options.names if name not in known]
    if unknown:
        print(f"Nothing is called {', '.join(unknown)}. There are: {', '.join(known)}.", file=sys.stderr)
        return 2
    more = _passed_on(options)
    file = results_file()
    ended = {name: _run(name, more, file) for name in options.names or known}
    print(f"\nResults: {file.relative_to(ROOT)}")
    for words, codes in (("Missed a goal", {MISSED}), ("Did not end well", None)):
        named = [
            name for name, code in ended.items() if (code in codes if codes else code not in (0, MISSED))
        ]
        if named:
            print(f"{words}: {', '.join(named)}", file=sys.stderr)
    return 1 if any(ended.values()) else 0


def modules(folder: Path) -> Mapping[str, str]:
    """Return the modules of *folder* that have a run(), with the first line of what they say of themselves.

    Reads them and imports none: some take a second to import.
    """
    return dict(sorted(_found(folder)))


def _found(folder: Path) -> Iterator[tuple[str, str]]:
    for file in folder.glob("*.py"):
        tree = ast.parse(file.read_text("utf-8"))
        if any(isinstance(one, ast.FunctionDef) and one.name == "run" for one in tree.body):
            yield file.stem, (ast.get_docstring(tree) or "").partition("\n")[0]


def _run(name: str, more: list[str], file: Path) -> int:
    """Return the exit code of the module. Every JSON line it prints is shown, and appended to *file*."""
    print(f"\n── {name} ──", flush=True)
    command = [sys.executable, "-m", "chaos", name, *more]
    with (
        subprocess.Popen(
            command, cwd=ROOT, env=with_functions(), stdout=subprocess.PIPE, text=True
        ) as process,
        file.open("a") as lines,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            if line.startswith("{"):
                lines.write(line)
                lines.flush()  # what was measured so far stays, however this ends
    return process.returncode


def _passed_on(options: argparse.Namespace) -> list[str]:
    more = ["--short"] if options.short else []
    for name in ("size", "seed"):
        if (value := getattr(options, name)) is not None:
            more += [f"--{name}", str(value)]
    return more


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 run.py chaos")
    parser.add_argument("names", nargs="*", metavar="NAME", help="default: all of them")
    parser.add_argument("--list", action="store_true", help="what there is, and do nothing")
    parser.add_argument("--size", type=int, help="of what each takes many of; default: its full size")
    parser.add_argument("--seed", type=int, help="of everything left to chance")
    parser.add_argument("--short", action="store_true", help="the sizes of the tests")
    return parser.parse_args(arguments)
