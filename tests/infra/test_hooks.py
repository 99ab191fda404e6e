"""The hooks as azd runs them: processes with azd's environment, a real HTTPS server, and azd and az noting what they are told."""

import importlib.util
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from services.settings import Settings
from tests.infra.bicep import INFRA
from tests.scripted_server import Reply, ScriptedServer, as_json

HOOKS = INFRA / "hooks"
TOOL = """#!{python}
import json, pathlib, sys
name, words = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps([name, *words]) + "\\n")
for word in words:
    if word.startswith("@"):
        pathlib.Path({log!r} + ".roles").write_text(pathlib.Path(word[1:]).read_text())
if words[:2] == ["auth", "token"]:
    print(json.dumps({{"token": "tok_" + words[3]}}))
if words[:3] == ["ad", "app", "create"]:
    print("55555555-5555-5555-5555-555555555555")
"""


class Azd:
    """A place to run hooks in. *tools*: those that are installed there."""

    def __init__(self, folder: Path, server: ScriptedServer) -> None:
        self._folder, self._server = folder, server
        self._log = folder / "told.jsonl"
        for name in ("azd", "az"):
            self._install(name)

    def _install(self, name: str) -> None:
        tool = self._folder / name
        tool.write_text(TOOL.format(python=sys.executable, log=str(self._log)), "utf-8")
        tool.chmod(tool.stat().st_mode | stat.S_IXUSR)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink()

    def run(self, hook: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
        needed = {name: os.environ[name] for name in ("SYSTEMROOT", "HOME") if name in os.environ}
        return subprocess.run(
            [sys.executable, str(HOOKS / f"{hook}.py"), *words],
            env={
                **needed,
                "PATH": str(self._folder),
                "SSL_CERT_FILE": self._server.ca_file,
                "RELAYDECK_HOOK_WAIT_S": "0.2",
                **environ,
            },
            cwd=HOOKS,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def told(self) -> list[list[str]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()] if self._log.exists() else []

    @property
    def kept(self) -> dict[str, str]:
        return {words[3]: words[4] for words in self.told if words[:3] == ["azd", "env", "set"]}

    @property
    def roles(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(Path(f"{self._log}.roles").read_text())
        return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    with ScriptedServer(tmp_path_factory.mktemp("hooks")) as found:
        yield found


@pytest.fixture
def azd(tmp_path: Path, server: ScriptedServer) -> Azd:
    if os.name == "nt":
        pytest.skip("azd and az are played by scripts that only POSIX starts by their first line")
    return Azd(tmp_path, server)


def provisioned(server: ScriptedServer) -> dict[str, str]:
    return {
        "AZURE_PRINCIPAL_ID": "me",
        "STORAGE_SERVICE_ENDPOINT": f"{server.url}/",
        "PROJECT_ENDPOINT_ENT": f"{server.url}/api/projects/relaydeck",
    }


def refused(code: str) -> Reply:
    return as_json({}, 403, x_ms_error_code=code)


def test_what_a_deployment_needs_is_made_once(azd: Azd) -> None:
    done = azd.run("preprovision", AZURE_ENV_NAME="demo")

    assert done.returncode == 0, done.stderr
    assert len(azd.kept["RELAYDECK_AUDIT_KEY"]) == len(azd.kept["COOKIE_SECRET"]) == 64
    assert azd.kept["AUTH_CLIENT_ID"] == "55555555-5555-5555-5555-555555555555"
    assert azd.kept["BUDGET_START"].endswith("-01")
    assert not [
        value
        for value in (azd.kept["RELAYDECK_AUDIT_KEY"], azd.kept["COOKIE_SECRET"])
        if value in done.stdout
    ]


def test_what_is_there_already_stays(azd: Azd) -> None:
    """A new audit key would break the chain of all that was recorded before."""
    there = {
        "RELAYDECK_AUDIT_KEY": "k",
        "COOKIE_SECRET": "c",
        "BUDGET_START": "2026-11-01",
        "AUTH_CLIENT_ID": "app",
    }

    assert azd.run("preprovision", **there).returncode == 0
    assert azd.told == []


def test_the_roles_of_the_registration_are_those_that_the_dashboard_reads(azd: Azd) -> None:
    azd.run("preprovision", AZURE_ENV_NAME="demo")
    settings = Settings()

    assert [role["value"] for role in azd.roles] == [
        settings.role_viewer,
        settings.role_operator,
        settings.role_admin,
    ]


def test_without_az_a_person_is_told_what_to_do(azd: Azd) -> None:
    """Nobody is let in, and the deployment goes on."""
    azd.remove("az")
    done = azd.run("preprovision", AZURE_ENV_NAME="demo")

    assert done.returncode == 0
    assert "az is not installed" in done.stdout and "azd env set AUTH_CLIENT_ID" in done.stdout
    assert "AUTH_CLIENT_ID" not in azd.kept


def test_people_come_back_to_each_address_of_the_dashboard(azd: Azd) -> None:
    done = azd.run(
        "postprovision", AUTH_CLIENT_ID="app", RELAYDECK_WEB_HOST="w.io", RELAYDECK_FRONT_DOOR_HOST="f.net"
    )

    assert done.returncode == 0
    assert azd.told[-1][-2:] == [f"https://{host}/.auth/login/aad/callback" for host in ("w.io", "f.net")]


def test_deploying_waits_for_roles_that_are_still_on_their_way(azd: Azd, server: ScriptedServer) -> None:
    server.play(refused("AuthorizationPermissionMismatch"), as_json({}), as_json({"data": []}))
    done = azd.run("predeploy", **provisioned(server), RELAYDECK_HOOK_WAIT_S="30")

    assert done.returncode == 0, done.stderr
    assert [asked.target.partition("?")[0] for asked in server.asked] == [
        "/",
        "/",
        "/api/projects/relaydeck/assistants",
    ]
    assert server.asked[0].headers["authorization"] == "Bearer tok_https://storage.azure.com/.default"


def test_roles_that_do_not_come_in_time_end_with_what_to_type_again(azd: Azd, server: ScriptedServer) -> None:
    server.play(refused("AuthorizationPermissionMismatch"))
    done = azd.run("predeploy", **provisioned(server))

    assert done.returncode == 1
    assert "AuthorizationPermissionMismatch" in done.stderr and done.stderr.rstrip().endswith("azd deploy")


@pytest.mark.parametrize(
    "reply",
    [
        refused("AuthorizationFailure"),
        as_json({"error": {"message": "Public access is disabled. Please configure private endpoint."}}, 403),
    ],
    ids=["storage", "foundry"],
)
def test_a_closed_network_is_not_waited_for(azd: Azd, server: ScriptedServer, reply: Reply) -> None:
    """Waiting opens no firewall; the message must not send anybody after roles."""
    server.play(reply)
    done = azd.run("predeploy", **provisioned(server))

    assert done.returncode == 1 and len(server.asked) == 1
    assert "Isolation" in done.stderr and "Roles take" not in done.stderr


def test_what_was_not_provisioned_is_said_to_be(azd: Azd) -> None:
    done = azd.run("predeploy", AZURE_PRINCIPAL_ID="me")

    assert done.returncode == 1 and "azd provision" in done.stderr


def test_a_dashboard_that_asks_for_a_sign_in_is_what_deploying_ends_with(
    azd: Azd, server: ScriptedServer
) -> None:
    server.play(Reply(302, headers={"Location": "https://login.microsoftonline.com/t/login?x"}))
    host = server.url.removeprefix("https://")
    done = azd.run(
        "postdeploy", RELAYDECK_WEB_HOST=host, AUTH_CLIENT_ID="app", SERVICE_WEB_RESOURCE_EXISTS="true"
    )

    assert done.returncode == 0
    assert f"It does: https://{host}" in done.stdout and "azd provision" not in done.stdout


def test_one_that_lets_everybody_in_is_shouted_about(azd: Azd, server: ScriptedServer) -> None:
    server.play(Reply(200, b"<html>"))
    done = azd.run("postdeploy", RELAYDECK_WEB_HOST=server.url.removeprefix("https://"), AUTH_CLIENT_ID="app")

    assert "lets in whoever comes" in done.stdout
    assert "probes" in done.stdout  # the first deployment


@pytest.mark.parametrize(
    ("reply", "code", "said"),
    [
        (
            Reply(302, headers={"Location": "https://login.microsoftonline.com/t/login?x"}),
            0,
            "asks for a sign-in",
        ),
        (Reply(200, b"<html>"), 1, "answers 200"),
        (Reply(503), 1, "answers 503"),
    ],
    ids=["sign-in", "open", "down"],
)
def test_a_pipeline_fails_unless_the_dashboard_asks_for_a_sign_in(
    azd: Azd, server: ScriptedServer, reply: Reply, code: int, said: str
) -> None:
    """Nobody reads what a hook tells a pipeline."""
    server.play(reply)
    done = azd.run("smoke", server.url.removeprefix("https://"))

    assert done.returncode == code and said in done.stdout + done.stderr


def test_a_deployment_without_an_address_is_no_success(azd: Azd) -> None:
    done = azd.run("smoke", "")

    assert done.returncode == 1 and "RELAYDECK_WEB_HOST" in done.stderr


def test_waiting_grows_and_ends() -> None:
    """Five minutes are a dozen questions, not hundreds; the last one is asked when time is up."""
    common = load("common")
    now, pauses = [0.0], []

    def sleep(pause_s: float) -> None:
        pauses.append(pause_s)
        now[0] += pause_s

    came, _ = common.wait_until(
        lambda: common.Answer(403, "no", {}), wait_s=300.0, clock=lambda: now[0], sleep=sleep
    )

    assert not came
    assert sum(pauses) == pytest.approx(300)
    assert pauses[:6] == [0.5, 2, 5, 10, 20, 30] and len(pauses) < 20


@pytest.mark.parametrize("hook", sorted(path.stem for path in HOOKS.glob("*.py")))
def test_a_hook_needs_nothing_but_python(hook: str) -> None:
    """azd runs it before anything of ours is installed."""
    source = (HOOKS / f"{hook}.py").read_text("utf-8")
    imported = {
        line.split()[1].partition(".")[0]
        for line in source.splitlines()
        if line.startswith(("import ", "from "))
    }

    assert imported <= sys.stdlib_module_names | {"common", "postdeploy"}


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"hook_{name}", HOOKS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
