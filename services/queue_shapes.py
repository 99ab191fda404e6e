"""What a reply of the queue service must hold. The SDK makes None of what is missing, and an empty list of any page."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from azure.core.pipeline import PipelineResponse
from azure.storage.queue import QueueMessage, QueueProperties

from services.errors import InvalidInput, ShapeError

LARGEST_BYTES = 64 * 1024
_ALLOWED_CONTROLS = "\t\n\r"


def require_xml(taken: Sequence[PipelineResponse[Any, Any]], root: str) -> None:
    """Raise ShapeError unless the latest reply is a document *root*: a sign-in page with status 200 is none."""
    if taken and f"<{root}" not in taken[-1].http_response.text()[:400]:
        raise ShapeError("the reply", f"a {root} document")


def text_of(value: object, what: str) -> str:
    """Return *value* if it is a text that says something. Raises ShapeError, as all here do."""
    if not isinstance(value, str) or not value.strip():
        raise ShapeError(what, "a text")
    return value


def name_of(queue: QueueProperties) -> str:
    return text_of(queue.name, "the name of a queue")


def checked(message: QueueMessage, *, held: bool = False) -> QueueMessage:
    """Return *message* if it says which it is and when it came; *held*: also that we hold it."""
    text_of(message.id, "the id of a message")
    if not isinstance(message.inserted_on, datetime):
        raise ShapeError("the time of a message", "a time")
    if held:
        text_of(message.pop_receipt, "the receipt of a message")
    return message


def storable(content: str, operation: str, queue: str) -> str:
    """Return *content* if a queue can hold it: at most 64 KiB, and no character that XML has no room for.

    Raises InvalidInput: the service would say no more than that the request is wrong, after the whole trip.
    """
    size = len(content.encode("utf-8", "surrogatepass"))
    wrong = ""
    if size > LARGEST_BYTES:
        wrong = f"it has {size:,} bytes, and a queue takes {LARGEST_BYTES:,} at most"
    elif any(_is_forbidden(letter) for letter in content):
        wrong = "it holds a control character, which a queue takes only in base64"
    if wrong:
        raise InvalidInput(
            f"Could not {operation} {queue}: {wrong}.",
            operation=operation,
            resource=queue,
            hint="Shorten the message, or send it encoded.",
        )
    return content


def _is_forbidden(letter: str) -> bool:
    return (
        (letter < " " and letter not in _ALLOWED_CONTROLS)
        or "\ud800" <= letter <= "\udfff"
        or letter in "\ufffe\uffff"
    )
