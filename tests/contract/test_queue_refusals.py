"""Input that must be refused: too large, not XML, out of range. Each refusal has Azure's status, code and body."""

import re
from xml.etree import ElementTree

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.queue import QueueClient

from tests.contract.conftest import QueueTarget, error_code

LIMIT_BYTES = 64 * 1024


def wrap(text: str) -> bytes:
    return f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>".encode()


@pytest.mark.parametrize("text", ["x" * LIMIT_BYTES, "é" * (LIMIT_BYTES // 2)], ids=["ascii", "two-bytes"])
def test_sixty_four_kibibytes_fit(queue: QueueClient, text: str) -> None:
    """The limit counts bytes of UTF-8 and is inclusive."""
    queue.send_message(text)
    assert queue.peek_messages()[0].content == text


@pytest.mark.parametrize(
    "text", ["x" * (LIMIT_BYTES + 1), "é" * (LIMIT_BYTES // 2) + "x"], ids=["ascii", "two-bytes"]
)
def test_one_byte_more_does_not_fit(queue: QueueClient, text: str) -> None:
    """413, for a send and for an update, and the queue is as it was."""
    queue.send_message("small")
    held = queue.receive_message()
    assert held is not None

    with pytest.raises(HttpResponseError) as caught:
        queue.send_message(text)
    assert (caught.value.status_code, error_code(caught.value)) == (413, "RequestBodyTooLarge")
    with pytest.raises(HttpResponseError) as caught:
        queue.update_message(held, content=text)
    assert (caught.value.status_code, error_code(caught.value)) == (413, "RequestBodyTooLarge")

    queue.update_message(held, visibility_timeout=0)
    assert [message.content for message in queue.peek_messages(max_messages=5)] == ["small"]


def test_markup_counts_as_what_it_means(queue: QueueClient) -> None:
    """65,536 ampersands are five times that on the wire, and still fit."""
    queue.send_message("&" * LIMIT_BYTES)
    assert queue.peek_messages()[0].content == "&" * LIMIT_BYTES


@pytest.mark.parametrize("text", ["a\x00b", "a\x0bb", "\x1f"], ids=["nul", "vertical-tab", "unit-separator"])
def test_a_character_that_xml_cannot_carry_is_refused(local_target_queue: QueueClient, text: str) -> None:
    """The SDK sends it raw. Azure answers 400; Azurite stores some of them and cannot give them back."""
    with pytest.raises(HttpResponseError) as caught:
        local_target_queue.send_message(text)
    assert (caught.value.status_code, error_code(caught.value)) == (400, "InvalidXmlDocument")
    assert local_target_queue.peek_messages() == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "InvalidXmlDocument"),
        (b"hello", "InvalidXmlDocument"),
        (b'{"MessageText": "json"}', "InvalidXmlDocument"),
        (b"<QueueMessage><MessageText>cut", "InvalidXmlDocument"),
        (b"<QueueMessage><MessageText>\xff\xfe</MessageText></QueueMessage>", "InvalidXmlDocument"),
        (b'<?xml version="1.0" encoding="klingon"?><QueueMessage/>', "InvalidXmlDocument"),
        (wrap("&#0;"), "InvalidXmlDocument"),
        (wrap("&#xFFFE;"), "InvalidXmlDocument"),
        (wrap("&undeclared;"), "InvalidXmlDocument"),
        (b"<Other><MessageText>x</MessageText></Other>", "InvalidXmlDocument"),
        (b"<a>" * 5000 + b"</a>" * 5000, "InvalidXmlDocument"),
        (b'<!DOCTYPE q [<!ENTITY e "x">]>' + wrap("&e;"), "InvalidXmlDocument"),
        (b'<!DOCTYPE q [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + wrap("&e;"), "InvalidXmlDocument"),
        (b"<QueueMessage/>", "MissingRequiredXmlNode"),
        (b"<QueueMessage><Text>x</Text></QueueMessage>", "MissingRequiredXmlNode"),
    ],
    ids=[
        "empty",
        "text",
        "json",
        "cut-off",
        "not-utf8",
        "unknown-encoding",
        "nul-reference",
        "non-character",
        "undeclared-entity",
        "other-element",
        "deep",
        "internal-entity",
        "external-entity",
        "no-text",
        "wrong-child",
    ],
)
def test_a_body_that_is_no_message_is_refused(
    local_target_queue: QueueClient, local_target: QueueTarget, body: bytes, code: str
) -> None:
    """400, never 500, nothing expanded or fetched, and nothing stored."""
    reply = local_target.raw("POST", f"{local_target_queue.queue_name}/messages", body=body)

    assert (reply.status, reply.headers["x-ms-error-code"]) == (400, code)
    assert local_target_queue.peek_messages() == []


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8"?>' + wrap("bom"), "bom"),
        ('<?xml version="1.0" encoding="utf-16"?>' + wrap("ä").decode(), "ä"),
        (wrap("<![CDATA[<raw>&]]>"), "<raw>&"),
        (wrap("line one&#13;&#10;line two"), "line one\r\nline two"),
    ],
    ids=["byte-order-mark", "utf-16", "cdata", "carriage-return"],
)
def test_xml_has_more_than_one_way_to_say_it(
    local_target_queue: QueueClient, local_target: QueueTarget, body: bytes | str, text: str
) -> None:
    """Other clients than the Python SDK write other, equally valid XML."""
    sent = body.encode("utf-16") if isinstance(body, str) else body
    assert local_target.raw("POST", f"{local_target_queue.queue_name}/messages", body=sent).status == 201
    assert local_target_queue.peek_messages()[0].content == text


@pytest.mark.parametrize(
    ("method", "path", "query", "code"),
    [
        ("GET", "messages", "numofmessages=33", "OutOfRangeQueryParameterValue"),
        ("GET", "messages", "peekonly=true&numofmessages=33", "OutOfRangeQueryParameterValue"),
        ("GET", "messages", "visibilitytimeout=0", "OutOfRangeQueryParameterValue"),
        ("GET", "messages", "visibilitytimeout=604801", "OutOfRangeQueryParameterValue"),
        ("POST", "messages", "visibilitytimeout=-1", "OutOfRangeQueryParameterValue"),
        ("POST", "messages", "messagettl=0", "InvalidQueryParameterValue"),
        ("POST", "messages", "messagettl=5&visibilitytimeout=5", "InvalidQueryParameterValue"),
    ],
)
def test_a_parameter_out_of_range_is_refused(
    queue: QueueClient, queue_target: QueueTarget, method: str, path: str, query: str, code: str
) -> None:
    """The limits of the wire, the same on both servers."""
    body = wrap("x") if method == "POST" else None
    headers = {"content-type": "application/xml"}

    reply = queue_target.raw(method, f"{queue.queue_name}/{path}", query, body, headers)

    assert (reply.status, reply.headers["x-ms-error-code"]) == (400, code)
    assert queue.peek_messages() == []


@pytest.mark.parametrize(
    ("method", "path", "query", "code"),
    [
        ("GET", "messages", "numofmessages=0", "OutOfRangeQueryParameterValue"),
        ("POST", "messages", "messagettl=-2", "InvalidQueryParameterValue"),
        ("GET", "messages", "numofmessages=many", "InvalidQueryParameterValue"),
        ("GET", "messages", "numofmessages=99999999999999999999", "InvalidQueryParameterValue"),
        ("GET", "messages", "timeout=0", "InvalidQueryParameterValue"),
        ("PUT", "messages/some-id", "visibilitytimeout=5", "MissingRequiredQueryParameter"),
        ("PUT", "messages/some-id", "popreceipt=x", "MissingRequiredQueryParameter"),
        ("DELETE", "messages/some-id", "", "MissingRequiredQueryParameter"),
    ],
)
def test_a_bad_parameter_is_named(
    local_target_queue: QueueClient,
    local_target: QueueTarget,
    method: str,
    path: str,
    query: str,
    code: str,
) -> None:
    """A typing error in a script gets its name back; Azurite answers these without code or body."""
    reply = local_target.raw(method, f"{local_target_queue.queue_name}/{path}", query)
    assert (reply.status, reply.headers["x-ms-error-code"]) == (400, code)
    assert b"<QueryParameterName>" in reply.body


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-ms-meta-": "x"}, "InvalidMetadata"),
        ({"x-ms-meta-1st": "x"}, "InvalidMetadata"),
        ({"x-ms-meta-a-b": "x"}, "InvalidMetadata"),
        ({"x-ms-meta-big": "x" * 8192}, "MetadataTooLarge"),
        ({"x-ms-version": "yesterday"}, "InvalidHeaderValue"),
    ],
    ids=["no-name", "digit-first", "hyphen", "too-large", "version"],
)
def test_bad_headers_are_refused(local_target: QueueTarget, headers: dict[str, str], code: str) -> None:
    """Metadata names must be identifiers; all of it together stays within 8 KiB."""
    reply = local_target.raw("PUT", "described", headers=headers)
    assert (reply.status, reply.headers["x-ms-error-code"]) == (400, code)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Logging><Version>2.0</Version></Logging>", "MissingRequiredXmlNode"),
        ("<HourMetrics><Version>1.0</Version><Enabled>maybe</Enabled></HourMetrics>", "InvalidXmlNodeValue"),
        (
            "<HourMetrics><Version>1.0</Version><Enabled>true</Enabled></HourMetrics>",
            "MissingRequiredXmlNode",
        ),
        ("<Cors>" + "<CorsRule/>" * 6 + "</Cors>", "InvalidXmlDocument"),
        ("<Surprise/>", "InvalidXmlDocument"),
    ],
    ids=["no-flags", "not-a-flag", "no-apis", "six-rules", "unknown-section"],
)
def test_bad_service_properties_are_refused(local_target: QueueTarget, document: str, code: str) -> None:
    """And the ones before stay."""
    before = local_target.raw("GET", "", "restype=service&comp=properties").body
    body = f"<StorageServiceProperties>{document}</StorageServiceProperties>".encode()

    reply = local_target.raw("PUT", "", "restype=service&comp=properties", body)

    assert (reply.status, reply.headers["x-ms-error-code"]) == (400, code)
    assert local_target.raw("GET", "", "restype=service&comp=properties").body == before


def test_an_error_says_what_where_and_which_request(queue_target: QueueTarget) -> None:
    """Code in header and body, the ids that a support case needs, and the client's own id given back."""
    headers = {"x-ms-client-request-id": "my-id", "x-ms-version": "2024-11-04"}

    reply = queue_target.raw("GET", "no-such-queue", "comp=metadata", headers=headers)

    assert reply.status == 404
    assert reply.headers["x-ms-error-code"] == "QueueNotFound"
    assert reply.headers["content-type"].startswith("application/xml")
    assert reply.headers["x-ms-version"]
    assert "date" in reply.headers
    code, message = ElementTree.fromstring(reply.body)
    assert (code.tag, code.text, message.tag) == ("Code", "QueueNotFound", "Message")
    words, request_id, time = (message.text or "").split("\n")
    assert words == "The specified queue does not exist."
    assert request_id == f"RequestId:{reply.headers['x-ms-request-id']}"
    assert re.fullmatch(r"Time:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", time)


def test_a_reply_names_the_version_and_the_clients_own_id(local_target: QueueTarget) -> None:
    """The SDK's logs are matched by them. Azurite names its own version instead."""
    headers = {"x-ms-client-request-id": "my-id", "x-ms-version": "2024-11-04"}
    reply = local_target.raw("GET", "", "comp=list", headers=headers)
    assert (reply.headers["x-ms-client-request-id"], reply.headers["x-ms-version"]) == ("my-id", "2024-11-04")


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [("GET", "some-queue", "comp=surprise"), ("PATCH", "some-queue/messages", ""), ("GET", "a/b/c/d/e", "")],
)
def test_an_unknown_operation_is_named(local_target: QueueTarget, method: str, path: str, query: str) -> None:
    """501 tells a missing feature from a mistake in the request."""
    reply = local_target.raw(method, path, query)
    assert (reply.status, reply.headers["x-ms-error-code"]) == (501, "NotImplemented")
    assert f"{method} /{local_target.account}/{path}".encode() in reply.body
