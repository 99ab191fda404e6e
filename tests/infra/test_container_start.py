"""The dashboard starts from exactly the files that the image gets, where nothing but its state can be written to."""

import os
import signal
from typing import Any

import pytest

from tests.infra import confined
from tests.infra.dockerfile import ROOT, Dockerfile, lay_out

FILE = Dockerfile((ROOT / "Dockerfile").read_text("utf-8"))
PORT, INSIDE_THE_NETWORK = 8501, "10.0.0.7:8501"
# What web.bicep sets, on addresses that nobody has.
IN_AZURE = {
    "AZURE_CLIENT_ID": "2f1c5f3a-7d0b-4a57-9a64-5e8f6b1c0d2e",
    "CONTAINER_APP_NAME": "relaydeck",
    "IDENTITY_ENDPOINT": "http://localhost:42356/msi/token",
    "IDENTITY_HEADER": "00000000-0000-0000-0000-000000000000",
    "MODEL_DEPLOYMENT_NAME": "gpt-4.1",
    "PROJECT_ENDPOINT_ENT": "https://relaydeck.services.example.invalid/api/projects/relaydeck",
    "RELAYDECK_AUDIT": "on",
    "RELAYDECK_AUDIT_ENDPOINT": "https://relaydeck.ingest.example.invalid",
    "RELAYDECK_AUDIT_KEY": "0123456789abcdef" * 4,
    "RELAYDECK_AUDIT_RULE_ID": "dcr-0123456789abcdef0123456789abcdef",
    "RELAYDECK_AUTH": "easyauth",
    "RELAYDECK_AUTH_TENANT_ID": "72f988bf-86f1-41af-91ab-2d7cd011db47",
    "RELAYDECK_TRUSTED_HOSTS": "example.invalid",
    "STORAGE_SERVICE_ENDPOINT": "https://relaydeck.queue.example.invalid",
    "STREAMLIT_SERVER_ALLOWED_HOSTS": "relaydeck.example.invalid",
    "STREAMLIT_BROWSER_SERVER_ADDRESS": "relaydeck.example.invalid",
}
WITHOUT_SIGN_IN = {
    name: value
    for name, value in IN_AZURE.items()
    if name not in ("RELAYDECK_AUTH", "CONTAINER_APP_NAME", "IDENTITY_ENDPOINT")
}
REFUSED = "RELAYDECK_AUTH=none is refused: the dashboard would listen on 0.0.0.0"
WRITABLE = ("state", "tmp")
NEEDED = [name for name in IN_AZURE if name.startswith(("PROJECT", "MODEL", "STORAGE"))]
pytestmark = pytest.mark.skipif(bool(confined.why_not()), reason=confined.why_not())


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> confined.Place:
    """A folder with the files of the image, which belong to somebody else, and one to write to."""
    base = tmp_path_factory.mktemp("container")
    base.chmod(0o755)
    lay_out(FILE, "web", base / "app")
    for name in WRITABLE:
        (base / name).mkdir()
        os.chown(base / name, confined.UID, confined.UID)
    return confined.Place(confined.SHOWN / "app", [confined.SHOWN / name for name in WRITABLE], shown=base)


def environment(place: confined.Place, given: dict[str, str]) -> dict[str, str]:
    state, temporary = map(str, place.writable)
    image = FILE.environment("web")
    return {**image, "HOME": str(place.folder), "RELAYDECK_STATE_DIR": state, "TMPDIR": temporary, **given}


def command(place: confined.Place) -> list[str]:
    (entry,) = FILE.last().all("ENTRYPOINT")
    return [place.python, *entry.words[1:]]


@pytest.fixture(scope="module")
def told(place: confined.Place) -> dict[str, Any]:
    checks = [one.words for one in FILE.line_of("web") if one.keyword == "HEALTHCHECK"]
    plan = {
        "command": command(place),
        "port": PORT,
        "ask": [["/livez"], ["/_stcore/health", INSIDE_THE_NETWORK], ["/readyz"], ["/"], ["/statusz"]],
        "run": [[place.python, *words[1:]] for words in checks],
        "touch": [str(place.folder / "app.py"), str(place.folder / "new"), str(place.writable[0] / "new")],
        "list": [str(folder) for folder in place.writable],
    }
    return confined.run(place, plan, environment(place, IN_AZURE))


def test_it_runs_without_rights_where_nothing_can_be_written(
    told: dict[str, Any], place: confined.Place
) -> None:
    assert told["uid"] == confined.UID and told["gids"] == []
    assert told["rights"]["NoNewPrivs"] == "1"
    assert (
        int(told["rights"]["CapEff"], 16) & ~(1 << 2) == 0
    )  # but for reading, where this Python lies in root's own folder
    program, new, state = told["touched"].values()
    assert program and new and not state


def test_it_becomes_healthy_and_lives_without_any_network(told: dict[str, Any]) -> None:
    assert told["healthy"], told["output"]
    assert told["answers"][0] == [200, "ok"]


def test_its_health_is_told_to_whoever_calls_it_by_number(told: dict[str, Any]) -> None:
    """Probes of Container Apps name the replica's address, which is none of the allowed hosts."""
    assert told["answers"][1] == [200, "ok"]


def test_it_may_be_sent_people(told: dict[str, Any]) -> None:
    assert told["answers"][2] == [200, "ok"]
    assert told["answers"][3][0] == 200 and "<html" in told["answers"][3][1]
    assert told["answers"][4][0] == 401


def test_the_health_check_of_the_image_agrees(told: dict[str, Any]) -> None:
    assert told["ran"] == [[0, ""]]


def test_it_ends_when_it_is_asked_to(told: dict[str, Any]) -> None:
    assert told["code"] in (0, -signal.SIGTERM), told[
        "output"
    ]  # uvicorn, once done, dies of the signal after all


def test_it_leaves_nothing_but_its_state(told: dict[str, Any]) -> None:
    state, temporary = told["left"].values()
    assert temporary == []
    assert [
        one for one in state if one != "new" and not one.startswith("audit/")
    ] == []  # the first is the test's own
    assert "Traceback" not in told["output"] and "Read-only" not in told["output"], told["output"]


def test_without_settings_it_ends_and_names_them(place: confined.Place) -> None:
    given = {name: value for name, value in IN_AZURE.items() if name not in NEEDED}
    told = confined.run(place, {"command": command(place)}, environment(place, given))
    assert told["code"] == 1
    assert all(f"Missing {name}" in told["output"] for name in NEEDED), told["output"]


def test_without_sign_in_it_ends_and_says_why(place: confined.Place) -> None:
    told = confined.run(place, {"command": command(place)}, environment(place, WITHOUT_SIGN_IN))
    assert told["code"] == 2
    assert REFUSED in told["output"], told["output"]
