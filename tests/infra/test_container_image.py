"""The image itself: built from the Dockerfile by buildah, and run as a container is, with no program in it but Python.

It takes minutes and packages from PyPI, so it is asked for by RELAYDECK_IMAGE_TESTS=1; the workflow does. The base image comes
from Docker Hub, or `python -m tests.infra.stand_in` makes one like it where no registry is reached.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.infra import confined
from tests.infra.dockerfile import ROOT, Dockerfile
from tests.infra.test_container_start import IN_AZURE, INSIDE_THE_NETWORK, PORT, REFUSED, WITHOUT_SIGN_IN

FILE = Dockerfile((ROOT / "Dockerfile").read_text("utf-8"))
AUTHORITIES = Path(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"))
QUESTION = "What would foo say about the most prevalent element in the universe?"


def why_not() -> str:
    if not os.environ.get("RELAYDECK_IMAGE_TESTS"):
        return "it takes minutes and a package index: set RELAYDECK_IMAGE_TESTS=1"
    if shutil.which("buildah") is None:
        return "buildah is not installed here"
    return confined.why_not()


pytestmark = [pytest.mark.skipif(bool(why_not()), reason=why_not()), pytest.mark.timeout(1200)]


def buildah(*words: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = ["buildah", *words]
    done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout.strip()


@contextmanager
def built(target: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the file system of *target* and its configuration, as Docker reads it."""
    tag = f"localhost/relaydeck-{target}:tested"
    trust = ["--volume", f"{AUTHORITIES}:{AUTHORITIES}:ro"] if AUTHORITIES.is_file() else []
    how = [
        "--isolation",
        "chroot",
        "--network",
        "host",
        "--pull=missing",
        "--format",
        "docker",
        "--layers",
        *trust,
    ]
    buildah("build", *how, "--target", target, "--build-arg", "REVISION=tested", "--tag", tag, ".")
    config = json.loads(buildah("inspect", "--type", "image", tag))["Docker"]["config"]
    container = buildah("from", "--pull-never", tag)
    try:
        yield Path(buildah("mount", container)), config
    finally:
        buildah("rm", container)


def run_in(root: Path, config: dict[str, Any], given: dict[str, str], **plan: Any) -> dict[str, Any]:
    image = dict(pair.split("=", 1) for pair in config["Env"])
    place = confined.Place(
        Path(config["WorkingDir"]),
        [Path("/tmp"), Path(image["RELAYDECK_STATE_DIR"])],
        "/venv/bin/python",
        root,
    )
    command = [*config["Entrypoint"], *(config["Cmd"] or [])]
    return confined.run(place, {"command": command, **plan}, {**image, **given}, timeout_s=180)


@pytest.fixture(scope="module")
def web() -> Iterator[tuple[Path, dict[str, Any]]]:
    with built("web") as made:
        yield made


def test_the_image_says_how_it_is_to_be_run(web: tuple[Path, dict[str, Any]]) -> None:
    _, config = web
    assert config["User"] == f"{confined.UID}:{confined.UID}"
    assert list(config["ExposedPorts"]) == ["8501/tcp"]
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-IS", "container/health.py"]
    assert config["Labels"]["org.opencontainers.image.revision"] == "tested"


def test_there_is_no_pip_in_the_image_and_nothing_of_ours_to_change(web: tuple[Path, dict[str, Any]]) -> None:
    root, _ = web
    found = [
        path
        for top in ("usr", "venv", "app")
        for path in (root / top).rglob("*pip*")
        if path.name in ("pip", "ensurepip")
    ]
    assert found == []
    loose = [
        path
        for top in ("app", "venv")
        for path in (root / top).rglob("*")
        if not path.is_symlink() and (path.stat().st_uid != 0 or path.stat().st_mode & 0o022)
    ]
    assert loose == []
    state = (root / "var" / "relaydeck").stat()
    assert (state.st_uid, state.st_gid, state.st_mode & 0o777) == (confined.UID, confined.UID, 0o700)


def test_the_image_becomes_healthy_as_in_azure_without_network_shell_or_rights(
    web: tuple[Path, dict[str, Any]],
) -> None:
    root, config = web
    told = run_in(
        *(root, config, IN_AZURE),
        port=PORT,
        ask=[["/livez"], ["/_stcore/health", INSIDE_THE_NETWORK], ["/readyz"]],
        run=[config["Healthcheck"]["Test"][1:]],
        touch=["/app/app.py", "/new", "/tmp/new", "/var/relaydeck/new"],
        list=["/tmp"],
    )
    assert told["healthy"], told["output"]
    assert told["answers"] == [[200, "ok"]] * 3
    assert told["ran"] == [[0, ""]]
    assert (told["uid"], told["rights"]["CapEff"], told["rights"]["NoNewPrivs"]) == (
        confined.UID,
        "0" * 16,
        "1",
    )
    assert [bool(why) for why in told["touched"].values()] == [True, True, False, False]
    assert told["left"] == {"/tmp": ["new"]}
    assert "Traceback" not in told["output"]


def test_the_image_refuses_to_start_without_settings(web: tuple[Path, dict[str, Any]]) -> None:
    told = run_in(*web, {})
    assert told["code"] == 1
    assert "Missing PROJECT_ENDPOINT_ENT" in told["output"]


def test_the_image_refuses_to_start_without_sign_in(web: tuple[Path, dict[str, Any]]) -> None:
    told = run_in(*web, WITHOUT_SIGN_IN)
    assert told["code"] == 2
    assert REFUSED in told["output"], told["output"]


def test_the_demonstration_answers_a_question(web: tuple[Path, dict[str, Any]]) -> None:
    """The whole way: orchestrator, connected agent, queue, function, queue, answer. *web* is built first, for its layers."""
    with built("demo") as (root, config):
        asked = ["python", "-m", "commands", "ask", "--json", QUESTION]
        told = run_in(
            root,
            config,
            {"RELAYDECK_SEED": "off"},
            port=PORT,
            ask=[["/readyz"]],
            run=[config["Healthcheck"]["Test"][1:], asked],
        )
    assert told["healthy"], told["output"]
    assert told["answers"] == [[200, "ok"]]
    assert told["ran"][0] == [0, ""]
    code, said = told["ran"][1]
    assert code == 0, said
    assert "hydrogen" in said.lower()
    assert told["code"] == 0, told["output"]
