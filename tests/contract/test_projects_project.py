"""The project through azure-ai-projects: connections, deployments, and where telemetry goes."""

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError

from tests.contract.agents_support import Lab, StaticCredential


def open_project(lab: Lab, token: str = "") -> Any:
    from azure.ai.projects import AIProjectClient

    return AIProjectClient(
        endpoint=lab.emulator.project_endpoint,
        credential=StaticCredential(token or lab.emulator.token),
        connection_verify=str(lab.emulator.ca_file),
    )


@pytest.fixture
def project(lab: Lab) -> Iterator[Any]:
    with open_project(lab) as client:
        yield client


def test_telemetry_goes_to_local_azure(lab: Lab, project: Any) -> None:
    """The SDK looks the connection up, then asks for its key: an Application Insights connection string."""
    found = project.telemetry.get_application_insights_connection_string()

    parts = dict(part.split("=", 1) for part in found.split(";"))
    assert parts["IngestionEndpoint"] == f"{lab.emulator.http_url}/"
    assert len(parts["InstrumentationKey"]) == 36


def test_connections_are_listed_by_type(lab: Lab, project: Any) -> None:
    """Scripts look for the storage account and for Application Insights this way."""
    everything = {connection.name: connection for connection in project.connections.list()}
    (storage,) = project.connections.list(connection_type="AzureStorageAccount")

    assert set(everything) == {"local-application-insights", "local-storage"}
    assert (storage.target, storage.is_default) == (lab.emulator.storage_endpoint, True)
    assert list(project.connections.list(connection_type="CosmosDB")) == []
    assert list(project.connections.list(default_connection=False)) == []


def test_a_connection_shows_its_key_only_when_asked(project: Any) -> None:
    """Listing must not spread secrets."""
    shown = project.connections.get("local-application-insights")
    opened = project.connections.get_default("AppInsights", include_credentials=True)

    assert shown.credentials.as_dict() == {"type": "ApiKey"}
    assert opened.credentials.as_dict()["key"].startswith("InstrumentationKey=")


def test_a_connection_that_does_not_exist_is_named(project: Any) -> None:
    """As the service words it."""
    with pytest.raises(ResourceNotFoundError, match="Connection nothing can't be found"):
        project.connections.get("nothing")
    with pytest.raises(ResourceNotFoundError, match="Connection nothing can't be found"):
        project.connections.get("nothing", include_credentials=True)


def test_the_deployment_is_the_one_of_the_settings(lab: Lab, project: Any) -> None:
    """MODEL_DEPLOYMENT_NAME names it; filters of the SDK apply."""
    name = lab.emulator.settings.model_deployment

    (deployment,) = project.deployments.list()

    assert (deployment.name, deployment.model_name, deployment.model_publisher) == (name, name, "Relaydeck")
    assert project.deployments.get(name).as_dict() == deployment.as_dict()
    assert [found.name for found in project.deployments.list(model_publisher="Relaydeck")] == [name]
    assert list(project.deployments.list(model_publisher="OpenAI")) == []
    with pytest.raises(ResourceNotFoundError, match="Deployment gpt-9 can't be found"):
        project.deployments.get("gpt-9")


def test_the_project_asks_for_a_token_too(lab: Lab) -> None:
    """The telemetry key is not for everybody."""
    with open_project(lab, "foreign") as client, pytest.raises(ClientAuthenticationError):
        client.telemetry.get_application_insights_connection_string()


def test_the_older_sdk_reads_the_same_documents(lab: Lab) -> None:
    """azure-ai-projects 1.x sends the same requests and reads these keys."""
    base = lab.emulator.project_endpoint
    query = "connectionType=AppInsights&defaultConnection=true"

    (listed,) = lab.send("GET", f"{base}/connections", query=query).json()["value"]
    path = f"{base}/connections/{listed['name']}/getConnectionWithCredentials"
    opened = lab.send("POST", path).json()
    (deployment,) = lab.send("GET", f"{base}/deployments").json()["value"]

    assert set(listed) == {"name", "id", "type", "target", "isDefault", "credentials", "metadata"}
    assert opened == {
        **listed,
        "credentials": {"type": "ApiKey", "key": opened["credentials"]["key"]},
    }
    assert deployment["type"] == "ModelDeployment"
    assert set(deployment["sku"]) == {"name", "capacity", "family", "size", "tier"}
