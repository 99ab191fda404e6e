"""What the host prints: log lines as Core Tools shows them, on standard output, after the line that says ready."""

import logging
import logging.handlers
import sys
from datetime import UTC, datetime

BUFFERED_LINES = 10_000
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class ConsoleFormatter(logging.Formatter):
    """[2026-11-22T19:30:00.123Z] message, then the event's data as key=value."""

    def format(self, record: logging.LogRecord) -> str:
        stamp = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        return f"[{stamp}Z] {text_of(record)}"


def text_of(record: logging.LogRecord) -> str:
    """Return the line, the event's data as key=value, and the exception where there is one."""
    data = "".join(
        f" {name}={value}" for name, value in sorted(vars(record).items()) if name not in _STANDARD
    )
    text = record.getMessage() + data
    if record.exc_info:
        text += "\n" + logging.Formatter().formatException(record.exc_info)
    return text


def hold_logs() -> logging.handlers.MemoryHandler:
    """Collect every log line until release_logs(), so that the ready line is the first on standard output."""
    held = logging.handlers.MemoryHandler(BUFFERED_LINES, flushLevel=logging.CRITICAL + 1, flushOnClose=False)
    root = logging.getLogger()
    root.handlers[:] = [held]
    root.setLevel(logging.INFO)
    for noisy in ("azure", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return held


def release_logs(held: logging.handlers.MemoryHandler) -> None:
    """Print what was held, and everything from now on as it comes."""
    logging.raiseExceptions = False  # a parent that died takes the pipe with it; draining goes on
    console = logging.StreamHandler(sys.stdout)
    console.setFormatter(ConsoleFormatter())
    held.setTarget(console)
    held.flush()
    logging.getLogger().handlers[:] = [console]
