"""host.json, app settings and connections: what is read, what overrides it, and what is refused."""

import json
from pathlib import Path

import pytest

from emulator.functions_host.backoff import PollBackoff
from emulator.functions_host.connections import Connections
from emulator.functions_host.errors import ConfigurationError
from emulator.functions_host.hostfile import HostFile, load_host_file
from emulator.functions_host.settings import Settings, load_settings
from emulator.functions_host.timespans import parse_timespan_s, render_timespan

PREFIX = "AzureFunctionsJobHost__extensions__queues__"


def host_file(folder: Path, document: object, **environment: str) -> HostFile:
    (folder / "host.json").write_text(document if isinstance(document, str) else json.dumps(document))
    return load_host_file(folder, Settings(environment))


def with_queues(**queues: object) -> dict[str, object]:
    return {"version": "2.0", "extensions": {"queues": queues}}


def test_what_host_json_leaves_out_is_as_in_azure(tmp_path: Path) -> None:
    """An app must not poll more often or retry more here than there."""
    assert host_file(tmp_path, {"version": "2.0"}) == HostFile(
        batch_size=16,
        new_batch_threshold=8,
        max_dequeue_count=5,
        visibility_timeout_s=0,
        max_polling_interval_s=60,
        message_encoding="base64",
        function_timeout_s=300,
    )


def test_the_environment_overrides_host_json(tmp_path: Path) -> None:
    """Local mode polls faster than the file that is published says."""
    found = host_file(
        tmp_path,
        with_queues(maxPollingInterval="00:00:02", batchSize=4),
        **{
            PREFIX + "maxPollingInterval": "00:00:00.1",
            "AZUREFUNCTIONSJOBHOST__EXTENSIONS__QUEUES__MAXDEQUEUECOUNT": "7",
            "AzureFunctionsJobHost__functionTimeout": "-1",
        },
    )

    assert (found.max_polling_interval_s, found.max_dequeue_count, found.function_timeout_s) == (0.1, 7, None)
    assert (found.batch_size, found.new_batch_threshold) == (4, 2)


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "must hold a JSON object"),
        ({}, '"version" must be "2.0"'),
        ({"version": "2.0", "extensions": []}, '"extensions" must be a JSON object'),
        ({"version": "2.0", "extensions": {"queues": 1}}, '"extensions.queues" must be a JSON object'),
        ({"version": "2.0", "functionTimeout": "soon"}, 'functionTimeout: "soon" is not a time span'),
        ({"version": "2.0", "functionTimeout": "00:00:00"}, "at least one second"),
        (with_queues(batchSize=33), "batchSize is 33: it must be a whole number from 1 to 32"),
        (with_queues(batchSize="many"), "batchSize is 'many'"),
        (with_queues(batchSize=True), "batchSize is True"),
        (with_queues(newBatchThreshold=-1), "newBatchThreshold is -1"),
        (with_queues(maxDequeueCount=0), "maxDequeueCount is 0"),
        (with_queues(maxPollingInterval="00:00:00.05"), "between 0.1 and 86400 seconds"),
        (with_queues(maxPollingInterval=2), 'write it as "hh:mm:ss"'),
        (with_queues(visibilityTimeout="30"), '"30" is not a time span'),
        (with_queues(messageEncoding="utf-8"), '"base64" or "none"'),
    ],
    ids=lambda value: None if isinstance(value, str) else json.dumps(value)[-40:],
)
def test_a_wrong_host_json_is_refused_with_place_and_remedy(
    tmp_path: Path, document: object, error: str
) -> None:
    """The real host falls back or dies with a stack; here the first line says what to change."""
    with pytest.raises(ConfigurationError) as caught:
        host_file(tmp_path, document)

    assert error in str(caught.value)
    assert "host.json" in str(caught.value)


def test_a_wrong_override_names_its_variable(tmp_path: Path) -> None:
    """host.json is right then, so pointing at it would mislead."""
    with pytest.raises(ConfigurationError, match=f"{PREFIX}batchSize is '99'"):
        host_file(tmp_path, with_queues(), **{PREFIX + "batchSize": "99"})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:00:02", 2), ("00:00:00.1", 0.1), ("01:02:03.5", 3723.5), ("1.00:00:00", 86400), ("0:0:5", 5)],
)
def test_time_spans_are_read_as_dotnet_writes_them(text: str, seconds: float) -> None:
    """The same text stands in host.json and in the environment."""
    assert parse_timespan_s(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "2s", "00:60:00", "24:00:00", "00:00", "-00:00:01", "٠٠:٠٠:٠٢x"])
def test_other_texts_are_no_time_spans(text: str) -> None:
    """A guess would be a wrong interval."""
    with pytest.raises(ValueError, match="is not a time span"):
        parse_timespan_s(text)


@pytest.mark.parametrize("text", ["00:00:02", "1.02:03:04.500", "23:59:59", "00:00:00.100"])
def test_a_time_span_is_written_as_it_was_read(text: str) -> None:
    """Log lines quote it."""
    assert render_timespan(parse_timespan_s(text)) == text


def test_empty_polls_come_less_and_less_often_up_to_the_maximum() -> None:
    """0.1 s, then roughly doubling with a spread of 20 %; work starts it over."""
    backoff = PollBackoff(2.0, max)
    assert [round(backoff.next_delay_s(), 2) for _ in range(7)] == [0.1, 0.22, 0.34, 0.58, 1.06, 2.0, 2.0]

    backoff.reset()

    assert backoff.next_delay_s() == 0.1
    assert PollBackoff(2.0, min).next_delay_s() == 0.1
    fastest = PollBackoff(0.1, min)
    assert {fastest.next_delay_s() for _ in range(5)} == {0.1}


def write_settings(folder: Path, document: object) -> Path:
    (folder / "local.settings.json").write_text(
        document if isinstance(document, str) else json.dumps(document)
    )
    return folder


def test_the_environment_wins_over_local_settings(tmp_path: Path) -> None:
    """As Core Tools does: what is exported for one run overrides the file."""
    app = write_settings(tmp_path, {"IsEncrypted": False, "Values": {"A": "file", "B": "file"}})
    settings = load_settings(app, {"A": "environment"})

    assert (settings.get("A"), settings.get("b"), settings.added) == ("environment", "file", {"B": "file"})


@pytest.mark.parametrize(
    ("document", "error"),
    [
        ("{", "not JSON"),
        ({"IsEncrypted": True}, "func settings decrypt"),
        ({"Values": {"A": 1}}, "values are all text"),
        ({"Values": []}, "must be an object"),
    ],
    ids=["broken", "encrypted", "number", "list"],
)
def test_wrong_local_settings_are_refused(tmp_path: Path, document: object, error: str) -> None:
    """Ignoring the file would run the app against another account."""
    with pytest.raises(ConfigurationError, match=error):
        load_settings(write_settings(tmp_path, document), {})


def test_placeholders_take_their_value_from_the_settings() -> None:
    """%QUEUE% in a binding is how one app serves several environments."""
    settings = Settings({"STAGE": "test"})

    assert settings.expand("work-%STAGE%", "here") == "work-test"
    with pytest.raises(ConfigurationError, match="here uses %OTHER%, but there is no setting OTHER"):
        settings.expand("work-%OTHER%", "here")


@pytest.mark.parametrize(
    ("environment", "endpoint"),
    [
        ({"S": "UseDevelopmentStorage=true"}, "http://127.0.0.1:10001/devstoreaccount1"),
        ({"S": "AccountName=acct;AccountKey=a2V5"}, "https://acct.queue.core.windows.net"),
        (
            {"AzureWebJobsS": "AccountName=first;AccountKey=a2V5", "S": "x"},
            "https://first.queue.core.windows.net",
        ),
        (
            {"S__queueServiceUri": "https://acct.queue.core.windows.net"},
            "https://acct.queue.core.windows.net",
        ),
        (
            {"S__accountName": "acct", "S__credential": "managedidentity"},
            "https://acct.queue.core.windows.net",
        ),
        (
            {"S__accountName": "acct", "S__tenantId": "t", "S__clientId": "c", "S__clientSecret": "s"},
            "https://acct.queue.core.windows.net",
        ),
    ],
    ids=["emulator", "string", "prefixed", "uri", "managed identity", "client secret"],
)
def test_a_connection_is_resolved_as_in_azure(environment: dict[str, str], endpoint: str) -> None:
    """The same settings must work in local.settings.json and in the portal."""
    connections = Connections(Settings(environment))

    assert connections.client("S").url.rstrip("/") == endpoint
    connections.close()


@pytest.mark.parametrize(
    ("environment", "error"),
    [
        ({}, "There is no connection S. Set S to a connection string, or S__queueServiceUri"),
        ({"S": "nonsense"}, "The connection string in S cannot be used"),
        ({"S__queueServiceUri": "http://127.0.0.1:1/acct"}, "must begin with https://"),
        ({"S__queueServiceUri": "acct"}, "must begin with https://"),
        ({"S__credential": "managedidentity"}, "has neither S__queueServiceUri nor an account name"),
        ({"S__accountName": "a", "S__credential": "magic"}, '"managedidentity" or absent; it is "magic"'),
        (
            {"S__queueServiceUri": "https://127.0.0.1:1/a", "SSL_CERT_FILE": "/nowhere.pem"},
            "CA file /nowhere.pem",
        ),
    ],
    ids=["absent", "nonsense", "http", "no scheme", "no account", "credential", "ca file"],
)
def test_a_connection_that_cannot_work_is_refused_before_anything_starts(
    environment: dict[str, str], error: str
) -> None:
    """A host that polls the wrong account looks as if nobody asked anything."""
    with pytest.raises(ConfigurationError) as caught:
        Connections(Settings(environment)).client("S")

    assert error in str(caught.value)
