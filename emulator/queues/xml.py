"""The XML of the Queue service: reads request bodies, writes response bodies.

Bodies are read with expat and without document types, so no entity can be declared, expanded or fetched.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from xml.parsers import expat

from emulator.queues import errors
from emulator.queues.models import AccessPolicy, StoredMessage, StoredQueue

DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'
MAX_DEPTH = 16
# What XML 1.0 has no way to write, not even as a character reference.
ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile('[&<>"\r]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


@dataclass(slots=True)
class Node:
    """An element. *text*: its character data, children's excluded."""

    tag: str
    text: str = ""
    children: list["Node"] = field(default_factory=list)

    def child(self, tag: str) -> "Node | None":
        return next((node for node in self.children if node.tag == tag), None)

    def text_of(self, tag: str) -> str:
        """Return the text of the first child *tag*; '' when there is none."""
        return found.text if (found := self.child(tag)) else ""

    def required(self, tag: str) -> "Node":
        """Return the first child *tag*. Raises WireError 400."""
        if (found := self.child(tag)) is None:
            raise errors.missing_xml_node(tag)
        return found


def parse(body: bytes, root: str) -> Node:
    """Return the document's element, which must be a *root*. Raises WireError 400."""
    if not body.strip():
        raise errors.invalid_xml(f"The body is empty; it must hold a {root} element.")
    top = Node("")
    path = [top]
    parser = expat.ParserCreate()
    parser.buffer_text = True

    def start(tag: str, _attributes: object) -> None:
        if len(path) > MAX_DEPTH:
            raise errors.invalid_xml(f"Elements are nested deeper than {MAX_DEPTH} levels.")
        node = Node(tag)
        path[-1].children.append(node)
        path.append(node)

    def end(_tag: str) -> None:
        path.pop()

    def data(text: str) -> None:
        path[-1].text += text

    def refuse(*_: object) -> None:
        raise errors.invalid_xml("A document type is not accepted.")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = data, refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as exc:  # an unknown encoding is a LookupError
        raise errors.invalid_xml(f"{exc}.") from None
    if top.children[0].tag != root:
        raise errors.invalid_xml(f"The element is {top.children[0].tag}; it must be {root}.")
    return top.children[0]


def escape(text: str) -> str:
    """Return *text* as XML character data. A carriage return is kept, which a reader would else fold away."""
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text) if _SPECIAL.search(text) else text


def element(tag: str, text: str) -> str:
    return f"<{tag}>{escape(text)}</{tag}>"


def http_date(seconds: float) -> str:
    """Return RFC 1123 text, to the second."""
    return formatdate(int(seconds), usegmt=True)


# Responses ----------------------------------------------------------------------------------------


def render_messages(messages: Iterable[StoredMessage], *, owned: bool, text: bool = True) -> bytes:
    """Return a QueueMessagesList. *owned*: with pop receipts; *text*: with contents."""
    parts = [DECLARATION, "<QueueMessagesList>"]
    for message in messages:
        parts.append(
            f"<QueueMessage><MessageId>{message.id}</MessageId>"
            f"<InsertionTime>{http_date(message.inserted_s)}</InsertionTime>"
            f"<ExpirationTime>{http_date(message.expires_s)}</ExpirationTime>"
        )
        if owned:
            parts.append(
                f"<PopReceipt>{message.pop_receipt}</PopReceipt>"
                f"<TimeNextVisible>{http_date(message.visible_s)}</TimeNextVisible>"
            )
        if text:
            parts.append(f"<DequeueCount>{message.dequeue_count}</DequeueCount>")
            parts.append(element("MessageText", message.text))
        parts.append("</QueueMessage>")
    parts.append("</QueueMessagesList>")
    return "".join(parts).encode()


def render_queues(
    endpoint: str, asked: Mapping[str, str], queues: Iterable[StoredQueue], marker: str, *, metadata: bool
) -> bytes:
    """Return EnumerationResults. *asked*: the request's Prefix, Marker and MaxResults, those that it had."""
    parts = [DECLARATION, f'<EnumerationResults ServiceEndpoint="{escape(endpoint)}">']
    parts += [element(tag, value) for tag, value in asked.items()]
    parts.append("<Queues>")
    for queue in queues:
        parts.append(f"<Queue><Name>{queue.name}</Name>")
        if metadata:
            inner = "".join(element(name, value) for name, value in queue.metadata.items())
            parts.append(f"<Metadata>{inner}</Metadata>")
        parts.append("</Queue>")
    parts.append(f"</Queues>{element('NextMarker', marker)}</EnumerationResults>")
    return "".join(parts).encode()


def render_policies(policies: Iterable[AccessPolicy]) -> bytes:
    parts = [DECLARATION, "<SignedIdentifiers>"]
    for policy in policies:
        inner = "".join(
            element(tag, value)
            for tag, value in (
                ("Start", policy.start),
                ("Expiry", policy.expiry),
                ("Permission", policy.permission),
            )
            if value
        )
        parts.append(
            f"<SignedIdentifier>{element('Id', policy.id)}<AccessPolicy>{inner}</AccessPolicy></SignedIdentifier>"
        )
    parts.append("</SignedIdentifiers>")
    return "".join(parts).encode()


def render_document(root: str, fields: Mapping[str, str]) -> bytes:
    """Return one element *root* with a child for each of *fields*."""
    inner = "".join(element(tag, value) for tag, value in fields.items())
    return f"{DECLARATION}<{root}>{inner}</{root}>".encode()
