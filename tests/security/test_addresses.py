"""What a setting may lead to: only Azure, this machine, or what the operator has named."""

import pytest

from services import endpoints
from services.endpoints import AddressError
from services.errors import ConfigurationError
from services.settings_source import load_settings


@pytest.mark.parametrize(
    "value",
    [
        "https://api.loganalytics.io",
        "https://api.loganalytics.azure.com/",
        "https://api.loganalytics.us",
        "https://api.loganalytics.azure.cn",
        "https://127.0.0.1:8443",
    ],
)
def test_the_workspace_is_asked_where_azure_has_it(value: str) -> None:
    assert load_settings({"RELAYDECK_LOGS_ENDPOINT": value}).logs_endpoint == value.rstrip("/")


@pytest.mark.parametrize(
    "value",
    ["https://evil.example", "https://api.loganalytics.io.evil.example", "https://169.254.169.254", "http://api.loganalytics.io",
     "https://api.loganalytics.io/v1", "https://loganalytics.io"],
)  # fmt: skip
def test_no_token_for_the_workspace_is_sent_elsewhere(value: str) -> None:
    with pytest.raises(ConfigurationError, match="RELAYDECK_LOGS_ENDPOINT"):
        load_settings({"RELAYDECK_LOGS_ENDPOINT": value})


def test_a_host_of_ones_own_is_asked_once_it_is_named() -> None:
    given = {"RELAYDECK_LOGS_ENDPOINT": "https://logs.contoso.net", "RELAYDECK_TRUSTED_HOSTS": "contoso.net"}
    assert load_settings(given).logs_endpoint == "https://logs.contoso.net"


@pytest.mark.parametrize(
    "value",
    ["http://127.0.0.1:11434/v1", "http://[::1]:8000/v1", "http://gpu_server:8000/v1", "https://models.contoso.net/v1", "http://192.168.1.5:1/"],
)  # fmt: skip
def test_a_model_server_may_be_anywhere_in_the_network(value: str) -> None:
    assert endpoints.web_address(value, "x") == value.rstrip("/")


@pytest.mark.parametrize(
    "value",
    ["http://169.254.169.254/metadata", "http://[::ffff:169.254.169.254]/", "http://[fe80::1]/", "http://[fd00:ec2::254]/",
     "http://metadata.google.internal/", "http://2852039166/", "http://0xa9fea9fe/", "http://0.0.0.0:80/", "http://a:b@127.0.0.1/",
     "http://127.0.0.1\\@evil.example/", "http://224.0.0.1/", "file:///etc/passwd"],
)  # fmt: skip
def test_no_model_server_is_where_clouds_hand_out_tokens(value: str) -> None:
    with pytest.raises(AddressError):
        endpoints.web_address(value, "x")
