"""What a release is made of: the script that compares a tag with the files, as the workflow calls it."""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
CHANGELOG = """# Changelog

## Unreleased

## 1.2.0 - 2026-12-31

### Added

- Something that a user notices.

## 1.1.0 - 2026-11-30

- Something older.
"""


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release_script", ROOT / ".github" / "release.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


release = load()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository that is ready for the release of 1.2.0."""
    (tmp_path / ".github").mkdir()
    shutil.copy(ROOT / ".github" / "release.py", tmp_path / ".github")
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG, "utf-8")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.0"\n', "utf-8")
    (tmp_path / "Dockerfile").write_text("FROM x\nARG VERSION=1.2.0\n", "utf-8")
    return tmp_path


def ask(root: Path, tag: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-IS", str(root / ".github" / "release.py"), tag]  # nothing is installed
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")


def test_a_tag_that_fits_gives_its_part_of_the_changelog_and_no_other(root: Path) -> None:
    done = ask(root, "v1.2.0")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "### Added\n\n- Something that a user notices.\n"


Change = Callable[[str], str]


@pytest.mark.parametrize(
    ("tag", "file", "change", "reason"),
    [
        ("1.2.0", "CHANGELOG.md", str, "1.2.0 is not a tag of a release"),
        ("v1.2", "CHANGELOG.md", str, "v1.2 is not a tag of a release"),
        ("v1.1.0", "CHANGELOG.md", str, "pyproject.toml says 1.2.0, the tag 1.1.0"),
        ("v1.2.0", "Dockerfile", lambda text: text.replace("1.2", "1.1"), "Dockerfile says 1.1.0"),
        ("v1.2.0", "Dockerfile", lambda text: text.replace("ARG", "ENV"), "Dockerfile says nothing"),
        (
            "v1.2.0",
            "CHANGELOG.md",
            lambda text: text.replace("1.2.0", "1.3.0"),
            "has nothing under: ## 1.2.0",
        ),
        ("v1.2.0", "CHANGELOG.md", lambda text: text.replace(" - 2026-12-31", ""), "has no day"),
        ("v1.2.0", "CHANGELOG.md", lambda text: text.replace("12-31", "12-32"), "has no day"),
        (
            "v1.2.0",
            "CHANGELOG.md",
            lambda text: text.replace("## Unreleased\n", "## Unreleased\n\n- Too late.\n"),
            "still has something under Unreleased",
        ),
    ],
    ids=["no-v", "short", "other", "image", "no-image", "unknown", "no-day", "no-such-day", "unreleased"],
)
def test_a_tag_that_does_not_fit_ends_the_release_with_the_reason(
    root: Path, tag: str, file: str, change: Change, reason: str
) -> None:
    """Nothing has been published then: the tag is deleted and set again."""
    path = root / file
    path.write_text(change(path.read_text("utf-8")), "utf-8")
    done = ask(root, tag)

    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr


def test_the_changelog_is_one_that_it_can_read() -> None:
    """Unreleased first, then versions, the newest first, each with its day."""
    parts = release.read_changelog((ROOT / "CHANGELOG.md").read_text("utf-8"))
    first, *others = parts

    assert first == "Unreleased" and parts[first][0] == ""
    numbers = [tuple(map(int, version.split("."))) for version in others]
    assert numbers == sorted(numbers, reverse=True)
    assert all(release.is_day(parts[version][0]) for version in others)
    kinds = {"Added", "Changed", "Deprecated", "Fixed", "Removed", "Security"}
    for _, text in parts.values():
        assert {line[4:] for line in text.splitlines() if line.startswith("### ")} <= kinds


def test_the_image_and_the_project_are_of_one_version() -> None:
    assert len(set(release.versions(ROOT).values())) == 1
