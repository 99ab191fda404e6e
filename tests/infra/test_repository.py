"""What meets a stranger before any code does: updates, forms, bytes, and what CONTRIBUTING.md sends them to."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import run
from commands import test as tests_command
from commands.__main__ import COMMANDS
from services.version import version
from tests.infra.repository import ROOT, document, files, folders

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
PAGES = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / ".github" / "pull_request_template.md"]
TEXTS = {".bicep", ".cjs", ".in", ".json", ".kql", ".md", ".py", ".toml", ".txt", ".yaml", ".yml"}
TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
QUESTION = {
    "type": "object",
    "required": ["type", "attributes"],
    "properties": {
        "type": {"enum": ["markdown", "textarea", "input", "dropdown", "checkboxes"]},
        "id": {"type": "string", "pattern": "^[a-z-]+$"},
        "attributes": {
            "type": "object",
            "properties": {
                **dict.fromkeys(("label", "description", "placeholder", "value", "render"), TEXT),
                "options": {"type": "array", "minItems": 2, "items": TEXT},
            },
            "additionalProperties": False,
        },
        "validations": {
            "type": "object",
            "properties": {"required": {"type": "boolean"}},
            "additionalProperties": False,
        },
    },
    "if": {"properties": {"type": {"const": "markdown"}}},
    "then": {"properties": {"attributes": {"required": ["value"]}, "validations": False}},
    "else": {"required": ["id", "validations"], "properties": {"attributes": {"required": ["label"]}}},
    "additionalProperties": False,
}
FORM = {
    "type": "object",
    "required": ["name", "description", "labels", "body"],
    "properties": {
        "name": TEXT,
        "description": TEXT,
        "labels": {"type": "array", "items": TEXT},
        "body": {"type": "array", "minItems": 1, "items": QUESTION},
    },
    "additionalProperties": False,
}


# Updates ----------------------------------------------------------------------------------------


def test_everything_that_is_fetched_is_kept_up_to_date() -> None:
    """A lock in a folder that nobody thought of grows old without a word."""
    updates = {one["package-ecosystem"]: one for one in document(".github/dependabot.yml")["updates"]}
    looked_at = {name: set(one.get("directories", [one.get("directory")])) for name, one in updates.items()}

    assert looked_at == {
        "pip": folders("requirements*.in"),
        "npm": folders("package.json"),
        "docker": folders("Dockerfile"),
        "github-actions": {"/"},
    }


def test_updates_come_by_the_week_and_a_week_after_the_release() -> None:
    """docs/dependencies.md says so: most releases that are withdrawn are withdrawn by then."""
    found = document(".github/dependabot.yml")

    assert found["version"] == 2
    for one in found["updates"]:
        assert one["schedule"]["interval"] == "weekly" and one["cooldown"] == {"default-days": 7}
        assert [group["patterns"] for group in one["groups"].values()] == [["*"]]
        assert set(one) <= {"package-ecosystem", "directory", "directories", "schedule", "cooldown", "groups"}


def test_the_locks_that_are_made_whole_are_those_that_dependabot_changes() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8").partition("## What Dependabot proposes")[2]
    block = page.partition("```\n")[2].partition("```")[0].replace("cd functions && ..", "functions/..")
    compiled = re.findall(r"(functions/)?\S*uv pip compile.* -o (\S+) (\S+)", block)

    assert {f"{folder}{lock}" for folder, lock, _ in compiled} == set(
        block.splitlines()[0].partition("-- ")[2].split()
    )
    for folder, lock, source in compiled:
        assert (ROOT / folder / lock).is_file() and (ROOT / folder / source).is_file()


# Forms ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [path for path in FORMS if path.stem != "config"], ids=lambda path: path.stem
)
def test_github_can_draw_a_form(path: Path) -> None:
    """It shows nothing at all of one with a mistake."""
    form = yaml.safe_load(path.read_text("utf-8"))
    jsonschema.Draft202012Validator(FORM).validate(form)
    ids = [one["id"] for one in form["body"] if "id" in one]

    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("change", "place"),
    [({"type": "text"}, 1), ({"attributes": {}}, 1), ({"validation": {}}, 2), ({"id": "What you did"}, 1)],
    ids=["kind", "label", "misspelt", "id"],
)
def test_a_form_with_a_mistake_is_seen(change: dict[str, object], place: int) -> None:
    form = document(".github/ISSUE_TEMPLATE/bug.yml")
    form["body"][place] |= change

    assert not jsonschema.Draft202012Validator(FORM).is_valid(form)


def test_a_bug_is_reported_with_what_doctor_says() -> None:
    text = (ROOT / ".github" / "ISSUE_TEMPLATE" / "bug.yml").read_text("utf-8")

    assert "run.py doctor --json" in text and "run.py --version" in text and "SECURITY.md" in text
    assert document(".github/ISSUE_TEMPLATE/config.yml") == {"blank_issues_enabled": False}


# Bytes ------------------------------------------------------------------------------------------


def test_texts_are_the_same_bytes_on_every_system() -> None:
    """Locks are known by their hash; a checkout with other line ends would install everything anew, or refuse."""
    wrong = []
    for path in files("*"):
        if path.suffix in TEXTS:
            data = path.read_bytes()
            if b"\r" in data or (data and not data.endswith(b"\n")):
                wrong.append(path.relative_to(ROOT).as_posix())

    assert "* text=auto eol=lf" in (ROOT / ".gitattributes").read_text("utf-8").splitlines()
    assert wrong == []


# What is told -----------------------------------------------------------------------------------


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        there = page.parent / path if path else page
        assert there.is_file(), target
        if anchor:
            assert anchor in map(slug, re.findall(r"^#+ (.*)$", there.read_text("utf-8"), re.M)), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_it_says_to_type_and_to_open_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    typed = re.findall(r"run\.py ([a-z][a-z-]*)", text)
    modules = re.findall(r"python -m ([\w.]+)", text)
    paths = re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|md|toml|txt))`", text) + re.findall(
        r" (tests/\S+)", text
    )

    assert [word for word in typed if word not in COMMANDS] == []
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []
    assert [path for path in paths if not (ROOT / path.rstrip("`.,;")).exists() and path != "routes.py"] == []


def test_the_parts_of_the_tests_are_told_by_their_names() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (line,) = re.findall(r"--only types +one of (.*)", text)
    named = re.split(r", ", line)

    for name in named:
        assert tests_command._options(["--only", name])[0].only == name
    with pytest.raises(SystemExit):
        tests_command._options(["--only", "all"])
    suites = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py"))}
    assert suites - {"chaos"} <= set(re.findall(r"tests/(\w+)", text))


# The version ------------------------------------------------------------------------------------


def test_the_version_is_kept_in_one_place_and_told_everywhere() -> None:
    told = subprocess.run(
        [sys.executable, "run.py", "--version"], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert told.stdout == f"Relaydeck {run.version()}\n"
    assert version() == run.version()
