"""Reads a Dockerfile and a .dockerignore as far as ours go, and lays out on a disk what a stage copies."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction. *words*: its arguments, flags apart; of the exec form what stands in the brackets."""

    keyword: str
    value: str
    line: int
    flags: dict[str, str]
    words: tuple[str, ...]
    is_exec: bool


@dataclass(slots=True)
class Stage:
    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, keyword: str) -> list[Instruction]:
        return [one for one in self.instructions if one.keyword == keyword]


class Dockerfile:
    """Its stages by name, in order. Each has a name, and no argument comes before the first."""

    def __init__(self, text: str) -> None:
        self.stages: dict[str, Stage] = {}
        for one in instructions(text):
            if one.keyword == "FROM":
                base, _, name = one.words
                self.stages[name] = Stage(name, base)
            else:
                list(self.stages.values())[-1].instructions.append(one)

    def last(self) -> Stage:
        return list(self.stages.values())[-1]

    def line_of(self, name: str) -> list[Instruction]:
        """Return the instructions that made the file system and configuration of stage *name*, earlier stages' first."""
        stage = self.stages[name]
        return [*(self.line_of(stage.base) if stage.base in self.stages else ()), *stage.instructions]

    def environment(self, name: str) -> dict[str, str]:
        pairs = (
            word.partition("=") for one in self.line_of(name) if one.keyword == "ENV" for word in one.words
        )
        return {key: value for key, _, value in pairs}

    def sources(self, name: str) -> list[str]:
        """Return the paths of the context that get into stage *name*, by whatever way."""
        found: list[str] = []
        for one in self.line_of(name):
            if one.keyword == "COPY":
                origin = one.flags.get("from")
                found += self.sources(origin) if origin else one.words[:-1]
        return found


def instructions(text: str) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile without here-documents and parser directives."""
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        whole = line
        while whole.endswith("\\"):
            _, more = next(lines)
            whole = whole[:-1] if more.lstrip().startswith("#") else f"{whole[:-1]} {more.strip()}"
        keyword, _, rest = whole.strip().partition(" ")
        yield instruction(keyword.upper(), rest.strip(), number)


def instruction(keyword: str, rest: str, line: int) -> Instruction:
    flags: dict[str, str] = {}
    value = rest
    while match := re.match(r"--([a-z-]+)=(\S+)\s+", value):
        flags[match[1]] = match[2]
        value = value[match.end() :]
    command = value.removeprefix("CMD").strip() if keyword == "HEALTHCHECK" else value
    if command.startswith("["):
        return Instruction(keyword, value, line, flags, tuple(json.loads(command)), is_exec=True)
    return Instruction(keyword, value, line, flags, tuple(shlex.split(command)), is_exec=False)


# The context ------------------------------------------------------------------------------------


def ignore_rules(text: str) -> list[tuple[re.Pattern[str], bool]]:
    """Return what each line of a .dockerignore fits, and whether it lets in what others keep out."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith("#")]
    return [(_pattern(line.removeprefix("!").strip("/")), line.startswith("!")) for line in kept]


def _pattern(line: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", line)
    shapes = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(shapes.get(part, re.escape(part)) for part in parts) + r"\Z")


def is_sent(path: str, rules: Sequence[tuple[re.Pattern[str], bool]]) -> bool:
    """Return whether the builder gets *path*: the last line counts that fits it or a folder above it."""
    parts = path.split("/")
    lineage = ["/".join(parts[: depth + 1]) for depth in range(len(parts))]
    sent = True
    for pattern, lets_in in rules:
        if any(pattern.match(one) for one in lineage):
            sent = lets_in
    return sent


def context(root: Path = ROOT) -> list[str]:
    """Return the files of the repository that a builder is sent."""
    rules = ignore_rules((root / ".dockerignore").read_text("utf-8"))
    tops = [
        path for path in root.iterdir() if path.name not in (".venv", ".git", "node_modules", ".relaydeck")
    ]
    files = (file for top in tops for file in ([top] if top.is_file() else top.rglob("*")) if file.is_file())
    return sorted(name for file in files if is_sent(name := file.relative_to(root).as_posix(), rules))


def lay_out(dockerfile: Dockerfile, stage: str, target: Path, root: Path = ROOT) -> None:
    """Put into *target* what stage *stage* copies out of the context. Raises AssertionError: a source is not there."""
    sent = context(root)
    for source in dockerfile.sources(stage):
        name = source.rstrip("/")
        found = [file for file in sent if file == name or file.startswith(f"{name}/")]
        assert found, f"{source} is not in the context"
        for file in found:
            place = target / file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / file, place)
