"""What the image must be, read from the Dockerfile: locked, without rights, without tools, with nothing it does not need."""

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.infra.dockerfile import ROOT, Dockerfile, context, ignore_rules, is_sent, lay_out

TEXT = (ROOT / "Dockerfile").read_text("utf-8")
FILE = Dockerfile(TEXT)
TARGETS = ("web", "demo")
ENTRY_POINTS = {"web": ["app.py"], "demo": ["app.py", "commands/__main__.py", "functions/function_app.py"]}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
OURS = PROJECT["tool"]["ruff"]["lint"]["isort"]["known-first-party"]
DEVELOPERS_OWN = ("commands/bench.py", "commands/chaos.py", "commands/test.py")
HADOLINT = os.environ.get("RELAYDECK_HADOLINT") or shutil.which("hadolint")


def test_what_is_built_without_a_word_is_the_dashboard_for_azure() -> None:
    assert FILE.last().name == "web"
    assert FILE.environment("web")["RELAYDECK_MODE"] == "azure"


def test_every_stage_is_from_one_slim_python_of_an_exact_version() -> None:
    (image,) = {stage.base for stage in FILE.stages.values()} - set(FILE.stages)
    found = re.fullmatch(r"python:3\.(\d+)\.\d+-slim-\w+(@sha256:[0-9a-f]{64})?", image)
    assert found and int(found[1]) >= 11


def test_packages_are_the_locked_ones_and_only_ready_made() -> None:
    run = [one for one in FILE.stages["packages"].all("RUN") if "install" in one.words]
    assert len(run) == 1
    assert {"--require-hashes", "--only-binary"} <= set(run[0].words)
    assert run[0].words[-2:] == ("--requirement", "/requirements.txt")
    assert [one.words for one in FILE.stages["packages"].all("COPY")] == [("requirements.txt", "/")]
    others = [one for stage in FILE.stages.values() for one in stage.all("RUN") if one not in run]
    assert not [one.line for one in others if "install" in one.words or "pip" in one.words]


@pytest.mark.parametrize("target", TARGETS)
def test_only_the_environment_comes_out_of_the_stage_with_pip(target: str) -> None:
    taken = [one.words for one in FILE.line_of(target) if one.flags.get("from") == "packages"]
    assert taken == [("/venv/", "/venv/")]
    made = [one for one in FILE.stages["packages"].all("RUN") if "venv" in one.words]
    assert made and "--without-pip" in made[0].words


@pytest.mark.parametrize("target", TARGETS)
def test_what_runs_is_a_numbered_user_without_rights(target: str) -> None:
    users = [one.value for one in FILE.line_of(target) if one.keyword == "USER"]
    assert users
    for user in users:
        uid, gid = map(int, user.split(":"))  # by number: Kubernetes cannot tell that a name is not root
        assert uid >= 10000 and gid >= 10000


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_after_the_user_is_set_is_run_while_building(target: str) -> None:
    line = FILE.line_of(target)
    after = line[[one.keyword for one in line].index("USER") :]
    assert not [one.line for one in after if one.keyword == "RUN"]


def test_no_step_and_no_start_needs_a_shell() -> None:
    for stage in FILE.stages.values():
        for one in stage.instructions:
            if one.keyword in ("RUN", "ENTRYPOINT", "CMD", "HEALTHCHECK"):
                assert one.is_exec, f"line {one.line}"
                assert one.words[0] in ("python", "serve"), f"line {one.line}"


def test_files_are_copied_one_by_one_and_belong_to_root() -> None:
    for stage in FILE.stages.values():
        assert not stage.all("ADD")
        for one in stage.all("COPY"):
            assert set(one.flags) <= {"from"}, f"line {one.line}"
            if "from" not in one.flags:
                assert not {".", "./", "/", "*"} & set(one.words[:-1]), f"line {one.line}"


def test_no_secret_can_get_into_a_layer() -> None:
    secret = re.compile(r"KEY|SECRET|TOKEN|PASSWORD|CONNECTION", re.IGNORECASE)
    named = [
        one.line
        for stage in FILE.stages.values()
        for one in stage.instructions
        if one.keyword in ("ARG", "ENV") and secret.search(one.value)
    ]
    assert not named


@pytest.mark.parametrize("target", TARGETS)
def test_its_health_is_asked_by_python_in_exec_form(target: str) -> None:
    checks = [one for one in FILE.line_of(target) if one.keyword == "HEALTHCHECK"]
    assert len(checks) == 1
    assert checks[0].words == ("python", "-IS", "container/health.py")
    assert set(checks[0].flags) == {"interval", "timeout", "start-period", "retries"}


def test_labels_say_the_version_of_the_project() -> None:
    assert f"VERSION={PROJECT['project']['version']}" in [one.value for one in FILE.stages["base"].all("ARG")]
    labels = " ".join(one.value for one in FILE.stages["base"].all("LABEL"))
    for name in ("title", "description", "licenses", "version", "revision"):
        assert f"org.opencontainers.image.{name}=" in labels


# What is sent, and what is copied ---------------------------------------------------------------


def test_the_builder_is_sent_what_is_copied_and_nothing_else() -> None:
    copied = [source.rstrip("/") for name in FILE.stages for source in FILE.sources(name)]
    unused = [
        file for file in context() if not any(file == one or file.startswith(f"{one}/") for one in copied)
    ]
    assert not unused


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.production",
        "functions/.env",
        "functions/local.settings.json",
        ".git/config",
        ".venv/bin/python",
        ".relaydeck/audit/key",
        ".azure/dev/.env",
        "tests/conftest.py",
        "services/__pycache__/settings.cpython-312.pyc",
        ".streamlit/secrets.toml",
    ],
)
def test_secrets_and_state_are_never_sent(path: str) -> None:
    assert not is_sent(path, ignore_rules((ROOT / ".dockerignore").read_text("utf-8")))


@pytest.mark.parametrize("target", TARGETS)
def test_every_module_that_is_imported_is_copied(target: str, tmp_path: Path) -> None:
    lay_out(FILE, target, tmp_path)
    missing = [
        f"{file.relative_to(tmp_path).as_posix()}: {name}"
        for file in tmp_path.rglob("*.py")
        for name in imported(file)
        if name.split(".")[0] in OURS and not exists(tmp_path, name)
    ]
    assert not [one for one in missing if not one.startswith(DEVELOPERS_OWN)]
    pages = [page.relative_to(ROOT).as_posix() for page in (ROOT / "pages").glob("*.py")]
    assert [one for one in (*ENTRY_POINTS[target], *pages) if not (tmp_path / one).is_file()] == []


def imported(file: Path) -> list[str]:
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def exists(root: Path, name: str) -> bool:
    path = root.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def test_local_azure_cannot_be_started_from_the_image_for_azure(tmp_path: Path) -> None:
    lay_out(FILE, "web", tmp_path)
    there = {path.name for path in (tmp_path / "emulator").rglob("*.py")}
    assert there == {"__init__.py", "connection.py", "steering.py", "supervisor.py"}
    assert not (tmp_path / "functions").exists() and not (tmp_path / "commands").exists()


# Around it --------------------------------------------------------------------------------------


def test_the_demonstration_is_confined_and_reached_from_this_machine_only() -> None:
    demo = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]["demo"]
    assert demo["build"]["target"] == "demo"
    assert demo["read_only"] is True and demo["cap_drop"] == ["ALL"]
    assert demo["security_opt"] == ["no-new-privileges:true"]
    assert (
        demo["network_mode"] == "host" and "ports" not in demo
    )  # published, it would be open without sign-in
    assert "STREAMLIT_SERVER_ADDRESS" not in {**demo["environment"], **FILE.environment("demo")}
    assert {"/tmp"} == set(demo["tmpfs"])
    assert demo["volumes"] == [f"state:{FILE.environment('demo')['RELAYDECK_STATE_DIR']}"]
    assert "RELAYDECK_MODE" not in FILE.environment("demo")


def test_the_image_and_its_place_in_azure_agree() -> None:
    text = (ROOT / "infra" / "modules" / "web.bicep").read_text("utf-8")
    given = FILE.environment("web")
    assert f"var port = {given['STREAMLIT_SERVER_PORT']}" in text
    assert f"var state = '{given['RELAYDECK_STATE_DIR']}'" in text
    assert f"STREAMLIT_SERVER_ADDRESS: '{given['STREAMLIT_SERVER_ADDRESS']}'" in text
    assert f"var health = '{health_path()}'" in text


def health_path() -> str:
    from container import health

    return health.PATH


def test_hadolint_finds_nothing() -> None:
    if HADOLINT is None:
        pytest.skip("hadolint is not installed here: set RELAYDECK_HADOLINT; the workflow runs it")
    done = subprocess.run(
        [HADOLINT, "--format", "json", str(ROOT / "Dockerfile")], capture_output=True, check=False
    )
    assert json.loads(done.stdout) == []
    assert done.returncode == 0
