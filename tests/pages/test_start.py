"""The dashboard's own process: what ends it, and what its server gives away."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path

import pytest

import runtime
from commands.stack import Control, dashboard, free_port
from emulator.supervisor import ROOT
from services.audit.record import Record
from services.monitor.results import Ask
from ui.audit_filters import Filters

COMPLETE = {
    "RELAYDECK_MODE": "azure",
    "PROJECT_ENDPOINT_ENT": "https://contoso.services.ai.azure.com/api/projects/support",
    "MODEL_DEPLOYMENT_NAME": "gpt-4o",
    "STORAGE_SERVICE_ENDPOINT": "https://contosotools.queue.core.windows.net",
}
START_TIMEOUT_S = 60


@pytest.mark.parametrize("missing", sorted(set(COMPLETE) - {"RELAYDECK_MODE"}))
def test_a_missing_setting_ends_the_process_where_that_is_wanted(missing: str, tmp_path: Path) -> None:
    """A new revision in Azure that started anyway would answer its probes, replace one that works and fail everybody."""
    given = {**os.environ, **COMPLETE, "RELAYDECK_STATE_DIR": str(tmp_path)}
    given["RELAYDECK_WITHOUT_SETTINGS"] = "exit"
    given[missing] = ""
    command = [*(sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true")]
    done = subprocess.run(
        [*command, "--server.port", str(free_port())],
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        timeout=START_TIMEOUT_S,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1] == f"Missing {missing}"
    assert "Traceback" not in done.stderr


def test_a_missing_setting_is_told_in_the_terminal_while_the_server_shows_doctor(tmp_path: Path) -> None:
    """Somebody who tries Relaydeck gets a page that helps, and somebody who looks at the terminal is told too."""
    given = {**COMPLETE, "MODEL_DEPLOYMENT_NAME": "", "RELAYDECK_TEAM_SIZE": "99"}
    (tmp_path / "logs").mkdir()
    with dashboard(tmp_path, given) as (url, log):
        status, _ = fetch(url)
        lines = log.read_text().splitlines()

    assert status == 200
    assert "Missing MODEL_DEPLOYMENT_NAME" in lines
    assert any(line.startswith("RELAYDECK_TEAM_SIZE has a value that cannot be used") for line in lines)
    assert not any("Traceback" in line for line in lines)


def test_the_server_tells_the_browser_what_it_may_do_and_others_nothing(
    control: Control, state_folder: Path
) -> None:
    """Scripts, images and connections of this host only; no metrics and no agent interface for whoever asks."""
    with dashboard(state_folder) as (url, _):
        status, headers = fetch(url)
        policy = headers["content-security-policy"]

        assert status == 200
        for rule in (
            "default-src 'self'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "frame-ancestors 'none'",
        ):
            assert rule in policy
        assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
        assert "unsafe-eval'" not in policy.replace("wasm-unsafe-eval", "")
        assert headers["x-content-type-options"] == "nosniff"
        for hidden in ("/_stcore/metrics", "/_stcore/agent/openapi.json", "/_stcore/agent/interact"):
            assert fetch(url + hidden)[0] == 404


@pytest.mark.usefixtures("control")
def test_a_start_with_its_settings_and_a_stop_are_on_record(state_folder: Path) -> None:
    """A start that no stop follows was killed; another digest means that somebody changed the settings."""

    def events() -> list[Record]:
        """Those of dashboards: refused sign-ins of earlier tests may still come in."""
        found = runtime.current().services.auditor.records()
        return [one for one in found if one.kind == "event" and one.actor == "relaydeck"]

    before = len(events())
    with dashboard(state_folder) as (url, _):
        assert fetch(url)[0] == 200

    told = events()[before:]
    assert [(one.actor, one.action, one.outcome) for one in told] == [
        ("relaydeck", "start", "done"),
        ("relaydeck", "stop", "done"),
    ]
    assert told[0].after.startswith("sha256:")
    logs, now = runtime.current().services.logs, datetime.now(UTC)
    assert logs is not None
    times = {"start": now - timedelta(hours=1), "end": now + timedelta(minutes=1)}
    listed = logs.ask(
        Ask("audit_actions", {**times, "environment": "local", **Filters(action="start").values()})
    )
    assert listed[0].rows[0]["after"] == told[0].after, "the list and its export tell it, too"


def fetch(address: str) -> tuple[int, Message]:
    try:
        with urllib.request.urlopen(address, timeout=10) as reply:
            return reply.status, reply.headers
    except urllib.error.HTTPError as exc:
        with exc:
            return exc.code, exc.headers
