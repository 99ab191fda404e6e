"""Log lines as JSON, one object a line, with the trace id of the answer that the line is about."""

import json
import logging
from datetime import UTC, datetime

from services.redaction import hide, hide_in
from services.telemetry.context import current_trace_id

_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def data_of(record: logging.LogRecord) -> dict[str, object]:
    """Return what was given as `extra`, and the trace id where there is one."""
    data = {name: value for name, value in vars(record).items() if name not in _STANDARD}
    if trace_id := current_trace_id():
        data.setdefault("trace_id", trace_id)
    return data


class JsonFormatter(logging.Formatter):
    """`{"time": …, "level": …, "logger": …, "event": …, data…}`; an exception's trace is its `exception`.

    Secrets are taken out of the values, not of the line: what is left is JSON, whatever was in them.
    """

    structured = True

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": hide(record.getMessage()),
        }
        line |= {name: hide_in(value) for name, value in data_of(record).items() if name not in line}
        if record.exc_info:
            line["exception"] = hide(self.formatException(record.exc_info))
        if record.stack_info:
            line["stack"] = hide(self.formatStack(record.stack_info))
        return json.dumps(line, default=str, ensure_ascii=True)
