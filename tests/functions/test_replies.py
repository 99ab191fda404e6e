"""outputqueueuri: which addresses an answer may go to."""

from collections.abc import Iterator

import pytest

from tools import replies
from tools.envelope import ToolError

AZURE = "https://acct.queue.core.windows.net"
LOCAL = "https://127.0.0.1:8443/devstoreaccount1"


@pytest.mark.parametrize(
    ("endpoint", "uri"),
    [
        (AZURE, f"{AZURE}/answers"),
        (AZURE + "/", f"{AZURE}/answers/"),
        (AZURE, "HTTPS://ACCT.queue.core.windows.net:443/answers"),
        (AZURE, "https://acct.queue.core.windows.net./answers"),
        (AZURE, f"{AZURE}/%61nswers"),
        (LOCAL, f"{LOCAL}/answers"),
        (LOCAL, "https://localhost:8443/devstoreaccount1/answers"),
        ("http://127.0.0.1:80/devstoreaccount1", "http://127.0.0.1/devstoreaccount1/answers"),
    ],
    ids=[
        "plain",
        "slashes",
        "case and port",
        "final dot",
        "escaped",
        "path style",
        "localhost",
        "default port",
    ],
)
def test_one_address_may_be_written_in_several_ways(endpoint: str, uri: str) -> None:
    """The model copies what its instructions say, and people write addresses differently."""
    assert replies.queue_in_account(uri, endpoint) == "answers"


@pytest.mark.parametrize(
    ("endpoint", "uri", "error"),
    [
        (AZURE, "https://evil.queue.core.windows.net/answers", "outside"),
        (AZURE, "https://acct.queue.core.windows.net.evil.example/answers", "outside"),
        (AZURE, "http://acct.queue.core.windows.net/answers", "outside"),
        (AZURE, "https://acct.queue.core.windows.net:444/answers", "outside"),
        (AZURE, f"{AZURE}/more/answers", "outside"),
        (LOCAL, "https://127.0.0.1:8443/otheraccount/answers", "outside"),
        (LOCAL, "https://127.0.0.1:8443/answers", "outside"),
        (LOCAL, "https://10.0.0.1:8443/devstoreaccount1/answers", "outside"),
        (AZURE, "https://acct.queue.core.windows.net@evil.example/answers", "credentials"),
        (AZURE, f"{AZURE}/answers?sig=abc", "signature"),
        (AZURE, f"{AZURE}/answers#x", "fragment"),
        (AZURE, "answers", "not the address"),
        (AZURE, "file:///etc/passwd", "not the address"),
        (AZURE, "https://acct.queue.core.windows.net:port/answers", "not the address"),
        (AZURE, "https://[::1/answers", "not the address"),
        (AZURE, f"{AZURE}/", "not the address"),
        (AZURE, f"{AZURE}/Answers", "not the address"),
        (AZURE, f"{AZURE}/an--swers", "not the address"),
        (AZURE, f"{AZURE}/{'a' * 64}", "not the address"),
        (AZURE, f"{AZURE}/azure-function-calculate-input", "which a tool reads"),
        (AZURE, f"{AZURE}/azure-function-foo-input-poison", "which a tool reads"),
    ],
    ids=lambda value: value[-40:] if isinstance(value, str) else None,
)
def test_every_other_address_is_refused_in_words(endpoint: str, uri: str, error: str) -> None:
    """A hostile text that the model has read may ask for any address at all."""
    with pytest.raises(ToolError, match=error):
        replies.queue_in_account(uri, endpoint)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    replies.account.cache_clear()
    yield monkeypatch
    replies.account.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "endpoint"),
    [
        ("TOOL_STORAGE__queueServiceUri", AZURE, AZURE),
        ("TOOL_STORAGE__accountName", "acct", AZURE),
        ("AzureWebJobsTOOL_STORAGE__queueServiceUri", AZURE, AZURE),
        (
            "TOOL_STORAGE",
            "DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=a2V5;EndpointSuffix=core.windows.net",
            AZURE,
        ),
        ("TOOL_STORAGE", f"AccountName=devstoreaccount1;AccountKey=a2V5==;QueueEndpoint={LOCAL};", LOCAL),
        ("TOOL_STORAGE", "UseDevelopmentStorage=true", "http://127.0.0.1:10001/devstoreaccount1"),
    ],
    ids=["uri", "name", "prefixed", "connection string", "queue endpoint", "emulator"],
)
def test_the_account_is_the_one_of_the_connection(
    environment: pytest.MonkeyPatch, name: str, value: str, endpoint: str
) -> None:
    """Whatever form the setting has, it is the account whose queues trigger the function."""
    environment.setenv(name, value)

    assert replies.account().endpoint == endpoint


def test_no_address_and_the_own_queue_both_mean_the_output_binding(environment: pytest.MonkeyPatch) -> None:
    """The usual case needs no second client and no identity."""
    environment.setenv("TOOL_STORAGE__queueServiceUri", AZURE)

    for uri in (None, "", f"{AZURE}/azure-function-foo-output"):
        assert replies.route({"outputqueueuri": uri}) is None
    assert replies.route({}) is None


def test_an_address_that_is_no_text_is_refused(environment: pytest.MonkeyPatch) -> None:
    """Wrong types are answered, never raised."""
    with pytest.raises(ToolError, match="must be text, not a number"):
        replies.route({"outputqueueuri": 7})


def test_without_a_connection_the_answer_says_so(environment: pytest.MonkeyPatch) -> None:
    """A misconfigured app must tell its operator what is missing."""
    with pytest.raises(ToolError, match="no connection TOOL_STORAGE"):
        replies.route({"outputqueueuri": f"{AZURE}/answers"})
