"""Writes the newest figure of every benchmark into docs/performance.md: `python -m commands.figures`."""

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from commands.reference_words import wrapped
from emulator.supervisor import ROOT

PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "bench" / "results"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
REASONS = "## Why a goal is missed"
UNEXPLAINED = "not explained yet"
# Lines of a day say when they were written since `at` is in them. Before, in this order:
ONE_DAY = ("2442eb1", "2f2cd77", "8787f03", "452d9b4", "03d64b1", "7a74cd0", "13bb3db", "7031a70", "be15b6d")


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure as it was measured last. *goal*: None: there is none. *changed*: whether files differed from *commit*."""

    name: str
    benchmark: str
    value: float
    unit: str
    goal: float | None
    met: bool | None
    date: str
    commit: str
    changed: bool


def newest(folder: Path = RESULTS) -> list[Measured]:
    """Return the latest line of every figure, in the order of benchmarks and of their lines."""
    found: dict[str, Measured] = {}
    for _, _, one in sorted(_lines(folder), key=lambda line: line[:2]):
        found.pop(one.name, None)
        found[one.name] = one
    return sorted(found.values(), key=lambda one: one.benchmark)


def page_with(text: str, figures: Iterable[Measured]) -> str:
    """Return *text* with what lies between the two marks written anew. Reasons are read from *text* itself."""
    figures = list(figures)
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    parts = [_missed(figures, reasons(text)), *_benchmarks(figures)]
    return "".join([before, BEGIN, "\n\n", "\n\n".join(parts), "\n\n", END, after])


def reasons(text: str) -> Mapping[str, str]:
    """Return why goals are missed, by pattern of figures, from the page's own table."""
    section = text.partition(REASONS)[2].partition("\n## ")[0].partition(BEGIN)[0]
    rows = [line.strip("| ").split(" | ", 1) for line in section.splitlines() if line.startswith("| `")]
    return {pattern.strip("` "): why.strip() for pattern, why in rows}


def _lines(folder: Path) -> Iterator[tuple[tuple[str, str, int, str], int, Measured]]:
    for file in folder.glob("*.jsonl"):
        date, _, name = file.stem.rpartition("-")
        rank = ONE_DAY.index(name) if name in ONE_DAY else len(ONE_DAY)
        head: dict[str, object] = {}
        for number, text in enumerate(file.read_text("utf-8").splitlines()):
            line = json.loads(text)
            if "benchmark" in line:
                head = line
            else:
                yield (date, str(head.get("at", "")), rank, name), number, _measured(line, head, date)


def _measured(line: Mapping[str, object], head: Mapping[str, object], date: str) -> Measured:
    value, goal, met = line["value"], line["goal"], line["ok"]
    assert isinstance(value, int | float)
    return Measured(
        name=str(line["figure"]),
        benchmark=_benchmark_of(str(line["figure"]), str(head["benchmark"])),
        value=value,
        unit=str(line["unit"]),
        goal=goal if isinstance(goal, int | float) else None,
        met=met if isinstance(met, bool) else None,
        date=date,
        commit=str(head["commit"]),
        changed=bool(head["changed_files"]),
    )


def _benchmark_of(figure: str, head: str) -> str:
    """Return whose figure it is: modules that ran at once have mixed their lines, so its own name counts first."""
    first = figure.partition(".")[0]
    for folder, name in (("bench", first), ("chaos", f"chaos.{first}")):
        if "." in figure and (ROOT / folder / f"{first}.py").is_file():
            return name
    return head


def _missed(figures: list[Measured], why: Mapping[str, str]) -> str:
    missed = [one for one in figures if one.met is False]
    with_goal = sum(one.goal is not None for one in figures)
    said = f"{len(figures)} figures, {with_goal} with a goal: {with_goal - len(missed)} met, {len(missed)} missed."
    if not missed:
        return f"## Missed goals\n\n{said}"
    rows = [
        f"| `{one.name}` | {_value(one)} | {_goal(one)} | "
        f"{next((f'`{pattern}`' for pattern in why if fnmatch(one.name, pattern)), UNEXPLAINED)} |"
        for one in missed
    ]
    return "\n".join(
        [f"## Missed goals\n\n{said}\n", "| Figure | Value | Goal | Why, above |", "|---|---|---|---|", *rows]
    )


def _benchmarks(figures: list[Measured]) -> Iterator[str]:
    for name in dict.fromkeys(one.benchmark for one in figures):
        own = [one for one in figures if one.benchmark == name]
        yield f"## {name}"
        yield _says(name)
        names: dict[str, list[str]] = {}  # figures that are alike in all else share a row
        for one in own:
            if one.goal is not None:
                names.setdefault(_row(one), []).append(f"`{one.name}`")
        if names:
            rows = [f"| {', '.join(named)} {rest}" for rest, named in names.items()]
            yield "\n".join(
                ["| Figure | Value | Goal | | Date | Commit |", "|---|---|---|---|---|---|", *rows]
            )
        beside = [f"`{one.name}` {_value(one)}" for one in own if one.goal is None]
        if beside:
            yield wrapped(f"Beside them, without a goal: {' · '.join(beside)}.")


def _row(one: Measured) -> str:
    commit = f"{one.commit}{'+' if one.changed else ''}"
    return f"| {_value(one)} | {_goal(one)} | {'met' if one.met else 'missed'} | {one.date} | `{commit}` |"


def _says(benchmark: str) -> str:
    """Return the first paragraph of what the benchmark says of itself."""
    folder, _, name = benchmark.rpartition(".")
    tree = ast.parse((ROOT / (folder or "bench") / f"{name}.py").read_text("utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def _value(one: Measured) -> str:
    return f"{_number(one.value)} {one.unit}".rstrip()


def _goal(one: Measured) -> str:
    """Return the goal in words. Which way is better follows from what was reached, and is left out where both fit."""
    if one.goal is None or one.value == one.goal:
        return "" if one.goal is None else _number(one.goal)
    at_most = (one.value < one.goal) == bool(one.met)
    return f"{'at most' if at_most else 'at least'} {_number(one.goal)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 1000 else f"{value:g}"


def main() -> None:
    PAGE.write_text(page_with(PAGE.read_text("utf-8"), newest()), "utf-8", newline="\n")


if __name__ == "__main__":
    main()
