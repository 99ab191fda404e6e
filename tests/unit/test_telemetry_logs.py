"""JSON log lines: a line is found by the trace id of the answer that it is about."""

import json
import logging

from services.telemetry.context import trace_of, working_on
from services.telemetry.logs import JsonFormatter


def line(record: logging.LogRecord) -> dict[str, object]:
    found = json.loads(JsonFormatter().format(record))
    assert isinstance(found, dict)
    return found


def test_a_line_carries_the_trace_id_of_the_answer_in_work() -> None:
    """And none when the thread works on none: an id that is wrong is worse than none."""
    record = logging.makeLogRecord(
        {"name": "x", "msg": "answer.failed", "levelname": "WARNING", "answer": "ans_1"}
    )

    with working_on(trace_of("ans_1")):
        inside = line(record)

    assert inside["trace_id"] == trace_of("ans_1").trace_id and inside["answer"] == "ans_1"
    assert (inside["event"], inside["level"], inside["logger"]) == ("answer.failed", "WARNING", "x")
    assert "trace_id" not in line(record)


def test_an_exception_stays_on_its_line() -> None:
    """Collectors split at line ends."""
    try:
        raise ValueError("two\nlines")
    except ValueError as exc:
        record = logging.makeLogRecord({"msg": "x.broken", "exc_info": (type(exc), exc, exc.__traceback__)})

    text = JsonFormatter().format(record)

    assert "\n" not in text and "two" in str(json.loads(text)["exception"])
