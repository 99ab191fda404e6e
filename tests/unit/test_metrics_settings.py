"""The settings that metrics need: a token goes to the address, and a request names the resource."""

from datetime import UTC, datetime, timedelta

import pytest

from services.clients import metrics_audience
from services.endpoints import (
    FOUNDRY_RESOURCE_EXAMPLE,
    METRICS_EXAMPLE,
    STORAGE_RESOURCE_EXAMPLE,
    AddressError,
    foundry_resource,
    metrics_endpoint,
    storage_resource,
)
from services.errors import ConfigurationError
from services.monitor.platform import AGENTS, METRICS, QUEUES, grains_for, resources_of, usual_grain, widened
from services.settings_source import load_settings

QUEUE_SERVICE = f"{STORAGE_RESOURCE_EXAMPLE}/queueServices/default"
AZURE = {
    "RELAYDECK_MODE": "azure",
    "PROJECT_ENDPOINT_ENT": "https://contoso.services.ai.azure.com/api/projects/support",
    "MODEL_DEPLOYMENT_NAME": "gpt-4o",
    "STORAGE_SERVICE_ENDPOINT": "https://contosotools.queue.core.windows.net",
}
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def problems(**more: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({**AZURE, **more})
    return caught.value.problems


@pytest.mark.parametrize(
    "given",
    [
        STORAGE_RESOURCE_EXAMPLE,
        STORAGE_RESOURCE_EXAMPLE + "/",
        STORAGE_RESOURCE_EXAMPLE.removeprefix("/"),
        STORAGE_RESOURCE_EXAMPLE.replace("Microsoft.Storage", "microsoft.storage"),
        QUEUE_SERVICE,
    ],
    ids=["account", "slash", "no-slash", "case", "queue-service"],
)
def test_a_storage_account_stands_for_its_queues(given: str) -> None:
    """The portal shows the account's id; the metrics belong to its queue service."""
    assert storage_resource(given) == QUEUE_SERVICE


def test_a_project_is_named_by_its_own_id() -> None:
    assert foundry_resource(FOUNDRY_RESOURCE_EXAMPLE) == FOUNDRY_RESOURCE_EXAMPLE


@pytest.mark.parametrize(
    ("check", "given", "words"),
    [
        (storage_resource, "contosotools", "is not the id of an Azure resource"),
        (
            storage_resource,
            "https://contosotools.queue.core.windows.net",
            "is not the id of an Azure resource",
        ),
        (storage_resource, STORAGE_RESOURCE_EXAMPLE + "/blobServices/default", "storageAccounts"),
        (storage_resource, FOUNDRY_RESOURCE_EXAMPLE, "Microsoft.Storage/storageAccounts"),
        (storage_resource, STORAGE_RESOURCE_EXAMPLE + "?x=1", "is not the id"),
        (storage_resource, STORAGE_RESOURCE_EXAMPLE.replace("0000-0000", "zzzz-0000", 1), "is not the id"),
        (foundry_resource, FOUNDRY_RESOURCE_EXAMPLE.removesuffix("/projects/support"), "accounts/projects"),
        (foundry_resource, FOUNDRY_RESOURCE_EXAMPLE + "/agents/x", "accounts/projects"),
        (foundry_resource, STORAGE_RESOURCE_EXAMPLE, "accounts/projects"),
    ],
)
def test_another_id_is_refused_with_one_that_fits(check: object, given: str, words: str) -> None:
    with pytest.raises(AddressError) as caught:
        check(given)  # type: ignore[operator]  # one of the two functions

    assert words in str(caught.value)
    assert "Example: /subscriptions/" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("http://eastus.metrics.monitor.azure.com", "https://"),
        ("https://metrics.monitor.azure.com.evil.example", "not a region's metrics service"),
        ("https://eastus.metrics.monitor.azure.com/path", "after the host"),
        ("https://me:secret@eastus.metrics.monitor.azure.com", "user name"),
        ("eastus", "https://"),
    ],
)
def test_a_token_never_goes_to_another_host(given: str, words: str) -> None:
    with pytest.raises(AddressError, match=words):
        metrics_endpoint(given)


def test_private_hosts_can_be_trusted() -> None:
    assert metrics_endpoint("https://m.corp.example/", ("corp.example",)) == "https://m.corp.example"


def test_half_of_what_metrics_need_ends_the_start() -> None:
    """A page that stays empty for want of the other half would leave people guessing."""
    (missing,) = problems(RELAYDECK_STORAGE_RESOURCE_ID=STORAGE_RESOURCE_EXAMPLE)
    assert missing.startswith("Missing RELAYDECK_METRICS_ENDPOINT, which RELAYDECK_STORAGE_RESOURCE_ID")
    (idle,) = problems(RELAYDECK_METRICS_ENDPOINT=METRICS_EXAMPLE)
    assert "neither RELAYDECK_STORAGE_RESOURCE_ID nor RELAYDECK_FOUNDRY_RESOURCE_ID" in idle


def test_both_halves_together_are_taken() -> None:
    settings = load_settings(
        {
            **AZURE,
            "RELAYDECK_METRICS_ENDPOINT": METRICS_EXAMPLE + "/",
            "RELAYDECK_STORAGE_RESOURCE_ID": STORAGE_RESOURCE_EXAMPLE,
        }
    )
    assert (settings.metrics_endpoint, settings.storage_resource) == (METRICS_EXAMPLE, QUEUE_SERVICE)


@pytest.mark.parametrize(
    ("endpoint", "audience"),
    [
        ("https://eastus.metrics.monitor.azure.com", "https://metrics.monitor.azure.com"),
        ("https://usgovvirginia.metrics.monitor.azure.us", "https://metrics.monitor.azure.us"),
        ("https://127.0.0.1:5000", "https://metrics.monitor.azure.com"),
    ],
)
def test_a_token_is_for_the_cloud_of_the_address(endpoint: str, audience: str) -> None:
    assert metrics_audience(endpoint) == audience


def test_only_named_resources_are_offered() -> None:
    both = resources_of(QUEUE_SERVICE, FOUNDRY_RESOURCE_EXAMPLE)
    assert [(one.namespace, one.name) for one in both] == [(QUEUES, "contosotools"), (AGENTS, "support")]
    assert [one.namespace for one in resources_of("", FOUNDRY_RESOURCE_EXAMPLE)] == [AGENTS]
    assert resources_of("", "") == ()


@pytest.mark.parametrize(
    ("metric", "back", "usual", "finest"),
    [
        ("Transactions", HOUR, MINUTE, MINUTE),
        ("Transactions", 24 * HOUR, 15 * MINUTE, MINUTE),
        ("Transactions", 7 * 24 * HOUR, 6 * HOUR, 15 * MINUTE),
        ("QueueMessageCount", 24 * HOUR, HOUR, HOUR),
    ],
)
def test_grains_fit_metric_and_range(
    metric: str, back: timedelta, usual: timedelta, finest: timedelta
) -> None:
    """Enough points to see something, not so many that the chart is a smear."""
    found = METRICS[QUEUES][metric]
    assert usual_grain(found, NOW - back, NOW) == usual
    assert grains_for(found, NOW - back, NOW)[0] == finest


def test_an_hourly_metric_gets_a_range_that_holds_some_of_it() -> None:
    hourly, fine = METRICS[QUEUES]["QueueMessageCount"], METRICS[QUEUES]["Transactions"]
    assert widened(hourly, NOW - HOUR, NOW) == NOW - 24 * HOUR
    assert widened(hourly, NOW - 6 * HOUR, NOW) == NOW - 6 * HOUR
    assert widened(fine, NOW - 15 * MINUTE, NOW) == NOW - 15 * MINUTE
