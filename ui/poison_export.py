"""Messages of a poison queue as a file: what they hold and why they are there; harmless in a spreadsheet."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from services.poison.shapes import Look, PoisonMessage
from ui import export_box, formats, safe
from ui.export_box import Form

PAGE = "poison"
COLUMNS = (
    "id",
    "given_up_utc",
    "expires_utc",
    "taken",
    "why",
    "why_words",
    "correlation_id",
    "run_id",
    "thread_id",
    "run_waits",
    "run_state",
    "encoding",
    "text",
    "content",
)


def draw(look: Look, chosen: Sequence[PoisonMessage]) -> None:
    """Draw the way to a file of what is selected, else of what is shown. Sends nothing."""
    messages = chosen or look.messages
    some = "" if chosen or look.whole else f" of about {look.about:,}"
    words = f"{formats.count(len(messages), 'message')}{some}, decoded and as they are stored."
    export_box.draw(PAGE, words, prepare, [look, messages])


def prepare(look: Look, messages: Sequence[PoisonMessage], form: Form) -> None:
    """Callback: make the file."""
    content = as_csv(messages) if form == "csv" else as_json(look, messages)
    stamp = look.read_at.astimezone(UTC)
    export_box.keep(PAGE, (f"relaydeck-{look.queue}-{stamp:%Y%m%dT%H%M%SZ}.{form}", content))


def as_csv(messages: Sequence[PoisonMessage]) -> bytes:
    """Return the table with its head. Not known: an empty cell. No text of others is a formula in a spreadsheet."""
    written = io.StringIO(newline="")
    table = csv.writer(written, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for message in messages:
        row = as_document(message)
        table.writerow(
            [
                safe.for_spreadsheet(value) if isinstance(value := row[name], str) else value
                for name in COLUMNS
            ]
        )
    return written.getvalue().encode("utf-8-sig")


def as_json(look: Look, messages: Sequence[PoisonMessage]) -> bytes:
    destination = look.destination.queue if look.destination else ""
    return json.dumps(
        {
            "queue": look.queue,
            "belongs_to": destination,
            "read_at_utc": _moment(look.read_at),
            "about": look.about,
            "exported": len(messages),
            "messages": [as_document(message) for message in messages],
        },
        ensure_ascii=False,
        indent=1,
    ).encode("utf-8", "backslashreplace")


def as_document(message: PoisonMessage) -> dict[str, str | int]:
    owner = message.owner
    return {
        "id": message.id,
        "given_up_utc": _moment(message.inserted_at),
        "expires_utc": _moment(message.expires_at),
        "taken": message.dequeue_count,
        "why": message.causes[0].kind,
        "why_words": " ".join(cause.words for cause in message.causes),
        "correlation_id": message.reading.correlation,
        "run_id": owner.run_id if owner else "",
        "thread_id": owner.thread_id if owner else "",
        "run_waits": message.awaited,
        "run_state": message.run_state,
        "encoding": message.reading.encoding,
        "text": message.reading.text,
        "content": message.reading.content,
    }


def _moment(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
