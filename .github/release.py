"""Prints what CHANGELOG.md says of the version that a tag names: `python3 .github/release.py v0.2.0`.

Exit code 1, with the reasons, unless the tag is the version of pyproject.toml and of the Dockerfile and has a dated part in
CHANGELOG.md with nothing left under Unreleased. Standard library only: it runs before anything is installed.
"""

import re
import sys
import tomllib
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TAG = re.compile(r"v(\d+\.\d+\.\d+)")
HEADING = re.compile(r"^## (?P<name>\S+)(?: - (?P<day>\S+))?$", re.M)


class ReleaseError(Exception):
    """The tag and the files do not fit. The message has one line for each reason."""


def notes(tag: str, root: Path = ROOT) -> str:
    """Return the part of CHANGELOG.md about the version that *tag* names. Raises ReleaseError."""
    found = TAG.fullmatch(tag)
    if found is None:
        raise ReleaseError(f"{tag} is not a tag of a release: v and three numbers, v0.2.0")
    version = found[1]
    parts = read_changelog((root / "CHANGELOG.md").read_text("utf-8"))
    day, text = parts.get(version, ("", ""))
    reasons = [
        f"{file} says {there}, the tag {version}"
        for file, there in versions(root).items()
        if there != version
    ]
    if not text:
        reasons.append(f"CHANGELOG.md has nothing under: ## {version} - <day>")
    elif not is_day(day):
        reasons.append(f"CHANGELOG.md has no day such as 2026-12-31 behind: ## {version} -")
    if parts.get("Unreleased", ("", ""))[1]:
        reasons.append(
            "CHANGELOG.md still has something under Unreleased: it belongs to this version, or waits"
        )
    if reasons:
        raise ReleaseError("\n".join(reasons))
    return text


def versions(root: Path) -> dict[str, str]:
    """Return the version that each file with one names. pyproject.toml is where it is kept; the image repeats it."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    image = re.search(r"^ARG VERSION=(\S+)$", (root / "Dockerfile").read_text("utf-8"), re.M)
    return {"pyproject.toml": str(project["version"]), "Dockerfile": image[1] if image else "nothing"}


def read_changelog(text: str) -> dict[str, tuple[str, str]]:
    """Return the day and the text of each part by its version. The day is empty where there is none."""
    headings = list(HEADING.finditer(text))
    ends = [one.start() for one in headings[1:]] + [len(text)]
    return {
        one["name"]: (one["day"] or "", text[one.end() : end].strip())
        for one, end in zip(headings, ends, strict=True)
    }


def is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        text = notes(arguments[0])
    except ReleaseError as exc:
        print(exc, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(f"{text}\n".encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
