"""Every log line of the process, whoever writes it by whatever handler: without secrets, and one line that nobody forges.

Handlers come from many hands: ours, Streamlit's and uvicorn's own on loggers that pass nothing on, those of the SDKs. A
filter on a logger sees only what is logged there, and one on a handler not what handlers are made later. What all of
them share is logging.Handler.format(), so it is there that a line is looked at, with its arguments, its exception and its
stack already in it.
"""

import logging
import re
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, runtime_checkable

from services.redaction import hide

log = logging.getLogger(__name__)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_INDENT = "    "


@runtime_checkable
class Structured(Protocol):
    """A formatter whose lines hold their data as JSON, escaped and without secrets: there is nothing left to do."""

    structured: bool


def tame(text: str) -> str:
    """Return *text* without secrets and control characters; all lines but the first are set in, so that none passes for
    a record of its own."""
    first, *rest = hide(text.replace("\r\n", "\n")).split("\n")
    return "\n".join([_plain(first), *(_INDENT + _plain(line) for line in rest)])


def protect() -> None:
    """Guard all handlers there are and will be. Calling it again changes nothing."""
    original = logging.Handler.format
    if getattr(original, "guarded", False):
        return

    def guarded(self: logging.Handler, record: logging.LogRecord) -> str:
        text = original(self, record)
        return text if isinstance(self.formatter, Structured) else tame(text)

    guarded.guarded = True  # type: ignore[attr-defined]  # read above
    logging.Handler.format = guarded  # type: ignore[method-assign]  # for the reason in the head of this file


def log_ends() -> None:
    """Have what ends a thread or the process, and every warning, be a log line: printed, nobody would look at it first."""
    logging.captureWarnings(True)
    sys.excepthook = _instead_of(sys.excepthook)
    threading.excepthook = _thread_ended
    sys.unraisablehook = _lost


Hook = Callable[[type[BaseException], BaseException, TracebackType | None], object]


def _instead_of(usual: Hook) -> Hook:
    def ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if isinstance(error, KeyboardInterrupt):
            usual(kind, error, trace)
        else:
            log.critical("process.crashed", exc_info=(kind, error, trace))

    return ended


def _thread_ended(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None and not isinstance(given.exc_value, SystemExit):
        name = given.thread.name if given.thread else ""
        trace = (given.exc_type, given.exc_value, given.exc_traceback)
        log.error("thread.crashed", exc_info=trace, extra={"thread_name": name})


def _lost(given: "sys.UnraisableHookArgs") -> None:
    if given.exc_value is not None:
        log.error("exception.lost", exc_info=(type(given.exc_value), given.exc_value, given.exc_traceback))


def _plain(line: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), line)
