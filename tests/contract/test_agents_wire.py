"""Around every operation: sign-in, addresses, what is not emulated, and what a repeated request does not do twice."""

import pytest
from azure.ai.agents import AgentsClient
from azure.core.exceptions import ClientAuthenticationError

from emulator.faults import Fault
from tests.contract.agents_support import MODEL, Lab, StaticCredential, connect


def test_a_token_is_asked_for(lab: Lab) -> None:
    """A script without a sign-in must fail here as it does in Azure."""
    client = AgentsClient(
        endpoint=lab.emulator.project_endpoint,
        credential=StaticCredential("foreign"),
        connection_verify=str(lab.emulator.ca_file),
    )
    with client, pytest.raises(ClientAuthenticationError) as caught:
        client.threads.create()

    assert "Local Azure" in str(caught.value)


def test_another_project_is_not_found(lab: Lab) -> None:
    """A typing error in the endpoint is named as one."""
    url = f"{lab.emulator.url}/api/projects/other/assistants"

    reply = lab.send("GET", url)

    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "ResourceNotFound"
    assert "'other' does not exist. Local Azure has one project: 'local'" in reply.json()["error"]["message"]


def test_an_endpoint_may_end_in_a_slash(lab: Lab) -> None:
    """Addresses are copied with and without it."""
    reply = lab.send("GET", f"{lab.emulator.project_endpoint}//assistants")

    assert reply.json()["data"] == []


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/files", "list_files"),
        ("POST", "/vector_stores", "create_vector_store"),
        ("POST", "/vector_stores/v/file_batches/b/cancel", "cancel_vector_store_file_batch"),
    ],
)
def test_what_is_not_emulated_says_so_by_name(lab: Lab, method: str, path: str, operation: str) -> None:
    """501 with the operation's name, so that nobody looks for the mistake in the script."""
    reply = lab.send(method, lab.emulator.project_endpoint + path)

    assert reply.status_code == 501
    assert operation in reply.json()["error"]["message"]


def test_an_unknown_path_is_not_implemented_in_the_services_envelope(lab: Lab) -> None:
    """The SDK must be able to read the refusal, also of agents of the newer kind."""
    reply = lab.send("POST", f"{lab.emulator.project_endpoint}/agents/a/versions")

    assert reply.status_code == 501
    assert reply.json()["error"]["code"] == "NotImplemented"


def test_a_request_without_api_version_is_refused(lab: Lab) -> None:
    """The real service insists on it."""
    reply = lab.send("GET", f"{lab.emulator.project_endpoint}/assistants", version="")

    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "MissingApiVersionParameter")


def test_a_create_whose_reply_was_lost_creates_nothing_twice(lab: Lab) -> None:
    """azure-core repeats a POST on 503 with the same request id."""
    thread = lab.client.threads.create()
    lab.emulator.fail(Fault("foundry.create_agent", status=503, when="after"))
    lab.emulator.fail(Fault("foundry.create_message", status=500, when="after"))
    with connect(lab.emulator, retry_backoff_factor=0.001) as client:
        agent = client.create_agent(model=MODEL, name="once")
        client.messages.create(thread.id, role="user", content="once")

    assert [found.id for found in lab.client.list_agents()] == [agent.id]
    assert len(list(lab.client.messages.list(thread.id))) == 1


def test_a_stream_whose_start_was_lost_is_the_same_run_when_asked_for_again(lab: Lab) -> None:
    """The second request gets the first one's events from the beginning."""
    agent, thread = lab.agent(), lab.thread("Hello")
    lab.emulator.fail(Fault("foundry.create_run", status=503, when="after"))
    with (
        connect(lab.emulator, retry_backoff_factor=0.001) as client,
        client.runs.stream(thread.id, agent_id=agent.id) as stream,
    ):
        names = [str(name) for name, _, _ in stream]

    assert (names[0], names[-2], names[-1]) == ("thread.run.created", "thread.run.completed", "done")
    assert len(list(lab.client.runs.list(thread.id))) == 1


def test_every_reply_has_a_request_id(lab: Lab) -> None:
    """What an operator quotes to the people who keep the service."""
    first = lab.send("GET", f"{lab.emulator.project_endpoint}/assistants")
    second = lab.send("GET", f"{lab.emulator.project_endpoint}/assistants/asst_x")

    assert first.headers["x-ms-request-id"] != second.headers["x-ms-request-id"]


def test_the_routes_are_listed_for_the_coverage_table(lab: Lab) -> None:
    """The table in the documentation is made from these."""
    foundry = lab.emulator.foundry

    operations = [operation for operation, _, _ in foundry.routes()]

    assert len(operations) == len(set(operations)) == 29
    assert ("get_run", "GET", "/api/projects/{project}/threads/{thread}/runs/{run}") in foundry.routes()
    assert len(foundry.unsupported_routes()) == 18
