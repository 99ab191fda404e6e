"""What a stranger works with: the machine that a dev container makes, and the hooks before a commit."""

import re
from typing import Any

import pytest

import run
from commands import serve
from commands.__main__ import COMMANDS
from tests.infra.repository import ROOT, document, every_file, files

# The machine to work on -------------------------------------------------------------------------


def test_the_machine_to_work_on_starts_relaydeck_where_it_is_looked_for() -> None:
    machine = document(".devcontainer/devcontainer.json")
    image = (ROOT / ".devcontainer" / machine["build"]["dockerfile"]).read_text("utf-8")
    started = machine["postAttachCommand"].split()

    assert started[:2] == ["python3", "run.py"]
    options = serve.options_parser("").parse_args(started[2:])
    assert [options.port] == machine["forwardPorts"] == [serve.FIRST_PORT] and not options.browser
    assert list(machine["portsAttributes"]) == [str(serve.FIRST_PORT)]
    assert re.search(rf"useradd .*\b{machine['remoteUser']}\b", image) and "chromium" in image
    assert machine["postCreateCommand"].split()[2] in run.DEVELOPER_COMMANDS


def test_it_has_the_python_that_the_image_has() -> None:
    bases = [
        re.search(r"^FROM (python:[\d.]+)", path.read_text("utf-8"), re.M) for path in files("Dockerfile")
    ]

    assert len(bases) == 2 and len({base and base[1] for base in bases}) == 1


def test_no_registry_is_named() -> None:
    """Whoever runs this elsewhere has another; Docker's own needs no name, and a release takes the one it is given."""
    named = re.compile(r"\b(?:ghcr|gcr|quay|docker)\.io\b|\bmcr\.microsoft\.com\b|\.azurecr\.io\b")
    hidden = [path for path in every_file() if path.is_relative_to(ROOT / ".github")]
    hidden += [path for path in every_file() if path.is_relative_to(ROOT / ".devcontainer")]

    assert len(hidden) > 10
    assert [
        path.name for path in [*hidden, *files("Dockerfile")] if named.search(path.read_text("utf-8"))
    ] == []


# Hooks ------------------------------------------------------------------------------------------


def hooks() -> dict[str, dict[str, Any]]:
    (ours,) = document(".pre-commit-config.yaml")["repos"]
    assert ours["repo"] == "local"  # another one would be fetched
    return {hook["id"]: hook for hook in ours["hooks"]}


@pytest.mark.parametrize("name", hooks())
def test_a_hook_calls_what_is_there(name: str) -> None:
    hook = hooks()[name]
    if hook["language"] == "pygrep":
        re.compile(hook["entry"])
        return
    words = hook["entry"].split()

    assert hook["language"] == "system"
    assert words[:2] == ["python3", "run.py"] and words[2] in COMMANDS and words[2] in run.DEVELOPER_COMMANDS
    assert [word for word in words if "/" in word and not (ROOT / word).exists()] == []
    if "files" in hook:
        assert any(re.search(hook["files"], path.relative_to(ROOT).as_posix()) for path in files("*"))


@pytest.mark.parametrize(
    ("name", "line", "found"),
    [
        ("conflict", "<<<<<<< HEAD", True),
        ("conflict", ">>>>>>> their-branch", True),
        ("conflict", "=======", False),  # underlines a heading as well
        ("secret", "-----BEGIN RSA PRIVATE KEY-----", True),
        ("secret", "-----BEGIN CERTIFICATE-----", False),
    ],
)
def test_a_hook_finds_what_it_is_for(name: str, line: str, found: bool) -> None:
    assert bool(re.search(hooks()[name]["entry"], line)) is found
