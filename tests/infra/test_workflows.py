"""What GitHub runs: held to rules here, since no runner can be asked offline. tests/infra/workflows.py has the rules."""

import json
import os
import re
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import run
from tests.infra.workflows import EXPRESSION, ROOT, problems, read, steps, texts
from tests.unit.test_locks import PLACES, SYSTEMS

TEXTS = texts()
DEPLOY = read(TEXTS["deploy"])["jobs"]["deploy"]
PARAMETERS: dict[str, str] = {
    name: default
    for one in json.loads((ROOT / "infra" / "main.parameters.json").read_text("utf-8"))["parameters"].values()
    for name, default in re.findall(r"^\$\{(\w+)(?:=(.*))?\}$", one["value"])
}
SET_BY_AZD = {"AZURE_PRINCIPAL_ID", "SERVICE_WEB_RESOURCE_EXISTS"}


@dataclass(frozen=True, slots=True)
class Defect:
    """A mistake that somebody makes one day: *old* becomes *new* in the workflow of that name."""

    what: str
    workflow: str
    old: str
    new: str


DEFECTS = [
    Defect(
        "the trigger that runs strangers' code with secrets", "test", "pull_request:", "pull_request_target:"
    ),
    Defect("no permissions are named", "test", "permissions:\n  contents: read\n", ""),
    Defect("everything may be written", "infra", "contents: read", "contents: write"),
    Defect(
        "a job may write more than it needs",
        "release",
        "packages: write",
        "packages: write\n      issues: write",
    ),
    Defect("a job may run for six hours", "container", "    timeout-minutes: 5\n", ""),
    Defect("the token stays in the folder", "test", "persist-credentials: false", "fetch-depth: 0"),
    Defect("an action of somebody else", "test", "actions/cache@v5", "somebody/cache@v5"),
    Defect("an action that moves", "deploy", "Azure/setup-azd@v2", "Azure/setup-azd@main"),
    Defect(
        "a title of a stranger in a shell",
        "infra",
        "az bicep install",
        "echo ${{ github.event.pull_request.title }}",
    ),
    Defect("a name of a stranger's branch", "test", "matrix.command || 'python3'", "github.head_ref"),
    Defect(
        "an input in a shell",
        "deploy",
        "azd provision --no-prompt",
        "azd provision ${{ inputs.environment }}",
    ),
    Defect("a command that is not there", "test", "audit-dependencies", "audit-packages"),
    Defect("a test that has moved", "infra", "tests/infra/test_checkov.py -q", "tests/test_checkov.py -q"),
    Defect("a lock that is not there", "container", "-r requirements-dev.txt", "-r requirements-test.txt"),
    Defect("a script that is not there", "deploy", "infra/hooks/smoke.py", "infra/hooks/smoke_test.py"),
    Defect("a job that waits for nobody", "release", "needs: check", "needs: checks"),
    Defect(
        "a workflow that was renamed", "release", "gh workflow run deploy.yml", "gh workflow run azure.yml"
    ),
    Defect("a folder that was renamed", "container", '"container/**"', '"docker/**"'),
    Defect("a cache by a lock that is not there", "test", "'requirements*.txt'", "'constraints*.txt'"),
    Defect("a word that GitHub does not know", "deploy", "    timeout-minutes:", "    timeout-minute:"),
    Defect("one failure hides the others", "test", "fail-fast: false", "fail-fast: true"),
    Defect("runs pile up", "container", "concurrency:", "concurency:"),
]


@pytest.mark.parametrize("name", TEXTS)
def test_a_workflow_keeps_the_rules(name: str) -> None:
    assert problems(name, TEXTS[name]) == []


@pytest.mark.parametrize("defect", DEFECTS, ids=[one.what for one in DEFECTS])
def test_the_rules_see(defect: Defect) -> None:
    """Rules that let everything through would pass the test above."""
    text = TEXTS[defect.workflow]
    assert text.count(defect.old) >= 1

    assert problems(defect.workflow, text.replace(defect.old, defect.new, 1))


def test_an_action_is_of_one_version_everywhere() -> None:
    found = defaultdict(set)
    for text in TEXTS.values():
        for action, version in re.findall(r"uses: ([\w./-]+)@(\S+)", text):
            found[action].add(version)

    assert len(found) >= 4
    assert {action: versions for action, versions in found.items() if len(versions) > 1} == {}


@pytest.mark.skipif(os.name == "nt", reason="the shell of these workflows is that of Linux")
@pytest.mark.parametrize("name", TEXTS)
def test_a_shell_can_read_what_it_is_told(name: str) -> None:
    bash = shutil.which("bash")
    assert bash
    for step in steps(read(TEXTS[name])):
        if "run" in step:
            script = EXPRESSION.sub("word", step["run"])
            done = subprocess.run([bash, "-n"], input=script, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr


def run_step(
    workflow: str, name: str, tools: dict[str, str], folder: Path, **environ: str
) -> tuple[int, str]:
    """Return the exit code and the output of a step, run as GitHub does, with *tools* in place of the programs it calls."""
    (script,) = [step["run"] for step in steps(read(TEXTS[workflow])) if step.get("name") == name]
    for tool, text in tools.items():
        (folder / tool).write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        (folder / tool).chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-e", "-c", script],
        env={"PATH": path, **environ},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(os.name == "nt", reason="the shell of these workflows is that of Linux")
@pytest.mark.parametrize(
    ("audit", "passes"),
    [
        ("echo '90 packages audited, 0 known weaknesses that are not excepted'", True),
        ("echo 'KNOWN WEAKNESS  x'; exit 1", False),
        ("echo 'skipped: no data. The data source cannot be reached'", False),
    ],
    ids=["clean", "weak", "no-data"],
)
def test_once_a_week_no_data_is_no_all_clear(audit: str, passes: bool, tmp_path: Path) -> None:
    """A pipe hides the exit code of its first command, unless it is told not to."""
    code, said = run_step("test", "No data is a failure here", {"python3": audit}, tmp_path)

    assert (code == 0) is passes, said


@pytest.mark.skipif(os.name == "nt", reason="the shell of these workflows is that of Linux")
def test_what_is_missing_in_an_environment_is_named_at_once(tmp_path: Path) -> None:
    name = "Refuse to begin without what each run would otherwise make anew"
    there = dict.fromkeys(("AZURE_SUBSCRIPTION_ID", "AZURE_ENV_NAME", "AZURE_LOCATION", "COOKIE_SECRET"), "x")
    code, said = run_step("deploy", name, {}, tmp_path, **there)

    assert code == 1 and re.findall(r"::error::(\w+)", said) == ["AUTH_CLIENT_ID", "RELAYDECK_AUDIT_KEY"]
    there |= {"AUTH_CLIENT_ID": "x", "RELAYDECK_AUDIT_KEY": "x"}
    assert run_step("deploy", name, {}, tmp_path, **there) == (0, "")


# Tests ------------------------------------------------------------------------------------------


def test_the_tests_run_as_the_readme_says_on_every_system_and_python() -> None:
    """The locks are for the same ones."""
    job: dict[str, Any] = read(TEXTS["test"])["jobs"]["test"]
    matrix = job["strategy"]["matrix"]
    (command,) = [step["run"] for step in job["steps"] if "run" in step]
    typed = EXPRESSION.sub("python3", command)

    assert matrix["system"] == ["ubuntu-latest", "macos-latest", "windows-latest"] and len(SYSTEMS) == 3
    assert {f"{python}.7" for python in matrix["python"]} == {
        place.values[0]["python_full_version"]  # type: ignore[index]
        for place in PLACES
    }
    assert matrix["python"][0] == ".".join(map(str, run.OLDEST_PYTHON))
    assert matrix["include"] == [{"system": "windows-latest", "command": "python"}]
    assert f"```\n{typed}\n```" in (ROOT / "README.md").read_text("utf-8")


def test_the_pythons_are_those_that_are_promised() -> None:
    pythons = read(TEXTS["test"])["jobs"]["test"]["strategy"]["matrix"]["python"]
    project = (ROOT / "pyproject.toml").read_text("utf-8")

    assert f"Python {pythons[0]} to {pythons[-1]}" in (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    assert f'requires-python = ">={pythons[0]}"' in project
    assert f'python_version = "{pythons[0]}"' in project
    assert f'target-version = "py{pythons[0].replace(".", "")}"' in project


def test_a_release_is_tested_as_every_change_is() -> None:
    jobs = read(TEXTS["release"])["jobs"]

    assert jobs["test"]["uses"] == "./.github/workflows/test.yml" and jobs["test"]["needs"] == "check"
    assert "workflow_call" in read(TEXTS["test"])["on"]
    assert "test" in jobs["image"]["needs"] and "test" in jobs["release"]["needs"]


# Deployment -------------------------------------------------------------------------------------


def test_a_pipeline_gives_azd_every_parameter_with_its_default() -> None:
    """A parameter that is forgotten here would fall back to its default, in production, without a word."""
    given = {name: value for name, value in DEPLOY["env"].items() if name in PARAMETERS}
    defaults = {
        name: default for name, value in given.items() for default in re.findall(r"\|\| '([^']*)'", value)
    }

    assert set(given) == set(PARAMETERS) - SET_BY_AZD
    assert set(DEPLOY["env"]) - set(given) == {"AZURE_SUBSCRIPTION_ID"}
    assert given["AZURE_PRINCIPAL_TYPE"] == "ServicePrincipal"
    assert defaults == {
        name: default
        for name, default in PARAMETERS.items()
        if default and name not in SET_BY_AZD | {"AZURE_PRINCIPAL_TYPE", "BUDGET_START"}
    }


def test_each_parameter_comes_from_the_variable_of_its_name() -> None:
    for name, value in DEPLOY["env"].items():
        if name != "AZURE_PRINCIPAL_TYPE":
            secret = name in ("RELAYDECK_AUDIT_KEY", "COOKIE_SECRET")
            assert re.match(rf"\$\{{\{{ {'secrets' if secret else 'vars'}\.{name}\b", value), name


def test_the_identity_of_the_pipeline_is_not_taken_for_a_managed_one() -> None:
    """AZURE_CLIENT_ID is a setting: Doctor, in the same job, would ask the machine for a token and get none."""
    for place in [DEPLOY, *DEPLOY["steps"]]:
        assert "AZURE_CLIENT_ID" not in place.get("env", {})


def test_a_deployment_begins_only_with_what_it_must_not_make_anew() -> None:
    (script,) = [one["run"] for one in DEPLOY["steps"] if "run" in one and "::error::" in one["run"]]
    names = re.search(r"for name in ([A-Z_ ]+);", script)
    order = [one.get("run", "") for one in DEPLOY["steps"]]

    assert names and set(names[1].split()) < set(DEPLOY["env"])
    assert {"AUTH_CLIENT_ID", "RELAYDECK_AUDIT_KEY", "COOKIE_SECRET"} < set(names[1].split())
    assert order.index(script) < next(i for i, one in enumerate(order) if "azd provision" in one)


@pytest.mark.parametrize(
    ("workflow", "page", "heading"),
    [("deploy", "docs/deploy.md", "## From a pipeline"), ("release", "CONTRIBUTING.md", "## A release")],
)
def test_what_a_workflow_is_to_be_given_is_told(workflow: str, page: str, heading: str) -> None:
    """Every variable and every secret, where it is read; those of Parameters by that name."""
    part = (ROOT / page).read_text("utf-8").partition(heading)[2].partition("\n## ")[0]
    wanted = set(re.findall(r"(?:vars|secrets)\.(\w+)", TEXTS[workflow])) - {"GITHUB_TOKEN"}
    named = set(re.findall(r"`([A-Z_]{5,})`", part))

    assert part and wanted - set(PARAMETERS) <= named
    assert {"RELAYDECK_AUDIT_KEY", "COOKIE_SECRET"} <= named or workflow != "deploy"


def test_a_secret_is_read_by_nothing_but_its_job() -> None:
    for name, text in TEXTS.items():
        secrets = set(re.findall(r"secrets\.(\w+)", text))
        assert secrets <= (
            {"RELAYDECK_AUDIT_KEY", "COOKIE_SECRET"} if name == "deploy" else {"GITHUB_TOKEN"}
        ), name
