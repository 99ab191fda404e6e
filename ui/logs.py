"""How the dashboard's log reads: one line an event, its data behind it. Secrets and messages' text never get here."""

import json
import logging
from typing import Literal

from services import log_guard
from services.redaction import hide_in
from services.telemetry.logs import JsonFormatter, data_of

NOISY = ("azure", "urllib3", "markdown_it", "uvicorn.access")


class EventFormatter(logging.Formatter):
    """`time LEVEL logger event {"data": …}`, and the trace of an exception below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        line = super().formatMessage(record)
        data = data_of(record)
        return f"{line} {json.dumps(hide_in(data), ensure_ascii=True)}" if data else line


def configure(form: Literal["text", "json"] = "text") -> None:
    """Log our own events from INFO on, the SDKs' only when something is wrong. From the first call on, no handler of the
    process writes a secret, nor a line that passes for another's."""
    log_guard.protect()
    log_guard.log_ends()
    handler = logging.StreamHandler()
    text = EventFormatter("%(asctime)s %(levelname)s %(name)s %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
