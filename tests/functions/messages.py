"""What the function tests share: messages as the host hands them over, and outputs it collects."""

import json

import azure.functions as func
from azure.functions.queue import QueueMessage


class Reply(func.Out[str]):
    """An output binding that remembers what was set."""

    def __init__(self) -> None:
        self.text: str | None = None

    def set(self, val: str) -> None:
        self.text = val

    def get(self) -> str:
        assert self.text is not None, "the tool must answer"
        return self.text

    @property
    def document(self) -> dict[str, object]:
        document = json.loads(self.get())
        assert isinstance(document, dict)
        return document

    @property
    def value(self) -> str:
        value = self.document["Value"]
        assert isinstance(value, str)
        return value

    @property
    def error(self) -> str:
        """The text of an error answer; fails when the answer is none."""
        error = json.loads(self.value)["error"]
        assert isinstance(error, str)
        return error


def message(body: object, delivery: int = 1) -> func.QueueMessage:
    """Return a delivered message. *body*: text and bytes as they are, anything else as JSON."""
    raw = body if isinstance(body, str | bytes) else json.dumps(body)
    return QueueMessage(id="m-1", body=raw, dequeue_count=delivery)  # type: ignore[no-untyped-call]  # not annotated
