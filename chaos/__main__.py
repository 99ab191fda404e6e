"""Runs one chaos module: `python -m chaos NAME [--size N] [--seed S] [--short]`; `run.py chaos` runs all of them.

Prints the line about the machine that every benchmark begins with, then one JSON line a figure. Exit code 1: a goal
was missed. 2: there is no such module.
"""

import argparse
import importlib
import json
import sys
import time
from types import ModuleType

from bench.report import header
from chaos.figure import Figure
from chaos.sizes import SEED, size_of


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument("name")
    parser.add_argument("--size", type=int, help="of what it takes many of; default: the full size")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--short", action="store_true", help="the size of the tests")
    options = parser.parse_args(arguments)
    module = _module(options.name)
    if module is None:
        print(f"Nothing is called {options.name} here.", file=sys.stderr)
        return 2
    size = options.size if options.size is not None else size_of(module, options.name, short=options.short)
    header(f"chaos.{options.name}", rounds=size, seed=options.seed)
    began_s, missed = time.monotonic(), 0
    for figure in module.run(size, options.seed):
        print(line(figure), flush=True)
        missed += not figure.met
    print(f"{options.name}: {time.monotonic() - began_s:.0f} s", file=sys.stderr)
    return 1 if missed else 0


def line(figure: Figure) -> str:
    """Return *figure* in the form of bench/report.py. A chaos figure is one count, so it has no spread but itself."""
    return json.dumps(
        {
            "figure": figure.name,
            "value": figure.value,
            "unit": figure.unit,
            "goal": figure.goal,
            "ok": figure.met,
            "spread": [figure.value, figure.value],
            "detail": dict(figure.detail),
        },
        default=str,
    )


def _module(name: str) -> ModuleType | None:
    try:
        module = importlib.import_module(f"chaos.{name}")
    except ModuleNotFoundError as exc:
        if exc.name == f"chaos.{name}":
            return None
        raise
    return module if hasattr(module, "run") else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
