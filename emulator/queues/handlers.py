"""The operations: from a request to the store and back to a response. Checks parameters, renders XML.

Source: learn.microsoft.com/rest/api/storageservices/queue-service-rest-api
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from emulator.clock import Clock
from emulator.queues import cors, errors, xml
from emulator.queues.grants import NEEDS
from emulator.queues.models import (
    DEFAULT_VISIBILITY_S,
    MAX_BATCH,
    MAX_LISTED,
    MAX_MESSAGE_BYTES,
    MAX_POLICIES,
    MAX_POLICY_ID_LENGTH,
    MAX_VISIBILITY_S,
    AccessPolicy,
    StoredMessage,
)
from emulator.queues.properties import DEFAULTS, read_properties, render_properties
from emulator.queues.routes import (
    METADATA_PREFIX,
    Target,
    check_name,
    integer,
    ranged,
    read_metadata,
    required,
)
from emulator.queues.sas import NIL_ID, Signatures, parse_time_s
from emulator.queues.store import QueueStore
from emulator.wire import Request, Response

XML_HEADERS = ((b"content-type", b"application/xml"),)
PROPERTIES = "service properties"
MAX_DELEGATION_S = 7 * 24 * 3600
KEY_VERSION = "2026-10-06"
QUEUE_PERMISSIONS = "raup"
NOTHING_ODD: Mapping[str, float] = MappingProxyType({})
MIN_TO_REORDER = 2
GARBLE = "!garbled!"  # not base64, whatever follows


@dataclass(frozen=True, slots=True)
class Handlers:
    """One method an operation; `carry_out` finds it by the operation's name."""

    account: str
    store: QueueStore
    signatures: Signatures
    clock: Clock

    def carry_out(self, operation: str, request: Request, target: Target) -> Response:
        """Return the response without the headers that all share. Raises WireError."""
        if target.queue:
            check_name(target.queue)
        timeout = integer(request, "timeout")
        if timeout is not None and timeout <= 0:
            raise errors.invalid_query_value("timeout", str(timeout), "The value must be positive.")
        return _METHODS[operation](self, request, target)

    # Service --------------------------------------------------------------------------------------

    def list_queues(self, request: Request, target: Target) -> Response:
        query = request.query
        prefix, marker, include = (query.get(name, "") for name in ("prefix", "marker", "include"))
        limit = integer(request, "maxresults")
        if limit is not None and limit < 1:
            raise errors.query_out_of_range("maxresults", limit, 1, MAX_LISTED)
        if include not in ("", "metadata"):
            raise errors.invalid_query_value("include", include, "The only value is metadata.")
        head = f"/{self.account}/"
        if marker and not marker.startswith(head):
            raise errors.invalid_query_value("marker", marker, "Not a NextMarker of this service.")
        queues, following = self.store.list_queues(
            prefix, marker.removeprefix(head), min(limit or MAX_LISTED, MAX_LISTED)
        )
        asked = {"Prefix": prefix, "Marker": marker, "MaxResults": str(limit or "")}
        endpoint = f"{request.scheme}://{request.header('host')}{head}"
        body = xml.render_queues(
            endpoint,
            {tag: value for tag, value in asked.items() if value},
            queues,
            head + following if following else "",
            metadata=include == "metadata",
        )
        return Response(200, body, XML_HEADERS)

    def get_service_properties(self, request: Request, target: Target) -> Response:
        return Response(200, render_properties(self._properties()), XML_HEADERS)

    def set_service_properties(self, request: Request, target: Target) -> Response:
        sections = self._properties() | read_properties(request.body)
        self.store.set_setting(PROPERTIES, orjson.dumps(sections).decode())
        return Response(202)

    def get_service_stats(self, request: Request, target: Target) -> Response:
        # There is one copy, so it is never behind.
        synced = xml.element("Status", "live") + xml.element(
            "LastSyncTime", xml.http_date(self.clock.now_s())
        )
        body = f"{xml.DECLARATION}<StorageServiceStats><GeoReplication>{synced}</GeoReplication></StorageServiceStats>"
        return Response(200, body.encode(), XML_HEADERS)

    def get_user_delegation_key(self, request: Request, target: Target) -> Response:
        info = xml.parse(request.body, "KeyInfo")
        now_s = self.clock.now_s()
        start = info.text_of("Start") or self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        expiry = info.required("Expiry").text
        times = {"Start": parse_time_s(start), "Expiry": parse_time_s(expiry)}
        for (tag, time_s), text in zip(times.items(), (start, expiry), strict=True):
            if time_s is None:
                raise errors.invalid_xml_value(tag, text, "A time such as 2030-01-31T09:00:00Z.")
            if time_s > now_s + MAX_DELEGATION_S:
                raise errors.invalid_xml_value(tag, text, "At most 7 days from now.")
        if (times["Expiry"] or 0) <= max(now_s, times["Start"] or 0):
            raise errors.invalid_xml_value("Expiry", expiry, "Later than now and than Start.")
        fields = {
            "skoid": NIL_ID,
            "sktid": NIL_ID,
            "skt": start,
            "ske": expiry,
            "sks": "q",
            "skv": KEY_VERSION,
        }
        if delegated := info.text_of("DelegatedUserTid"):
            fields["skdutid"] = delegated
        document = {
            "SignedOid": NIL_ID,
            "SignedTid": NIL_ID,
            "SignedStart": start,
            "SignedExpiry": expiry,
            "SignedService": "q",
            "SignedVersion": KEY_VERSION,
            **({"SignedDelegatedUserTid": delegated} if delegated else {}),
            "Value": self.signatures.delegation_key(fields),
        }
        return Response(200, xml.render_document("UserDelegationKey", document), XML_HEADERS)

    def preflight(self, request: Request, target: Target) -> Response:
        return Response(200, b"", cors.answer_preflight(self.cors_rules(), request))

    def cors_rules(self) -> tuple[cors.CorsRule, ...]:
        section = self._properties()["Cors"]
        return cors.read_rules(section) if section else ()

    def _properties(self) -> dict[str, str]:
        document = self.store.setting(PROPERTIES)
        return dict(DEFAULTS) if document is None else dict(orjson.loads(document))

    # Queue ----------------------------------------------------------------------------------------

    def create_queue(self, request: Request, target: Target) -> Response:
        created = self.store.create_queue(target.queue, read_metadata(request))
        return Response(201 if created else 204)

    def delete_queue(self, request: Request, target: Target) -> Response:
        self.store.delete_queue(target.queue)
        return Response(204)

    def get_queue_metadata(self, request: Request, target: Target) -> Response:
        queue = self.store.queue(target.queue)
        count = str(self.store.count_messages(target.queue)).encode()
        named = tuple(
            (_CasedName((METADATA_PREFIX + name).encode()), value.encode("latin-1"))
            for name, value in queue.metadata.items()
        )
        return Response(200, b"", ((b"x-ms-approximate-messages-count", count), *named))

    def set_queue_metadata(self, request: Request, target: Target) -> Response:
        self.store.set_metadata(target.queue, read_metadata(request))
        return Response(204)

    def get_queue_acl(self, request: Request, target: Target) -> Response:
        return Response(200, xml.render_policies(self.store.queue(target.queue).policies), XML_HEADERS)

    def set_queue_acl(self, request: Request, target: Target) -> Response:
        self.store.queue(target.queue)
        policies: list[AccessPolicy] = []
        if request.body:
            document = xml.parse(request.body, "SignedIdentifiers")
            policies = [_policy(node) for node in document.children]
        if len(policies) > MAX_POLICIES:
            raise errors.invalid_xml(f"A queue holds at most {MAX_POLICIES} stored access policies.")
        if len({policy.id for policy in policies}) < len(policies):
            raise errors.invalid_xml("The Ids of the stored access policies must differ.")
        self.store.set_policies(target.queue, policies)
        return Response(204)

    # Messages -------------------------------------------------------------------------------------

    def put_message(self, request: Request, target: Target) -> Response:
        ttl_s = integer(request, "messagettl")
        hidden_s = ranged(request, "visibilitytimeout", 0, MAX_VISIBILITY_S, 0)
        if ttl_s is not None and ttl_s < 1 and ttl_s != -1:
            raise errors.invalid_query_value("messagettl", str(ttl_s), "At least 1, or -1 for no end.")
        if ttl_s is not None and ttl_s != -1 and hidden_s >= ttl_s:
            raise errors.invalid_query_value(
                "visibilitytimeout", str(hidden_s), "messagettl must be greater than visibilitytimeout."
            )
        message = put(
            self.store, target.queue, _message_text(request.body), ttl_s, hidden_s, request.oddities
        )
        return Response(201, xml.render_messages([message], owned=True, text=False), XML_HEADERS)

    def get_messages(self, request: Request, target: Target) -> Response:
        limit = ranged(request, "numofmessages", 1, MAX_BATCH, 1)
        hidden_s = ranged(request, "visibilitytimeout", 1, MAX_VISIBILITY_S, DEFAULT_VISIBILITY_S)
        odd = request.oddities
        messages = self.store.receive(
            target.queue, limit, hidden_s, min_age_s=odd.get("asleep"), last_first="reorder" in odd
        )
        new = [one.id for one in messages if one.dequeue_count == 1]
        if "asleep" in odd and not self.store.peek(target.queue, 1):
            request.spared.add("asleep")
        if "duplicate" in odd:
            self.store.show(target.queue, new)
        if not new:
            request.spared.add("duplicate")
        if len(messages) < MIN_TO_REORDER:
            request.spared.add("reorder")
        return Response(200, xml.render_messages(messages, owned=True), XML_HEADERS)

    def peek_messages(self, request: Request, target: Target) -> Response:
        limit = ranged(request, "numofmessages", 1, MAX_BATCH, 1)
        messages = self.store.peek(target.queue, limit)
        return Response(200, xml.render_messages(messages, owned=False), XML_HEADERS)

    def clear_messages(self, request: Request, target: Target) -> Response:
        self.store.clear(target.queue)
        return Response(204)

    def update_message(self, request: Request, target: Target) -> Response:
        receipt = required(request, "popreceipt")
        required(request, "visibilitytimeout")
        hidden_s = ranged(request, "visibilitytimeout", 0, MAX_VISIBILITY_S, 0)
        text = _message_text(request.body) if request.body else None
        new_receipt, visible_s = self.store.update(target.queue, target.message_id, receipt, text, hidden_s)
        headers = (
            (b"x-ms-popreceipt", new_receipt.encode()),
            (b"x-ms-time-next-visible", xml.http_date(visible_s).encode()),
        )
        return Response(204, b"", headers)

    def delete_message(self, request: Request, target: Target) -> Response:
        self.store.delete(target.queue, target.message_id, required(request, "popreceipt"))
        return Response(204)


_METHODS: dict[str, Callable[[Handlers, Request, Target], Response]] = {
    name: getattr(Handlers, name) for name in (*NEEDS, "preflight")
}


class _CasedName(bytes):
    """A header name that keeps its case: uvicorn lowers every name, and a metadata name is data."""

    def lower(self) -> bytes:
        return self


def put(
    store: QueueStore,
    queue: str,
    text: str,
    ttl_s: int | None,
    hidden_s: float = 0.0,
    odd: Mapping[str, float] = NOTHING_ODD,
) -> StoredMessage:
    """Return the message as it is acknowledged; *odd* tells what truly becomes of it. Raises WireError 404."""
    if "garble" in odd:
        text = GARBLE + text[len(GARBLE) :]
    hidden_s = max(hidden_s, odd.get("late", 0.0))
    message = store.put(queue, text, ttl_s, hidden_s)
    if "duplicate" in odd:
        store.put(queue, text, ttl_s, hidden_s)
    if "lose" in odd:
        store.remove(queue, message.id)
    return message


def check_text(text: str) -> None:
    """Raise WireError when a message cannot hold *text*: 413 over 64 KiB, 400 for what XML cannot carry."""
    if len(text) > MAX_MESSAGE_BYTES // 4 and len(text.encode("utf-8", "replace")) > MAX_MESSAGE_BYTES:
        raise errors.message_too_large(MAX_MESSAGE_BYTES)
    if found := xml.ILLEGAL.search(text):
        raise errors.invalid_xml(
            f"Character U+{ord(found[0]):04X} at position {found.start()} is not allowed."
        )


def _message_text(body: bytes) -> str:
    text = xml.parse(body, "QueueMessage").required("MessageText").text
    check_text(text)
    return text


def _policy(node: xml.Node) -> AccessPolicy:
    if node.tag != "SignedIdentifier":
        raise errors.invalid_xml(f"{node.tag} is not a SignedIdentifier.")
    name = node.required("Id").text
    if not 1 <= len(name) <= MAX_POLICY_ID_LENGTH:
        raise errors.invalid_xml_value("Id", name, f"1 to {MAX_POLICY_ID_LENGTH} characters.")
    policy = node.child("AccessPolicy") or xml.Node("AccessPolicy")
    start, expiry, permission = (policy.text_of(tag).strip() for tag in ("Start", "Expiry", "Permission"))
    for tag, text in (("Start", start), ("Expiry", expiry)):
        if text and parse_time_s(text) is None:
            raise errors.invalid_xml_value(tag, text, "A time such as 2030-01-31T09:00:00Z.")
    if not set(permission) <= set(QUEUE_PERMISSIONS):
        raise errors.invalid_xml_value("Permission", permission, f"Letters of {QUEUE_PERMISSIONS}.")
    return AccessPolicy(name, start, expiry, permission)
