"""The front door over real connections: trust, unknown operations, the control plane, and every kind of fault."""

import http.client
import json
import ssl
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

import pytest

from emulator.faults import Fault
from emulator.server import Emulator
from emulator.wire import MAX_BODY_BYTES

AGENTS = "/api/projects/local/assistants?api-version=v1"


class Caller:
    """A bare HTTPS client: what the SDK hides is what is looked at here."""

    def __init__(self, emulator: Emulator) -> None:
        context = ssl.create_default_context(cafile=str(emulator.ca_file))
        self.connection = http.client.HTTPSConnection("127.0.0.1", emulator.port, context=context, timeout=5)
        self.headers = {"Authorization": f"Bearer {emulator.token}"}

    def send(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        content = json.dumps(body).encode() if body is not None else None
        self.connection.request(method, path, content, self.headers if headers is None else headers)
        reply = self.connection.getresponse()
        return reply.status, reply.read()


@pytest.fixture
def caller(emulator: Emulator) -> Iterator[Caller]:
    made = Caller(emulator)
    yield made
    made.connection.close()


def test_a_client_without_our_authority_is_not_fooled(emulator: Emulator) -> None:
    """TLS is real: nothing on this machine can pass for Local Azure without its key."""
    connection = http.client.HTTPSConnection("127.0.0.1", emulator.port, context=ssl.create_default_context())

    with pytest.raises(ssl.SSLCertVerificationError):
        connection.request("GET", "/_emulator/health")

    connection.close()


def test_health_needs_no_token(caller: Caller) -> None:
    status, body = caller.send("GET", "/_emulator/health", headers={})

    assert status == 200
    assert json.loads(body)["status"] == "ok"


@pytest.mark.parametrize(
    ("method", "path", "named"),
    [
        ("GET", "/", "GET /"),
        ("GET", "/nothing/here", "GET /nothing/here"),
        ("PATCH", "/api/projects/local/assistants", "PATCH /api/projects/local/assistants"),
        ("GET", "/api/projects/local/files?api-version=v1", "list_files"),
        ("POST", "/_emulator/explode", "POST /_emulator/explode"),
    ],
    ids=["root", "unknown-service", "unknown-method", "files", "unknown-control"],
)
def test_what_is_not_implemented_says_so_with_its_name(
    caller: Caller, method: str, path: str, named: str
) -> None:
    """A script that needs more than there is must learn it from the first reply, in JSON."""
    status, body = caller.send(method, path)

    assert status == 501
    assert named in json.loads(body)["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/_emulator/reset"), ("POST", "/_emulator/clock"), ("GET", "/_emulator/requests")],
)
def test_steering_needs_the_local_token(caller: Caller, method: str, path: str) -> None:
    """Any web page may send a POST to loopback; none knows the token."""
    status, _ = caller.send(method, path, {}, headers={})

    assert status == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/_emulator/clock", {"advance_s": "soon"}),
        ("/_emulator/pace", {"think_s": -1, "token_s": 0}),
        ("/_emulator/faults", {"operation": "queues.*", "kind": "explode"}),
        ("/_emulator/faults", {"speed": 3}),
        ("/_emulator/faults", ["a list"]),
    ],
    ids=["text-for-number", "negative-pace", "unknown-kind", "unknown-field", "no-object"],
)
def test_steering_with_nonsense_is_refused_in_words(caller: Caller, path: str, body: object) -> None:
    status, reply = caller.send("POST", path, body)

    assert status == 400
    assert json.loads(reply)["error"]["message"]


def test_every_request_is_on_the_record(caller: Caller) -> None:
    caller.send("GET", AGENTS)

    _, body = caller.send("GET", "/_emulator/requests")

    seen = json.loads(body)["requests"]
    assert [(one["operation"], one["status"]) for one in seen] == [("foundry.list_agents", 200)]


def test_the_pace_of_the_model_can_be_set_and_read(caller: Caller) -> None:
    caller.send("POST", "/_emulator/pace", {"think_s": 1.5, "token_s": 0})

    _, body = caller.send("GET", "/_emulator/pace")

    assert json.loads(body) == {"think_s": 1.5, "token_s": 0.0}


def test_a_body_over_the_limit_is_refused_before_it_is_parsed(caller: Caller) -> None:
    path = "/api/projects/local/threads?api-version=v1"
    caller.connection.request("POST", path, b"x" * (MAX_BODY_BYTES + 1), caller.headers)

    assert caller.connection.getresponse().status == 413


def test_a_scripted_status_carries_its_headers_and_the_services_own_envelope(
    emulator: Emulator, caller: Caller
) -> None:
    emulator.fail(
        Fault("foundry.list_agents", status=429, code="rate_limit_exceeded", headers={"Retry-After": "7"})
    )
    caller.connection.request("GET", AGENTS, headers=caller.headers)
    reply = caller.connection.getresponse()

    assert (reply.status, reply.headers["retry-after"]) == (429, "7")
    assert json.loads(reply.read())["error"]["code"] == "rate_limit_exceeded"


def test_a_scripted_page_of_html_comes_as_it_is(emulator: Emulator, caller: Caller) -> None:
    """A captive portal answers 200 with HTML: clients must see through it."""
    emulator.fail(Fault("foundry.list_agents", status=200, body="<html>sign in</html>"))

    assert caller.send("GET", AGENTS) == (200, b"<html>sign in</html>")


def test_a_reset_cuts_the_connection_without_a_reply(emulator: Emulator, caller: Caller) -> None:
    emulator.fail(Fault("foundry.list_agents", kind="reset"))

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, ssl.SSLError)):
        caller.send("GET", AGENTS)


def test_a_reset_after_the_effect_loses_the_reply_only(emulator: Emulator, caller: Caller) -> None:
    """The case that duplicates agents: it was made, and nobody was told."""
    emulator.fail(Fault("foundry.create_agent", kind="reset", when="after"))

    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, ssl.SSLError)):
        caller.send("POST", AGENTS, {"model": "local-rules", "name": "made"})

    caller.connection.close()
    _, body = caller.send("GET", AGENTS)
    assert [agent["name"] for agent in json.loads(body)["data"]] == ["made"]


def test_a_truncated_body_ends_before_its_announced_length(emulator: Emulator, caller: Caller) -> None:
    emulator.fail(Fault("foundry.list_agents", kind="truncate"))

    with pytest.raises((http.client.IncompleteRead, ConnectionResetError, ssl.SSLError)):
        caller.send("GET", AGENTS)


def test_a_dripping_body_arrives_whole(emulator: Emulator, caller: Caller) -> None:
    emulator.fail(Fault("foundry.list_agents", kind="drip", delay_s=0.001))

    status, body = caller.send("GET", AGENTS)

    assert (status, json.loads(body)["data"]) == (200, [])


def test_repeated_slashes_name_the_same_route(caller: Caller) -> None:
    """Telemetry exporters send //v2.1/track."""
    status, _ = caller.send("GET", "//_emulator/health")

    assert status == 200


def test_every_reply_tells_local_azures_own_time(emulator: Emulator, caller: Caller) -> None:
    """Clients judge their clock by it; a test that moves time moves this too."""
    emulator.advance(3600)
    told = []
    for path in (AGENTS, "/_emulator/nothing"):
        caller.connection.request("GET", path, headers=caller.headers)
        with caller.connection.getresponse() as reply:
            told.append(parsedate_to_datetime(reply.getheader("date", "")))
            reply.read()
    for moment in told:
        assert abs((moment - emulator.clock.now()).total_seconds()) < 2
