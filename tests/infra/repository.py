"""The files of the repository, without those that are made or installed here."""

import functools
import json
import os
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
IGNORED = (ROOT / ".gitignore").read_text("utf-8").splitlines()
OTHERS = {".git", *(line.rstrip("/").rpartition("/")[2] for line in IGNORED if line.endswith("/"))}


def document(path: str) -> Any:
    text = (ROOT / path).read_text("utf-8")
    return json.loads(text) if path.endswith(".json") else yaml.safe_load(text)


@functools.cache
def every_file() -> tuple[Path, ...]:
    found: list[Path] = []
    for folder, inner, names in os.walk(ROOT):
        inner[:] = [name for name in inner if name not in OTHERS]
        found += [Path(folder, name) for name in names]
    return tuple(found)


def files(pattern: str) -> set[Path]:
    return {path for path in every_file() if path.match(pattern)}


def folders(pattern: str) -> set[str]:
    found = {path.parent.relative_to(ROOT).as_posix() for path in files(pattern)}
    return {"/" if folder == "." else f"/{folder}" for folder in found}
