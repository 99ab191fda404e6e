"""The connection string: what is accepted, in which words the rest is refused, and what is left out of it."""

import pytest

from services.endpoints import AddressError
from services.errors import ConfigurationError
from services.settings_source import load_settings
from services.telemetry.connection import EXAMPLE, check_connection_string, host_of

KEY = "InstrumentationKey=00000000-0000-0000-0000-000000000000"


def test_only_what_exporting_needs_is_kept() -> None:
    """The live endpoint is another address to call; nothing but ingestion is called."""
    live = "LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/"

    kept = check_connection_string(f"{EXAMPLE};{live};ApplicationId=a")

    assert kept == f"{EXAMPLE};ApplicationId=a" and host_of(kept).startswith("westeurope-5.in.")
    assert host_of(check_connection_string(KEY)) == "dc.services.visualstudio.com"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("nonsense", "InstrumentationKey"),
        ("InstrumentationKey=abc;IngestionEndpoint=https://x.in.applicationinsights.azure.com/", "GUID"),
        (f"{KEY};IngestionEndpoint=https://evil.example/", "not Azure's: evil.example"),
        (f"{KEY};IngestionEndpoint=http://x.in.applicationinsights.azure.com/", "https://"),
        (f"{KEY};IngestionEndpoint=https://x.in.applicationinsights.azure.com.evil.example/", "not Azure's"),
        (f"{KEY};IngestionEndpoint=https://u:p@x.in.applicationinsights.azure.com/", "plain address"),
        (f"{KEY};IngestionEndpoint=https://[", "no address"),
    ],
)
def test_a_wrong_one_is_refused_in_words_at_the_start(value: str, words: str) -> None:
    """The exporter would raise at some point, or send to whoever mistyped the host."""
    with pytest.raises(AddressError, match=words.replace("://", "://")):
        check_connection_string(value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"APPLICATIONINSIGHTS_CONNECTION_STRING": value})
    assert caught.value.problems[0].startswith("APPLICATIONINSIGHTS_CONNECTION_STRING has ")


def test_a_private_domain_is_accepted_once_it_is_named() -> None:
    """Private link scopes may answer under names of one's own."""
    value = f"{KEY};IngestionEndpoint=https://ai.privatelink.contoso.com/"

    assert (
        host_of(check_connection_string(value, ("privatelink.contoso.com",))) == "ai.privatelink.contoso.com"
    )
    assert check_connection_string(f"{KEY};IngestionEndpoint=http://127.0.0.1:9/")
