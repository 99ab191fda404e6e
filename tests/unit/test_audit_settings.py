"""Where audit records go, and with which key: half of that is refused at the start, in words."""

import pytest

from services.audit.compose import configuration_digest
from services.audit.keys import Keys, kept_key, split
from services.errors import ConfigurationError
from services.settings import Settings
from services.settings_source import load_settings

AZURE = {
    "RELAYDECK_MODE": "azure",
    "PROJECT_ENDPOINT_ENT": "https://contoso.services.ai.azure.com/api/projects/support",
    "STORAGE_SERVICE_ENDPOINT": "https://contosotools.queue.core.windows.net",
    "MODEL_DEPLOYMENT_NAME": "gpt-4o",
}
AUDIT = {
    "RELAYDECK_AUDIT_ENDPOINT": "https://relaydeck-ab12.eastus-1.ingest.monitor.azure.com/",
    "RELAYDECK_AUDIT_RULE_ID": "dcr-" + "0a" * 16,
    "RELAYDECK_AUDIT_KEY": "a key of many letters",
}


def problems(given: dict[str, str]) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(given)
    return caught.value.problems


def test_with_all_three_the_trail_has_where_to_go() -> None:
    settings = load_settings({**AZURE, **AUDIT})

    assert settings.audit_endpoint == "https://relaydeck-ab12.eastus-1.ingest.monitor.azure.com"
    assert "many letters" not in repr(settings)


@pytest.mark.parametrize("missing", AUDIT)
def test_a_part_alone_is_refused_and_the_rest_is_named(missing: str) -> None:
    given = {name: value for name, value in AUDIT.items() if name != missing}

    (problem,) = problems({**AZURE, **given})

    assert problem.startswith(f"Missing {missing}")


def test_on_without_an_address_is_refused_and_off_needs_none() -> None:
    assert len(problems({**AZURE, "RELAYDECK_AUDIT": "on"})) == 3
    assert load_settings({**AZURE, "RELAYDECK_AUDIT": "off"}).audit == "off"
    assert load_settings(AZURE).audit == "auto"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RELAYDECK_AUDIT_ENDPOINT", "https://evil.example"),
        ("RELAYDECK_AUDIT_ENDPOINT", "http://x.ingest.monitor.azure.com"),
        ("RELAYDECK_AUDIT_ENDPOINT", "https://x.ingest.monitor.azure.com/path"),
        ("RELAYDECK_AUDIT_RULE_ID", "dcr-1/../2"),
        ("RELAYDECK_AUDIT_STREAM", "Custom-/../x"),
        ("RELAYDECK_AUDIT_KEY", "short"),
    ],
)
def test_what_leads_elsewhere_or_protects_nothing_is_refused(name: str, value: str) -> None:
    """Nothing of a setting may become another host or another path."""
    assert any(one.startswith(name) for one in problems({**AZURE, **AUDIT, name: value}))


def test_a_private_domain_has_to_be_named() -> None:
    given = {
        **AZURE,
        **AUDIT,
        "RELAYDECK_AUDIT_ENDPOINT": "https://x.logs.contoso.com",
        "RELAYDECK_TRUSTED_HOSTS": "logs.contoso.com",
    }
    assert load_settings(given).audit_endpoint == "https://x.logs.contoso.com"


def test_the_secret_is_in_no_text_of_the_settings() -> None:
    settings = load_settings({**AZURE, **AUDIT})

    assert AUDIT["RELAYDECK_AUDIT_KEY"] not in str(settings) + repr(settings.model_dump())
    assert isinstance(settings, Settings)


def test_keys_are_separated_by_commas_and_the_first_signs() -> None:
    assert split(" one key ,, another key ") == ["one key", "another key"]
    assert Keys(["one key", "another key"]).id == Keys(["one key"]).id


def test_a_key_is_made_once(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("keys")

    assert kept_key(folder) == kept_key(folder)
    assert [path.name for path in folder.iterdir()] == ["audit.key"]


def test_the_digest_of_the_settings_tells_that_one_changed_and_nothing_of_a_secret() -> None:
    given = {**AZURE, **AUDIT}
    digest = configuration_digest(load_settings(given))

    assert configuration_digest(load_settings(given)) == digest
    assert configuration_digest(load_settings({**given, "RELAYDECK_TEAM": "per_query"})) != digest
    assert (
        configuration_digest(load_settings({**given, "RELAYDECK_AUDIT_KEY": "another key of many letters"}))
        == digest
    )
    insights = "InstrumentationKey=00000000-0000-0000-0000-000000000000"
    assert (
        configuration_digest(load_settings({**given, "APPLICATIONINSIGHTS_CONNECTION_STRING": insights}))
        != digest
    )
