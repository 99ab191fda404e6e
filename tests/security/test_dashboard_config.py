"""How the dashboard's server is set up, setting by setting: what is loosened here is loosened on purpose."""

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("server", "address", "127.0.0.1"),
        ("server", "enableCORS", True),
        ("server", "enableXsrfProtection", True),
        ("server", "enableStaticServing", False),
        ("server", "enableAgentApi", False),
        ("server", "fileWatcherType", "none"),
        ("server", "runOnSave", False),
        ("browser", "gatherUsageStats", False),
        ("browser", "serverAddress", "127.0.0.1"),
        ("client", "showErrorDetails", "none"),
        ("client", "showErrorLinks", False),
        ("client", "toolbarMode", "minimal"),
        ("runner", "magicEnabled", False),
    ],
)
def test_the_configuration_is_the_hardened_one(section: str, name: str, value: object) -> None:
    assert CONFIG[section][name] == value


def test_only_this_machine_is_called_by_name() -> None:
    """An empty list would let any name that is pointed at this machine be our own origin."""
    assert set(CONFIG["server"]["allowedHosts"]) == {"127.0.0.1", "localhost"}
    assert not CONFIG["server"].get("corsAllowedOrigins")
    assert not CONFIG["server"].get("trustedUserHeaders")


def test_what_is_sent_to_the_server_is_small() -> None:
    """No page takes a file; megabytes."""
    assert CONFIG["server"]["maxUploadSize"] <= 5
    assert CONFIG["server"]["maxMessageSize"] <= 50


def test_no_page_takes_a_file() -> None:
    for folder in ("pages", "ui"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text("utf-8")
            assert not any(
                word in text for word in ("file_uploader", "camera_input", "audio_input", "accept_file")
            ), file
